/* IPFilter's rules, compiled to one decision graph, against trying them one by one on packets of all lengths;
 * and what many rules cost. Usage: test-ipfilter [ROUNDS [SEED]] | test-ipfilter --speed [RULES
 * [tuples|acl|hosts|firewall [SEED]]] | test-ipfilter --rules RULES KIND [SEED]       writes them as
 * arguments of IPFilter
 */
#include "../../elements/ip/ipfilter.h"
#include <core/router.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state = 1;
static uint32_t rnd(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return below ? (uint32_t)(state >> 33) % below : (uint32_t)(state >> 32);
}
static uint32_t any32(void) { return rnd(0); }

/* CPU time: the machine may be busy with other things. */
static double cpu_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- Rules ---- */

typedef struct Made { /* what a packet for the rule needs */
  uint32_t net[2];
  uint8_t len[2], proto;
  int32_t port[2];
} Made;

static uint32_t sites[256];
static unsigned nsites;

static void net_text(char *out, size_t size, const char *side, uint32_t *addr, unsigned len) {
  if (len < 32) *addr &= len ? ~UINT32_C(0) << (32 - len) : 0;
  snprintf(out, size, "%s net %u.%u.%u.%u/%u", side, *addr >> 24, *addr >> 16 & 255, *addr >> 8 & 255,
           *addr & 255, len);
}

/* One rule without its action. `last`: the last of the list. */
static void make_rule(char *out, size_t size, const char *kind, Made *m, bool last) {
  static const uint16_t services[] = {22,  25,  53,  80,  110,  123,  143,  161,
                                      389, 443, 445, 993, 1433, 3306, 5432, 8080};
  char src[64] = "", dst[64] = "", rest[64] = "";
  *m = (Made){.port = {-1, -1}};
  if (!strcmp(kind, "hosts")) { /* one source address each */
    m->net[0] = any32();
    m->len[0] = 32;
    net_text(src, sizeof src, "src", &m->net[0], 32);
  } else if (!strcmp(kind, "tuples")) { /* random 5-tuples */
    for (int i = 0; i < 2; i++) m->net[i] = any32(), m->len[i] = (uint8_t)(16 + rnd(17));
    net_text(src, sizeof src, "src", &m->net[0], m->len[0]);
    net_text(dst, sizeof dst, " && dst", &m->net[1], m->len[1]);
    m->proto = rnd(2) ? 6 : 17;
    m->port[1] = (int32_t)rnd(65536);
    if (rnd(2)) m->port[0] = (int32_t)rnd(65536);
    int n = snprintf(rest, sizeof rest, " && %s dst port %d", m->proto == 6 ? "tcp" : "udp", m->port[1]);
    if (m->port[0] >= 0) snprintf(rest + n, sizeof rest - (size_t)n, " && src port %d", m->port[0]);
  } else { /* as access lists and, with more left open, firewalls are: some sites, many rules for each */
    bool open = !strcmp(kind, "firewall");
    static const uint8_t lengths[] = {16, 20, 24, 24, 28, 30, 32, 32};
    if (last) {
      snprintf(out, size, "all");
      return;
    }
    const char *join = "";
    for (int i = 0; i < 2; i++) {
      m->len[i] = lengths[rnd(8)];
      m->net[i] = sites[rnd(nsites)] + rnd(65536);
      if (rnd(10) >= (open ? 5u : i ? 9u : 7u)) {
        m->len[i] = 0;
        continue;
      }
      net_text(i ? dst : src, sizeof src, i ? "dst" : "src", &m->net[i], m->len[i]);
      if (i && *src) {
        memmove(dst + 4, dst, strlen(dst) + 1);
        memcpy(dst, " && ", 4);
      }
      join = " && ";
    }
    m->proto = (uint8_t[]){6, 6, 6, 17, 17, 1, 0}[rnd(*join ? 7 : 6)];
    const char *name = m->proto == 6 ? "tcp" : "udp";
    if (m->proto == 1)
      snprintf(rest, sizeof rest, "%s%s", join, rnd(2) ? "icmp" : "icmp type echo");
    else if (m->proto) {
      m->port[1] = rnd(8) ? services[rnd(16)] : (int32_t)(1024 + rnd(60000));
      unsigned what = rnd(12);
      if (what == 0)
        snprintf(rest, sizeof rest, "%s%s dst port > 1023", join, name);
      else if (what == 1)
        snprintf(rest, sizeof rest, "%s%s dst port %d or %d", join, name, m->port[1], m->port[1] + 1);
      else if (what == 2)
        snprintf(rest, sizeof rest, "%s%s", join, name);
      else
        snprintf(rest, sizeof rest, "%s%s dst port %d", join, name, m->port[1]);
    }
  }
  snprintf(out, size, "%s%s%s", src, dst, rest);
}

