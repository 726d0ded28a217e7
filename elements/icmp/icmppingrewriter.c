/** ICMPPingRewriter: changes addresses and identifiers of pings and their answers.
 *
 * Synopsis: `ICMPPingRewriter(INPUTSPEC0, ... [, <keywords> TIMEOUT, GUARANTEE, REAP_INTERVAL,
 * MAPPING_CAPACITY, DST_ANNO, REPLY_ANNO])`
 *
 * Expects ICMP echo requests and replies with the network header set. An IPRewriter in which the identifier
 * stands for the ports: a request begins a flow as the INPUTSPEC of its input says, and replies to it are
 * rewritten back. A `pattern SADDR SPORT DADDR DPORT FOUTPUT ROUTPUT` takes the new identifier from the range
 * SPORT. Unexpected replies, and what is not a ping, are dropped, or passed by a `pass` input.
 *
 * Arguments: as of IPRewriter. TIMEOUT: default 5 minutes. GUARANTEE: default 5 s.
 *
 * Handlers: `table`, `mappings` (read) and the rest: as of IPRewriter.
 *
 * Differs: the reference can give two pings to one destination the same identifier.
 *
 * Example: `Idle -> rw :: ICMPPingRewriter(pattern 1.0.0.1 1024-65535 - - 0 1, drop) -> Discard; Idle -> [1]
 * rw; rw [1] -> Discard;`
 */
#include "../tcpudp/rewriter.h"
#include "icmpnames.h"

typedef struct ICMPPingRewriter {
  Rewriter rw;
} ICMPPingRewriter;

/* A request's flow has ports (identifier, identifier + 1), a reply's the other way round. */
always_inline RwFlowId ping_flow(uint32_t src, uint32_t dst, uint16_t identifier, bool request) {
  uint16_t other = (uint16_t)(identifier + 1);
  return (RwFlowId){src, dst, request ? identifier : other, request ? other : identifier};
}

always_inline bool ping_rewriter_key(const Rewriter *e, const Packet *p, RwKey *k) {
  if (unlikely(!rw_port_key(p, k) || k->proto != WIRE_PROTO_ICMP)) return false;
  const uint8_t *ip = p->network, *icmp = ip + wire_ip_header(ip);
  if (unlikely(icmp[0] != ICMP_TYPE_ECHO && icmp[0] != ICMP_TYPE_ECHO_REPLY)) return false;
  k->id = ping_flow(load32(ip + 12), load32(ip + 16), load16(icmp + 4), icmp[0] == ICMP_TYPE_ECHO);
  k->map = 0;
  k->class = RW_PLAIN;
  return icmp[0] == ICMP_TYPE_ECHO || rw_find(e, 0, &k->id, rw_hash(&k->id, e->set->seed));
}

always_inline int ping_rewriter_apply(const Rewriter *e, RwFlow *f, int direction, Packet *p) {
  uint8_t *ip = rw_apply_ip(e, f, direction, p), *icmp = ip + wire_ip_header(ip);
  store16(icmp + 4, direction ? f->id[0].sport : f->id[1].dport);
  rw_adjust(icmp + 2, direction, f->port_delta);
  if (unlikely(!load16(icmp + 2)) && wire_checksum(icmp, (size_t)(packet_end(p) - icmp)) == 0xffff)
    store16(icmp + 2, 0xffff);
  return f->class;
}

static void ping_rewriter_push(Element *e, int port, Packet **p, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    rw_push((Rewriter *)e, port, p + i, 1, ping_rewriter_key, ping_rewriter_apply);
}

/* An ICMP error that quotes a rewritten request asks with the addresses of a reply and the identifier in
 * sport. */
static uint32_t ping_rewriter_find(const Rewriter *e, uint8_t proto, const RwFlowId *id) {
  if (proto != WIRE_PROTO_ICMP) return 0;
  RwFlowId f = ping_flow(id->src, id->dst, id->sport, false);
  return rw_find(e, 0, &f, rw_hash(&f, e->set->seed));
}

static void ping_rewriter_text(const Rewriter *e, const RwFlow *f, int direction, Text *out) {
  const RwFlowId *from = &f->id[direction], *back = &f->id[!direction];
  text_printf(out, "(%pI, %pI, %u) => (%pI, %pI, %u)", (const void *)&from->src, (const void *)&from->dst,
              be16(from->sport), (const void *)&back->dst, (const void *)&back->src, be16(back->dport));
}

static int ping_rewriter_initialize(Element *e, Errors *errs) {
  static const RwKind kind = {ping_rewriter_text, {ping_rewriter_find}, 1 << RW_PLAIN, RW_PING};
  return rw_initialize((Rewriter *)e, &kind, errs);
}

ELEMENT(ICMPPingRewriter, RW_ELEMENT, .push = ping_rewriter_push, .initialize = ping_rewriter_initialize,
        .args = ARGS(RW_ARGS(ICMPPingRewriter), RW_ARG_DST_ANNO(ICMPPingRewriter),
                     RW_ARG_TIME(ICMPPingRewriter, "TIMEOUT", timeout[RW_PLAIN], "300"),
                     RW_ARG_TIME(ICMPPingRewriter, "GUARANTEE", guarantee, "5")),
        .handlers = HANDLERS(RW_TABLE, RW_HANDLERS));
