/* engine.c: the engine's life and its one entrance for configurations. */
#include "router.h"
#include <clicklet/platform.h>

/* Additive feedback (Knuth, The Art of Computer Programming, volume 2, 3.2.2; x^31 + x^3 + 1), seeded as
 * random(3) of the C library is: configurations with a RandomSeed get the numbers that they get in the
 * reference, which are these without the last bit. */
static uint32_t engine_random(Engine *e) {
  uint32_t *s = e->random_state, i = e->random_at;
  e->random_at = i == 30 ? 0 : i + 1;
  return s[i] += s[i < 3 ? i + 28 : i - 3];
}

static void engine_seed(Engine *e, uint32_t seed) {
  int64_t x = seed ? (int32_t)seed : 1;
  for (unsigned i = 0; i < countof(e->random_state); i++) {
    e->random_state[i] = (uint32_t)x;
    x = 16807 * x % 2147483647; /* Park and Miller's minimal standard */
    if (x < 0) x += 2147483647;
  }
  e->random_at = 3;
  for (int i = 0; i < 310; i++) engine_random(e);
}

Engine *engine_new(const EngineOptions *options) {
  Engine *e = mem_alloc(sizeof *e);
  if (!e) return NULL;
  if (options) e->options = *options;
  e->simulated = e->options.simulated_start_set ? e->options.simulated_start : 1000000000 * NSEC_PER_SEC;
  if (!e->options.simulated_tick) e->options.simulated_tick = 1;
  e->pool.limit = e->options.pool_packets ? e->options.pool_packets : UINT32_MAX;
  engine_seed(e, e->options.simulated_time ? 1 : (uint32_t)platform_entropy());
  platform_engine_init(e);
  return e;
}

void engine_uninstall(Engine *e) {
  packet_pool = &e->pool;
  engine_discard_next(e);
  router_free(e->router);
  e->router = NULL;
}

void engine_free(Engine *e) {
  if (!e) return;
  engine_uninstall(e);
  platform_engine_cleanup(e);
  mem_free(e->run);
  mem_free(e->timers);
  packet_pool_free(&e->pool);
  packet_pool = NULL;
  mem_free(e);
}

Router *engine_router(Engine *e) { return e->router; }

/* ---- Taking the running configuration's place
 * --------------------------------------------------------------------------------- */

Router *engine_build(Engine *e, const void *plan, size_t size, Errors *errs) {
  e->now_steady =
      e->options.simulated_time ? e->simulated : clock_steady(e); /* for handlers before the first round */
  engine_discard_next(e);
  return router_new(e, plan, size, errs);
}

/* Initialises what shall be `e->next`; the ports go on serving the running router until the elements of the
 * new one have run. */
int engine_start(Engine *e, Router *r, Errors *errs) {
  int rc = router_initialize(r, errs);
  if (rc)
    router_free(r);
  else
    e->next = r;
  return rc;
}

static int prepare(Engine *e, const void *plan, size_t size, Errors *errs) {
  if (e->threads) return e->threads->prepare(e, plan, size, errs);
  Router *r = engine_build(e, plan, size, errs);
  return r ? engine_start(e, r, errs) : -1;
}

void engine_discard_next(Engine *e) {
  router_free(e->next);
  e->next = NULL;
  errors_clear(&e->next_messages);
}

/* State goes over from the running router to the next. */
void engine_hand_over(Engine *e) {
  Router *r = e->next;
  for (unsigned i = 0; e->router && i < r->count; i++) {
    Element *x = r->elements[i];
    if (!x->class->take_state || x->flags & ELEMENT_REMOTE) continue;
    Element *y = element_replaced(x);
    if (y) x->class->take_state(x, y);
  }
}

void engine_switch(Engine *e) {
  Router *old = e->router;
  e->router = e->next;
  e->next = NULL;
  router_free(old);
}

void engine_replace(Engine *e) {
  if (e->threads) {
    e->threads->replace(e);
    return;
  }
  engine_hand_over(e);
  engine_switch(e);
}

