/* The routing table against a search through its own list, while random routes come and go; and its speed.
 * Usage: test-iproutes [ROUNDS [SEED]] | test-iproutes --speed [PREFIXES] */
#include "../../elements/ip/iproutes.h"
#include <clicklet/engine.h>
#include <clicklet/platform.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* CPU time: the machine may be busy with other things. */
static int64_t cpu_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static uint64_t state = 1;
static uint32_t rnd(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 32);
}

static const Handler add = {.data = ROUTE_ADD}, set = {.data = ROUTE_SET}, drop = {.data = ROUTE_REMOVE};

static int write_route(IPRoutes *t, const Handler *h, uint32_t addr, unsigned len, uint32_t gw, int port) {
  char text[80];
  Errors errs = {.element = -1, .silent = true};
  uint32_t a = be32(addr);
  int n = (int)format_into(text, sizeof text, "%pI/%u", &a, len);
  if (h != &drop) format_into(text + n, sizeof text - (size_t)n, " %pI %d", &gw, port);
  return ip_routes_write(&t->base, h, text, &errs);
}

static IPRoutes *make(int kind) {
  static const ElementClass class;
  IPRoutes *t = calloc(1, sizeof *t);
  Errors errs = {.element = -1};
  t->base.class = &class;
  t->base.noutputs = 100;
  t->base.name = "t";
  t->kind = (uint8_t)kind;
  if (ip_routes_write_flush(&t->base, &add, "", &errs) < 0) abort();
  return t;
}

static unsigned random_length(void) {
  static const uint8_t common[] = {24, 24, 24, 24, 23, 22, 20, 19, 16, 16, 8, 32, 25, 28, 0, 12};
  return rnd() % 4 ? common[rnd() % sizeof common] : rnd() % 33;
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--speed")) {
    unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 1000000;
    IPRoutes *t = make(ROUTES_RADIX);
    int64_t start = cpu_time();
    for (unsigned i = 0; i < n; i++) {
      unsigned len = random_length();
      if (n > 1000 && len < 16) len = 24; /* as on the Internet: few short ones */
      uint32_t addr = rnd() % (224u << 24);
      write_route(t, &set, len ? addr & 0xffffffffu << (32 - len) : 0, len, rnd() % 50, (int)(rnd() % 8));
    }
    int64_t made = cpu_time();
    uint32_t seen = 0, chain = 0;
    enum { LOOKUPS = 20000000 };
    for (unsigned i = 0; i < LOOKUPS; i++) seen += (uint32_t)ip_routes_lookup(t, rnd())->port;
    int64_t done = cpu_time();
    for (unsigned i = 0; i < LOOKUPS; i++) seen += rnd();
    int64_t empty = cpu_time();
    for (unsigned i = 0; i < LOOKUPS / 10; i++)
      chain = (uint32_t)ip_routes_lookup(t, rnd() ^ (chain & 1))->port;
    int64_t chained = cpu_time();
    printf("%u prefixes: %.0f ns each to add, trie %.1f MB; lookup of random addresses %.1f ns (%.1f ns one "
           "after the other) %u\n",
           t->nroutes, (double)(made - start) / n, t->nodes_room / 1024.,
           (double)(done - made - (empty - done)) / LOOKUPS,
           (double)(chained - empty) / (LOOKUPS / 10) - (double)(empty - done) / LOOKUPS, (seen + chain) & 1);
    return 0;
  }
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
  if (argc > 2) state = (uint64_t)atoll(argv[2]);
  for (unsigned round = 0; round < rounds; round++) {
    IPRoutes *t = make((int)(round % 5 == 2 ? ROUTES_RADIX : round % 5)); /* SORTED is slow: fewer steps */
    unsigned steps = 400, span = 1 + rnd() % 3;
    for (unsigned i = 0; i < steps; i++) {
      unsigned len = random_length();
      uint32_t addr =
          0x0a000000u | ((rnd() % span) << 22) | (rnd() & 0x3ffff); /* close together, so that they meet */
      addr = len ? addr & 0xffffffffu << (32 - len) : 0;
      const Handler *h = rnd() % 3 ? (rnd() % 2 ? &add : &set) : &drop;
      if (h == &drop && t->nroutes) { /* mostly routes that exist */
        Route *r = &t->routes[rnd() % t->nroutes];
        if (r->port >= 0) addr = r->addr, len = (unsigned)__builtin_popcount(r->mask);
      }
      write_route(t, h, addr, len, rnd() % 4, (int)(rnd() % 8));
      for (unsigned k = 0; k < 20; k++) {
        uint32_t a = 0x0a000000u | ((rnd() % span) << 22) | (rnd() & 0x3ffff);
        if (!(rnd() % 8)) a = rnd();
        const Route *want = ip_routes_search(t, a);
        const RouteHop *got = ip_routes_lookup(t, a);
        if ((want ? want->port : -1) != got->port || (want && want->gw != got->gw))
          return printf("FAIL round %u step %u: %08x\n", round, i, a), 1;
      }
    }
    ip_routes_cleanup(&t->base);
    free(t);
  }
  printf("SUCCESS %u rounds\n", rounds);
  return 0;
}
