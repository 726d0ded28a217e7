/* classify_simplify.c: from linked tests to the decision graphs of classify.h. */
#include "classify_graph.h"

/* How far a test goes back at most, so that sorting long runs does not take forever. */
#define MOVES_MAX 256

static void flip(ClassifyTest *t) {
  int32_t no = t->next[0];
  t->value ^= t->mask;
  t->next[0] = t->next[1];
  t->next[1] = no;
  t->short_yes = !t->short_yes;
}

/* Order of tests in an "and" or "or": by place, with the protocol in front of the fragment offset; then by
 * mask, value. */
static bool goes_before(const ClassifyGraph *b, const ClassifyTest *x, const ClassifyTest *y) {
  unsigned ox = x->offset, oy = y->offset;
  if (!b->flat && ox == CLASSIFY_NETWORK + 8) ox = CLASSIFY_NETWORK + 3;
  if (!b->flat && oy == CLASSIFY_NETWORK + 8) oy = CLASSIFY_NETWORK + 3;
  if (ox != oy) return ox < oy;
  if (x->mask != y->mask) return be32(x->mask) < be32(y->mask);
  return be32(x->value) < be32(y->value);
}

static bool pass_sort(ClassifyGraph *b) {
  uint32_t *edges = mem_alloc(b->n * sizeof *edges), *from = mem_alloc(b->n * sizeof *from);
  bool ok = edges && from;
  for (uint32_t i = 0; ok && i < b->n; i++)
    for (int k = 0; k < 2; k++)
      if (b->t[i].next[k] >= 0) {
        edges[b->t[i].next[k]]++;
        from[b->t[i].next[k]] = i;
      }
  for (uint32_t i = 0; ok && i < b->n; i++)
    for (uint32_t at = i, moves = 0; moves < MOVES_MAX;
         moves++) { /* what swapped may want to go further back */
      bool swapped = false;
      for (int k = 1; k >= 0 && !swapped; k--) {
        ClassifyTest *x = &b->t[at], *y;
        int32_t to = x->next[k];
        if (to < 0 || edges[to] != 1) continue;
        y = &b->t[to];
        if (x->next[!k] != y->next[!k] || x->next[0] == x->next[1] || !goes_before(b, y, x)) continue;
        ClassifyTest was = *x;
        int32_t beyond = y->next[k];
        *x = *y;
        x->next[k] = to;
        *y = was;
        y->next[k] = beyond;
        swapped = true;
      }
      if (!swapped) break;
      if (edges[at] == 1) at = from[at];
    }
  mem_free(edges);
  mem_free(from);
  return ok;
}

/* Joins tests of the same word that follow each other. */
static bool pass_join(ClassifyGraph *b) {
  bool changed = false;
  for (uint32_t i = b->n; i-- > 0;)
    for (bool again = true; again;) {
      ClassifyTest *x = &b->t[i];
      again = false;
      if (!x->mask) break;
      if (x->next[0] >= 0) {
        ClassifyTest *y = &b->t[x->next[0]];
        uint32_t differ = x->value ^ y->value;
        if (y->offset == x->offset && y->mask && one_bit(x->mask) && !(differ & x->mask & y->mask) &&
            x->next[1] != x->next[0]) {
          flip(x); /* so that "not a, then b" becomes "a, then b" */
          changed = true;
        } else if (y->offset == x->offset && y->mask == x->mask && y->next[1] == x->next[1] &&
                   one_bit(differ) && x->short_yes == y->short_yes &&
                   (b->there[i] || classify_mask_bytes(x->mask & ~differ) == classify_mask_bytes(x->mask))) {
          x->mask &= ~differ; /* one of two values that differ in a bit */
          x->value &= ~differ;
          x->next[0] = y->next[0];
          changed = again = true;
          continue;
        }
      }
      if (x->next[1] < 0) break;
      ClassifyTest *y = &b->t[x->next[1]];
      if (y->offset != x->offset || !y->mask) break;
      unsigned nx = classify_mask_bytes(x->mask), ny = classify_mask_bytes(y->mask);
      if (x->next[0] == y->next[1] && one_bit(y->mask)) {
        ClassifyTest flipped = *y;
        flip(&flipped);
        if (x->next[0] != flipped.next[0]) break;
        *y = flipped; /* whoever else leads to y finds the same answers there */
        changed = true;
      }
      if (x->next[0] != y->next[0] || ((x->value ^ y->value) & x->mask & y->mask)) break;
      bool lengths = b->there[i] && ny <= nx;
      if (!x->short_yes && !y->short_yes)
        lengths = true;
      else if (!x->short_yes && ny <= nx)
        lengths = true;
      else if (x->short_yes && y->short_yes && (nx == ny || !b->flat))
        lengths = true; /* IP: as the reference, but for packets that end between the two */
      if (!lengths) break;
      x->next[1] = y->next[1];
      x->value |= y->value;
      x->mask |= y->mask;
      b->there[i] = b->there[i] && ny <= nx;
      changed = again = true;
    }
  return changed;
}

