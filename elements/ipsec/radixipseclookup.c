/** RadixIPsecLookup: routes packets by destination, into and out of IPsec tunnels.
 *
 * Synopsis: `RadixIPsecLookup(ADDR/MASK [GW] OUT [SPI ENCRYPT_KEY AUTH_KEY REPLAY WINDOW], ...)`
 *
 * Looks up the destination annotation; the route with the longest prefix says the output and, if it names
 * one, the gateway, which becomes the destination annotation. A route with an SPI is a tunnel and makes a
 * security association. Output 1 is for packets into tunnels: they get the route's SPI and association.
 * Output 0 is for packets to this host: if they are ESP in IP (protocol 50) they get the association of the
 * SPI that they carry; others leave on output 2. A packet with an unknown SPI is dropped.
 *
 * Ports: 1 input, as many outputs as routes use.
 *
 * Arguments: routes. GW (IP address): default none, also `-`. OUT: the output. SPI (unsigned): not 0.
 * ENCRYPT_KEY, AUTH_KEY: 16 characters each; DES uses the first 8 of ENCRYPT_KEY. REPLAY (unsigned): the
 * first sequence number. WINDOW (0 to 255): how many sequence numbers behind the highest one are accepted, at
 * most 32.
 *
 * Handlers: `table` (read): the routes. `lookup` (read): takes an address, answers with output and gateway.
 * `add`, `set`, `remove` (write): a route; `add` does not replace one. `ctrl` (write): lines of `add`, `set`
 * or `remove` and a route, all of them or none.
 *
 * Differs: the search is through all routes, which suits tunnels by the dozen. The reference takes packets
 * other than ESP on output 0 for ESP all the same, and drops most of them.
 *
 * Example: `Idle -> rt :: RadixIPsecLookup(1.0.0.1 0, 2.0.0.0/8 1.0.0.9 1 7 0123456789abcdef fedcba9876543210
 * 1 32); rt -> Discard; rt [1] -> Discard; rt [2] -> Discard;`
 */
#include "ipsec.h"
#include <clicklet/engine.h>

typedef struct IpsecRoute {
  uint32_t addr, mask, gw; /* network order */
  int32_t port;            /* -1: the place is free */
} IpsecRoute;

typedef struct RadixIPsecLookup {
  Element base;
  IpsecTable table; /* the association of each route, at its place; NULL: none */
  IpsecRoute *routes;
  uint32_t complaints;
} RadixIPsecLookup;

static uint32_t ipsec_find_route(const RadixIPsecLookup *e, uint32_t addr) { /* UINT32_MAX: none */
  uint32_t best = UINT32_MAX;
  for (uint32_t i = 0; i < e->table.n; i++) {
    const IpsecRoute *r = &e->routes[i];
    if (r->port >= 0 && (addr & r->mask) == r->addr &&
        (best == UINT32_MAX || be32(r->mask) > be32(e->routes[best].mask)))
      best = i;
  }
  return best;
}

static int ipsec_route(RadixIPsecLookup *e, Packet *p) {
  uint32_t dst = packet_dst_ip(p), i = ipsec_find_route(e, dst);
  if (i == UINT32_MAX) {
    if (e->complaints++ < 5) chatter(NULL, "IPsecRouteTable: no route for %pI", (const void *)&dst);
    return PACKET_DROP;
  }
  const IpsecRoute *r = &e->routes[i];
  int out = r->port;
  if (out == 1) {
    const IpsecAssociation *a = e->table.all[i];
    if (!a) chatter(NULL, "No Ipsec tunnel for %pI. Wrong tunnel setup", (const void *)&dst);
    set_anno_u32(p, ANNO_IPSEC_SPI, a ? a->spi : 0);
    if (a)
      ipsec_set(&e->base, p, i);
    else
      set_anno_u32(p, ANNO_IPSEC_SA, 0);
  } else if (out == 0 && p->len >= WIRE_IP && p->data[9] == IPSEC_PROTO_ESP) {
    uint32_t spi = p->len >= WIRE_IP + 4 ? be32(load32(p->data + WIRE_IP)) : 0, k = 0;
    while (k < e->table.n && !(spi && e->table.all[k] && e->table.all[k]->spi == spi)) k++;
    if (k == e->table.n) {
      chatter(NULL, "Invalid SPI %d, Dropping packet", (int)spi);
      return PACKET_DROP;
    }
    ipsec_set(&e->base, p, k);
  } else if (out == 0) {
    out = 2;
  }
  if (r->gw) packet_set_dst_ip(p, r->gw);
  return out;
}

static void ipsec_lookup_push(Element *e, int port, Packet **p, unsigned n) {
  int16_t outs[BATCH_MAX];
  for (unsigned i = 0; i < n; i++) outs[i] = (int16_t)ipsec_route((RadixIPsecLookup *)e, p[i]);
  scatter(e, p, outs, n);
}

/* ---- Routes
 * ----------------------------------------------------------------------------------------------------------
 */

