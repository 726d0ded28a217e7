/* iproutes_text.c: routes as text (arguments, handlers) and what the lookup elements do with packets without
 * one. */
#include "iproutes.h"

static void route_print(const Route *r, bool tabs, Text *out) {
  uint32_t start = out->len, addr = be32(r->addr), mask = be32(r->mask);
  char gap = tabs ? '\t' : ' ';
  if (route_mask_regular(r->mask))
    text_printf(out, "%pI/%u%c", &addr, (unsigned)__builtin_popcount(r->mask), gap);
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
  /* A number is the output: it need not be looked for among the names of addresses and devices, which takes
   * longer than all the rest. */
  if (ok && i < n && !parse_i64(w[i], &port) && (!strcmp(w[i], "-") || arg_parse_ip(e, w[i], &r->gw))) i++;
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
  if (!ip_routes_reset(t)) return error(errs, "out of memory");
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
    int added = ip_routes_add(t, &r, false, &old);
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

void ip_routes_cleanup(Element *e) { ip_routes_free((IPRoutes *)e); }

__attribute__((noinline)) int ip_routes_no_route(IPRoutes *t, Packet *p) {
  static const char *const who[] = {"LinearIPLookup", "LinearIPLookup", "SortedIPLookup", "IPRouteTable",
                                    NULL};
  if (who[t->kind] && t->complaints < 5) {
    t->complaints++;
    chatter(NULL, "%s: no route for %pI", who[t->kind], p->anno + ANNO_DST_IP);
  }
  return PACKET_DROP;
}

int ip_route_irregular(IPRoutes *t, Packet *p) {
  const Route *r = ip_routes_search(t, be32(packet_dst_ip(p)));
  if (!r) return ip_routes_no_route(t, p);
  if (r->gw) packet_set_dst_ip(p, r->gw);
  return r->port;
}

/* Batches: the loads of all lookups overlap. */
void ip_routes_push(Element *e, int port, Packet **p, unsigned n) {
  IPRoutes *t = (IPRoutes *)e;
  int16_t outs[BATCH_MAX];
  uint32_t found[BATCH_MAX];
  int mixed = 0;
  (void)port;
  outs[0] = PACKET_DROP;
  if (!t->irregular) {
    for (unsigned i = 0; i < n; i++) found[i] = be32(packet_dst_ip(p[i]));
    ip_trie_lookup_batch(&t->trie, found, n);
  }
  for (unsigned i = 0; i < n; i++) {
    outs[i] =
        (int16_t)(t->irregular ? ip_route_irregular(t, p[i]) : ip_route_to(t, p[i], &t->hops[found[i]]));
    mixed |= outs[i] ^ outs[0];
  }
  if (likely(!mixed && outs[0] >= 0))
    output_push_batch(e, outs[0], p, n);
  else
    scatter(e, p, outs, n);
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
  int rc = command == ROUTE_REMOVE ? ip_routes_remove(t, route, old)
                                   : ip_routes_add(t, route, command == ROUTE_SET, old);
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
      ip_routes_add(t, &done[n].old, true, &ignored);
    else
      ip_routes_remove(t, &done[n].route, &ignored);
  }
  mem_free(done);
  mem_free(text);
  return rc;
}

int ip_routes_write_flush(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value;
  return ip_routes_reset((IPRoutes *)e) ? 0 : error(errs, "out of memory");
}
