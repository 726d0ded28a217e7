/* iproutes.c: changing and showing the routing table of iproutes.h. */
#include "iproutes.h"
#include <clicklet/platform.h>

enum { ROUTE_OK = 0, ROUTE_EXISTS = -2, ROUTE_MISSING = -3, ROUTE_MEMORY = -4, ROUTE_MASK = -5 };

#define NODE_CHUNK 8
#define PAGES_FROM                                                                                           \
  (1u << 21) /* bytes from which the trie lives in pages of its own (huge ones where possible) */

/* ---- Hashes
 * ------------------------------------------------------------------------------------------------------ */

static uint32_t hash_pair(uint32_t a, uint32_t b) {
  uint64_t x = (((uint64_t)a << 32) | b) * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(x >> 32) ^ (uint32_t)(x >> 15);
}

/* The hash of what index i stands for, in by_prefix or in by_hop. */
static uint32_t hash_of(const IPRoutes *t, const RouteHash *h, uint32_t i) {
  return h == &t->by_prefix ? hash_pair(t->routes[i].addr, t->routes[i].mask)
                            : hash_pair(t->hops[i].gw, (uint32_t)t->hops[i].port);
}

static void hash_put(RouteHash *h, uint32_t hash, uint32_t index) {
  uint32_t i = hash & (h->size - 1);
  while (h->cells[i]) i = (i + 1) & (h->size - 1);
  h->cells[i] = index + 1;
}

static bool hash_room(const IPRoutes *t, RouteHash *h) {
  if (2 * (h->used + 1) <= h->size) return true;
  RouteHash bigger = {.size = h->size ? 2 * h->size : 16, .used = h->used};
  if (!(bigger.cells = mem_alloc(bigger.size * sizeof *bigger.cells))) return false;
  for (uint32_t i = 0; i < h->size; i++)
    if (h->cells[i]) hash_put(&bigger, hash_of(t, h, h->cells[i] - 1), h->cells[i] - 1);
  mem_free(h->cells);
  *h = bigger;
  return true;
}

static void hash_remove(const IPRoutes *t, RouteHash *h, uint32_t index) {
  uint32_t mask = h->size - 1, i = hash_of(t, h, index) & mask;
  while (h->cells[i] != index + 1) i = (i + 1) & mask;
  /* Moves back whatever would no longer be found behind the gap. */
  for (uint32_t k = (i + 1) & mask; h->cells[k]; k = (k + 1) & mask) {
    uint32_t home = hash_of(t, h, h->cells[k] - 1) & mask;
    if (((k - home) & mask) >= ((k - i) & mask)) h->cells[i] = h->cells[k], i = k;
  }
  h->cells[i] = 0;
  h->used--;
}

/* Index + 1 of the route for exactly this prefix, or 0. */
static uint32_t find_prefix(const IPRoutes *t, uint32_t addr, uint32_t mask) {
  const RouteHash *h = &t->by_prefix;
  if (!h->size) return 0;
  for (uint32_t i = hash_pair(addr, mask) & (h->size - 1), c; (c = h->cells[i]); i = (i + 1) & (h->size - 1))
    if (t->routes[c - 1].addr == addr && t->routes[c - 1].mask == mask) return c;
  return 0;
}

/* ---- Next hops
 * --------------------------------------------------------------------------------------------------- */

/* A hop for this gateway and port with one more reference, or 0 when memory is out. */
static uint32_t hop_get(IPRoutes *t, uint32_t gw, int32_t port) {
  RouteHash *h = &t->by_hop;
  if (h->size)
    for (uint32_t i = hash_pair(gw, (uint32_t)port) & (h->size - 1), c; (c = h->cells[i]);
         i = (i + 1) & (h->size - 1))
      if (t->hops[c - 1].gw == gw && t->hops[c - 1].port == port) return t->hops[c - 1].refs++, c - 1;
  if (!hash_room(t, h)) return 0;
  uint32_t index = t->hop_free;
  if (index)
    t->hop_free = t->hops[index].next_free;
  else {
    if (t->hops_used == t->hops_room) {
      uint32_t room = t->hops_room * 2;
      RouteHop *grown = room > 1u << ROUTE_HOP_BITS
                            ? NULL
                            : mem_resize(t->hops, t->hops_room * sizeof *grown, room * sizeof *grown);
      if (!grown) return 0;
      t->hops = grown;
      t->hops_room = room;
    }
    index = t->hops_used++;
  }
  t->hops[index] = (RouteHop){.gw = gw, .port = port, .refs = 1};
  hash_put(h, hash_of(t, h, index), index);
  h->used++;
  return index;
}

