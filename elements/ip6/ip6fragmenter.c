/** IP6Fragmenter: splits IPv6 packets larger than the MTU.
 *
 * Synopsis: `IP6Fragmenter(MTU)`
 *
 * Packets of at most MTU bytes pass to output 0. Larger ones leave on output 1 if it is connected, since only
 * the sender of an IPv6 packet may fragment it (RFC 8200, 5): connect an ICMP6Error(ADDR, 2, 0). If it is
 * not, they leave on output 0 as fragments with a fragment header each (RFC 8200, 4.5), in order and with all
 * annotations. Packets that are fragments already, or that carry extension headers, are not split but
 * dropped.
 *
 * Arguments: MTU (unsigned, required, at least 1280 is what IPv6 asks for).
 *
 * Handlers: `drops` (read): packets sent to output 1 or dropped. `fragments` (read): fragments made.
 *
 * The reference drops whatever is too large.
 *
 * Example: `Idle -> CheckIP6Header -> IP6Fragmenter(1280) -> Discard;`
 */
#include "ip6.h"

typedef struct IP6Fragmenter {
  Element base;
  uint32_t mtu, next_id;
  uint64_t drops, fragments;
} IP6Fragmenter;

static bool ip6_extension(uint8_t next) {
  return next == 0 || next == 43 || next == IP6_FRAGMENT || next == 60;
}

static __attribute__((noinline)) int ip6_fragment_slow(IP6Fragmenter *e, Packet *p) {
  const uint8_t *h = ip6_header(p);
  uint32_t step = e->mtu > IP6_HEADER + 8 ? (e->mtu - IP6_HEADER - 8) & ~7u : 0;
  if (!h || !step || e->base.noutputs > 1 || ip6_extension(h[6])) return e->drops++, 1;
  uint32_t total = packet_network_length(p) - IP6_HEADER, id = e->next_id++;
  if (total > ip6_plen(h)) total = ip6_plen(h);
  for (uint32_t at = 0, n; at < total; at += n) {
    n = total - at < step ? total - at : step;
    Packet *q = packet_make(PACKET_HEADROOM, NULL, IP6_HEADER + 8 + n, 0);
    if (!q) continue;
    uint8_t *x = q->data, *f = x + IP6_HEADER;
    memcpy(x, h, IP6_HEADER);
    store16(x + 4, be16((uint16_t)(n + 8)));
    x[6] = IP6_FRAGMENT;
    f[0] = h[6];
    f[1] = 0;
    store16(f + 2, be16((uint16_t)(at | (at + n < total))));
    store32(f + 4, be32(id));
    memcpy(f + 8, h + IP6_HEADER + at, n);
    packet_copy_annotations(q, p);
    packet_set_network(q, x, IP6_HEADER);
    e->fragments++;
    output_push(&e->base, 0, q);
  }
  packet_free(p);
  return PACKET_KEPT;
}

static inline int ip6_fragment(IP6Fragmenter *e, Packet *p) {
  return likely(p->len <= e->mtu) ? 0 : ip6_fragment_slow(e, p);
}

/* What came before a packet that is fragmented leaves before its fragments. */
static void ip6_fragmenter_push(Element *e, int port, Packet **p, unsigned n) {
  unsigned done = 0;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    if (likely(p[i]->len <= ((IP6Fragmenter *)e)->mtu)) continue;
    if (i > done) output_push_batch(e, 0, p + done, i - done);
    done = i + 1;
    int out = ip6_fragment_slow((IP6Fragmenter *)e, p[i]);
    if (out >= 0) output_push(e, out, p[i]);
  }
  if (done < n) output_push_batch(e, 0, p + done, n - done);
}

static int ip6_fragmenter_initialize(Element *e, Errors *errs) {
  (void)errs;
  ((IP6Fragmenter *)e)->next_id = random_u32(e);
  return 0;
}

ACTION_ALONE(IP6Fragmenter, ip6_fragment)

ELEMENT(IP6Fragmenter, .ports = "1/1-2", .processing = "h/h", .push = ip6_fragmenter_push,
        USE_ACTION_ALONE(ip6_fragment), .initialize = ip6_fragmenter_initialize,
        .args = ARGS(ARG_MUST(IP6Fragmenter, U32, "MTU", mtu)),
        .handlers = HANDLERS(READ_FIELD(IP6Fragmenter, U64, "drops", drops),
                             READ_FIELD(IP6Fragmenter, U64, "fragments", fragments)));
