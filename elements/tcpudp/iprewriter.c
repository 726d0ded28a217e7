/** IPRewriter: changes addresses and ports of TCP and UDP flows: network address and port translation.
 *
 * Synopsis: `IPRewriter(INPUTSPEC0, ... [, <keywords> TCP_TIMEOUT, TCP_DONE_TIMEOUT, TCP_NODATA_TIMEOUT,
 * TCP_GUARANTEE, UDP_TIMEOUT, UDP_STREAMING_TIMEOUT, UDP_GUARANTEE, REAP_INTERVAL, MAPPING_CAPACITY,
 * DST_ANNO, REPLY_ANNO])`
 *
 * Expects IP packets with the network header set. A packet of a known flow (source address and port,
 * destination address and port, protocol) is rewritten as the flow says, checksums included (RFC 1624), and
 * leaves on the flow's output, whatever input it came in by. Any other is treated as the INPUTSPEC of its
 * input says; most of them begin a flow. A flow covers the answers, too: they are rewritten back. Packets
 * that are neither TCP nor UDP, and fragments other than the first, are dropped, or passed by a `pass` input.
 *
 * Arguments: one INPUTSPEC for each input:
 * - `drop` or `discard`.
 * - `pass [OUTPUT]` (also `nochange`): sends packets on as they are. No flow begins. Default output 0.
 * - `keep FOUTPUT ROUTPUT`: begins a flow that changes nothing; answers leave on ROUTPUT.
 * - `pattern SADDR SPORT DADDR DPORT FOUTPUT ROUTPUT`: begins a flow with these addresses and ports; a dash
 * leaves one as it is. SPORT may be a range `L-H`: the packet's own port if it is in it and free, else a
 * random one that is; a packet is dropped if there is none. `L-H#` takes them one after the other, `L-H?`
 * does not prefer the packet's own.
 * - `pattern NAME FOUTPUT ROUTPUT`: a pattern that IPRewriterPatterns defines.
 * - the name of a mapper, as RoundRobinIPMapper.
 *
 * Times after the last packet of a flow: TCP_TIMEOUT (TIMEOUT is the same): both sides sent data; default 24
 * hours. TCP_NODATA_TIMEOUT: before that; default 5 minutes. TCP_DONE_TIMEOUT: both sides sent FIN, or one
 * RST; default 4 minutes. UDP_TIMEOUT: default 5 minutes. UDP_STREAMING_TIMEOUT: three packets, and one in
 * each direction; default UDP_TIMEOUT. TCP_GUARANTEE (GUARANTEE), UDP_GUARANTEE: for so long a flow is not
 * dropped for a new one; default 5 s. REAP_INTERVAL: flows whose time is over are looked for so often;
 * default 15 minutes. MAPPING_CAPACITY (CAPACITY; a number, or the name of a rewriter to share with): flows
 * at most. When there are more, the one next to time out goes; if all are guaranteed, the new one. Default
 * 2147483647. DST_ANNO (bool): set the destination address annotation. Default true. REPLY_ANNO (annotation
 * of one byte): answers get the value that the flow's first packet had.
 *
 * Handlers: `tcp_table`, `udp_table` (read; also `tcp_mappings`, `udp_mappings`): a line for each direction
 * of each flow, its two outputs with its own one starred, its input, and in how many seconds it times out.
 * `tcp_lookup`, `udp_lookup` (read): takes `SADDR SPORT DADDR DPORT` and answers with what that flow is
 * rewritten to, if it is known. `table_size`, `nmappings` (read): flows. `mapping_failures` (read): flows
 * that could not begin. `patterns` (read): the specifications and how many flows each has. `pattern0` ...
 * (read/write): one of them; writing drops its flows. `size` (read): flows of all that share the capacity.
 * `capacity` (read/write). `clear` (write): drops all flows.
 *
 * Differs: the reference has no `udp_lookup`, and can compute a UDP checksum of 0.
 *
 * Example: `Idle -> rw :: IPRewriter(pattern 1.0.0.1 1024-65535 - - 0 1, drop) -> Discard; Idle -> [1] rw; rw
 * [1] -> Discard;`
 */
