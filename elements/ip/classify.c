/* classify.c: showing the decision graphs of classify.h and running them. */
#include "classify_graph.h"

/* ---- For the interpreter
 * ----------------------------------------------------------------------------------------- */

#define LOOKUP_FROM 4 /* comparisons in a row that become a lookup */

/* The next of a run of comparisons of the same bytes, or -1. */
static int32_t run_next(const Classify *c, uint32_t i) {
  const ClassifyTest *t = &c->tests[i], *n = t->next[0] >= 0 ? &c->tests[t->next[0]] : NULL;
  return n && !t->short_yes && !n->short_yes && n->offset == t->offset && n->mask == t->mask ? t->next[0]
                                                                                             : -1;
}

static bool make_lookup(Classify *c, uint32_t i) {
  uint32_t run = 1;
  int32_t last = (int32_t)i;
  for (int32_t k; (k = run_next(c, (uint32_t)last)) >= 0; last = k) run++;
  if (run < LOOKUP_FROM) return true;
  unsigned bits = 3;
  while (1u << bits < 2 * run) bits++;
  if (c->ncells + (1u << bits) > 4096 + 32 * c->ntests) return true; /* enough of them: one by one then */
  ClassifyCell *cells =
      mem_resize(c->cells, c->ncells * sizeof *cells, (c->ncells + (1u << bits)) * sizeof *cells);
  if (!cells) return false;
  c->cells = cells;
  cells += c->ncells;
  c->steps[i].first = c->ncells;
  c->steps[i].hash_bits = (uint8_t)bits;
  c->steps[i].next[0] = c->tests[last].next[0];
  c->ncells += 1u << bits;
  for (int32_t k = (int32_t)i; k >= 0; k = run_next(c, (uint32_t)k)) {
    uint32_t v = c->tests[k].value, at = (v * 0x9e3779b1u) >> (32 - bits);
    while (cells[at].used && cells[at].value != v) at = (at + 1) & ((1u << bits) - 1);
    if (!cells[at].used) cells[at] = (ClassifyCell){.value = v, .next = c->tests[k].next[1], .used = true};
  }
  return true;
}

bool classify_make_steps(Classify *c) {
  uint32_t n = c->ntests;
  if (!n) return true;
  c->steps = mem_alloc(n * sizeof *c->steps);
  bool *entered = mem_alloc(n); /* from elsewhere than the comparison in front of it */
  bool ok = c->steps && entered;
  c->nsteps = ok ? n : 0; /* the same numbers as the tests; what only a lookup led to stays unused */
  for (uint32_t i = 0; ok && i < n; i++) {
    const ClassifyTest *t = &c->tests[i];
    unsigned area = classify_area_of(c->flat, t->offset);
    ClassifyStep *s = &c->steps[i];
    *s = (ClassifyStep){
        .mask = t->mask, .value = t->value, .next = {t->next[0], t->next[1]}, .area = (uint8_t)area};
    s->offset = (uint16_t)(t->offset - classify_area_start(c->flat, t->offset));
    s->needs = (uint8_t)classify_mask_bytes(t->mask);
    s->short_yes = t->short_yes;
    if (s->offset + 4u > c->safe[area]) c->safe[area] = s->offset + 4u; /* the fast loop loads whole words */
    if (t->next[1] >= 0) entered[t->next[1]] = true;
    if (t->next[0] >= 0 && run_next(c, i) < 0) entered[t->next[0]] = true;
  }
  for (uint32_t i = 0; ok && i < n; i++)
    if (!i || entered[i]) ok = make_lookup(c, i);
  mem_free(entered);
  return ok;
}

void classify_free(Classify *c) {
  mem_free(c->tests);
  mem_free(c->steps);
  mem_free(c->cells);
  *c = (Classify){.all = CLASSIFY_DROP};
}

/* ---- Showing
 * ----------------------------------------------------------------------------------------------------- */

static void print_target(int32_t to, Text *out) {
  if (to >= 0)
    text_printf(out, "step %d", to);
  else if (to == CLASSIFY_DROP)
    text_add_string(out, "[X]");
  else
    text_printf(out, "[%d]", ~to);
}

void classify_print(const Classify *c, Text *out) {
  unsigned safe = 0;
  for (uint32_t i = 0; i < c->ntests; i++) {
    const ClassifyTest *t = &c->tests[i];
    text_printf(out, "%2u %3u/%08x%%%08x  yes->", i, t->offset, be32(t->value), be32(t->mask));
    print_target(t->next[1], out);
    text_add_string(out, "  no->");
    print_target(t->next[0], out);
    text_add_string(out, t->short_yes ? "  short->yes\n" : "\n");
    if (t->offset + classify_mask_bytes(t->mask) > safe) safe = t->offset + classify_mask_bytes(t->mask);
  }
  if (!c->ntests) {
    text_add_string(out, "all->");
    print_target(c->all, out);
    text_add_char(out, '\n');
  }
  text_printf(out, "safe length %u\nalignment offset 0\n", safe);
}

void classify_warn_unused(const Classify *c, int noutputs, Errors *errs) {
  for (int o = 0; o < noutputs; o++) {
    bool used = !c->ntests && c->all == ~o;
    for (uint32_t i = 0; i < c->ntests && !used; i++)
      used = c->tests[i].next[0] == ~o || c->tests[i].next[1] == ~o;
    if (!used) warning(errs, "output %d matches no packets", o);
  }
}

/* ---- Running with length checks
 * ---------------------------------------------------------------------------------- */

int32_t classify_slow(const Classify *c, const uint8_t *const area[3], const uint32_t have[3]) {
  int32_t at = 0;
  do {
    const ClassifyStep *s = &c->steps[at];
    uint32_t there = have[s->area] > s->offset ? have[s->area] - s->offset : 0, word = 0;
    if (there < s->needs) {
      at = s->next[s->short_yes];
      continue;
    }
    memcpy(&word, area[s->area] + s->offset, there < 4 ? there : 4);
    word &= s->mask;
    at = s->hash_bits ? classify_find(c, s, word) : s->next[word == s->value];
  } while (at >= 0);
  return at;
}

int classify_ip_slow(const Classify *c, const Packet *p) {
  const uint8_t *end = packet_end(p), *area[3] = {NULL, p->network, p->transport};
  uint32_t have[3] = {0};
  uint8_t link[16] = {0}; /* 2 bytes of padding, then the addresses and the type */
  if (p->mac && end - p->mac >= 14) {
    memcpy(link + 2, p->mac, 14);
    area[0] = link;
    have[0] = sizeof link;
  }
  if (p->network && end > p->network) have[1] = (uint32_t)(end - p->network);
  if (p->transport && end > p->transport) have[2] = (uint32_t)(end - p->transport);
  return classify_output(classify_slow(c, area, have));
}