Element *element_replaced(const Element *e) {
  const Engine *g = e->router->engine;
  if (!g->router || g->router == e->router) return NULL;
  Element *y = router_find(g->router, NULL, e->name);
  /* Another thread had it. Of several that have it now, the first takes it. */
  for (unsigned t = 0; y && y->flags & ELEMENT_REMOTE && t < THREADS_MAX; t++) {
    if (e->flags & ELEMENT_COPIED && t < g->thread && e->router->peers[t] &&
        !(e->router->peers[t]->elements[e->index]->flags & ELEMENT_REMOTE))
      return NULL;
    if (g->router->peers[t]) y = g->router->peers[t]->elements[y->index];
  }
  return y && y->class == e->class && !strcmp(e->name, y->name) ? y : NULL;
}

int engine_install(Engine *e, const void *plan, size_t size, Errors *errs) {
  if (e->threads) return e->threads->install(e, plan, size, errs);
  PacketPool *caller = packet_pool;
  packet_pool = &e->pool;
  int rc = prepare(e, plan, size, errs);
  if (!rc) engine_replace(e);
  packet_pool = caller;
  return rc;
}

int engine_prepare(Engine *e, const void *plan, size_t size, Errors *errs) {
  Errors messages = {.element = -1};
  int rc = prepare(e, plan, size, &messages);
  if (!rc) {
    e->next_messages = messages;
    return 0;
  }
  if (e->options.refused)
    e->options.refused(e->options.compile_context, &messages, errs);
  else
    error(errs, "%s", messages.count ? messages.records[0].message : "unspecified error");
  errors_clear(&messages);
  return -1;
}

int engine_check(Engine *e, const void *plan, size_t size, Errors *errs) {
  PacketPool *caller = packet_pool;
  packet_pool = &e->pool;
  Router *r = router_new(e, plan, size, errs);
  int rc = r ? router_check(r, errs) : -1;
  router_free(r);
  packet_pool = caller;
  return rc;
}

int engine_read(Engine *e, const char *name, const char *param, Text *out, Errors *errs) {
  if (!e->router) return error(errs, "no configuration is installed");
  PacketPool *caller = packet_pool;
  packet_pool = &e->pool;
  errs->element = -1;
  int rc = handler_call_read(e->router, NULL, name, param, out, errs);
  packet_pool = caller;
  return rc;
}

int engine_write(Engine *e, const char *name, const char *value, Errors *errs) {
  if (!e->router) return error(errs, "no configuration is installed");
  PacketPool *caller = packet_pool;
  packet_pool = &e->pool;
  errs->element = -1;
  int rc = handler_call_write(e->router, NULL, name, value, errs);
  packet_pool = caller;
  return rc;
}

void engine_stats(const Engine *e, EngineStats *out) {
  *out = e->stats;
  out->pool_total = e->pool.total;
  out->pool_free = e->pool.count;
  out->pool_failures = e->pool.failures;
}

uint32_t random_u32(const Element *e) { return engine_random(e->router->engine); }

/* Quotients rather than remainders, which leave out the low bits, as the reference does it. */
uint32_t random_uniform(const Element *e, uint32_t n) {
  if (n <= 1) return 0;
  if (n > 1u << 31) return (uint32_t)((uint64_t)random_u32(e) * n >> 32);
  if (n == 2) return random_u32(e) >> 15 & 1;
  uint32_t each = (1u << 31) / n, r;
  while ((r = random_u32(e) >> 1) >= each * n) {}
  return r / each;
}

void random_seed(const Element *e, uint32_t seed) { engine_seed(e->router->engine, seed); }

/* For the platform, which does not see Engine's insides. */
void **engine_platform(Engine *e) { return &e->platform; }
NetDevice **engine_devices(Engine *e) { return &e->devices; }
const char *const *engine_ports(const Engine *e) { return e->options.ports; }
unsigned thread_count(const Element *e) {
  unsigned n = e->router->engine->options.threads;
  return n ? n : 1;
}
Engine *element_engine(const Element *e) { return e->router->engine; }
