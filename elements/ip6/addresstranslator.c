/** AddressTranslator: rewrites addresses and ports of IPv6 packets between an inner and an outer network.
 *
 * Synopsis: `AddressTranslator(NSTATIC [, STATICPORTS, MAPPING, ...], DYNAMIC [, DYNAMICPORTS, DIRECTION,
 * MAPPED,
 * ...])`
 *
 * Packets of input 0 go out (their source is rewritten) to output 0, those of input 1 come in (their
 * destination is rewritten) to output 1: TCP, UDP and ICMPv6, with their checksums. Others are dropped with a
 * message, those without a mapping silently. Static mappings are looked at first. Dynamic ones are made when
 * a packet goes in DIRECTION, and stay. Faults of the reference are done right: ports of incoming packets
 * with static ports, static mappings together with dynamic ports, ICMPv6 with ports (only its addresses are
 * mapped).
 *
 * Arguments: NSTATIC (unsigned): static mappings that follow; with 0 STATICPORTS is left out too. STATICPORTS
 * (bool): mappings are `INNER PORT MAPPED PORT`, else `INNER MAPPED`. DYNAMIC (bool): maps others too.
 * DYNAMICPORTS (bool): MAPPED is `ADDRESS FIRSTPORT LASTPORT`, and each flow gets the next port; else one or
 * more addresses, of which each new address gets the next. DIRECTION (bool): false: packets that go out make
 * mappings, of their source to MAPPED; true: those that come in, of their destination.
 *
 * Example: `InfiniteSource(DATA "0123456789", LIMIT 1, STOP true) -> UDPIP6Encap(3ffe::1, 1234, 3ffe::2, 53)
 * -> a :: AddressTranslator(1, false, 3ffe::1 3ffe::9, false) -> IP6Print -> Discard; Idle -> [1] a [1] ->
 * Discard;`
 */
#include "ip6.h"

enum { ICMP6 = 58, TCP = 6, UDP = 17, NONE = -1, SPARE = 1024 };

typedef struct Translation {
  uint8_t inner[16], mapped[16], outside[16];
  uint16_t inner_port, mapped_port, outside_port; /* host order */
  int32_t next_out, next_in;                      /* of the flows with the same hash */
} Translation;

typedef struct AddressTranslator {
  Element base;
  Translation *fixed; /* the static ones */
  uint32_t nfixed;
  bool fixed_ports, dynamic, dynamic_ports, inward;
  uint8_t (*pool)[16]; /* addresses, the first `used` of them given to `owners` */
  uint8_t (*owners)[16];
  uint32_t npool, used;
  uint32_t next_port, last_port;
  Translation *flows;
  uint32_t nflows, capacity, buckets;
  int32_t *out, *in;
} AddressTranslator;

static bool same(const uint8_t *a, const uint8_t *b) { return !memcmp(a, b, 16); }

static uint32_t flow_hash(const AddressTranslator *t, const uint8_t *a, uint16_t ap, const uint8_t *b,
                          uint16_t bp) {
  uint64_t h = ((uint64_t)ap << 16 | bp) * 0x9e3779b97f4a7c15u;
  h = (h ^ load64(a)) * 0x9e3779b97f4a7c15u;
  h = (h ^ (h >> 29) ^ load64(a + 8)) * 0x9e3779b97f4a7c15u;
  h = (h ^ (h >> 29) ^ load64(b)) * 0x9e3779b97f4a7c15u;
  h = (h ^ (h >> 29) ^ load64(b + 8)) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(h >> 32) & (t->buckets - 1);
}

/* What a packet is mapped to: the near address and port are those that are rewritten. */
typedef struct Flow {
  bool outward, ports; /* ports: it has some */
  uint8_t near[16], far[16];
  uint16_t near_port, far_port;
} Flow;

static bool map_fixed(const AddressTranslator *t, Flow *f) {
  for (uint32_t i = 0; i < t->nfixed; i++) {
    const Translation *x = &t->fixed[i];
    bool ports = t->fixed_ports && f->ports;
    if (!same(f->near, f->outward ? x->inner : x->mapped)) continue;
    if (ports && f->near_port != (f->outward ? x->inner_port : x->mapped_port)) continue;
    memcpy(f->near, f->outward ? x->mapped : x->inner, 16);
    if (ports) f->near_port = f->outward ? x->mapped_port : x->inner_port;
    return true;
  }
  return false;
}

/* An address of the pool for each near address. Going in DIRECTION, owners are looked for and made; else
 * back. */
static bool map_address(AddressTranslator *t, Flow *f) {
  bool makes = f->outward != t->inward;
  for (uint32_t i = 0; i < t->used; i++) {
    if (!same(f->near, makes ? t->owners[i] : t->pool[i])) continue;
    memcpy(f->near, makes ? t->pool[i] : t->owners[i], 16);
    return true;
  }
  if (!makes || t->used == t->npool) return false;
  memcpy(t->owners[t->used], f->near, 16);
  memcpy(f->near, t->pool[t->used++], 16);
  return true;
}