/* Drops tests that decide nothing and those that nothing leads to. Returns where all packets go if no test is
 * left. */
static int32_t pass_clean(ClassifyGraph *b) {
  int32_t *to = mem_alloc((b->n + 1) * sizeof *to), all = CLASSIFY_DROP;
  if (!to) return b->n ? 0 : all; /* only less tidy */
  for (uint32_t i = b->n; i-- > 0;) {
    ClassifyTest *t = &b->t[i];
    for (int k = 0; k < 2; k++)
      if (t->next[k] >= 0) t->next[k] = to[t->next[k]];
    to[i] = t->mask && t->next[0] != t->next[1] ? (int32_t)i : t->next[1];
  }
  int32_t start = b->n ? to[0] : all;
  if (start < 0) all = start, b->n = 0;
  bool *used = (bool *)to; /* no longer needed as targets; marks go from front to back */
  memset(to, 0, (b->n + 1) * sizeof *to);
  if (b->n) used[start] = true;
  for (uint32_t i = 0; i < b->n; i++)
    for (int k = 0; used[i] && k < 2; k++)
      if (b->t[i].next[k] >= 0) used[b->t[i].next[k]] = true;
  int32_t *place = mem_alloc((b->n + 1) * sizeof *place);
  if (!place) {
    mem_free(to);
    return all;
  }
  uint32_t n = 0;
  for (uint32_t i = 0; i < b->n; i++)
    if (used[i]) {
      place[i] = (int32_t)n;
      b->t[n] = b->t[i];
      b->there[n++] = b->there[i];
    }
  b->n = n;
  for (uint32_t i = 0; i < n; i++)
    for (int k = 0; k < 2; k++)
      if (b->t[i].next[k] >= 0) b->t[i].next[k] = place[b->t[i].next[k]];
  mem_free(place);
  mem_free(to);
  return all;
}

bool classify_build(Classify *c, Filter *f, bool flat, int32_t all) {
  *c = (Classify){.flat = flat, .all = all};
  if (f->failed) return false;
  ClassifyGraph b = {.t = f->tests, .n = f->ntests, .flat = flat, .there = mem_alloc(f->ntests + 1)};
  bool ok = b.there != NULL;
  if (b.n && ok) {
    ok = pass_sort(&b);
    bool changed = true;
    for (int round = 0; ok && changed && b.n && round < 8; round++) {
      ok = classify_pass_known(&b);
      changed = pass_join(&b);
      all = pass_clean(&b);
    }
    if (ok && b.n) ok = pass_sort(&b);
  }
  mem_free(b.there);
  c->tests = f->tests;
  c->ntests = b.n;
  if (!b.n) c->all = all;
  f->tests = NULL;
  f->ntests = f->tests_room = 0;
  return ok && classify_make_steps(c);
}

bool classify_rules(Classify *c, Filter *f, const FilterRule *rules, uint32_t n, bool flat) {
  int32_t all = CLASSIFY_DROP;
  *c = (Classify){.all = all};
  if (f->failed) return false;
  if (n >= BRANCH_FROM && n < 1u << 24) {
    if (!classify_branch(f, rules, n, CLASSIFY_DROP, &all)) return false;
    if (all < 0) f->ntests = 0;
  } else
    for (uint32_t i = 0; i < n; i++)
      filter_link(f, rules[i].expr, rules[i].leaf,
                  i + 1 < n ? (int32_t)f->exprs[rules[i + 1].expr - 1].first : CLASSIFY_DROP);
  return classify_build(c, f, flat, all < 0 ? all : CLASSIFY_DROP);
}
