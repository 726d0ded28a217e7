/** MarkIP6Header: sets the network and transport header annotations of IPv6 packets.
 *
 * Synopsis: `MarkIP6Header([OFFSET])`. Checks nothing; see CheckIP6Header for that.
 *
 * Arguments: OFFSET (int): bytes in front of the header. Default 0.
 *
 * Example: `Idle -> MarkIP6Header(14) -> Discard;`
 */
#include "ip6.h"

typedef struct MarkIP6Header {
  Element base;
  int32_t offset;
} MarkIP6Header;

static inline int mark_ip6_header(MarkIP6Header *e, Packet *p) {
  if (unlikely((uint32_t)e->offset >= p->len)) return 0; /* nothing is there */
  uint32_t have = p->len - (uint32_t)e->offset;
  packet_set_network(p, p->data + e->offset, have < IP6_HEADER ? have : IP6_HEADER);
  return 0;
}

ACTION(MarkIP6Header, mark_ip6_header)

ELEMENT(MarkIP6Header, .ports = "1/1", USE_ACTION(MarkIP6Header, mark_ip6_header),
        .args = ARGS(ARG_POS(MarkIP6Header, I32, "OFFSET", offset, "0", .min = 0, .max = 65535)));