static bool map_flow(AddressTranslator *t, Flow *f) {
  uint32_t h = flow_hash(t, f->near, f->near_port, f->far, f->far_port);
  for (int32_t i = (f->outward ? t->out : t->in)[h]; i >= 0;) {
    Translation *x = &t->flows[i];
    if (same(f->near, f->outward ? x->inner : x->mapped) && same(f->far, x->outside) &&
        f->near_port == (f->outward ? x->inner_port : x->mapped_port) && f->far_port == x->outside_port) {
      memcpy(f->near, f->outward ? x->mapped : x->inner, 16);
      f->near_port = f->outward ? x->mapped_port : x->inner_port;
      return true;
    }
    i = f->outward ? x->next_out : x->next_in;
  }
  if (f->outward == t->inward) return false;
  if (t->nflows == t->capacity || (f->ports && t->next_port > t->last_port)) {
    chatter(NULL, "AddressTranslator ran out of ports");
    return false;
  }
  Translation *x = &t->flows[t->nflows];
  uint16_t port = f->ports ? (uint16_t)t->next_port++ : 0;
  memcpy(f->outward ? x->inner : x->mapped, f->near, 16);
  memcpy(f->outward ? x->mapped : x->inner, t->pool[0], 16);
  memcpy(x->outside, f->far, 16);
  x->inner_port = f->outward ? f->near_port : port;
  x->mapped_port = f->outward ? port : f->near_port;
  x->outside_port = f->far_port;
  uint32_t o = flow_hash(t, x->inner, x->inner_port, x->outside, x->outside_port),
           i = flow_hash(t, x->mapped, x->mapped_port, x->outside, x->outside_port);
  x->next_out = t->out[o], t->out[o] = (int32_t)t->nflows;
  x->next_in = t->in[i], t->in[i] = (int32_t)t->nflows++;
  memcpy(f->near, t->pool[0], 16);
  f->near_port = port;
  return true;
}

/* Rewrites the packet. Returns the output or PACKET_DROP. */
static int translate(AddressTranslator *t, Packet *p, bool outward) {
  if (!p->network || packet_end(p) - p->network < IP6_HEADER || p->network < p->data)
    packet_set_network(p, p->data, 40);
  const uint8_t *h = ip6_header(p);
  if (!h) return PACKET_DROP;
  uint8_t proto = h[6];
  uint32_t need = proto == TCP ? 20 : proto == UDP ? 8 : 4, at = proto == TCP ? 16 : proto == UDP ? 6 : 2;
  if (proto != TCP && proto != UDP && proto != ICMP6) {
    chatter(NULL, " discard the packet, protocol unrecognized");
    return PACKET_DROP;
  }
  uint32_t have = packet_network_length(p) - IP6_HEADER;
  if (have < need) return PACKET_DROP;
  Flow f = {.outward = outward, .ports = proto != ICMP6};
  memcpy(f.near, h + (outward ? 8 : 24), 16);
  memcpy(f.far, h + (outward ? 24 : 8), 16);
  if (f.ports) {
    f.near_port = be16(load16(h + 40 + (outward ? 0 : 2)));
    f.far_port = be16(load16(h + 40 + (outward ? 2 : 0)));
  }
  bool mapped = map_fixed(t, &f);
  if (!mapped && t->dynamic) mapped = t->dynamic_ports ? map_flow(t, &f) : map_address(t, &f);
  if (!mapped || !packet_unique(p)) return PACKET_DROP;
  uint8_t *w = p->network, *payload = w + IP6_HEADER, *near = w + (outward ? 8 : 24);
  uint32_t n = ip6_plen(w);
  uint16_t sum = load16(payload + at), port = be16(f.near_port);
  if (n < need || n > have) /* not all of it is here: what changed decides */
    for (int i = 0; i < 16; i += 4) sum = in_update32(sum, load32(near + i), load32(f.near + i));
  memcpy(near, f.near, 16);
  if (f.ports) {
    if (n < need || n > have) sum = in_update16(sum, load16(payload + (outward ? 0 : 2)), port);
    store16(payload + (outward ? 0 : 2), port);
  }
  if (n >= need && n <= have) {
    store16(payload + at, 0);
    sum = ip6_checksum(w + 8, w + 24, n, proto, payload);
    if (proto == UDP && !sum) sum = 0xffff;
  }
  store16(payload + at, sum);
  return outward ? 0 : 1;
}

static void translator_push(Element *e, int port, Packet **p, unsigned n) {
  unsigned kept = 0;
  for (unsigned i = 0; i < n; i++) {
    if (translate((AddressTranslator *)e, p[i], port == 0) < 0)
      packet_free(p[i]);
    else
      p[kept++] = p[i];
  }
  if (kept) output_push_batch(e, port, p, kept);
}

static bool parse_port(const Element *e, const char *s, uint16_t *out) {
  return arg_parse_port(e, TCP, s, out);
}