static void hop_release(IPRoutes *t, uint32_t index) {
  if (--t->hops[index].refs) return;
  hash_remove(t, &t->by_hop, index);
  t->hops[index] = (RouteHop){.port = -1, .next_free = t->hop_free};
  t->hop_free = index;
}

/* ---- The trie
 * ---------------------------------------------------------------------------------------------------- */

static RouteNode *nodes_alloc(uint32_t n) {
  size_t size = n * sizeof(RouteNode);
  return size >= PAGES_FROM ? platform_alloc_pages(size) : mem_alloc(size);
}
static void nodes_free(RouteNode *nodes, uint32_t n) {
  if (n * sizeof(RouteNode) >= PAGES_FROM)
    platform_free_pages(nodes, n * sizeof(RouteNode));
  else
    mem_free(nodes);
}

/* A node whose entries are all `entry`, or 0 when memory is out. */
static uint32_t node_get(IPRoutes *t, uint32_t entry) {
  uint32_t n = t->node_free;
  if (n)
    t->node_free = t->nodes[n][0];
  else {
    if (t->nodes_used == t->nodes_room) {
      uint32_t room = t->nodes_room < 64 ? t->nodes_room + NODE_CHUNK : t->nodes_room + t->nodes_room / 2;
      RouteNode *grown = nodes_alloc(room);
      if (!grown) return 0;
      memcpy(grown, t->nodes, t->nodes_used * sizeof *grown);
      nodes_free(t->nodes, t->nodes_room);
      t->nodes = grown;
      t->nodes_room = room;
    }
    n = t->nodes_used++;
  }
  for (unsigned i = 0; i < 256; i++) t->nodes[n][i] = entry;
  return n;
}

/* Overwrites what in entries [from, to) and below came from a prefix of at most `upto` bits (and at least
 * `least`). */
static void trie_fill(IPRoutes *t, uint32_t node, unsigned from, unsigned to, uint32_t leaf, unsigned least,
                      unsigned upto) {
  for (unsigned i = from; i < to; i++) {
    uint32_t entry = t->nodes[node][i];
    if (entry & ROUTE_CHILD)
      trie_fill(t, entry & ~ROUTE_CHILD, 0, 256, leaf, least, upto);
    else if (ROUTE_LEN(entry) >= least && ROUTE_LEN(entry) <= upto)
      t->nodes[node][i] = leaf;
  }
}

static bool trie_insert(IPRoutes *t, uint32_t addr, unsigned len, uint32_t hop) {
  uint32_t node = 0;
  unsigned depth = 0; /* bits above this node */
  for (; len > depth + 8; depth += 8) {
    unsigned i = addr >> (24 - depth) & 255;
    uint32_t entry = t->nodes[node][i];
    if (!(entry & ROUTE_CHILD)) {
      uint32_t child = node_get(t, entry);
      if (!child) return false; /* nodes already made say the same as before */
      t->nodes[node][i] = entry = ROUTE_CHILD | child;
    }
    node = entry & ~ROUTE_CHILD;
  }
  unsigned span = 1u << (depth + 8 - len), from = addr >> (24 - depth) & 255 & ~(span - 1);
  trie_fill(t, node, from, from + span, ROUTE_LEAF(hop, len), 0, len);
  return true;
}

/* Gives the range of a prefix back to the next shorter one; frees nodes on the way that say nothing any more.
 */
static void trie_remove(IPRoutes *t, uint32_t addr, unsigned len, uint32_t leaf) {
  uint32_t path[4] = {0};
  unsigned level = 0;
  for (; len > 8 * level + 8; level++)
    path[level + 1] = t->nodes[path[level]][addr >> (24 - 8 * level) & 255] & ~ROUTE_CHILD;
  unsigned span = 1u << (8 * level + 8 - len), from = addr >> (24 - 8 * level) & 255 & ~(span - 1);
  trie_fill(t, path[level], from, from + span, leaf, len, len);
  for (; level > 0; level--) {
    const uint32_t *n = t->nodes[path[level]];
    uint32_t first = n[0];
    if ((first & ROUTE_CHILD) || ROUTE_LEN(first) > 8 * level) return;
    for (unsigned i = 1; i < 256; i++)
      if (n[i] != first) return;
    t->nodes[path[level - 1]][addr >> (32 - 8 * level) & 255] = first;
    t->nodes[path[level]][0] = t->node_free;
    t->node_free = path[level];
  }
}

