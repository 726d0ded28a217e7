/** EtherMirror: swaps the Ethernet source and destination.
 *
 * Synopsis: `EtherMirror()`
 *
 * Packets shorter than two addresses pass unchanged.
 *
 * Example: `InfiniteSource(LIMIT 1) -> EtherMirror -> Discard;`
 */
#include "wire.h"

typedef struct EtherMirror {
  Element base;
} EtherMirror;

static inline int ether_mirror(EtherMirror *e, Packet *p) {
  uint8_t old[12];
  if (unlikely(p->len < 12)) return 0;
  if (unlikely(!packet_unique(p))) return PACKET_DROP;
  memcpy(old, p->data, 12);
  memcpy(p->data, old + 6, 6);
  memcpy(p->data + 6, old, 6);
  return 0;
}

ACTION(EtherMirror, ether_mirror)

ELEMENT(EtherMirror, .per_thread = true, .ports = "1/1", USE_ACTION(EtherMirror, ether_mirror),
        .args = NO_ARGS);