static void make_sites(uint32_t rules) {
  for (nsites = 4; nsites < countof(sites) && nsites * nsites < rules; nsites++) {}
  for (unsigned i = 0; i < nsites; i++) sites[i] = any32();
}

/* ---- Odd rules, for the comparison ---- */

static void odd_rule(char *out, size_t size, unsigned depth) {
  static const char *const tests[] = {"ip frag",
                                      "ip unfrag",
                                      "tcp",
                                      "udp",
                                      "icmp",
                                      "tcp opt syn",
                                      "tcp opt ack",
                                      "not tcp opt fin",
                                      "ip ttl > 64",
                                      "ip ttl 1",
                                      "dst port > 1023",
                                      "src port < 7",
                                      "dst port != 5",
                                      "not dst port 5",
                                      "ip tos 4",
                                      "ip dscp 1",
                                      "icmp type echo",
                                      "icmp type 3",
                                      "ip[9] & 2 != 0",
                                      "ip proto > 6",
                                      "tcp win > 100",
                                      "ip hl 5",
                                      "true",
                                      "false",
                                      "port 5",
                                      "host 10.0.0.1",
                                      "net 10.0.0.0/30",
                                      "src and dst net 10.0.0.0/29",
                                      "transp[4:2] 8",
                                      "ip id 0x100",
                                      "src port & 0xff00 == 0x100",
                                      "dst port >= 3 and dst port <= 6",
                                      "ip len < 40",
                                      "ip vers 4",
                                      "ip ce"};
  char a[300], b[300];
  switch (depth ? rnd(8) : 7) {
  case 0:
    odd_rule(a, sizeof a, depth - 1);
    odd_rule(b, sizeof b, depth - 1);
    snprintf(out, size, "(%s) or (%s)", a, b);
    return;
  case 1:
  case 2:
    odd_rule(a, sizeof a, depth - 1);
    odd_rule(b, sizeof b, depth - 1);
    snprintf(out, size, "(%s) and (%s)", a, b);
    return;
  case 3:
    odd_rule(a, sizeof a, depth - 1);
    snprintf(out, size, "not (%s)", a);
    return;
  case 4:
    odd_rule(a, sizeof a, depth - 1);
    odd_rule(b, sizeof b, depth - 1);
    snprintf(out, size, "(%s) ? (%s) : src net 10.0.0.%u/%u", a, b, rnd(8), 29 + rnd(4));
    return;
  case 5:
    snprintf(out, size, "dst port %u or %u or %u", rnd(8), rnd(8), rnd(8));
    return;
  case 6:
    snprintf(out, size, "src net 10.0.0.%u/%u && dst net 10.0.0.%u/%u && %s dst port %u", rnd(8), 29 + rnd(4),
             rnd(8), 29 + rnd(4), rnd(2) ? "tcp" : "udp", rnd(8));
    return;
  default:
    snprintf(out, size, "%s", tests[rnd(countof(tests))]);
  }
}

/* ---- Trying rules one by one ---- */

static bool holds(const Filter *f, const ClassifyTest *tests, uint32_t expr, const uint8_t *const area[3],
                  const uint32_t have[3]) {
  const FilterExpr *e = &f->exprs[expr - 1];
  if (e->kind == FILTER_TEST) {
    const ClassifyTest *t = &tests[e->first];
    unsigned need = classify_mask_bytes(t->mask), in = classify_area_of(false, t->offset);
    uint32_t at = t->offset - classify_area_start(false, t->offset), word = 0;
    if (need && at + need > have[in]) return t->short_yes;
    if (need) memcpy(&word, area[in] + at, need);
    return (word & t->mask) == t->value;
  }
  for (uint32_t c = e->child; c; c = f->exprs[c - 1].sibling) {
    bool yes = holds(f, tests, c, area, have);
    if (e->kind == FILTER_NOT) return !yes;
    if (e->kind == FILTER_AND && !yes) return false;
    if (e->kind == FILTER_OR && yes) return true;
    if (e->kind == FILTER_CHOOSE) {
      uint32_t then = f->exprs[c - 1].sibling;
      if (!then) return yes;
      if (yes) return holds(f, tests, then, area, have);
      c = then;
    }
  }
  return e->kind == FILTER_AND;
}

static Router router;
static const ElementClass class;
static Element scope = {.class = &class, .router = &router, .name = "t"};

