/** UDPRewriter: changes addresses and ports of UDP flows.
 *
 * Synopsis: `UDPRewriter(INPUTSPEC0, ... [, <keywords> TIMEOUT, STREAMING_TIMEOUT, GUARANTEE, REAP_INTERVAL,
 * MAPPING_CAPACITY, DST_ANNO, REPLY_ANNO])`
 *
 * IPRewriter with one table and one set of timeouts; see there for the input specifications. TCP and DCCP
 * packets are rewritten, too, but their flows are not told from UDP flows.
 *
 * Arguments: as of IPRewriter. TIMEOUT (UDP_TIMEOUT is the same), default 5 minutes. STREAMING_TIMEOUT
 * (UDP_STREAMING_TIMEOUT): of flows with three packets and one in each direction; default TIMEOUT. GUARANTEE
 * (UDP_GUARANTEE): default 5 s.
 *
 * Handlers: `table`, `mappings`, `lookup` and the rest: as of TCPRewriter.
 *
 * Example: `Idle -> rw :: UDPRewriter(pattern 1.0.0.1 1024-65535 - - 0 1, drop) -> Discard; Idle -> [1] rw;
 * rw [1] -> Discard;`
 */
#include "rewriter.h"

typedef struct UDPRewriter {
  Rewriter rw;
} UDPRewriter;

always_inline bool udp_rewriter_key(const Rewriter *e, const Packet *p, RwKey *k) {
  k->map = 0;
  k->class = RW_UDP;
  return rw_port_key(p, k) &&
         (k->proto == WIRE_PROTO_UDP || k->proto == WIRE_PROTO_TCP || k->proto == 33); /* DCCP */
}

always_inline int udp_rewriter_apply(const Rewriter *e, RwFlow *f, int direction, Packet *p) {
  uint8_t *ip = rw_apply_ip(e, f, direction, p), *transport = ip + wire_ip_header(ip);
  if (likely(ip[9] == WIRE_PROTO_UDP)) return rw_apply_udp(f, direction, transport);
  rw_apply_ports(f, direction, transport);
  if (ip[9] == WIRE_PROTO_TCP && packet_end(p) - transport >= 18)
    rw_adjust(transport + 16, direction, f->port_delta);
  return rw_udp_state(f, direction);
}

static void udp_rewriter_push(Element *e, int port, Packet **p, unsigned n) {
  rw_push((Rewriter *)e, port, p, n, udp_rewriter_key, udp_rewriter_apply);
}

static uint32_t udp_rewriter_find(const Rewriter *e, uint8_t proto, const RwFlowId *id) {
  uint32_t ref = rw_find(e, 0, id, rw_hash(id, e->set->seed));
  return ref && rw_flow(e->set, (ref - 1) / 2)->proto == proto ? ref : 0;
}

static int udp_rewriter_initialize(Element *e, Errors *errs) {
  static const RwKind kind = {
      rw_text_ports, {udp_rewriter_find}, 1 << RW_UDP | 1 << RW_UDP_STREAMING, RW_PORTS};
  return rw_initialize((Rewriter *)e, &kind, errs);
}

ELEMENT(UDPRewriter, RW_ELEMENT, .push = udp_rewriter_push, .initialize = udp_rewriter_initialize,
        .args = ARGS(RW_ARGS(UDPRewriter), RW_ARG_DST_ANNO(UDPRewriter),
                     RW_ARG_TIME(UDPRewriter, "TIMEOUT", timeout[RW_UDP], "300"),
                     RW_ARG_TIME(UDPRewriter, "UDP_TIMEOUT", timeout[RW_UDP], NULL),
                     ARG(UDPRewriter, INTERVAL, "STREAMING_TIMEOUT", rw.timeout[RW_UDP_STREAMING], NULL,
                         .min = 0, .max = 2.1e15, GIVEN(UDPRewriter, rw.streaming_given)),
                     ARG(UDPRewriter, INTERVAL, "UDP_STREAMING_TIMEOUT", rw.timeout[RW_UDP_STREAMING], NULL,
                         .min = 0, .max = 2.1e15, GIVEN(UDPRewriter, rw.streaming_given)),
                     RW_ARG_TIME(UDPRewriter, "GUARANTEE", udp_guarantee, "5"),
                     RW_ARG_TIME(UDPRewriter, "UDP_GUARANTEE", udp_guarantee, NULL)),
        .handlers = HANDLERS(RW_TABLE_AND_LOOKUP, RW_HANDLERS));
