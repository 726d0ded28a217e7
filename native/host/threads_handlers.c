/* threads_handlers.c: handlers of elements that other threads have, and of those that several have. */
#include "threads_group.h"
#include <stdlib.h>

static unsigned threads_of(const Element *e) {
  const PlanElement *pe = (const PlanElement *)(e->router->plan + e->router->header->elements) + e->index;
  return pe->threads ? pe->threads : 1;
}

/* Adds the numbers at the beginning of each line of two texts that otherwise say the same. */
static void add_numbers(Text *sum, Text *more) {
  Text t = {0};
  const char *s = text_cstr(sum), *m = text_cstr(more);
  while (*s && *m) {
    char *a, *b;
    unsigned long long x = strtoull(s, &a, 10), y = strtoull(m, &b, 10);
    if (*a == '.' || *b == '.') {
      double p = strtod(s, &a), q = strtod(m, &b);
      text_printf(&t, "%g", p + q);
    } else
      text_printf(&t, "%*llu", (int)(a - s), x + y);
    s = a, m = b;
    while (*s && *s != '\n') text_add_char(&t, *s++);
    while (*m && *m != '\n') m++;
    if (*s) text_add_char(&t, *s++);
    if (*m) m++;
  }
  text_clear(sum);
  text_add(sum, text_cstr(&t), t.len);
  text_free(&t);
}

int threads_read(Element *x, const Handler *h, const char *param, Text *out, Errors *errs) {
  Engine *engine = x->router->engine;
  ThreadGroup *g = engine->group;
  PacketPool *caller = packet_pool;
  unsigned threads = threads_of(x);
  bool sum = h->flags & HANDLER_SUM;
  int rc = 0;
  Text total = {0}, one = {0};
  group_hold(g, engine->thread);
  for (unsigned t = 0, n = 0; t < g->count && !rc; t++) {
    if (!(threads >> t & 1) || (n && !sum)) continue;
    Router *r = x->router->peers[t];
    if (!r) rc = error(errs, "'%s' has no handlers yet", x->name);
    if (rc) break;
    packet_pool = &r->engine->pool;
    text_clear(&one);
    rc = h->read(r->elements[x->index], h, param, n ? &one : &total, errs);
    if (n && !rc) add_numbers(&total, &one);
    n++;
  }
  packet_pool = caller;
  group_release(g);
  if (!rc) text_add(out, text_cstr(&total), total.len);
  text_free(&total);
  text_free(&one);
  return rc;
}

int threads_write(Element *x, const Handler *h, const char *value, Errors *errs) {
  Engine *engine = x->router->engine;
  ThreadGroup *g = engine->group;
  PacketPool *caller = packet_pool;
  unsigned threads = threads_of(x);
  int rc = 0;
  group_hold(g, engine->thread);
  for (unsigned t = 0; t < g->count && !rc; t++) {
    if (!(threads >> t & 1)) continue;
    Router *r = x->router->peers[t];
    if (!r) rc = error(errs, "'%s' has no handlers yet", x->name);
    if (rc) break;
    packet_pool = &r->engine->pool;
    rc = h->write(r->elements[x->index], h, value, errs);
  }
  packet_pool = caller;
  group_release(g);
  return rc;
}

void threads_stop(Engine *e, int n) {
  ThreadGroup *g = e->group;
  group_hold(g, e->thread);
  Router *first = g->member[0].engine->router;
  if (first) router_adjust_runcount(first, -n);
  group_release(g);
}