/* The words of a route; *association (may be NULL) gets a new one if the route is a tunnel. */
static bool ipsec_parse_route(const Element *e, char *const *w, unsigned n, bool removal, IpsecRoute *r,
                              IpsecAssociation **association) {
  IPPrefix net;
  unsigned i = 1;
  int64_t port = -1;
  uint64_t spi, replay, window;
  *r = (IpsecRoute){.port = -1};
  *association = NULL;
  if (!n || !arg_parse_ip_prefix(e, w[0], true, &net)) return false;
  r->addr = net.addr & net.mask;
  r->mask = net.mask;
  if (i < n && (!strcmp(w[i], "-") || arg_parse_ip(e, w[i], &r->gw))) i++;
  if (i < n && parse_i64(w[i], &port) && port >= 0 && port < e->noutputs)
    i++;
  else if (i < n || !removal)
    return false;
  r->port = (int32_t)port;
  if (i == n) return true;
  if (n - i != 5 || !parse_u64(w[i], &spi) || !spi || spi > UINT32_MAX || strlen(w[i + 1]) != IPSEC_KEY ||
      strlen(w[i + 2]) != IPSEC_KEY || !parse_u64(w[i + 3], &replay) || replay > UINT32_MAX ||
      !parse_u64(w[i + 4], &window) || window > 255)
    return false;
  *association = ipsec_new((uint32_t)spi, (const uint8_t *)w[i + 1], (const uint8_t *)w[i + 2],
                           (uint32_t)replay, (uint32_t)window);
  return *association != NULL;
}

static uint32_t ipsec_place(RadixIPsecLookup *e) { /* UINT32_MAX: no memory */
  uint32_t i = 0, n = e->table.n;
  while (i < n && e->routes[i].port >= 0) i++;
  if (i < n) return i;
  if (n == UINT16_MAX - 1) return UINT32_MAX;
  IpsecRoute *routes = mem_resize(e->routes, n * sizeof *routes, (n + 1) * sizeof *routes);
  if (!routes) return UINT32_MAX;
  e->routes = routes;
  e->routes[n].port = -1;
  IpsecAssociation **all = mem_resize(e->table.all, n * sizeof *all, (n + 1) * sizeof *all);
  if (!all) return UINT32_MAX;
  e->table.all = all;
  all[n] = NULL;
  e->table.n = n + 1;
  return n;
}

enum { IPSEC_ADD, IPSEC_SET, IPSEC_REMOVE };

/* What a command changed, to take it back. */
typedef struct IpsecUndo {
  uint32_t place;
  IpsecRoute route;
  IpsecAssociation *association;
} IpsecUndo;

static int ipsec_command(RadixIPsecLookup *e, int command, const char *text, IpsecUndo *undo, Errors *errs) {
  bool removal = command == IPSEC_REMOVE;
  unsigned n = split_words(text, NULL, 0);
  char **w = mem_alloc((n + 1) * sizeof *w);
  IpsecRoute r;
  IpsecAssociation *a = NULL;
  if (w) split_words(text, w, n);
  bool ok = w && ipsec_parse_route(&e->base, w, n, removal, &r, &a);
  for (unsigned i = 0; w && i < n; i++) mem_free(w[i]);
  mem_free(w);
  if (!ok) return error(errs, "expected 'ADDR/MASK [GATEWAY%s'", removal ? " OUTPUT]" : "] OUTPUT");
  uint32_t i = 0;
  while (i < e->table.n &&
         (e->routes[i].port < 0 || e->routes[i].addr != r.addr || e->routes[i].mask != r.mask))
    i++;
  bool found = i < e->table.n;
  if (removal && found && r.port >= 0 && (r.port != e->routes[i].port || r.gw != e->routes[i].gw))
    found = false;
  if ((command == IPSEC_ADD && found) || (removal && !found)) {
    mem_free(a);
    return removal ? error(errs, "route '%s' not found", text) : error(errs, "conflict with existing route");
  }
  if (!found && (i = ipsec_place(e)) == UINT32_MAX) {
    mem_free(a);
    return error(errs, "out of memory");
  }
  *undo = (IpsecUndo){i, e->routes[i], e->table.all[i]};
  e->routes[i] = r;
  e->table.all[i] = a;
  if (removal) {
    e->routes[i].port = -1;
    mem_free(a);
    e->table.all[i] = NULL;
  }
  return 0;
}

static int ipsec_lookup_configure(Element *el, const Args *args, Errors *errs) {
  RadixIPsecLookup *e = (RadixIPsecLookup *)el;
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++) {
    Errors own = {.element = -1};
    IpsecUndo undo = {0};
    if (ipsec_command(e, IPSEC_SET, args_text(args, i), &undo, &own) < 0)
      rc = arg_error(
          errs, args_index(args, i),
          "argument %u should be 'ADDR/MASK [GATEWAY] OUTPUT', with 'SPI ENCRYPT_KEY AUTH_KEY REPLAY "
          "WINDOW' behind it for a tunnel",
          i + 1);
    mem_free(undo.association);
    errors_clear(&own);
  }
  return rc;
}

