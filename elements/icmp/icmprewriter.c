/** ICMPRewriter: rewrites ICMP errors that answer rewritten packets.
 *
 * Synopsis: `ICMPRewriter(MAPS [, <keywords> DST_ANNO, REPLY_ANNO])`
 *
 * Expects ICMP packets with the network header set. An ICMP error (unreachable, source quench, redirect, time
 * exceeded, parameter problem) quotes the packet that caused it. If that packet was rewritten by one of MAPS,
 * the error is made to look like an answer to the packet as it was before: its destination, the quoted
 * addresses, ports or ping identifier, and all checksums. Other packets go to output 1; they are dropped if
 * there is none, or if an element of MAPS has an offset.
 *
 * Arguments: MAPS: names of rewriters (IPRewriter, ICMPPingRewriter and such), separated by spaces.
 * `NAME:OFFSET` sends errors about its flows to OFFSET plus the flow's output; without it they go to output
 * 0. DST_ANNO (bool): set the destination address annotation. Default true. REPLY_ANNO (annotation of one
 * byte): set it as the rewriter does.
 *
 * Differs: the reference drops what should go to output 1, and clears addresses and ports that IPAddrRewriter
 * and IPAddrPairRewriter do not map.
 *
 * Example: `Idle -> rw :: IPRewriter(pattern 1.0.0.1 1024-65535 - - 0 0) -> Discard; Idle -> ICMPRewriter(rw)
 * -> Discard;`
 */
#include "../tcpudp/rewriter.h"
#include "icmpnames.h"

typedef struct IcmpMap {
  Rewriter *rewriter;
  const RwLookup *lookup;
  int offset; /* -1: none */
} IcmpMap;

typedef struct ICMPRewriter {
  Element base;
  bool dst_anno, reply_anno_given, offsets;
  int reply_anno;
  char *text;
  IcmpMap *maps;
  unsigned nmaps;
} ICMPRewriter;

/* Stores n (even) bytes and adds to the change of the checksum. */
static void icmp_patch(uint8_t *at, const void *bytes, unsigned n, uint64_t *delta) {
  for (unsigned i = 0; i < n; i += 2) {
    uint16_t old = load16(at + i), new_value = load16((const uint8_t *)bytes + i);
    *delta += (uint64_t)(uint16_t)~old + new_value;
    store16(at + i, new_value);
  }
}

static void icmp_patch_checksum(uint8_t *at, uint64_t change, uint64_t *delta) {
  uint16_t c = wire_adjust(load16(at), change);
  icmp_patch(at, &c, 2, delta);
}

/* The flow that a quoted packet asks for: as answers to it arrive. */
typedef struct IcmpQuoted {
  RwFlowId id;
  uint32_t at;     /* where the quoted IP header is, from the network header */
  uint32_t header; /* its length */
  uint8_t proto;
  bool transport; /* ports or ping identifier are there */
} IcmpQuoted;

static bool icmp_quoted(const Packet *p, IcmpQuoted *q) {
  if (!wire_has_ip(p) || p->network[9] != WIRE_PROTO_ICMP) return false;
  uint32_t n = wire_network_bytes(p), header = wire_ip_header(p->network);
  if (n < header + WIRE_ICMP + WIRE_IP || !icmp_is_error(p->network[header])) return false;
  q->at = header + WIRE_ICMP;
  const uint8_t *ip = p->network + q->at;
  q->header = wire_ip_header(ip);
  if (ip[0] >> 4 != 4 || q->header < WIRE_IP || q->at + q->header > n) return false;
  const uint8_t *transport = ip + q->header;
  uint32_t there = n - q->at - q->header;
  q->proto = ip[9];
  q->id = (RwFlowId){.src = load32(ip + 16), .dst = load32(ip + 12)};
  q->transport = false;
  if (!wire_first_fragment(ip)) return true;
  if ((q->proto == WIRE_PROTO_TCP || q->proto == WIRE_PROTO_UDP || q->proto == 33) && there >= 8) {
    q->id.sport = load16(transport + 2);
    q->id.dport = load16(transport);
    q->transport = true;
  } else if (q->proto == WIRE_PROTO_ICMP && there >= 6 && transport[0] == ICMP_TYPE_ECHO) {
    q->id.sport = load16(transport + 4);
    q->transport = true;
  }
  return true;
}

/* Rewrites the quoted ports or identifier; `addresses` is the change of the addresses. */
static void icmp_rewrite_transport(uint8_t *t, const uint8_t *end, uint8_t proto, const RwFlowId *to,
                                   uint64_t addresses, uint64_t *delta) {
  uint64_t change = 0;
  if (proto == WIRE_PROTO_ICMP) {
    icmp_patch(t + 4, &to->dport, 2, &change);
    *delta += change;
    uint64_t ignored = 0;
    uint16_t old = load16(t + 2);
    icmp_patch_checksum(t + 2, change, &ignored);
    if (!load16(t + 2) && wire_checksum(t, (size_t)(end - t)) == 0xffff) store16(t + 2, 0xffff);
    *delta += (uint64_t)(uint16_t)~old + load16(t + 2);
    return;
  }
  icmp_patch(t, &to->dport, 2, &change);
  icmp_patch(t + 2, &to->sport, 2, &change);
  *delta += change;
  if (proto == WIRE_PROTO_TCP && end - t >= 18)
    icmp_patch_checksum(t + 16, change + addresses, delta);
  else if (proto == WIRE_PROTO_UDP && load16(t + 6))
    icmp_patch_checksum(t + 6, change + addresses, delta);
}

