/* iproutes.c: changing the routing table of iproutes.h. */
#include "iproutes.h"

#define HOPS_AT_FIRST 8

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
      RouteHop *grown = room > 1u << TRIE_VALUE_BITS
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

/* ---- Routes
 * ------------------------------------------------------------------------------------------------------ */

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

int ip_routes_add(IPRoutes *t, const Route *r, bool replace, Route *old) {
  t->version++;
  bool regular = route_mask_regular(r->mask);
  if (!regular && t->kind >= ROUTES_RADIX) return ROUTE_MASK;
  uint32_t place = find_prefix(t, r->addr, r->mask), hop;
  if (place) *old = t->routes[place - 1];
  if (place && !replace) return ROUTE_EXISTS;
  if (!hash_room(t, &t->by_prefix) || !place_room(t) || !(hop = hop_get(t, r->gw, r->port)))
    return ROUTE_MEMORY;
  if (regular && !ip_trie_insert(&t->trie, r->addr, mask_length(r->mask), hop))
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
  if (!regular && !place) t->irregular++;
  if (t->kind <= ROUTES_STATIC && !r->addr && r->mask == 0xffffffff) t->zero_route = to;
  if (t->kind == ROUTES_SORTED) routes_sort(t);
  return ROUTE_OK;
}

int ip_routes_remove(IPRoutes *t, const Route *r, Route *old) {
  t->version++;
  uint32_t place = find_prefix(t, r->addr, r->mask);
  if (!place) return ROUTE_MISSING;
  *old = t->routes[place - 1];
  if (r->port >= 0 && (r->gw != old->gw || r->port != old->port)) return ROUTE_MISSING;
  if (route_mask_regular(r->mask)) {
    uint32_t leaf = 0;
    for (unsigned len = mask_length(r->mask); len-- > 0;) {
      uint32_t m = len ? 0xffffffffu << (32 - len) : 0, up = find_prefix(t, r->addr & m, m);
      if (!up) continue;
      leaf = TRIE_LEAF(t->routes[up - 1].hop, len);
      break;
    }
    if (!ip_trie_remove(&t->trie, r->addr, mask_length(r->mask), leaf)) return ROUTE_MEMORY;
  } else
    t->irregular--;
  hash_remove(t, &t->by_prefix, place - 1);
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
  if (t->kind == ROUTES_SORTED) routes_sort(t);
  return ROUTE_OK;
}

void ip_routes_free(IPRoutes *t) {
  ip_trie_free(&t->trie);
  mem_free(t->hops);
  mem_free(t->routes);
  mem_free(t->by_prefix.cells);
  mem_free(t->by_hop.cells);
}

bool ip_routes_reset(IPRoutes *t) {
  t->version++;
  bool started = t->started;
  uint8_t kind = t->kind;
  ip_routes_free(t);
  memset((char *)t + sizeof t->base, 0, sizeof *t - sizeof t->base);
  t->started = started;
  t->kind = kind;
  t->hops_room = HOPS_AT_FIRST;
  t->hops_used = 1;
  t->hops = mem_alloc(t->hops_room * sizeof *t->hops);
  if (!t->hops || !ip_trie_init(&t->trie)) return false;
  t->hops[0].port = -1;
  return true;
}