/* ---- Routes
 * ------------------------------------------------------------------------------------------------------ */

static bool mask_regular(uint32_t mask) { return !(~mask & (~mask + 1)); }
static unsigned mask_length(uint32_t mask) { return (unsigned)__builtin_popcount(mask); }
static bool route_holds(const Route *r, uint32_t addr) {
  return r->port >= 0 && ((addr ^ r->addr) & r->mask) == 0;
}

const Route *ip_routes_search(const IPRoutes *t, uint32_t addr) {
  const Route *found = NULL;
  for (uint32_t i = 0; i < t->nroutes; i++) {
    const Route *r = &t->routes[i];
    if (route_holds(r, addr) && (!found || (r->mask & found->mask) == found->mask)) found = r;
  }
  return found;
}

static bool place_room(IPRoutes *t) {
  if (t->route_free || t->nroutes < t->routes_room) return true;
  uint32_t room = t->routes_room ? 2 * t->routes_room : 8;
  Route *grown = mem_resize(t->routes, t->routes_room * sizeof *grown, room * sizeof *grown);
  if (!grown) return false;
  t->routes = grown;
  t->routes_room = room;
  return true;
}

/* Takes a place in the list, as index + 1, after place_room: LINEAR the first free one, the others that freed
 * last. */
static uint32_t place_get(IPRoutes *t) {
  uint32_t place = t->route_free;
  if (!place) return ++t->nroutes;
  if (t->kind != ROUTES_LINEAR) return t->route_free = t->routes[place - 1].hop, place;
  for (place = 1; t->routes[place - 1].port >= 0; place++) {}
  t->route_free = 0;
  for (uint32_t i = place; i < t->nroutes && !t->route_free; i++)
    if (t->routes[i].port < 0) t->route_free = i + 1;
  return place;
}

static void place_release(IPRoutes *t, uint32_t place) {
  Route *r = &t->routes[place - 1];
  *r = (Route){.port = -1, .hop = t->route_free};
  t->route_free = place;
}

/* SortedIPLookup shows more specific routes first: a topological order that keeps the old order where it can,
 * built breadth first from the routes that hold no other. */
static void routes_sort(IPRoutes *t) {
  uint32_t n = t->nroutes, done = 0, queued = 0, first = 0;
  uint32_t *inside = mem_alloc(n * sizeof *inside), *order = mem_alloc(n * sizeof *order);
  Route *sorted = mem_alloc(t->routes_room * sizeof *sorted);
  if (!inside || !order || !sorted) goto out;
#define HOLDS(a, b)                                                                                          \
  (t->routes[a].port >= 0 && t->routes[b].port >= 0 &&                                                       \
   !((t->routes[a].addr ^ t->routes[b].addr) & t->routes[a].mask) &&                                         \
   (t->routes[a].mask & ~t->routes[b].mask) == 0)
  uint32_t live = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (t->routes[i].port < 0) {
      inside[i] = UINT32_MAX;
      continue;
    }
    live++;
    for (uint32_t k = 0; k < n; k++) inside[i] += k != i && HOLDS(i, k);
  }
  while (queued < live) {
    while (first < n && inside[first]) first++;
    if (first == n) goto out;
    order[queued++] = first;
    for (; done < queued; done++) {
      inside[order[done]] = UINT32_MAX;
      for (uint32_t i = 0; i < n; i++)
        if (inside[i] && inside[i] != UINT32_MAX && HOLDS(i, order[done]) && !--inside[i])
          order[queued++] = i;
    }
  }
  for (uint32_t i = 0; i < live; i++) sorted[i] = t->routes[order[i]];
  Route *old = t->routes;
  t->routes = sorted;
  sorted = old;
  t->nroutes = live;
  t->route_free = 0;
  memset(t->by_prefix.cells, 0, t->by_prefix.size * sizeof *t->by_prefix.cells);
  for (uint32_t i = 0; i < live; i++) hash_put(&t->by_prefix, hash_of(t, &t->by_prefix, i), i);
out:
  mem_free(inside);
  mem_free(order);
  mem_free(sorted);
}

