/** SetIP6DSCP: sets the DSCP, the upper six bits of the traffic class, of IPv6 packets.
 *
 * Synopsis: `SetIP6DSCP(DSCP)`
 *
 * Arguments: DSCP (0 to 63, required).
 *
 * Handlers: `dscp` (read/write).
 *
 * Example: `Idle -> CheckIP6Header -> SetIP6DSCP(46) -> Discard;`
 */
#include "ip6.h"

typedef struct SetIP6DSCP {
  Element base;
  uint8_t dscp;
} SetIP6DSCP;

static inline int set_ip6_dscp(SetIP6DSCP *e, Packet *p) {
  if (unlikely(!ip6_header(p))) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  uint32_t word = be32(load32(p->network));
  store32(p->network, be32((word & ~0x0fc00000u) | (uint32_t)e->dscp << 22));
  return 0;
}

ACTION(SetIP6DSCP, set_ip6_dscp)

static bool set_ip6_dscp_live(Element *e) { return e != NULL; }

ELEMENT(SetIP6DSCP, .ports = "1/1", USE_ACTION(SetIP6DSCP, set_ip6_dscp),
        .can_live_reconfigure = set_ip6_dscp_live,
        .args = ARGS(ARG_MUST(SetIP6DSCP, U8, "DSCP", dscp, .min = 0, .max = 63)),
        .handlers = HANDLERS(RW_FIELD(SetIP6DSCP, U8, "dscp", dscp)));
