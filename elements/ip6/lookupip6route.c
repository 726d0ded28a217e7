/** LookupIP6Route: routes IPv6 packets by the longest matching prefix.
 *
 * Synopsis: `LookupIP6Route(DST1/LEN1 [GW1] OUT1, DST2/LEN2 [GW2] OUT2, ...)`
 *
 * Looks up the IPv6 destination annotation (GetIP6Address sets it), sets it to the route's gateway if that is
 * not ::, and emits the packet on the route's output. Packets without a route are dropped. Of two routes for
 * a prefix the later one counts.
 *
 * Arguments: routes: a destination prefix (a bare address is a /128), an optional gateway, an output.
 *
 * Handlers: `table` (read). `add` (write): `DST/LEN [GW] OUT`. `remove` (write): `DST/LEN`. `ctrl` (write):
 * `add ...` or `remove ...`.
 *
 * Routes are hashed by prefix; a lookup costs one probe for each prefix length in use. Unlike the reference,
 * removing a route takes effect at once for the address looked up last.
 *
 * Example: `Idle -> GetIP6Address(24) -> rt :: LookupIP6Route(3ffe:1ce1:2::/80 0, ::0/0 3ffe:1ce1:2::2 1) ->
 * Discard; rt [1] -> Discard;`
 */
#include "ip6.h"

typedef struct Route6 {
  uint64_t hi, lo; /* host order, masked */
  uint8_t gw[16];
  int32_t port; /* -1: free */
  uint8_t len;
  bool has_gw;
} Route6;

typedef struct LookupIP6Route {
  Element base;
  Route6 *routes;
  uint32_t nroutes, room, nfree;
  uint32_t *cells, size; /* index + 1, open addressing; made anew when a route goes */
  uint32_t per_length[129];
  uint8_t lengths[129], nlengths; /* in use, longest first */
} LookupIP6Route;

always_inline uint64_t route6_hi(uint64_t hi, unsigned len) {
  return len >= 64 ? hi : len ? hi & ~UINT64_C(0) << (64 - len) : 0;
}
always_inline uint64_t route6_lo(uint64_t lo, unsigned len) {
  return len >= 128 ? lo : len > 64 ? lo & ~UINT64_C(0) << (128 - len) : 0;
}
always_inline uint32_t route6_hash(uint64_t hi, uint64_t lo, unsigned len) {
  uint64_t x = (hi ^ (lo * UINT64_C(0xc2b2ae3d27d4eb4f)) ^ len) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(x >> 32);
}

always_inline Route6 *route6_exact(const LookupIP6Route *t, uint64_t hi, uint64_t lo, unsigned len) {
  for (uint32_t i = route6_hash(hi, lo, len) & (t->size - 1), c; (c = t->cells[i]);
       i = (i + 1) & (t->size - 1)) {
    Route6 *r = &t->routes[c - 1];
    if (r->hi == hi && r->lo == lo && r->len == len) return r;
  }
  return NULL;
}

static inline int lookup_ip6_route(LookupIP6Route *t, Packet *p) {
  const uint8_t *a = p->anno + ANNO_DST_IP6;
  uint64_t hi = be64(load64(a)), lo = be64(load64(a + 8));
  for (unsigned i = 0; i < t->nlengths; i++) {
    unsigned len = t->lengths[i];
    const Route6 *r = route6_exact(t, route6_hi(hi, len), route6_lo(lo, len), len);
    if (!r) continue;
    if (r->has_gw) packet_set_dst_ip6(p, r->gw);
    return r->port;
  }
  return PACKET_DROP;
}

ACTION(LookupIP6Route, lookup_ip6_route)

static bool route6_rehash(LookupIP6Route *t, uint32_t size) {
  uint32_t *cells = mem_alloc(size * sizeof *cells);
  if (!cells) return false;
  mem_free(t->cells);
  t->cells = cells;
  t->size = size;
  for (uint32_t k = 0; k < t->nroutes; k++) {
    if (t->routes[k].port < 0) continue;
    uint32_t i = route6_hash(t->routes[k].hi, t->routes[k].lo, t->routes[k].len) & (size - 1);
    while (cells[i]) i = (i + 1) & (size - 1);
    cells[i] = k + 1;
  }
  t->nlengths = 0;
  for (int len = 128; len >= 0; len--)
    if (t->per_length[len]) t->lengths[t->nlengths++] = (uint8_t)len;
  return true;
}

static int route6_add(LookupIP6Route *t, const Route6 *r, Errors *errs) {
  Route6 *old = route6_exact(t, r->hi, r->lo, r->len);
  uint32_t at = 0;
  if (old)
    t->per_length[old->len]--, t->nfree++,
        old->port = -1; /* its place may be taken by this one, or one in front of it */
  if (!t->nfree) at = t->nroutes;
  while (at < t->nroutes && t->routes[at].port >= 0) at++;
  if (at == t->room) {
    uint32_t room = t->room ? 2 * t->room : 8;
    Route6 *grown = mem_resize(t->routes, t->room * sizeof *grown, room * sizeof *grown);
    if (!grown) return error(errs, "out of memory");
    t->routes = grown;
    t->room = room;
  }
  if (at == t->nroutes)
    t->nroutes++;
  else
    t->nfree--;
  t->routes[at] = *r;
  bool known = t->per_length[r->len]++ > 0;
  if (old || !known || 2 * t->nroutes >= t->size) {
    uint32_t size = t->size;
    while (2 * t->nroutes >= size) size *= 2;
    return route6_rehash(t, size) ? 0 : error(errs, "out of memory");
  }
  uint32_t i = route6_hash(r->hi, r->lo, r->len) & (t->size - 1);
  while (t->cells[i]) i = (i + 1) & (t->size - 1);
  t->cells[i] = at + 1;
  return 0;
}

