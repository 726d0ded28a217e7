/* iproutes.h: the IPv4 routing table that all IP lookup elements share.
 *
 * A trie of 256-way nodes, allocated where routes need them, so that a handful of routes takes a few
 * kilobytes and a lookup is one to four dependent loads. An entry is a child node, or a leaf: the index of a
 * (gateway, port) pair and the length of the prefix it came from. Leaves are pushed down: where a node
 * exists, it says all about its range. Beside the trie there is the list of routes, in the order in which
 * `table` shows them, and a hash over it.
 */
#ifndef CLICKLET_ELEMENTS_IPROUTES_H
#define CLICKLET_ELEMENTS_IPROUTES_H
#include "ip.h"

#define ROUTE_CHILD 0x80000000u
#define ROUTE_HOP_BITS 25
#define ROUTE_HOP(entry) ((entry) & ((1u << ROUTE_HOP_BITS) - 1))
#define ROUTE_LEN(entry) ((entry) >> ROUTE_HOP_BITS)
#define ROUTE_LEAF(hop, len) ((hop) | (uint32_t)(len) << ROUTE_HOP_BITS)

typedef uint32_t RouteNode[256];

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
  RouteNode *nodes; /* the first is the root */
  RouteHop *hops;   /* the first says: no route */
  bool irregular;   /* some mask is not a prefix: lookups then go through the list */
  uint8_t kind;
  uint8_t complaints;
  bool started;
  uint32_t nodes_used, nodes_room, node_free; /* free nodes are chained by their first entry */
  uint32_t hops_used, hops_room, hop_free;
  Route *routes;
  uint32_t nroutes, routes_room, route_free; /* route_free: latest freed place + 1 */
  uint32_t zero_route;                       /* LINEAR: place + 1 of 0.0.0.0/32 */
  RouteHash by_prefix, by_hop;
} IPRoutes;

int ip_routes_configure(Element *e, const Args *args, Errors *errs, int kind);
void ip_routes_cleanup(Element *e);
int ip_routes_no_route(IPRoutes *t, Packet *p);
const Route *ip_routes_search(const IPRoutes *t,
                              uint32_t addr); /* through the list; host order; NULL if none */
int ip_routes_read_table(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int ip_routes_read_lookup(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int ip_routes_write(Element *e, const Handler *h, const char *value, Errors *errs);
int ip_routes_write_ctrl(Element *e, const Handler *h, const char *value, Errors *errs);
int ip_routes_write_flush(Element *e, const Handler *h, const char *value, Errors *errs);
enum { ROUTE_ADD, ROUTE_SET, ROUTE_REMOVE };

/* addr in host order. */
always_inline const RouteHop *ip_routes_lookup(const IPRoutes *t, uint32_t addr) {
  uint32_t entry = t->nodes[0][addr >> 24];
  if (entry & ROUTE_CHILD) {
    entry = t->nodes[entry & ~ROUTE_CHILD][addr >> 16 & 255];
    if (entry & ROUTE_CHILD) {
      entry = t->nodes[entry & ~ROUTE_CHILD][addr >> 8 & 255];
      if (entry & ROUTE_CHILD) entry = t->nodes[entry & ~ROUTE_CHILD][addr & 255];
    }
  }
  return &t->hops[ROUTE_HOP(entry)];
}

static inline int ip_route(IPRoutes *t, Packet *p) {
  uint32_t gw;
  int port;
  if (unlikely(t->irregular)) {
    const Route *r = ip_routes_search(t, be32(packet_dst_ip(p)));
    if (!r) return ip_routes_no_route(t, p);
    gw = r->gw;
    port = r->port;
  } else {
    const RouteHop *hop = ip_routes_lookup(t, be32(packet_dst_ip(p)));
    gw = hop->gw;
    port = hop->port;
    if (unlikely(port < 0)) return ip_routes_no_route(t, p);
  }
  if (gw) packet_set_dst_ip(p, gw);
  return port;
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
  ELEMENT(T, .ports = "1/-", .processing = "h/h", USE_ACTION(T, action_##T), .configure = configure_##T,     \
          .initialize = initialize_##T, .cleanup = ip_routes_cleanup, .args = ARGS(ARG_ALL_REST("ROUTE")),   \
          .handlers = HANDLERS(__VA_ARGS__))

#endif
