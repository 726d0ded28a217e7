/** IPAddrRewriter: changes addresses of IP packets by source: basic network address translation.
 *
 * Synopsis: `IPAddrRewriter(INPUTSPEC0, ... [, <keywords> TIMEOUT, GUARANTEE, REAP_INTERVAL,
 * MAPPING_CAPACITY, REPLY_ANNO])`
 *
 * Expects IP packets with the network header set, of any protocol. A mapping gives a source address another
 * one; packets to that other one are rewritten back. A packet with neither a known source nor a known
 * destination is treated as the INPUTSPEC of its input says. Sets the destination address annotation of
 * packets that are rewritten back.
 *
 * Arguments: one INPUTSPEC for each input, as of IPRewriter, but patterns are `pattern SADDR - FOUTPUT
 * ROUTPUT`. SADDR may be a range `A-B` or a prefix `A/LEN` (without its first and last address): an unused
 * address of it is chosen at random, or, with `#` behind it, one after the other; a packet is dropped if
 * there is none. TIMEOUT: default 2 hours. GUARANTEE: default 5 s. REAP_INTERVAL, MAPPING_CAPACITY,
 * REPLY_ANNO: as of IPRewriter.
 *
 * Handlers: `table`, `mappings` (read) and the rest: as of IPRewriter.
 *
 * Differs: in the reference's table the lines of answers show zeros.
 *
 * Example: `Idle -> rw :: IPAddrRewriter(pattern 1.0.0.0/24 - 0 1, drop) -> Discard; Idle -> [1] rw; rw [1]
 * -> Discard;`
 */
#include "../tcpudp/rewriter.h"

typedef struct IPAddrRewriter {
  Rewriter rw;
} IPAddrRewriter;

/* The flow of the source address, else of the destination, whose answers it is part of. */
always_inline bool ip_addr_key(const Rewriter *e, const Packet *p, RwKey *k) {
  if (unlikely(!wire_has_ip(p))) return false;
  const uint8_t *ip = p->network;
  RwFlowId by_source = {.src = load32(ip + 12)}, by_destination = {.dst = load32(ip + 16)};
  k->map = 0;
  k->class = RW_PLAIN;
  k->proto = 0;
  bool back = !rw_find(e, 0, &by_source, rw_hash(&by_source, e->set->seed)) &&
              rw_find(e, 0, &by_destination, rw_hash(&by_destination, e->set->seed));
  k->id = back ? by_destination : by_source;
  return true;
}

always_inline int ip_addr_apply(const Rewriter *e, RwFlow *f, int direction, Packet *p) {
  uint8_t *ip = p->network;
  if (direction) {
    store32(ip + 16, f->id[0].src);
    rw_apply_annos(e, f, 1, p, f->id[0].src);
  } else {
    store32(ip + 12, f->id[1].dst);
  }
  rw_adjust(ip + 10, direction, f->ip_delta);
  rw_apply_addresses(f, direction, ip, p);
  return f->class;
}

/* Fetches ahead what the packets' addresses are looked up in, as rw_push does. */
static void ip_addr_fetch(const Rewriter *e, Packet **p, unsigned n) {
  const RwMap *m = &e->map[0];
  const RwSlot *slots[2 * BATCH_MAX];
  unsigned count = 0;
  for (unsigned i = 0; i < n; i++) {
    if (!wire_has_ip(p[i])) continue;
    RwFlowId ids[2] = {{.src = load32(p[i]->network + 12)}, {.dst = load32(p[i]->network + 16)}};
    for (int d = 0; d < 2; d++) {
      slots[count] = &m->slots[rw_hash(&ids[d], e->set->seed) & m->mask];
      __builtin_prefetch(slots[count++]);
    }
  }
  for (unsigned i = 0; i < count; i++)
    if (slots[i]->ref) __builtin_prefetch(rw_flow(e->set, (slots[i]->ref - 1) / 2), 1);
}

/* One by one: a mapping that a packet begins is the next one's. */
static void ip_addr_push(Element *e, int port, Packet **p, unsigned n) {
  if (n > 1 && ((Rewriter *)e)->set->made > RW_NEAR) ip_addr_fetch((Rewriter *)e, p, n);
  for (unsigned i = 0; i < n; i++) rw_push((Rewriter *)e, port, p + i, 1, ip_addr_key, ip_addr_apply);
}

static uint32_t ip_addr_find(const Rewriter *e, uint8_t proto, const RwFlowId *id) {
  RwFlowId by_source = {.src = id->src}, by_destination = {.dst = id->dst};
  uint32_t ref = rw_find(e, 0, &by_source, rw_hash(&by_source, e->set->seed));
  return ref ? ref : rw_find(e, 0, &by_destination, rw_hash(&by_destination, e->set->seed));
}

static void ip_addr_text(const Rewriter *e, const RwFlow *f, int direction, Text *out) {
  const uint32_t *from = direction ? &f->id[1].dst : &f->id[0].src,
                 *to = direction ? &f->id[0].src : &f->id[1].dst;
  text_printf(out, "%pI => %pI", (const void *)from, (const void *)to);
}

static int ip_addr_initialize(Element *e, Errors *errs) {
  static const RwKind kind = {ip_addr_text, {ip_addr_find}, 1 << RW_PLAIN, RW_SOURCE};
  ((Rewriter *)e)->dst_anno = true;
  return rw_initialize((Rewriter *)e, &kind, errs);
}

ELEMENT(IPAddrRewriter, RW_ELEMENT, .push = ip_addr_push, .initialize = ip_addr_initialize,
        .args = ARGS(RW_ARGS(IPAddrRewriter),
                     RW_ARG_TIME(IPAddrRewriter, "TIMEOUT", timeout[RW_PLAIN], "7200"),
                     RW_ARG_TIME(IPAddrRewriter, "GUARANTEE", guarantee, "5")),
        .handlers = HANDLERS(RW_TABLE, RW_HANDLERS));