#include "rewriter.h"

typedef struct IPRewriter {
  Rewriter rw;
} IPRewriter;

always_inline bool ip_rewriter_key(const Rewriter *e, const Packet *p, RwKey *k) {
  if (unlikely(!rw_port_key(p, k))) return false;
  k->map = k->proto == WIRE_PROTO_UDP;
  k->class = k->map ? RW_UDP : RW_TCP_NODATA;
  return k->map || k->proto == WIRE_PROTO_TCP;
}

always_inline int ip_rewriter_apply(const Rewriter *e, RwFlow *f, int direction, Packet *p) {
  uint8_t *ip = rw_apply_ip(e, f, direction, p);
  return f->map ? rw_apply_udp(f, direction, ip + wire_ip_header(ip)) : rw_apply_tcp(e, f, direction, ip, p);
}

static void ip_rewriter_push(Element *e, int port, Packet **p, unsigned n) {
  rw_push((Rewriter *)e, port, p, n, ip_rewriter_key, ip_rewriter_apply);
}

static uint32_t ip_rewriter_find(const Rewriter *e, uint8_t proto, const RwFlowId *id) {
  if (proto != WIRE_PROTO_TCP && proto != WIRE_PROTO_UDP) return 0;
  return rw_find(e, proto == WIRE_PROTO_UDP, id, rw_hash(id, e->set->seed));
}
static int ip_rewriter_initialize(Element *e, Errors *errs) {
  static const RwKind kind = {rw_text_ports, {ip_rewriter_find}, (1 << RW_CLASSES) - 1, RW_PORTS};
  return rw_initialize((Rewriter *)e, &kind, errs);
}

/* It does what a TCPRewriter does. */
static void *ip_rewriter_cast(Element *e, const char *name) {
  return strcmp(name, "TCPRewriter") ? rw_cast(e, name) : e;
}

ELEMENT(IPRewriter, RW_ELEMENT, .cast = ip_rewriter_cast, .push = ip_rewriter_push,
        .initialize = ip_rewriter_initialize,
        .args = ARGS(RW_ARGS(IPRewriter), RW_ARG_DST_ANNO(IPRewriter),
                     RW_ARG_TIME(IPRewriter, "TCP_NODATA_TIMEOUT", timeout[RW_TCP_NODATA], "300"),
                     RW_ARG_TIME(IPRewriter, "TCP_TIMEOUT", timeout[RW_TCP_DATA], "86400"),
                     RW_ARG_TIME(IPRewriter, "TIMEOUT", timeout[RW_TCP_DATA], NULL),
                     RW_ARG_TIME(IPRewriter, "TCP_DONE_TIMEOUT", timeout[RW_TCP_DONE], "240"),
                     RW_ARG_TIME(IPRewriter, "TCP_GUARANTEE", guarantee, "5"),
                     RW_ARG_TIME(IPRewriter, "GUARANTEE", guarantee, NULL),
                     RW_ARG_TIME(IPRewriter, "UDP_TIMEOUT", timeout[RW_UDP], "300"),
                     ARG(IPRewriter, INTERVAL, "UDP_STREAMING_TIMEOUT", rw.timeout[RW_UDP_STREAMING], NULL,
                         .min = 0, .max = 2.1e15, GIVEN(IPRewriter, rw.streaming_given)),
                     RW_ARG_TIME(IPRewriter, "UDP_GUARANTEE", udp_guarantee, "5")),
        .handlers = HANDLERS(READ_FN("tcp_table", rw_read_table), READ_FN("tcp_mappings", rw_read_table),
                             READ_FN("udp_table", rw_read_table, .data = 1),
                             READ_FN("udp_mappings", rw_read_table, .data = 1),
                             READ_PARAM_FN("tcp_lookup", rw_read_lookup),
                             READ_PARAM_FN("udp_lookup", rw_read_lookup, .data = 1), RW_HANDLERS));