static void ipsec_lookup_cleanup(Element *el) {
  RadixIPsecLookup *e = (RadixIPsecLookup *)el;
  for (uint32_t i = 0; i < e->table.n; i++) mem_free(e->table.all[i]);
  mem_free(e->table.all);
  mem_free(e->routes);
}

static void *ipsec_lookup_cast(Element *e, const char *name) {
  return strcmp(name, "IpsecTable") ? NULL : &((RadixIPsecLookup *)e)->table;
}

static int ipsec_read_table(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const RadixIPsecLookup *e = (const RadixIPsecLookup *)el;
  for (uint32_t i = 0; i < e->table.n; i++) {
    const IpsecRoute *r = &e->routes[i];
    const IpsecAssociation *a = e->table.all[i];
    if (r->port < 0) continue;
    uint32_t start = out->len;
    text_printf(out, "%pI/%u\t", (const void *)&r->addr, (unsigned)__builtin_popcount(r->mask));
    if (out->len - start < 17) text_add_char(out, '\t');
    start = out->len;
    if (r->gw)
      text_printf(out, "%pI\t", (const void *)&r->gw);
    else
      text_add_string(out, "-\t");
    if (out->len - start < 9) text_add_char(out, '\t');
    text_printf(out, "%d", (int)r->port);
    if (a) {
      text_printf(out, "  |TUNNELED CONNECTION| \n|SPI| |ENC KEY| |AUTH KEY| ||\n |%u| |", a->spi);
      for (unsigned k = 0; k < IPSEC_KEY; k++) text_printf(out, "%02x", a->encrypt_key[k]);
      text_add_string(out, "| |");
      for (unsigned k = 0; k < IPSEC_KEY; k++) text_printf(out, "%02x", a->auth_key[k]);
      text_add_string(out, "|\n");
    }
    text_add_char(out, '\n');
  }
  return 0;
}

static int ipsec_read_lookup(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const RadixIPsecLookup *e = (const RadixIPsecLookup *)el;
  uint32_t addr, i;
  if (!arg_parse_ip(el, param, &addr)) return error(errs, "expected IP address, not '%s'", param);
  i = ipsec_find_route(e, addr);
  text_printf(out, "%d", i == UINT32_MAX ? -1 : (int)e->routes[i].port);
  if (i != UINT32_MAX && e->routes[i].gw) text_printf(out, " %pI", (const void *)&e->routes[i].gw);
  return 0;
}

static int ipsec_write(Element *el, const Handler *h, const char *value, Errors *errs) {
  IpsecUndo undo = {0};
  int rc = ipsec_command((RadixIPsecLookup *)el, (int)h->data, value, &undo, errs);
  mem_free(undo.association);
  return rc;
}

static int ipsec_write_ctrl(Element *el, const Handler *h, const char *value, Errors *errs) {
  RadixIPsecLookup *e = (RadixIPsecLookup *)el;
  unsigned lines = 1, done = 0;
  for (const char *s = value; *s; s++) lines += *s == '\n';
  IpsecUndo *undo = mem_alloc(lines * sizeof *undo);
  if (!undo) return error(errs, "out of memory");
  int rc = 0;
  for (const char *s = value; rc == 0 && *s;) {
    const char *end = strchr(s, '\n');
    size_t n = end ? (size_t)(end - s) : strlen(s);
    char *line = mem_string(s, n);
    s += n + (end != NULL);
    Text word = {0};
    const char *after = next_word(line ? line : "", &word, NULL);
    if (after && word.len) {
      const char *w = text_cstr(&word);
      int command = !strcmp(w, "add")      ? IPSEC_ADD
                    : !strcmp(w, "set")    ? IPSEC_SET
                    : !strcmp(w, "remove") ? IPSEC_REMOVE
                                           : -1;
      rc = command < 0 ? error(errs, "bad command '%s'", w)
                       : ipsec_command(e, command, after, &undo[done], errs);
      if (!rc) done++;
    }
    text_free(&word);
    mem_free(line);
  }
  while (done--) {
    IpsecUndo *u = &undo[done];
    if (rc) {
      mem_free(e->table.all[u->place]);
      e->routes[u->place] = u->route;
      e->table.all[u->place] = u->association;
    } else {
      mem_free(u->association);
    }
  }
  mem_free(undo);
  return rc;
}

ELEMENT(RadixIPsecLookup, .ports = "1/-", .processing = "h/h", .push = ipsec_lookup_push,
        .configure = ipsec_lookup_configure, .cleanup = ipsec_lookup_cleanup, .cast = ipsec_lookup_cast,
        .args = ARGS(ARG_ALL_REST("ROUTE")),
        .handlers = HANDLERS(READ_FN("table", ipsec_read_table), READ_PARAM_FN("lookup", ipsec_read_lookup),
                             WRITE_FN("add", ipsec_write, .data = IPSEC_ADD),
                             WRITE_FN("set", ipsec_write, .data = IPSEC_SET),
                             WRITE_FN("remove", ipsec_write, .data = IPSEC_REMOVE),
                             WRITE_FN("ctrl", ipsec_write_ctrl)));
