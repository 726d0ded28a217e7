/** MarkIPCE: marks IP packets with Congestion Experienced.
 *
 * Synopsis: `MarkIPCE([FORCE])`
 *
 * Sets the ECN bits to 3 and updates the header checksum. Packets whose ECN bits are 0 (the sender does not
 * take part) are dropped unless FORCE is true.
 *
 * Arguments: FORCE (bool): default false.
 *
 * Handlers: `drops` (read): packets dropped; the reference always shows 0.
 *
 * Example: `Idle -> CheckIPHeader -> MarkIPCE -> Discard;`
 */
#include "iptos.h"

typedef struct MarkIPCE {
  Element base;
  bool force;
  uint64_t drops;
} MarkIPCE;

static inline int mark_ip_ce(MarkIPCE *e, Packet *p) {
  const uint8_t *h = ip_header(p);
  if (unlikely(!h) || (h[1] & 3) == 3) return 0;
  if (!(h[1] & 3) && !e->force) return e->drops++, PACKET_DROP;
  return ip_set_tos(p, 3, 3) ? 0 : PACKET_DROP;
}

ACTION(MarkIPCE, mark_ip_ce)

ELEMENT(MarkIPCE, .per_thread = true, .ports = "1/1", USE_ACTION(MarkIPCE, mark_ip_ce),
        .args = ARGS(ARG_POS(MarkIPCE, BOOL, "FORCE", force, "false")),
        .handlers = HANDLERS(READ_FIELD(MarkIPCE, U64, "drops", drops, .flags = HANDLER_READ | HANDLER_SUM)));