static int route_add(IPRoutes *t, const Route *r, bool replace, Route *old) {
  bool regular = mask_regular(r->mask);
  if (!regular && t->kind >= ROUTES_RADIX) return ROUTE_MASK;
  uint32_t place = find_prefix(t, r->addr, r->mask), hop;
  if (place) *old = t->routes[place - 1];
  if (place && !replace) return ROUTE_EXISTS;
  if (!hash_room(t, &t->by_prefix) || !place_room(t) || !(hop = hop_get(t, r->gw, r->port)))
    return ROUTE_MEMORY;
  if (regular && !trie_insert(t, r->addr, mask_length(r->mask), hop))
    return hop_release(t, hop), ROUTE_MEMORY;
  if (place && t->kind < ROUTES_RADIX) { /* in place */
    hop_release(t, old->hop);
    t->routes[place - 1] = *r;
    t->routes[place - 1].hop = hop;
    if (t->kind == ROUTES_SORTED) routes_sort(t);
    return ROUTE_OK;
  }
  uint32_t to = place_get(t);
  if (place) { /* the new one gets a place of its own */
    hash_remove(t, &t->by_prefix, place - 1);
    hop_release(t, old->hop);
    place_release(t, place);
  }
  t->routes[to - 1] = *r;
  t->routes[to - 1].hop = hop;
  hash_put(&t->by_prefix, hash_of(t, &t->by_prefix, to - 1), to - 1);
  t->by_prefix.used++;
  if (!regular) t->irregular = true;
  if (t->kind <= ROUTES_STATIC && !r->addr && r->mask == 0xffffffff) t->zero_route = to;
  if (t->kind == ROUTES_SORTED) routes_sort(t);
  return ROUTE_OK;
}

static int route_remove(IPRoutes *t, const Route *r, Route *old) {
  uint32_t place = find_prefix(t, r->addr, r->mask);
  if (!place) return ROUTE_MISSING;
  *old = t->routes[place - 1];
  if (r->port >= 0 && (r->gw != old->gw || r->port != old->port)) return ROUTE_MISSING;
  hash_remove(t, &t->by_prefix, place - 1);
  if (mask_regular(r->mask)) {
    uint32_t leaf = 0;
    for (unsigned len = mask_length(r->mask); len-- > 0;) {
      uint32_t m = len ? 0xffffffffu << (32 - len) : 0, up = find_prefix(t, r->addr & m, m);
      if (!up) continue;
      leaf = ROUTE_LEAF(t->routes[up - 1].hop, len);
      break;
    }
    trie_remove(t, r->addr, mask_length(r->mask), leaf);
  }
  hop_release(t, old->hop);
  place_release(t, place);
  if (place == t->zero_route)
    t->zero_route = 0;
  else if (place < t->zero_route) { /* as the reference: 0.0.0.0/32 moves up */
    Route zero = t->routes[t->zero_route - 1];
    uint32_t from = t->zero_route;
    hash_remove(t, &t->by_prefix, from - 1);
    place_release(t, from);
    uint32_t to = place_get(t);
    t->routes[to - 1] = zero;
    hash_put(&t->by_prefix, hash_of(t, &t->by_prefix, to - 1), to - 1);
    t->by_prefix.used++;
    t->zero_route = to;
  }
  t->irregular = false;
  for (uint32_t i = 0; t->kind < ROUTES_RADIX && i < t->nroutes && !t->irregular; i++)
    if (t->routes[i].port >= 0 && !mask_regular(t->routes[i].mask)) t->irregular = true;
  if (t->kind == ROUTES_SORTED) routes_sort(t);
  return ROUTE_OK;
}

static bool routes_reset(IPRoutes *t) {
  nodes_free(t->nodes, t->nodes_room);
  mem_free(t->hops);
  mem_free(t->routes);
  mem_free(t->by_prefix.cells);
  mem_free(t->by_hop.cells);
  bool started = t->started;
  uint8_t kind = t->kind;
  memset((char *)t + sizeof t->base, 0, sizeof *t - sizeof t->base);
  t->started = started;
  t->kind = kind;
  t->nodes_room = t->hops_room = NODE_CHUNK;
  t->nodes_used = t->hops_used = 1;
  t->nodes = nodes_alloc(t->nodes_room);
  t->hops = mem_alloc(t->hops_room * sizeof *t->hops);
  if (!t->nodes || !t->hops) return false;
  t->hops[0].port = -1;
  return true;
}

/* ---- Text
 * -------------------------------------------------------------------------------------------------------- */

static void route_print(const Route *r, bool tabs, Text *out) {
  uint32_t start = out->len, addr = be32(r->addr), mask = be32(r->mask);
  char gap = tabs ? '\t' : ' ';
  if (mask_regular(r->mask))
    text_printf(out, "%pI/%u%c", &addr, mask_length(r->mask), gap);
  else
    text_printf(out, "%pI/%pI%c", &addr, &mask, gap);
  if (tabs && out->len - start < 17) text_add_char(out, '\t');
  start = out->len;
  if (r->gw)
    text_printf(out, "%pI%c", &r->gw, gap);
  else
    text_printf(out, "-%c", gap);
  if (tabs && out->len - start < 9) text_add_char(out, '\t');
  text_printf(out, "%d", (int)r->port);
}

