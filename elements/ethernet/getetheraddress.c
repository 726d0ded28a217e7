/** GetEtherAddress: copies an Ethernet address from packets into an annotation.
 *
 * Synopsis: `GetEtherAddress(ANNO, OFFSET)`
 *
 * Packets too short for it go to output 1, or are dropped if there is none.
 *
 * Arguments: ANNO (annotation of 6 bytes): where to. OFFSET (unsigned, `src` or `dst`): where from; `src` is
 * 6 and `dst` 0, their places in an Ethernet header.
 *
 * Example: `InfiniteSource(LIMIT 1) -> GetEtherAddress(0, src) -> StoreEtherAddress(ANNO 0, OFFSET dst) ->
 * Discard;`
 */
#include "etheroffset.h"

typedef struct GetEtherAddress {
  Element base;
  uint32_t offset;
  int anno;
} GetEtherAddress;

static inline int get_ether_address(GetEtherAddress *e, Packet *p) {
  if (unlikely(p->len < 6 || e->offset > p->len - 6)) return 1;
  memcpy(p->anno + e->anno, p->data + e->offset, 6);
  return 0;
}

ACTION(GetEtherAddress, get_ether_address)

ELEMENT(GetEtherAddress, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(GetEtherAddress, get_ether_address),
        .args = ARGS(ARG_MUST(GetEtherAddress, ANNO, "ANNO", anno, .min = 6),
                     ARG_MUST(GetEtherAddress, CUSTOM, "OFFSET", offset, .parse = ether_offset_parse)));
