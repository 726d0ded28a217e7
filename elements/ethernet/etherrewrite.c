/** EtherRewrite: sets the Ethernet source and destination.
 *
 * Synopsis: `EtherRewrite(SRC, DST)`
 *
 * Writes them where the MAC header is, or at the start of the packet if it is not set. The type stays. Useful
 * where there is one possible next hop. Packets too short for the addresses pass unchanged.
 *
 * Arguments: SRC, DST (Ethernet address).
 *
 * Handlers: `src`, `dst` (read/write): as the arguments.
 *
 * Differs: the reference needs the MAC header to be set, and its write handlers fail.
 *
 * Example: `InfiniteSource(LIMIT 1) -> EtherRewrite(1:1:1:1:1:1, 2:2:2:2:2:2) -> Discard;`
 */
#include "wire.h"

typedef struct EtherRewrite {
  Element base;
  uint8_t dst[6], src[6];
} EtherRewrite;

static inline int ether_rewrite(EtherRewrite *e, Packet *p) {
  if (unlikely(!packet_unique(p))) return PACKET_DROP;
  uint8_t *h = p->mac ? p->mac : p->data;
  if (likely(h >= p->head && h + 12 <= packet_end(p))) memcpy(h, e->dst, 12);
  return 0;
}

ACTION(EtherRewrite, ether_rewrite)

static bool ether_rewrite_live(Element *e) { return (void)e, true; }

ELEMENT(EtherRewrite, .per_thread = true, .ports = "1/1", USE_ACTION(EtherRewrite, ether_rewrite),
        .can_live_reconfigure = ether_rewrite_live,
        .args = ARGS(ARG_MUST(EtherRewrite, ETHER, "SRC", src), ARG_MUST(EtherRewrite, ETHER, "DST", dst)),
        .handlers = HANDLERS(RW_FIELD(EtherRewrite, ETHER, "src", src),
                             RW_FIELD(EtherRewrite, ETHER, "dst", dst)));