static int read_fixed(AddressTranslator *t, const Args *args, unsigned k, Translation *x, Errors *errs) {
  char *w[8];
  unsigned n = split_words(args_text(args, k), w, countof(w)), want = t->fixed_ports ? 4 : 2;
  bool ok = n == want && arg_parse_ip6(&t->base, w[0], x->inner) &&
            arg_parse_ip6(&t->base, w[want / 2], x->mapped) &&
            (want == 2 ||
             (parse_port(&t->base, w[1], &x->inner_port) && parse_port(&t->base, w[3], &x->mapped_port)));
  for (unsigned i = 0; i < n && i < countof(w); i++) mem_free(w[i]);
  return ok ? 0
            : arg_error(errs, args_index(args, k), "expected '%s', not '%s'",
                        want == 4 ? "INNER PORT MAPPED PORT" : "INNER MAPPED", args_text(args, k));
}

static int read_ports(AddressTranslator *t, const Args *args, unsigned k, Errors *errs) {
  char *w[8];
  uint16_t low = 0, high = 0;
  unsigned n = k < args_count(args) ? split_words(args_text(args, k), w, countof(w)) : 0;
  t->pool = mem_alloc(16);
  bool ok = n == 3 && t->pool && arg_parse_ip6(&t->base, w[0], t->pool[0]) &&
            parse_port(&t->base, w[1], &low) && parse_port(&t->base, w[2], &high) && low && low <= high &&
            k + 1 == args_count(args);
  for (unsigned i = 0; i < n && i < countof(w); i++) mem_free(w[i]);
  if (!ok)
    return k < args_count(args)
               ? arg_error(errs, args_index(args, k),
                           "expected 'ADDRESS FIRSTPORT LASTPORT' and no more, not '%s'", args_text(args, k))
               : error(errs, "expected 'ADDRESS FIRSTPORT LASTPORT' as the last argument");
  t->next_port = low;
  t->last_port = high;
  t->capacity = t->last_port - low + 1 + SPARE;
  for (t->buckets = 1; t->buckets < t->capacity;) t->buckets *= 2;
  t->flows = mem_alloc(t->capacity * sizeof *t->flows);
  t->out = mem_alloc(t->buckets * sizeof *t->out);
  t->in = mem_alloc(t->buckets * sizeof *t->in);
  if (!t->flows || !t->out || !t->in) return error(errs, "out of memory");
  memset(t->out, 0xff, t->buckets * sizeof *t->out);
  memset(t->in, 0xff, t->buckets * sizeof *t->in);
  return 0;
}

static int read_bool(const Args *args, unsigned k, const char *what, bool *out, Errors *errs) {
  if (k >= args_count(args)) return error(errs, "%s is missing", what);
  if (parse_bool(args_text(args, k), out)) return 0;
  return arg_error(errs, args_index(args, k), "%s: expected a bool, not '%s'", what, args_text(args, k));
}

static int translator_configure(Element *e, const Args *args, Errors *errs) {
  AddressTranslator *t = (AddressTranslator *)e;
  unsigned n = args_count(args), k = 1;
  uint64_t fixed;
  if (!n) return error(errs, "NSTATIC, the number of static mappings, is missing");
  if (!parse_u64(args_text(args, 0), &fixed) || fixed > 1 << 20)
    return arg_error(errs, args_index(args, 0), "NSTATIC: expected a number, not '%s'", args_text(args, 0));
  if (fixed) {
    if (read_bool(args, k++, "STATICPORTS", &t->fixed_ports, errs) < 0) return -1;
    if (k + fixed >= n)
      return error(errs, "expected %llu static mappings and DYNAMIC", (unsigned long long)fixed);
    if (!(t->fixed = mem_alloc(fixed * sizeof *t->fixed))) return error(errs, "out of memory");
    for (; t->nfixed < fixed; t->nfixed++)
      if (read_fixed(t, args, k++, &t->fixed[t->nfixed], errs) < 0) return -1;
  }
  if (read_bool(args, k++, "DYNAMIC", &t->dynamic, errs) < 0) return -1;
  if (!t->dynamic) return 0;
  if (read_bool(args, k++, "DYNAMICPORTS", &t->dynamic_ports, errs) < 0) return -1;
  if (read_bool(args, k++, "DIRECTION", &t->inward, errs) < 0) return -1;
  if (t->dynamic_ports) return read_ports(t, args, k, errs);
  t->pool = mem_alloc((n - k + 1) * sizeof *t->pool);
  t->owners = mem_alloc((n - k + 1) * sizeof *t->owners);
  if (!t->pool || !t->owners) return error(errs, "out of memory");
  int rc = 0;
  for (; k < n; k++)
    if (!arg_parse_ip6(e, args_text(args, k), t->pool[t->npool++]))
      rc = arg_error(errs, args_index(args, k), "expected an IPv6 address, not '%s'", args_text(args, k));
  return rc;
}

static void translator_cleanup(Element *e) {
  AddressTranslator *t = (AddressTranslator *)e;
  mem_free(t->fixed);
  mem_free(t->pool);
  mem_free(t->owners);
  mem_free(t->flows);
  mem_free(t->out);
  mem_free(t->in);
}

ELEMENT(AddressTranslator, .ports = "2/2", .processing = "h/h", .push = translator_push,
        .configure = translator_configure, .cleanup = translator_cleanup,
        .args = ARGS(ARG_ALL_REST("NSTATIC")));
