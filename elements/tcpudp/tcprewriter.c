/** TCPRewriter: changes addresses and ports of TCP flows.
 *
 * Synopsis: `TCPRewriter(INPUTSPEC0, ... [, <keywords> TCP_TIMEOUT, TCP_DONE_TIMEOUT, TCP_NODATA_TIMEOUT,
 * TCP_GUARANTEE, REAP_INTERVAL, MAPPING_CAPACITY, DST_ANNO, REPLY_ANNO])`
 *
 * IPRewriter for TCP only; see there for the arguments.
 *
 * Arguments: as of IPRewriter. TIMEOUT is TCP_TIMEOUT, GUARANTEE is TCP_GUARANTEE.
 *
 * Handlers: `table`, `mappings` (read): the flows, one line for each direction. `lookup` (read): takes `SADDR
 * SPORT DADDR DPORT` and answers with what that flow is rewritten to, if it is known. `table_size`,
 * `mapping_failures`, `patterns`, `size`, `capacity`, `clear`, `pattern0` ...: as of IPRewriter.
 *
 * Sequence and acknowledgement numbers change where FTPPortMapper changed the length of what is sent; the
 * table then shows by how much.
 *
 * Example: `Idle -> rw :: TCPRewriter(pattern 1.0.0.1 1024-65535 - - 0 1, drop) -> Discard; Idle -> [1] rw;
 * rw [1] -> Discard;`
 */
#include "rewriter.h"

typedef struct TCPRewriter {
  Rewriter rw;
} TCPRewriter;

always_inline bool tcp_rewriter_key(const Rewriter *e, const Packet *p, RwKey *k) {
  k->map = 0;
  k->class = RW_TCP_NODATA;
  return rw_port_key(p, k) && k->proto == WIRE_PROTO_TCP;
}

always_inline int tcp_rewriter_apply(const Rewriter *e, RwFlow *f, int direction, Packet *p) {
  uint8_t *ip = rw_apply_ip(e, f, direction, p);
  return rw_apply_tcp(e, f, direction, ip, p);
}

static void tcp_rewriter_push(Element *e, int port, Packet **p, unsigned n) {
  rw_push((Rewriter *)e, port, p, n, tcp_rewriter_key, tcp_rewriter_apply);
}

static uint32_t tcp_rewriter_find(const Rewriter *e, uint8_t proto, const RwFlowId *id) {
  return proto == WIRE_PROTO_TCP ? rw_find(e, 0, id, rw_hash(id, e->set->seed)) : 0;
}

static int tcp_rewriter_initialize(Element *e, Errors *errs) {
  static const RwKind kind = {
      rw_text_ports, {tcp_rewriter_find}, 1 << RW_TCP_NODATA | 1 << RW_TCP_DATA | 1 << RW_TCP_DONE, RW_PORTS};
  return rw_initialize((Rewriter *)e, &kind, errs);
}

ELEMENT(TCPRewriter, RW_ELEMENT, .push = tcp_rewriter_push, .initialize = tcp_rewriter_initialize,
        .args = ARGS(RW_ARGS(TCPRewriter), RW_ARG_DST_ANNO(TCPRewriter),
                     RW_ARG_TIME(TCPRewriter, "TCP_NODATA_TIMEOUT", timeout[RW_TCP_NODATA], "300"),
                     RW_ARG_TIME(TCPRewriter, "TCP_TIMEOUT", timeout[RW_TCP_DATA], "86400"),
                     RW_ARG_TIME(TCPRewriter, "TIMEOUT", timeout[RW_TCP_DATA], NULL),
                     RW_ARG_TIME(TCPRewriter, "TCP_DONE_TIMEOUT", timeout[RW_TCP_DONE], "240"),
                     RW_ARG_TIME(TCPRewriter, "TCP_GUARANTEE", guarantee, "5"),
                     RW_ARG_TIME(TCPRewriter, "GUARANTEE", guarantee, NULL)),
        .handlers = HANDLERS(RW_TABLE_AND_LOOKUP, RW_HANDLERS));
