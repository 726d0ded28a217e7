/* engine.c: the engine's life and its one entrance for configurations. */
#include "router.h"
#include <clicklet/platform.h>

Engine *engine_new(const EngineOptions *options) {
  Engine *e = mem_alloc(sizeof *e);
  if (!e) return NULL;
  if (options) e->options = *options;
  e->simulated = e->options.simulated_start_set ? e->options.simulated_start : 1000000000 * NSEC_PER_SEC;
  if (!e->options.simulated_tick) e->options.simulated_tick = 1;
  e->pool.limit = e->options.pool_packets ? e->options.pool_packets : UINT32_MAX;
  uint64_t seed = e->options.simulated_time ? UINT64_C(0x9e3779b97f4a7c15) : platform_entropy();
  for (int i = 0; i < 4; i++) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    e->random_state[i] = (uint32_t)(seed >> 32);
  }
  platform_engine_init(e);
  return e;
}

void engine_free(Engine *e) {
  if (!e) return;
  packet_pool = &e->pool;
  router_free(e->router);
  e->router = NULL;
  platform_engine_cleanup(e);
  mem_free(e->pending_plan);
  mem_free(e->run);
  mem_free(e->timers);
  packet_pool_free(&e->pool);
  packet_pool = NULL;
  mem_free(e);
}

Router *engine_router(Engine *e) { return e->router; }

/* While a new router is tried, the ports of the running one keep their receivers. */
typedef struct PortState {
  NetDevice *device;
  Element *receiver, *sender;
} PortState;

static unsigned ports_save(Engine *e, PortState *s, unsigned max) {
  unsigned n = 0;
  for (NetDevice *d = e->devices; d && n < max; d = d->next) s[n++] = (PortState){d, d->receiver, d->sender};
  return n;
}

static void ports_restore(Engine *e, const PortState *s, unsigned n) {
  for (NetDevice *d = e->devices; d; d = d->next)
    for (unsigned i = 0; i < n; i++)
      if (s[i].device == d) {
        d->receiver = s[i].receiver;
        d->sender = s[i].sender;
      }
}

int engine_install(Engine *e, const void *plan, size_t size, Errors *errs) {
  PacketPool *caller = packet_pool;
  packet_pool = &e->pool;
  e->now_steady = e->options.simulated_time
                      ? e->simulated
                      : platform_clock_steady(); /* for handlers before the first round */
  PortState ports[64];
  unsigned nports = ports_save(e, ports, countof(ports));
  Router *r = router_new(e, plan, size, errs), *old = e->router;
  int rc = r ? router_initialize(r, errs) : -1;
  if (rc) {
    router_free(r);
    ports_restore(e, ports, nports);
  } else {
    for (unsigned i = 0; old && i < r->count; i++) {
      Element *x = r->elements[i], *y = x->class->take_state ? router_find(old, NULL, x->name) : NULL;
      if (y && y->class == x->class && !strcmp(x->name, y->name)) x->class->take_state(x, y);
    }
    e->router = r;
    router_free(old);
  }
  packet_pool = caller;
  return rc;
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

/* xoshiro128++ (Blackman and Vigna, 2019, public domain description). */
uint32_t random_u32(const Element *e) {
  uint32_t *s = e->router->engine->random_state;
  uint32_t sum = s[0] + s[3], result = (sum << 7 | sum >> 25) + s[0], t = s[1] << 9;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = s[3] << 11 | s[3] >> 21;
  return result;
}

void random_seed(const Element *e, uint32_t seed) {
  uint64_t x = seed;
  for (int i = 0; i < 4; i++) {
    x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    e->router->engine->random_state[i] = (uint32_t)(x >> 32) | 1;
  }
}

/* For the platform, which does not see Engine's insides. */
void **engine_platform(Engine *e) { return &e->platform; }
NetDevice **engine_devices(Engine *e) { return &e->devices; }
const char *const *engine_ports(const Engine *e) { return e->options.ports; }
Engine *element_engine(const Element *e) { return e->router->engine; }
