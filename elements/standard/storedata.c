/** StoreData: overwrites bytes of packets.
 *
 * Synopsis: `StoreData(OFFSET, DATA)`
 *
 * Ports: 1 input, 1 output. Packets do not grow: what of DATA lies behind their end is left out.
 *
 * Arguments: OFFSET (unsigned): where. Required. DATA (string): the bytes. Required.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> StoreData(0, \<ff ff>) -> Discard;`
 */
#include "source.h"

typedef struct StoreData {
  Element base;
  uint32_t offset;
  SourceData data;
} StoreData;

static inline int store_data_action(StoreData *e, Packet *p) {
  if (p->len <= e->offset) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  uint32_t room = p->len - e->offset;
  memcpy(p->data + e->offset, e->data.bytes, e->data.len < room ? e->data.len : room);
  return 0;
}

ACTION(StoreData, store_data_action)

static void store_data_cleanup(Element *e) { mem_free(((StoreData *)e)->data.bytes); }

ELEMENT(StoreData, .ports = "1/1", USE_ACTION(StoreData, store_data_action), .cleanup = store_data_cleanup,
        .args = ARGS(ARG_MUST(StoreData, U32, "OFFSET", offset),
                     ARG_MUST(StoreData, CUSTOM, "DATA", data, .parse = source_data_parse)));
