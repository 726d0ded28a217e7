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

/* A prefix of a table like the Internet's: lengths as they are seen there, blocks of the longer ones side by
 * side. */
static uint32_t internet_prefix(unsigned *len) {
  static const struct {
    uint8_t len;
    uint16_t of_1000;
  } lengths[] = {{24, 610}, {23, 100}, {22, 110}, {21, 50}, {20, 45}, {19, 26}, {18, 14},
                 {17, 8},   {16, 14},  {15, 5},   {14, 4},  {13, 3},  {12, 2},  {11, 2},
                 {10, 1},   {8, 1},    {25, 1},   {28, 1},  {29, 1},  {32, 2}};
  static uint32_t last;
  unsigned r = rnd() % 1000, i = 0;
  while (r >= lengths[i].of_1000) r -= lengths[i++].of_1000;
  *len = lengths[i].len;
  if (*len < 20 || rnd() % 4 == 0) {
    last = (1u << 24) + rnd() % (222u << 24);
    if (rnd() % 8) last = (last & 0xff00ffffu) | (rnd() % 176) << 16; /* some blocks are used less */
  } else
    last += 1u << (32 - *len);
  return last & 0xffffffffu << (32 - *len);
}

static double since(int64_t *start, double n) {
  int64_t now = cpu_time();
  double ns = (double)(now - *start) / n;
  *start = now;
  return ns;
}

enum { SLICE = 1 << 18, SLICES = 64 };

/* Of its own, so that callgrind counts what lookups take: its instructions / its calls / SLICE. */
__attribute__((noinline)) static uint32_t lookup_all(const IPRoutes *t, const uint32_t *addrs) {
  uint32_t sum = 0;
  for (unsigned i = 0; i < SLICE; i++) sum += (uint32_t)ip_routes_lookup(t, addrs[i])->port;
  return sum;
}

static double median(double *ns) {
  for (unsigned i = 1; i < SLICES; i++)
    for (unsigned k = i; k > 0 && ns[k] < ns[k - 1]; k--) {
      double swap = ns[k];
      ns[k] = ns[k - 1];
      ns[k - 1] = swap;
    }
  return ns[SLICES / 2];
}

/* Lookups of addresses anywhere, then of addresses within routes: the median of many slices, each first one
 * by one, then in batches, then so that each has to wait for the one before it. */
static void speed(unsigned n) {
  enum { UPDATES = 200000 };
  IPRoutes *t = make(ROUTES_RADIX);
  int64_t clock = cpu_time();
  for (unsigned len; t->nroutes < n;) {
    uint32_t addr = internet_prefix(&len);
    write_route(t, &set, addr, len, rnd() % 50, (int)(rnd() % 8));
  }
  double adding = since(&clock, n);
  printf("%u prefixes: %.0f ns to add one, lookup structure %.2f MB (%.1f bytes a prefix)\n", t->nroutes,
         adding, (double)ip_trie_bytes(&t->trie) / 1e6, (double)ip_trie_bytes(&t->trie) / n);
  static uint32_t addrs[SLICE];
  static double each[SLICES], batched[SLICES], chained[SLICES];
  uint32_t sum = 0, chain = 0;
  for (int routed = 0; routed < 2; routed++) {
    for (unsigned slice = 0; slice < SLICES; slice++) {
      for (unsigned i = 0; i < SLICE; i++) {
        const Route *r = &t->routes[rnd() % t->nroutes];
        addrs[i] = routed ? r->addr | (rnd() & ~r->mask) : rnd();
      }
      clock = cpu_time();
      sum += lookup_all(t, addrs);
      each[slice] = since(&clock, SLICE);
      for (unsigned i = 0; i < SLICE; i += 32) {
        uint32_t batch[32];
        memcpy(batch, addrs + i, sizeof batch);
        ip_trie_lookup_batch(&t->trie, batch, 32);
        for (unsigned k = 0; k < 32; k++) sum += (uint32_t)t->hops[batch[k]].port;
      }
      batched[slice] = since(&clock, SLICE);
      for (unsigned i = 0; i < SLICE; i++)
        chain = (uint32_t)ip_routes_lookup(t, addrs[i] ^ (chain & 256))->port & 256;
      chained[slice] = since(&clock, SLICE);
    }
    printf("%s addresses: %.1f ns a lookup, %.1f ns in batches of 32, %.1f ns where each waits for the one "
           "before\n",
           routed ? "routed" : "random", median(each), median(batched), median(chained));
    sum += chain;
  }
  clock = cpu_time();
  for (unsigned i = 0; i < UPDATES; i++) {
    Route r = t->routes[rnd() % t->nroutes], old;
    if (r.port < 0) continue;
    ip_routes_remove(t, &r, &old);
    ip_routes_add(t, &r, false, &old);
  }
  printf("withdrawing and announcing a prefix: %.0f ns%s\n", since(&clock, UPDATES), sum == 1 ? " " : "");
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "--speed")) return speed(argc > 2 ? (unsigned)atoi(argv[2]) : 1000000), 0;
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
  if (argc > 2) state = (uint64_t)atoll(argv[2]);
  unsigned packed = 0;
  for (unsigned round = 0; round < rounds; round++) {
    int kind = (int)(round % 5 == 2 ? ROUTES_RADIX : round % 5);            /* SORTED is slow */
    bool large = round % 8 == 3;                                            /* enough to be packed */
    unsigned steps = large ? 3000 : 400, span = large ? 64 : 1 + rnd() % 3; /* close together: they meet */
    IPRoutes *t = make(kind);
    for (unsigned i = 0; i < steps; i++) {
      unsigned len = random_length();
      uint32_t addr = 0x0a000000u | ((rnd() % span) << 22) | (rnd() & 0x3ffff);
      addr = len ? addr & 0xffffffffu << (32 - len) : 0;
      bool grow = large && i < steps / 2;
      const Handler *h = rnd() % (grow ? 9 : 3) ? (rnd() % 2 ? &add : &set) : &drop;
      if (h == &drop && t->nroutes) { /* mostly routes that exist */
        Route *r = &t->routes[rnd() % t->nroutes];
        if (r->port >= 0) addr = r->addr, len = (unsigned)__builtin_popcount(r->mask);
      }
      write_route(t, h, addr, len, rnd() % 4, (int)(rnd() % 8));
      uint32_t found[20];
      for (unsigned k = 0; k < 20 && (!large || i % 64 == 0); k++) {
        uint32_t a = 0x0a000000u | ((rnd() % span) << 22) | (rnd() & 0x3ffff);
        if (!(rnd() % 8)) a = rnd();
        found[k] = a;
        const Route *want = ip_routes_search(t, a);
        const RouteHop *got = ip_routes_lookup(t, a);
        ip_trie_lookup_batch(&t->trie, found, k + 1);
        if ((want ? want->port : -1) != got->port || (want && want->gw != got->gw) ||
            &t->hops[found[k]] != got)
          return printf("FAIL round %u step %u: %08x\n", round, i, a), 1;
      }
    }
    packed += t->trie.packed;
    ip_routes_cleanup(&t->base);
    free(t);
  }
  if (rounds >= 8 && !packed) return printf("FAIL no table was packed\n"), 1;
  printf("SUCCESS %u rounds, %u with a packed table\n", rounds, packed);
  return 0;
}