static int route6_parse(Element *e, const char *s, bool removal, Route6 *r, Errors *errs, int arg) {
  char *w[3] = {0};
  IP6Prefix net;
  int64_t port = 0;
  unsigned n = split_words(s, NULL, 0);
  bool ok = removal ? n == 1 : n == 2 || n == 3;
  if (ok) split_words(s, w, 3);
  *r = (Route6){0};
  ok = ok && (arg_parse_ip6_prefix(e, w[0], &net) || (net.len = 128, arg_parse_ip6(e, w[0], net.addr)));
  if (ok && n == 3) ok = arg_parse_ip6(e, w[1], r->gw);
  if (ok && !removal) ok = parse_i64(w[n - 1], &port);
  for (unsigned i = 0; i < 3; i++) mem_free(w[i]);
  if (!ok)
    return arg_error(errs, arg, "expected '%s', not '%s'", removal ? "DADDR/MASK" : "DADDR/MASK [GW] OUTPUT",
                     s);
  if (!removal && (port < 0 || port >= e->noutputs))
    return arg_error(errs, arg, "output port %d out of range", (int)port);
  r->len = (uint8_t)net.len;
  r->hi = route6_hi(be64(load64(net.addr)), r->len);
  r->lo = route6_lo(be64(load64(net.addr + 8)), r->len);
  r->port = (int32_t)port;
  for (unsigned i = 0; i < 16; i++) r->has_gw |= r->gw[i] != 0;
  return 0;
}

static int lookup_ip6_configure(Element *e, const Args *args, Errors *errs) {
  LookupIP6Route *t = (LookupIP6Route *)e;
  int rc = 0;
  if (!route6_rehash(t, 16)) return error(errs, "out of memory");
  for (unsigned i = 0; i < args_count(args); i++) {
    Route6 r;
    if (route6_parse(e, args_text(args, i), false, &r, errs, args_index(args, i)) < 0 ||
        route6_add(t, &r, errs) < 0)
      rc = -1;
  }
  if (!args_count(args)) warning(errs, "no routes");
  return rc;
}

static void lookup_ip6_cleanup(Element *e) {
  mem_free(((LookupIP6Route *)e)->routes);
  mem_free(((LookupIP6Route *)e)->cells);
}

static int lookup_ip6_write_add(Element *e, const Handler *h, const char *value, Errors *errs) {
  Route6 r;
  (void)h;
  return route6_parse(e, value, false, &r, errs, -1) < 0 ? -1 : route6_add((LookupIP6Route *)e, &r, errs);
}

static int lookup_ip6_write_remove(Element *e, const Handler *h, const char *value, Errors *errs) {
  LookupIP6Route *t = (LookupIP6Route *)e;
  Route6 r, *old;
  (void)h;
  if (route6_parse(e, value, true, &r, errs, -1) < 0) return -1;
  if (!(old = route6_exact(t, r.hi, r.lo, r.len))) return 0;
  t->per_length[old->len]--;
  t->nfree++;
  old->port = -1;
  return route6_rehash(t, t->size) ? 0 : error(errs, "out of memory");
}

static int lookup_ip6_write_ctrl(Element *e, const Handler *h, const char *value, Errors *errs) {
  while (is_space(*value)) value++;
  if (!strncmp(value, "add", 3) && is_space(value[3])) return lookup_ip6_write_add(e, h, value + 4, errs);
  if (!strncmp(value, "remove", 6) && is_space(value[6]))
    return lookup_ip6_write_remove(e, h, value + 7, errs);
  return error(errs, "bad command, should be `add' or `remove'");
}

static int lookup_ip6_read_table(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  LookupIP6Route *t = (LookupIP6Route *)e;
  (void)h, (void)param, (void)errs;
  if (t->nroutes) text_add_string(out, "# Active routes\n");
  for (uint32_t i = 0; i < t->nroutes; i++) {
    const Route6 *r = &t->routes[i];
    uint64_t addr[2] = {be64(r->hi), be64(r->lo)};
    if (r->port >= 0) text_printf(out, "%p6/%u\t%p6\t%d\n", (const void *)addr, r->len, r->gw, (int)r->port);
  }
  return 0;
}

ELEMENT(LookupIP6Route, .ports = "1/-", .processing = "h/h", USE_ACTION(LookupIP6Route, lookup_ip6_route),
        .configure = lookup_ip6_configure, .cleanup = lookup_ip6_cleanup, .args = ARGS(ARG_ALL_REST("ROUTE")),
        .handlers = HANDLERS(WRITE_FN("add", lookup_ip6_write_add),
                             WRITE_FN("remove", lookup_ip6_write_remove),
                             WRITE_FN("ctrl", lookup_ip6_write_ctrl),
                             READ_FN("table", lookup_ip6_read_table)));