static uint32_t parse(Filter *f, const char *text) {
  Errors errs = {.element = -1, .silent = true};
  uint32_t e = ip_filter_parse(f, &scope, !strcmp(text, "all") ? "true" : text, &errs, 0);
  if (!e) printf("FAIL cannot parse '%s'\n", text), exit(1);
  return e;
}

/* Packets lie at the end of a block of their own, so that a sanitizer sees reads behind them. */
static void one_by_one(unsigned round) {
  static const char *const kinds[] = {"odd", "odd", "tuples", "acl", "firewall", "hosts"};
  const char *kind = kinds[round % countof(kinds)];
  uint32_t n = 1 + rnd(round % 4 ? 40 : 300);
  Filter f = {0};
  FilterRule *rules = calloc(n, sizeof *rules);
  Made *made = calloc(n, sizeof *made);
  char(*texts)[1200] = calloc(n, sizeof *texts);
  make_sites(n / 8);
  for (uint32_t i = 0; i < n; i++) {
    if (!strcmp(kind, "odd"))
      odd_rule(texts[i], sizeof *texts, rnd(3)), made[i] = (Made){.port = {-1, -1}};
    else
      make_rule(texts[i], sizeof *texts, kind, &made[i], i + 1 == n);
    rules[i] = (FilterRule){parse(&f, texts[i]), ~(int32_t)rnd(4)};
    if (!rnd(3)) rules[i].leaf = CLASSIFY_DROP;
  }
  ClassifyTest *tests = malloc((f.ntests + 1) * sizeof *tests);
  memcpy(tests, f.tests, f.ntests * sizeof *tests);
  Classify c;
  if (!classify_rules(&c, &f, rules, n, false)) printf("FAIL no memory\n"), exit(1);
  for (unsigned k = 0; k < 400; k++) {
    const Made *m = &made[rnd(n)];
    uint8_t all[64] = {0x45, 0, 0, 64, 0, 0, 0, 0, 64, 6};
    for (unsigned i = 0; i < 64; i++)
      if (i > 9) all[i] = (uint8_t)rnd(rnd(8) ? 8 : 256);
    for (int i = 0; i < 2; i++) {
      uint32_t addr = 0x0a000000u | rnd(8);
      if (m->len[i]) addr = be32(be32(m->net[i] | (m->len[i] < 32 ? rnd(0) >> m->len[i] : 0)));
      store32(all + 12 + 4 * i, be32(addr));
      store16(all + 20 + 2 * i, be16((uint16_t)(m->port[i] >= 0 && rnd(4) ? m->port[i] : (int32_t)rnd(8))));
    }
    all[9] = m->proto && rnd(4) ? m->proto : (uint8_t[]){1, 6, 17, 2}[rnd(4)];
    all[8] = (uint8_t)(rnd(2) ? 64 : rnd(256));
    if (!rnd(4)) store16(all + 6, be16((uint16_t)(rnd(4) << 13 | (rnd(2) ? 0 : rnd(8)))));
    /* Ends anywhere, mostly behind the headers; a graph may differ where it ends within a word. */
    uint32_t len = rnd(3) ? 64 : rnd(17) * 4;
    uint8_t *data = malloc(len + 1);
    memcpy(data, all, len);
    Packet p = {.data = data, .len = len, .network = data, .transport = data + 20};
    if (!rnd(16)) p.transport = NULL;
    const uint8_t *area[3] = {NULL, p.network, p.transport};
    uint32_t have[3] = {0, len, p.transport && len > 20 ? len - 20 : 0};
    int got = classify_ip(&c, &p), want = PACKET_DROP;
    uint32_t first = n;
    for (uint32_t i = 0; i < n && first == n; i++)
      if (holds(&f, tests, rules[i].expr, area, have)) first = i, want = classify_output(rules[i].leaf);
    if (got != want) {
      printf("FAIL round %u (%s): output %d instead of %d, that of '%s', for", round, kind, got, want,
             first < n ? texts[first] : "none");
      for (uint32_t i = 0; i < len; i++) printf(" %02x", data[i]);
      printf("\n");
      for (uint32_t i = 0; i < n; i++) printf("  %d %s\n", rules[i].leaf, texts[i]);
      exit(1);
    }
    free(data);
  }
  classify_free(&c);
  filter_free(&f);
  free(tests);
  free(rules);
  free(made);
  free(texts);
}

/* ---- Cost ---- */

/* Steps that a packet takes. */
static unsigned steps_of(const Classify *c, const uint8_t *const area[3]) {
  unsigned n = 0;
  for (int32_t at = c->nsteps ? 0 : -1; at >= 0; n++) {
    const ClassifyStep *s = &c->steps[at];
    uint32_t word = load32(area[s->area] + s->offset) & s->mask;
    at = s->hash_bits ? classify_find(c, s, word) : s->next[word == s->value];
  }
  return n;
}

