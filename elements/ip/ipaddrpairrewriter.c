/** IPAddrPairRewriter: changes addresses of IP packets by pair of source and destination.
 *
 * Synopsis: `IPAddrPairRewriter(INPUTSPEC0, ... [, <keywords> TIMEOUT, GUARANTEE, REAP_INTERVAL,
 * MAPPING_CAPACITY, REPLY_ANNO])`
 *
 * Expects IP packets with the network header set, of any protocol. Between IPAddrRewriter and IPRewriter: a
 * mapping is for one pair of addresses. Sets the destination address annotation.
 *
 * Arguments: one INPUTSPEC for each input, as of IPRewriter, but patterns are `pattern SADDR DADDR FOUTPUT
 * ROUTPUT`. SADDR may be a range or a prefix, as of IPAddrRewriter. TIMEOUT: default 2 hours. GUARANTEE:
 * default 5 s. REAP_INTERVAL, MAPPING_CAPACITY, REPLY_ANNO: as of IPRewriter.
 *
 * Handlers: `table`, `mappings` (read) and the rest: as of IPRewriter.
 *
 * Example: `Idle -> rw :: IPAddrPairRewriter(pattern 1.0.0.0/24 - 0 1, drop) -> Discard; Idle -> [1] rw; rw
 * [1] -> Discard;`
 */
#include "../tcpudp/rewriter.h"

typedef struct IPAddrPairRewriter {
  Rewriter rw;
} IPAddrPairRewriter;

always_inline bool ip_pair_key(const Rewriter *e, const Packet *p, RwKey *k) {
  if (unlikely(!wire_has_ip(p))) return false;
  k->id = (RwFlowId){.src = load32(p->network + 12), .dst = load32(p->network + 16)};
  k->map = 0;
  k->class = RW_PLAIN;
  k->proto = 0;
  return true;
}

always_inline int ip_pair_apply(const Rewriter *e, RwFlow *f, int direction, Packet *p) {
  uint8_t *ip = rw_apply_ip(e, f, direction, p);
  rw_apply_addresses(f, direction, ip, p);
  return f->class;
}

static void ip_pair_push(Element *e, int port, Packet **p, unsigned n) {
  rw_push((Rewriter *)e, port, p, n, ip_pair_key, ip_pair_apply);
}

static uint32_t ip_pair_find(const Rewriter *e, uint8_t proto, const RwFlowId *id) {
  RwFlowId pair = {.src = id->src, .dst = id->dst};
  return rw_find(e, 0, &pair, rw_hash(&pair, e->set->seed));
}

static void ip_pair_text(const Rewriter *e, const RwFlow *f, int direction, Text *out) {
  const RwFlowId *from = &f->id[direction], *back = &f->id[!direction];
  text_printf(out, "(%pI, %pI) => (%pI, %pI)", (const void *)&from->src, (const void *)&from->dst,
              (const void *)&back->dst, (const void *)&back->src);
}

static int ip_pair_initialize(Element *e, Errors *errs) {
  static const RwKind kind = {ip_pair_text, {ip_pair_find}, 1 << RW_PLAIN, RW_PAIR};
  ((Rewriter *)e)->dst_anno = true;
  return rw_initialize((Rewriter *)e, &kind, errs);
}

ELEMENT(IPAddrPairRewriter, RW_ELEMENT, .push = ip_pair_push, .initialize = ip_pair_initialize,
        .args = ARGS(RW_ARGS(IPAddrPairRewriter),
                     RW_ARG_TIME(IPAddrPairRewriter, "TIMEOUT", timeout[RW_PLAIN], "7200"),
                     RW_ARG_TIME(IPAddrPairRewriter, "GUARANTEE", guarantee, "5")),
        .handlers = HANDLERS(RW_TABLE, RW_HANDLERS));
