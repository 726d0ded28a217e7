/** StoreEtherAddress: writes an Ethernet address into packets.
 *
 * Synopsis: `StoreEtherAddress(ADDR, OFFSET)`, `StoreEtherAddress(<keywords> OFFSET, ANNO)`
 *
 * Packets too short for it go to output 1, or are dropped if there is none.
 *
 * Arguments: ADDR (Ethernet address): what to write. OFFSET (unsigned, `src` or `dst`): where; `src` is 6 and
 * `dst` 0, their places in an Ethernet header. ANNO (annotation of 6 bytes): takes the address from there.
 * Give either ADDR or ANNO.
 *
 * Handlers: `addr` (read/write): as the argument.
 *
 * Example: `InfiniteSource(LIMIT 1) -> StoreEtherAddress(1:2:3:4:5:6, src) -> Discard;`
 */
#include "etheroffset.h"

typedef struct StoreEtherAddress {
  Element base;
  uint8_t ether[6];
  bool ether_given, anno_given;
  uint32_t offset;
  int anno;
} StoreEtherAddress;

static inline int store_ether_address(StoreEtherAddress *e, Packet *p) {
  if (unlikely(p->len < 6 || e->offset > p->len - 6)) return 1;
  if (unlikely(!packet_unique(p))) return PACKET_DROP;
  memcpy(p->data + e->offset, e->anno_given ? p->anno + e->anno : e->ether, 6);
  return 0;
}

ACTION(StoreEtherAddress, store_ether_address)

static int store_ether_configure(Element *el, const Args *args, Errors *errs) {
  StoreEtherAddress *e = (StoreEtherAddress *)el;
  return e->ether_given != e->anno_given ? 0 : error(errs, "expected exactly one of ADDR and ANNO");
}

ELEMENT(StoreEtherAddress, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(StoreEtherAddress, store_ether_address), .configure = store_ether_configure,
        .args = ARGS(
            ARG_POS(StoreEtherAddress, ETHER, "ADDR", ether, NULL, GIVEN(StoreEtherAddress, ether_given)),
            ARG_MUST(StoreEtherAddress, CUSTOM, "OFFSET", offset, .parse = ether_offset_parse),
            ARG(StoreEtherAddress, ANNO, "ANNO", anno, NULL, .min = 6, GIVEN(StoreEtherAddress, anno_given))),
        .handlers = HANDLERS(RW_FIELD(StoreEtherAddress, ETHER, "addr", ether)));