enum { PACKETS = 4096, ROUNDS = 64 };

/* Of its own, so that callgrind counts what packets take: its instructions / its calls / PACKETS. */
__attribute__((noinline)) static uint64_t classify_all(const Classify *c, const Packet *packets) {
  uint64_t sum = 0;
  for (unsigned k = 0; k < PACKETS; k++) sum += (uint64_t)classify_ip(c, &packets[k]);
  return sum;
}

static void speed(uint32_t n, const char *kind) {
  static uint8_t data[PACKETS][64];
  static Packet packets[PACKETS];
  Filter f = {0};
  FilterRule *rules = calloc(n, sizeof *rules);
  Made *made = calloc(n, sizeof *made);
  make_sites(n);
  double parsing = 0;
  for (uint32_t i = 0; i < n; i++) {
    char text[1200];
    make_rule(text, sizeof text, kind, &made[i], i + 1 == n);
    double start = cpu_time();
    rules[i] = (FilterRule){parse(&f, text), ~(int32_t)(i % 4)};
    parsing += cpu_time() - start;
  }
  Classify c;
  double start = cpu_time();
  if (!classify_rules(&c, &f, rules, n, false)) printf("no memory\n"), exit(1);
  double building = cpu_time() - start;
  uint64_t steps = 0, sum = 0;
  unsigned most = 0;
  for (unsigned k = 0; k < PACKETS; k++) { /* 7 of 8 are for some rule */
    const Made *m = &made[rnd(n)];
    bool fits = rnd(8);
    uint8_t *d = data[k];
    memcpy(d, (uint8_t[]){0x45, 0, 0, 64, 0, 0, 0, 0, 64}, 9);
    d[9] = fits && m->proto ? m->proto : (uint8_t[]){1, 6, 17}[rnd(3)];
    for (int i = 0; i < 2; i++) {
      uint32_t addr = any32();
      if (fits && m->len[i]) addr = m->net[i] | (m->len[i] < 32 ? addr >> m->len[i] : 0);
      store32(d + 12 + 4 * i, be32(addr));
      store16(d + 20 + 2 * i, be16((uint16_t)(fits && m->port[i] >= 0 ? m->port[i] : (int32_t)rnd(65536))));
    }
    packets[k] = (Packet){.data = d, .len = 64, .network = d, .transport = d + 20};
    const uint8_t *area[3] = {NULL, d, d + 20};
    unsigned took = steps_of(&c, area);
    steps += took;
    if (took > most) most = took;
  }
  start = cpu_time();
  for (unsigned r = 0; r < ROUNDS; r++) sum += classify_all(&c, packets);
  double ns = (cpu_time() - start) * 1e9 / PACKETS / ROUNDS;
  printf("%-8s %6u rules: parsed in %.1f ms, built in %.1f ms, %u tests, %.0f kB; a packet: %.1f steps (at "
         "most %u), "
         "%.1f ns%s\n",
         kind, n, parsing * 1e3, building * 1e3, c.ntests,
         (double)(c.nsteps * sizeof *c.steps + c.ncells * sizeof *c.cells) / 1e3, (double)steps / PACKETS,
         most, ns, sum == 1 ? " " : "");
  classify_free(&c);
  filter_free(&f);
  free(rules);
  free(made);
}

int main(int argc, char **argv) {
  bool list = argc > 1 && !strcmp(argv[1], "--rules");
  if (list || (argc > 1 && !strcmp(argv[1], "--speed"))) {
    static const char *const kinds[] = {"hosts", "tuples", "acl", "firewall"};
    unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    if (argc > 4) state = (uint64_t)atoll(argv[4]);
    if (list) {
      make_sites(n);
      for (unsigned i = 0; i < n; i++) {
        char text[1200];
        Made m;
        make_rule(text, sizeof text, argc > 3 ? argv[3] : "acl", &m, i + 1 == n);
        printf("%s%s %s", i ? ",\n" : "", i + 1 < n && rnd(2) ? "allow" : "deny", text);
      }
      printf("\n");
      return 0;
    }
    for (unsigned k = 0; k < countof(kinds); k++)
      for (unsigned r = n ? n : 10; r <= (n ? n : 10000); r *= 10)
        if (argc <= 3 || !strcmp(argv[3], kinds[k])) speed(r, kinds[k]);
    return 0;
  }
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 600;
  if (argc > 2) state = (uint64_t)atoll(argv[2]);
  for (unsigned round = 0; round < rounds; round++) one_by_one(round);
  printf("SUCCESS %u sets of rules\n", rounds);
  return 0;
}