/* "ADDR/MASK [GW|-] PORT"; in removals what follows the prefix may be missing. */
static bool route_parse(const Element *e, const char *s, bool removal, Route *r) {
  char *w[4] = {0};
  IPPrefix net;
  int64_t port = -1;
  unsigned n = split_words(s, NULL, 0), i = 1;
  bool ok = n >= 1 && n <= 3;
  if (ok) split_words(s, w, 3);
  *r = (Route){.port = -1};
  ok = ok && arg_parse_ip_prefix(e, w[0], true, &net);
  if (ok && i < n && (!strcmp(w[i], "-") || arg_parse_ip(e, w[i], &r->gw))) i++;
  if (ok && i < n)
    ok = parse_i64(w[i++], &port) && port >= -1 - 0x7fffffff && port <= 0x7fffffff;
  else
    ok = ok && removal;
  ok = ok && i == n;
  for (i = 0; i < 3; i++) mem_free(w[i]);
  if (!ok) return false;
  r->addr = be32(net.addr & net.mask);
  r->mask = be32(net.mask);
  r->port = (int32_t)port;
  return true;
}

int ip_routes_configure(Element *e, const Args *args, Errors *errs, int kind) {
  IPRoutes *t = (IPRoutes *)e;
  unsigned twice = 0;
  int rc = 0;
  t->kind = (uint8_t)kind;
  if (!routes_reset(t)) return error(errs, "out of memory");
  if (kind == ROUTES_SORTED) warning(errs, "SortedIPLookup is deprecated; use RadixIPLookup instead");
  for (unsigned i = 0; i < args_count(args); i++) {
    Route r, old;
    int k = args_index(args, i);
    if (!route_parse(e, args_text(args, i), false, &r)) {
      rc = arg_error(errs, k, "expected a route 'ADDR/MASK [GATEWAY] OUTPUT', not '%s'", args_text(args, i));
      continue;
    }
    if (r.port < 0 || r.port >= e->noutputs) {
      rc = arg_error(errs, k, "there is no output %d (the element has %d)", (int)r.port, (int)e->noutputs);
      continue;
    }
    int added = route_add(t, &r, false, &old);
    if (added == ROUTE_EXISTS)
      twice++;
    else if (added == ROUTE_MASK)
      rc = arg_error(errs, k, "the mask of a route must be a prefix");
    else if (added)
      return error(errs, "out of memory after %u routes", i);
  }
  if (twice)
    warning(errs, "%u %s ignored: there is an earlier route for the same prefix", twice,
            twice == 1 ? "route" : "routes");
  return rc;
}

void ip_routes_cleanup(Element *e) {
  IPRoutes *t = (IPRoutes *)e;
  if (t->nodes) nodes_free(t->nodes, t->nodes_room);
  mem_free(t->hops);
  mem_free(t->routes);
  mem_free(t->by_prefix.cells);
  mem_free(t->by_hop.cells);
}

__attribute__((noinline)) int ip_routes_no_route(IPRoutes *t, Packet *p) {
  static const char *const who[] = {"LinearIPLookup", "LinearIPLookup", "SortedIPLookup", "IPRouteTable",
                                    NULL};
  if (who[t->kind] && t->complaints < 5) {
    t->complaints++;
    chatter(NULL, "%s: no route for %pI", who[t->kind], p->anno + ANNO_DST_IP);
  }
  return PACKET_DROP;
}

/* ---- Handlers
 * ---------------------------------------------------------------------------------------------------- */

int ip_routes_read_table(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  IPRoutes *t = (IPRoutes *)e;
  (void)h, (void)param, (void)errs;
  for (uint32_t i = 0; i < t->nroutes; i++)
    if (t->routes[i].port >= 0) {
      route_print(&t->routes[i], true, out);
      text_add_char(out, '\n');
    }
  return 0;
}

