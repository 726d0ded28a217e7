/** IP6NDAdvertiser: answers IPv6 neighbor solicitations for given addresses.
 *
 * Synopsis: `IP6NDAdvertiser(IP6/LEN [IP6/LEN ...] ETH, ...)`
 *
 * Expects packets with their Ethernet header. A valid neighbor solicitation (hop limit 255, right checksum)
 * for an address in one of the networks is answered with an advertisement of the Ethernet address that goes
 * with it; the most specific network counts. Everything else is dropped.
 *
 * Arguments: each lists IPv6 addresses or networks and one Ethernet address.
 *
 * Example: `InfiniteSource(LIMIT 1) -> IP6NDAdvertiser(3ffe:1ce1:2::5/128 00:00:C0:AE:67:EF) -> Discard;`
 */
#include "ip6nd.h"

typedef struct NdNetwork {
  IP6Prefix net;
  uint8_t ether[6];
} NdNetwork;

typedef struct IP6NDAdvertiser {
  Element base;
  NdNetwork *nets;
  uint32_t count;
} IP6NDAdvertiser;

static bool nd_matches(const uint8_t *a, const IP6Prefix *p) {
  int bytes = p->len / 8, bits = p->len % 8;
  return !memcmp(a, p->addr, (size_t)bytes) && (!bits || !((a[bytes] ^ p->addr[bytes]) >> (8 - bits)));
}

static const uint8_t *nd_find(const IP6NDAdvertiser *e, const uint8_t *target) {
  const NdNetwork *best = NULL;
  for (uint32_t i = 0; i < e->count; i++)
    if (nd_matches(target, &e->nets[i].net) && (!best || e->nets[i].net.len >= best->net.len))
      best = &e->nets[i];
  return best ? best->ether : NULL;
}

/* The answer to a solicitation, or NULL. */
static Packet *nd_answer(const IP6NDAdvertiser *e, const Packet *p) {
  const uint8_t *d = p->data;
  if (!nd_is(p, ND_SOLICITATION) || d[ND_IP + 7] != 255 || d[ND_MESSAGE + 1] || nd_sum(d) != 0xffff)
    return NULL;
  const uint8_t *ether = nd_find(e, d + ND_TARGET);
  /* Flags: router and solicited. */
  return ether ? nd_make(ND_ADVERTISEMENT, 0xc0, d + 6, ether, d + ND_IP + 8, d + ND_TARGET, d + ND_TARGET)
               : NULL;
}

static unsigned nd_answer_all(const IP6NDAdvertiser *e, Packet **p, unsigned n) {
  unsigned k = 0;
  for (unsigned i = 0; i < n; i++) {
    Packet *q = nd_answer(e, p[i]);
    packet_free(p[i]);
    if (q) p[k++] = q;
  }
  return k;
}

static void nd_advertiser_push(Element *e, int port, Packet **p, unsigned n) {
  unsigned k = nd_answer_all((IP6NDAdvertiser *)e, p, n);
  if (k) output_push_batch(e, 0, p, k);
}

static unsigned nd_advertiser_pull(Element *e, int port, Packet **p, unsigned max) {
  return nd_answer_all((IP6NDAdvertiser *)e, p, input_pull_batch(e, 0, p, max));
}

static int nd_advertiser_add(IP6NDAdvertiser *e, const char *text, Errors *errs, int arg) {
  unsigned n = split_words(text, NULL, 0), first = e->count, ethers = 0;
  char **w = mem_alloc((n + 1) * sizeof *w);
  NdNetwork *nets = mem_resize(e->nets, e->count * sizeof *nets, (e->count + n + 1) * sizeof *nets);
  int rc = 0;
  uint8_t ether[6] = {0};
  if (nets) e->nets = nets;
  if (!w || !nets) {
    mem_free(w);
    return arg_error(errs, arg, "out of memory");
  }
  split_words(text, w, n);
  for (unsigned i = 0; i < n; i++) {
    IP6Prefix net = {.len = 128};
    if (arg_parse_ip6_prefix(&e->base, w[i], &net) || arg_parse_ip6(&e->base, w[i], net.addr))
      nets[e->count++].net = net;
    else if (!arg_parse_ether(&e->base, w[i], ether))
      rc = arg_error(errs, arg, "expected IP6/LEN or an Ethernet address, not '%s'", w[i]);
    else if (ethers++)
      rc = arg_error(errs, arg, "more than one Ethernet address");
    mem_free(w[i]);
  }
  mem_free(w);
  if (!rc && e->count == first) rc = arg_error(errs, arg, "missing IPv6 address");
  if (!rc && !ethers) rc = arg_error(errs, arg, "missing Ethernet address");
  for (unsigned i = first; i < e->count; i++) memcpy(nets[i].ether, ether, 6);
  return rc;
}

static int nd_advertiser_configure(Element *el, const Args *args, Errors *errs) {
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++)
    if (nd_advertiser_add((IP6NDAdvertiser *)el, args_text(args, i), errs, args_index(args, i)) < 0) rc = -1;
  return rc;
}

static void nd_advertiser_cleanup(Element *e) { mem_free(((IP6NDAdvertiser *)e)->nets); }

ELEMENT(IP6NDAdvertiser, .ports = "1/1", .push = nd_advertiser_push, .pull = nd_advertiser_pull,
        .configure = nd_advertiser_configure, .cleanup = nd_advertiser_cleanup,
        .args = ARGS(ARG_ALL_REST("ENTRY")));
