/* iproutes.h: the IPv4 routing table that all IP lookup elements share.
 *
 * A trie (iptrie.h) that gives the index of a (gateway, port) pair. Beside it there is the list of routes, in
 * the order in which `table` shows them, and a hash over it.
 */
#ifndef CLICKLET_ELEMENTS_IPROUTES_H
#define CLICKLET_ELEMENTS_IPROUTES_H
#include "ip.h"
#include "iptrie.h"

typedef struct RouteHop {
  uint32_t gw;   /* network order, 0: none */
  int32_t port;  /* -1: no route */
  uint32_t refs; /* routes that use it */
  uint32_t next_free;
} RouteHop;

typedef struct Route {
  uint32_t addr, mask; /* host order */
  uint32_t gw;         /* network order, 0: none */
  int32_t port;        /* -1: the place is free */
  uint32_t hop;        /* while in the table; else the next free place */
} Route;

typedef struct RouteHash { /* open addressing; a cell holds index + 1 */
  uint32_t *cells;
  uint32_t size, used;
} RouteHash;

/* What the reference's classes differ in. */
enum { ROUTES_LINEAR, ROUTES_STATIC, ROUTES_SORTED, ROUTES_RADIX, ROUTES_DIRECT };

typedef struct IPRoutes {
  Element base;
  IPTrie trie;    /* of indices of hops */
  RouteHop *hops; /* the first says: no route */
  uint8_t kind;
  uint8_t complaints;
  bool started;
  uint32_t version;   /* counts changes */
  uint32_t irregular; /* routes whose mask is no prefix: lookups then go through the list */
  uint32_t hops_used, hops_room, hop_free;
  Route *routes;
  uint32_t nroutes, routes_room, route_free; /* route_free: latest freed place + 1 */
  uint32_t zero_route;                       /* LINEAR: place + 1 of 0.0.0.0/32 */
  RouteHash by_prefix, by_hop;
} IPRoutes;

enum { ROUTE_OK = 0, ROUTE_EXISTS = -2, ROUTE_MISSING = -3, ROUTE_MEMORY = -4, ROUTE_MASK = -5 };

/* The table. Where there was a route for the prefix, it goes to *old. */
bool ip_routes_reset(IPRoutes *t); /* no routes; false when memory is out */
void ip_routes_free(IPRoutes *t);
int ip_routes_add(IPRoutes *t, const Route *r, bool replace, Route *old);
int ip_routes_remove(IPRoutes *t, const Route *r,
                     Route *old); /* r->port < 0: whatever its gateway and port */
/* Through the list, for tables with masks that are no prefixes; host order; NULL if there is none. */
const Route *ip_routes_search(const IPRoutes *t, uint32_t addr);
always_inline bool route_mask_regular(uint32_t mask) { return !(~mask & (~mask + 1)); }

/* The elements. */
int ip_routes_configure(Element *e, const Args *args, Errors *errs, int kind);
void ip_routes_cleanup(Element *e);
bool ip_routes_specialise(Element *e, Text *out);
void ip_routes_push(Element *e, int port, Packet **p, unsigned n);
int ip_routes_no_route(IPRoutes *t, Packet *p);
int ip_routes_read_table(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int ip_routes_read_lookup(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int ip_routes_write(Element *e, const Handler *h, const char *value, Errors *errs);
int ip_routes_write_ctrl(Element *e, const Handler *h, const char *value, Errors *errs);
int ip_routes_write_flush(Element *e, const Handler *h, const char *value, Errors *errs);
enum { ROUTE_ADD, ROUTE_SET, ROUTE_REMOVE };

/* addr in host order. */
always_inline const RouteHop *ip_routes_lookup(const IPRoutes *t, uint32_t addr) {
  return &t->hops[ip_trie_lookup(&t->trie, addr)];
}

always_inline int ip_route_to(IPRoutes *t, Packet *p, const RouteHop *hop) {
  int port = hop->port;
  if (unlikely(port < 0)) return ip_routes_no_route(t, p);
  if (hop->gw) packet_set_dst_ip(p, hop->gw);
  return port;
}
int ip_route_irregular(IPRoutes *t, Packet *p);
static inline int ip_route(IPRoutes *t, Packet *p) {
  if (unlikely(t->irregular)) return ip_route_irregular(t, p);
  return ip_route_to(t, p, ip_routes_lookup(t, be32(packet_dst_ip(p))));
}

#define IP_ROUTES_READ                                                                                       \
  READ_FN("table", ip_routes_read_table, .flags = HANDLER_READ | HANDLER_EXPENSIVE),                         \
      READ_PARAM_FN("lookup", ip_routes_read_lookup)
#define IP_ROUTES_WRITE                                                                                      \
  WRITE_FN("add", ip_routes_write, .data = ROUTE_ADD), WRITE_FN("set", ip_routes_write, .data = ROUTE_SET),  \
      WRITE_FN("remove", ip_routes_write, .data = ROUTE_REMOVE), WRITE_FN("ctrl", ip_routes_write_ctrl)
#define IP_ROUTES_FLUSH WRITE_FN("flush", ip_routes_write_flush, .flags = HANDLER_WRITE | HANDLER_BUTTON)

/* Registers a class; the rest of its file is documentation. */
#define IP_ROUTES_ELEMENT(T, KIND, ...)                                                                      \
  typedef IPRoutes T;                                                                                        \
  static inline int action_##T(T *e, Packet *p) { return ip_route(e, p); }                                   \
  ACTION(T, action_##T)                                                                                      \
  static int configure_##T(Element *e, const Args *args, Errors *errs) {                                     \
    return ip_routes_configure(e, args, errs, KIND);                                                         \
  }                                                                                                          \
  static int initialize_##T(Element *e, Errors *errs) {                                                      \
    return (void)errs, ((IPRoutes *)e)->started = true, 0;                                                   \
  }                                                                                                          \
  ELEMENT(T, .per_thread = true, .ports = "1/-", .processing = "h/h", USE_ACTION(T, action_##T),             \
          .push = ip_routes_push, .batched = true, .specialise = ip_routes_specialise,                       \
          .configure = configure_##T, .initialize = initialize_##T, .cleanup = ip_routes_cleanup,            \
          .args = ARGS(ARG_ALL_REST("ROUTE")), .handlers = HANDLERS(__VA_ARGS__))

#endif
