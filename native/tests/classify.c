/* Decision graphs against a plain evaluation of the expressions they were made from, on random expressions,
 * values and packets of all lengths. Usage: test-classify [ROUNDS [SEED]] */
#include "../../elements/ip/classify.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 1;
static uint32_t rnd(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) % below;
}

static uint32_t random_expr(Filter *f, int depth) {
  static const uint32_t masks[] = {0xff,  0xff00,    0xffff0000, 0xffffffff, 1,       2, 0x80,
                                   0x100, 0x1000000, 0x3,        0xf00,      0x10001, 0};
  if (!depth || !rnd(3)) {
    uint32_t mask = masks[rnd(countof(masks))], value = rnd(4) | rnd(4) << 8 | rnd(4) << 16 | rnd(4) << 24;
    uint32_t first = f->ntests, e = filter_test(f, 4 * rnd(3), value, mask);
    if (!rnd(8)) filter_flip_short(f, first);
    return e;
  }
  int kind = (int)rnd(4);
  if (kind == 3) {
    uint32_t first = f->ntests, child = random_expr(f, depth - 1);
    if (rnd(2)) filter_flip_short(f, first);
    return filter_not(f, child);
  }
  kind = kind == 2 ? FILTER_CHOOSE : kind ? FILTER_OR : FILTER_AND;
  uint32_t e = filter_open(f, kind);
  for (unsigned n = kind == FILTER_CHOOSE ? 1 + 2 * rnd(3) : 1 + rnd(4); n > 0; n--)
    filter_add(f, e, random_expr(f, depth - 1));
  return e;
}

static bool holds(const Filter *f, const ClassifyTest *tests, uint32_t expr, const uint8_t *data,
                  uint32_t len) {
  const FilterExpr *e = &f->exprs[expr - 1];
  if (e->kind == FILTER_TEST) {
    const ClassifyTest *t = &tests[e->first];
    uint32_t word = 0;
    unsigned need = t->mask ? 4 - (unsigned)__builtin_clz(t->mask) / 8 : 0;
    if (need && t->offset + need > len) return t->short_yes;
    if (need) memcpy(&word, data + t->offset, need);
    return (word & t->mask) == t->value;
  }
  for (uint32_t c = e->child; c; c = f->exprs[c - 1].sibling) {
    bool yes = holds(f, tests, c, data, len);
    if (e->kind == FILTER_NOT) return !yes;
    if (e->kind == FILTER_AND && !yes) return false;
    if (e->kind == FILTER_OR && yes) return true;
    if (e->kind == FILTER_CHOOSE) {
      uint32_t then = f->exprs[c - 1].sibling;
      if (!then) return yes;
      if (yes) return holds(f, tests, then, data, len);
      c = then;
    }
  }
  return e->kind == FILTER_AND;
}

int main(int argc, char **argv) {
  unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 3000;
  uint64_t before = 0, after = 0;
  if (argc > 2) state = (uint64_t)atoll(argv[2]);
  for (unsigned round = 0; round < rounds; round++) {
    Filter f = {0};
    FilterRule rules[40];
    uint32_t n = 1 + rnd(round % 8 ? 5 : countof(rules)); /* many are cut into groups */
    for (unsigned i = 0; i < n; i++)
      rules[i] = (FilterRule){.expr = random_expr(&f, 1 + (int)rnd(3)), .leaf = ~(int32_t)i};
    uint32_t ntests = f.ntests;
    ClassifyTest *tests = malloc((ntests + 1) * sizeof *tests);
    memcpy(tests, f.tests, ntests * sizeof *tests);
    Classify c;
    if (!classify_rules(&c, &f, rules, n, true)) return printf("no memory\n"), 1;
    before += ntests;
    after += c.ntests;
    for (unsigned k = 0; k < 300; k++) {
      uint32_t len = rnd(14);
      uint8_t *data = malloc(len + 1); /* exact, so that a sanitizer sees reads behind it */
      for (uint32_t i = 0; i < len; i++) data[i] = (uint8_t)(rnd(8) ? rnd(4) : rnd(256));
      Packet p = {.data = data, .len = len};
      int got = classify_data(&c, &p), want = PACKET_DROP;
      for (unsigned i = 0; i < n && want < 0; i++)
        if (holds(&f, tests, rules[i].expr, data, len)) want = (int)i;
      if (got != want) {
        Text t = {0};
        classify_print(&c, &t);
        printf("FAIL round %u: output %d instead of %d for", round, got, want);
        for (uint32_t i = 0; i < len; i++) printf(" %02x", data[i]);
        printf("\n%s", text_cstr(&t));
        return 1;
      }
      free(data);
    }
    classify_free(&c);
    filter_free(&f);
    free(tests);
  }
  printf("SUCCESS %u graphs, %llu tests became %llu\n", rounds, (unsigned long long)before,
         (unsigned long long)after);
  return 0;
}
