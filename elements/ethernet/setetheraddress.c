/** SetEtherAddress: sets an annotation to an Ethernet address.
 *
 * Synopsis: `SetEtherAddress(ADDR, ANNO)`
 *
 * Arguments: ADDR (Ethernet address). ANNO (annotation of 6 bytes).
 *
 * Handlers: `addr` (read/write): as the argument.
 *
 * Example: `InfiniteSource(LIMIT 1) -> SetEtherAddress(1:2:3:4:5:6, 0) -> StoreEtherAddress(ANNO 0, OFFSET
 * dst) -> Discard;`
 */
#include "wire.h"

typedef struct SetEtherAddress {
  Element base;
  uint8_t ether[6];
  int anno;
} SetEtherAddress;

static inline int set_ether_address(SetEtherAddress *e, Packet *p) {
  memcpy(p->anno + e->anno, e->ether, 6);
  return 0;
}

ACTION(SetEtherAddress, set_ether_address)

ELEMENT(SetEtherAddress, .per_thread = true, .ports = "1/1", USE_ACTION(SetEtherAddress, set_ether_address),
        .args = ARGS(ARG_MUST(SetEtherAddress, ETHER, "ADDR", ether),
                     ARG_MUST(SetEtherAddress, ANNO, "ANNO", anno, .min = 6)),
        .handlers = HANDLERS(RW_FIELD(SetEtherAddress, ETHER, "addr", ether)));