int ip_routes_read_lookup(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  IPRoutes *t = (IPRoutes *)e;
  uint32_t addr;
  (void)h;
  if (!arg_parse_ip(e, param, &addr)) return error(errs, "expected IP address");
  const RouteHop *hop = ip_routes_lookup(t, be32(addr));
  const Route *r = t->irregular ? ip_routes_search(t, be32(addr)) : NULL;
  uint32_t gw = t->irregular ? (r ? r->gw : 0) : hop->gw;
  text_printf(out, "%d", t->irregular ? (r ? (int)r->port : -1) : (int)hop->port);
  if (gw) text_printf(out, " %pI", &gw);
  return 0;
}

/* One command; what it changed goes to *old: ROUTE_ADD if there was nothing, ROUTE_SET or ROUTE_REMOVE. */
static int route_command(IPRoutes *t, int command, const char *text, Route *route, Route *old, Errors *errs) {
  static const Route none = {.port = -1};
  *old = none;
  if (!route_parse(&t->base, text, command == ROUTE_REMOVE, route))
    return error(errs, "expected '%s', not '%s'",
                 command == ROUTE_REMOVE ? "ADDR/MASK [[GATEWAY] OUTPUT]" : "ADDR/MASK [GATEWAY] OUTPUT",
                 text);
  if (route->port < (command == ROUTE_REMOVE ? -1 : 0) || route->port >= t->base.noutputs)
    return error(errs, "there is no output %d", (int)route->port);
  int rc =
      command == ROUTE_REMOVE ? route_remove(t, route, old) : route_add(t, route, command == ROUTE_SET, old);
  if (!rc) return 0;
  Text shown = {0};
  route_print(rc == ROUTE_EXISTS ? old : route, false, &shown);
  if (rc == ROUTE_EXISTS)
    error(errs, "conflict with existing route '%s'", text_cstr(&shown));
  else if (rc == ROUTE_MISSING)
    error(errs, "route '%s' not found", text_cstr(&shown));
  else if (rc == ROUTE_MASK)
    error(errs, "the mask of route '%s' is not a prefix", text_cstr(&shown));
  else
    error(errs, "no memory to store route '%s'", text_cstr(&shown));
  text_free(&shown);
  return -1;
}

int ip_routes_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  Route route, old;
  return route_command((IPRoutes *)e, (int)h->data, value, &route, &old, errs);
}

typedef struct RouteUndo {
  int command;
  Route route, old;
} RouteUndo;

/* Comments are blanked out, so that a table may be written as in a configuration. */
static void blank_comments(char *s) {
  for (; *s; s++) {
    if (s[0] == '/' && s[1] == '/')
      for (; *s && *s != '\n'; s++) *s = ' ';
    else if (s[0] == '/' && s[1] == '*')
      for (bool end = false; *s && !end; s++) {
        end = s[0] == '*' && s[1] == '/';
        if (end) s[1] = ' ';
        *s = ' ';
      }
    if (!*s) break;
  }
}

int ip_routes_write_ctrl(Element *e, const Handler *h, const char *value, Errors *errs) {
  IPRoutes *t = (IPRoutes *)e;
  RouteUndo *done = NULL;
  uint32_t n = 0, room = 0;
  int rc = 0;
  char *text = mem_string(value, strlen(value)), *line = text, *next;
  (void)h;
  if (!text) return error(errs, "out of memory");
  blank_comments(text);
  for (; !rc && line; line = next) {
    static const char *const names[] = {"add", "set", "remove"};
    int command = 0;
    next = strchr(line, '\n');
    if (next) *next++ = 0;
    while (is_space(*line)) line++;
    if (!*line) continue;
    char *rest = line;
    while (*rest && !is_space(*rest)) rest++;
    if (*rest) *rest++ = 0;
    while (command < 3 && strcmp(line, names[command])) command++;
    if (command == 3) {
      rc = error(errs, "bad command '%s'", line);
      break;
    }
    if (n == room) {
      RouteUndo *grown = mem_resize(done, room * sizeof *done, (room ? 2 * room : 16) * sizeof *done);
      if (!grown) {
        rc = error(errs, "out of memory");
        break;
      }
      done = grown;
      room = room ? 2 * room : 16;
    }
    done[n].command = command;
    rc = route_command(t, command, rest, &done[n].route, &done[n].old, errs);
    if (!rc) n++;
  }
  while (rc && n-- > 0) { /* all or nothing */
    Route ignored;
    if (done[n].old.port >= 0)
      route_add(t, &done[n].old, true, &ignored);
    else
      route_remove(t, &done[n].route, &ignored);
  }
  mem_free(done);
  mem_free(text);
  return rc;
}

int ip_routes_write_flush(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value;
  return routes_reset((IPRoutes *)e) ? 0 : error(errs, "out of memory");
}