static int icmp_rewrite(ICMPRewriter *e, Packet *p) {
  IcmpQuoted q;
  uint32_t ref = 0;
  unsigned m = 0;
  if (!icmp_quoted(p, &q)) return e->offsets ? PACKET_DROP : 1;
  for (; m < e->nmaps && !(ref = e->maps[m].lookup->find(e->maps[m].rewriter, q.proto, &q.id)); m++) {}
  if (!ref) return e->offsets ? PACKET_DROP : 1;
  if (!packet_unique(p)) return PACKET_DROP;
  const RwFlow *f = rw_flow(e->maps[m].rewriter->set, (ref - 1) / 2);
  int direction = (ref - 1) & 1;
  uint8_t shape = e->maps[m].rewriter->kind->shape;
  RwFlowId to = rw_reverse(f->id[!direction]);
  if (shape == RW_SOURCE) { /* the mapping is of one address */
    if (!to.src) to.src = q.id.src;
    if (!to.dst) to.dst = q.id.dst;
  }
  if (shape == RW_SOURCE || shape == RW_PAIR)
    to.sport = q.id.sport, to.dport = q.proto == WIRE_PROTO_ICMP ? q.id.sport : q.id.dport;

  uint8_t *ip = p->network, *quoted = ip + q.at, *icmp = quoted - WIRE_ICMP;
  uint64_t delta = 0, addresses = 0, outer = 0;
  if (load32(ip + 16) == q.id.dst) {
    icmp_patch(ip + 16, &to.dst, 4, &outer);
    store16(ip + 10, wire_adjust(load16(ip + 10), outer));
    if (e->dst_anno) packet_set_dst_ip(p, to.dst);
  }
  if (direction && e->reply_anno_given) set_anno_u8(p, e->reply_anno, f->reply_anno);
  icmp_patch(quoted + 12, &to.dst, 4, &addresses);
  icmp_patch(quoted + 16, &to.src, 4, &addresses);
  delta += addresses;
  icmp_patch_checksum(quoted + 10, addresses, &delta);
  if (q.transport) icmp_rewrite_transport(quoted + q.header, packet_end(p), q.proto, &to, addresses, &delta);
  store16(icmp + 2, wire_adjust(load16(icmp + 2), delta));
  return e->maps[m].offset >= 0 ? e->maps[m].offset + f->output[direction] : 0;
}

static void icmp_rewriter_push(Element *el, int port, Packet **p, unsigned n) {
  int16_t outs[BATCH_MAX];
  for (unsigned i = 0; i < n; i++) outs[i] = (int16_t)icmp_rewrite((ICMPRewriter *)el, p[i]);
  scatter(el, p, outs, n);
}

static int icmp_rewriter_map(ICMPRewriter *e, char *word, IcmpMap *m, Errors *errs) {
  char *colon = strchr(word, ':');
  uint64_t v = 0;
  if (colon) *colon = 0;
  Element *x = router_find(e->base.router, &e->base, word);
  if (colon && !parse_u64(colon + 1, &v)) x = NULL;
  m->offset = colon ? (int)v : -1;
  if (!x || !(m->rewriter = element_cast(x, "Rewriter")) || !(m->lookup = element_cast(x, "RwLookup")))
    return arg_error(errs, 0, "'%s' is not a rewriter", word);
  if (colon && v + x->noutputs > e->base.noutputs)
    return arg_error(errs, 0, "'%s:%s' needs more than %d outputs", word, colon + 1, e->base.noutputs);
  e->offsets |= colon != NULL;
  return 0;
}

static int icmp_rewriter_configure(Element *el, const Args *args, Errors *errs) {
  ICMPRewriter *e = (ICMPRewriter *)el;
  unsigned n = split_words(e->text, NULL, 0);
  char **words = mem_alloc((n + 1) * sizeof *words);
  int rc = 0;
  e->maps = mem_alloc((n + 1) * sizeof *e->maps);
  if (!words || !e->maps) {
    mem_free(words);
    return error(errs, "out of memory");
  }
  split_words(e->text, words, n);
  for (unsigned i = 0; i < n; i++) {
    if (icmp_rewriter_map(e, words[i], &e->maps[i], errs) < 0) rc = -1;
    mem_free(words[i]);
  }
  mem_free(words);
  e->nmaps = n;
  return n ? rc : arg_error(errs, 0, "no rewriters given");
}

static void icmp_rewriter_cleanup(Element *e) {
  mem_free(((ICMPRewriter *)e)->maps);
  mem_free(((ICMPRewriter *)e)->text);
}

ELEMENT(ICMPRewriter, .names_elements = true, .ports = "1/1-", .processing = "h/h",
        .push = icmp_rewriter_push, .configure = icmp_rewriter_configure, .cleanup = icmp_rewriter_cleanup,
        .args = ARGS(ARG_MUST(ICMPRewriter, STRING, "MAPS", text),
                     ARG(ICMPRewriter, BOOL, "DST_ANNO", dst_anno, "true"),
                     ARG(ICMPRewriter, ANNO, "REPLY_ANNO", reply_anno, NULL, .min = 1,
                         GIVEN(ICMPRewriter, reply_anno_given))));
