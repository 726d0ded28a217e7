/** SetIPDSCP: sets the DSCP, the upper six bits of the TOS byte, of IP packets.
 *
 * Synopsis: `SetIPDSCP(DSCP)`. The header checksum is updated.
 *
 * Arguments: DSCP (0 to 63, required).
 *
 * Handlers: `dscp` (read/write).
 *
 * Example: `Idle -> CheckIPHeader -> SetIPDSCP(46) -> Discard;`
 */
#include "iptos.h"

typedef struct SetIPDSCP {
  Element base;
  uint8_t dscp;
} SetIPDSCP;

static inline int set_ip_dscp(SetIPDSCP *e, Packet *p) {
  if (unlikely(!ip_header(p))) return 0;
  return ip_set_tos(p, 0xfc, (uint8_t)(e->dscp << 2)) ? 0 : PACKET_DROP;
}

ACTION(SetIPDSCP, set_ip_dscp)

static bool set_ip_dscp_live(Element *e) { return e != NULL; }

ELEMENT(SetIPDSCP, .per_thread = true, .ports = "1/1", USE_ACTION(SetIPDSCP, set_ip_dscp),
        .can_live_reconfigure = set_ip_dscp_live,
        .args = ARGS(ARG_MUST(SetIPDSCP, U8, "DSCP", dscp, .min = 0, .max = 63)),
        .handlers = HANDLERS(RW_FIELD(SetIPDSCP, U8, "dscp", dscp)));
