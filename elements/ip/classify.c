/* classify.c: building, simplifying and showing the decision graphs of classify.h. */
#include "classify.h"

/* ---- Expressions
 * ------------------------------------------------------------------------------------------------- */

static uint32_t expr_new(Filter *f, int kind) {
  if (f->nexprs == f->exprs_room) {
    uint32_t room = f->exprs_room ? 2 * f->exprs_room : 16;
    FilterExpr *grown = mem_resize(f->exprs, f->exprs_room * sizeof *grown, room * sizeof *grown);
    if (!grown) return f->failed = true, 0;
    f->exprs = grown;
    f->exprs_room = room;
  }
  f->exprs[f->nexprs] = (FilterExpr){.kind = (uint8_t)kind, .first = f->ntests};
  return ++f->nexprs;
}

uint32_t filter_open(Filter *f, int kind) { return expr_new(f, kind); }

uint32_t filter_test(Filter *f, unsigned offset, uint32_t value, uint32_t mask) {
  uint32_t e = expr_new(f, FILTER_TEST);
  if (!e) return 0;
  if (f->ntests == f->tests_room) {
    uint32_t room = f->tests_room ? 2 * f->tests_room : 16;
    ClassifyTest *grown = mem_resize(f->tests, f->tests_room * sizeof *grown, room * sizeof *grown);
    if (!grown) return f->failed = true, 0;
    f->tests = grown;
    f->tests_room = room;
  }
  f->tests[f->ntests++] = (ClassifyTest){.mask = mask, .value = value & mask, .offset = (uint16_t)offset};
  return e;
}

void filter_add(Filter *f, uint32_t to, uint32_t child) {
  if (!to || !child) return;
  FilterExpr *e = &f->exprs[to - 1];
  if (e->last)
    f->exprs[e->last - 1].sibling = child;
  else
    e->child = child;
  e->last = child;
}

uint32_t filter_not(Filter *f, uint32_t child) {
  uint32_t e = child ? expr_new(f, FILTER_NOT) : 0;
  if (!e) return 0;
  f->exprs[e - 1].first = f->exprs[child - 1].first;
  filter_add(f, e, child);
  return e;
}

void filter_flip_short(Filter *f, uint32_t first_test) {
  for (uint32_t i = first_test; i < f->ntests; i++) f->tests[i].short_yes = !f->tests[i].short_yes;
}

void filter_link(Filter *f, uint32_t expr, int32_t yes, int32_t no) {
  if (!expr || f->failed) return;
  const FilterExpr *e = &f->exprs[expr - 1];
  if (e->kind == FILTER_TEST) {
    f->tests[e->first].next[0] = no;
    f->tests[e->first].next[1] = yes;
    return;
  }
  for (uint32_t c = e->child, n; c; c = n) {
    n = f->exprs[c - 1].sibling;
    int32_t after = n ? (int32_t)f->exprs[n - 1].first : -1;
    switch (e->kind) {
    case FILTER_AND:
      filter_link(f, c, n ? after : yes, no);
      break;
    case FILTER_OR:
      filter_link(f, c, yes, n ? after : no);
      break;
    case FILTER_NOT:
      filter_link(f, c, no, yes);
      break;
    default: { /* condition ? yes : ... */
      uint32_t otherwise = n ? f->exprs[n - 1].sibling : 0;
      if (!otherwise) {
        filter_link(f, c, yes, no);
        break;
      }
      filter_link(f, c, after, (int32_t)f->exprs[otherwise - 1].first);
      filter_link(f, n, yes, no);
      n = otherwise;
    }
    }
  }
}

void filter_free(Filter *f) {
  mem_free(f->tests);
  mem_free(f->exprs);
  *f = (Filter){0};
}

/* ---- What is known
 * ----------------------------------------------------------------------------------------------- */

#define KNOWN_WORDS 12
#define KNOWN_NOTS 48

typedef struct Known { /* on all paths to a test; forgetting is always allowed */
  uint8_t nwords, nnots;
  uint16_t next_not; /* the one to forget when there are too many */
  uint32_t have[3];  /* bytes that are there, by area */
  struct {
    uint16_t offset;
    uint32_t mask, value;
  } words[KNOWN_WORDS];
  struct {
    uint16_t offset;
    bool is;
    uint32_t mask, value;
  } nots[KNOWN_NOTS]; /* not so (or so), or the packet is too short for it */
} Known;

/* "This, or this, or that": what is known where paths meet. */
#define KNOWN_WAYS 4
typedef struct KnownWays {
  unsigned n;
  Known way[KNOWN_WAYS];
} KnownWays;

typedef struct Build {
  ClassifyTest *t;
  uint32_t n;
  bool flat;
  KnownWays **known; /* per test, from when an edge to it was seen until it is done */
  bool *there;       /* per test: the bytes it looks at are known to exist */
} Build;

static unsigned area_of(bool flat, unsigned offset) {
  return flat || offset < CLASSIFY_NETWORK ? 0 : offset < CLASSIFY_TRANSPORT ? 1 : 2;
}
static unsigned area_start(bool flat, unsigned offset) { return flat ? 0 : area_of(flat, offset) * 256; }
/* Bytes from its offset that a test looks at. */
static unsigned mask_bytes(uint32_t mask) { return mask ? 4 - (unsigned)__builtin_clz(mask) / 8 : 0; }
static unsigned bytes_needed(const Build *b, const ClassifyTest *t) {
  return mask_bytes(t->mask) ? t->offset - area_start(b->flat, t->offset) + mask_bytes(t->mask) : 0;
}
static bool one_bit(uint32_t mask) { return mask && !(mask & (mask - 1)); }

static bool known_there(const Build *b, const Known *k, const ClassifyTest *t) {
  return bytes_needed(b, t) <= k->have[area_of(b->flat, t->offset)];
}

/* The answer to a test where it is known: 0 or 1; else -1. */
static int known_answer(const Build *b, const Known *k, const ClassifyTest *t) {
  if (!t->mask) return 1;
  bool there = known_there(b, k, t), wrong = false;
  for (unsigned i = 0; i < k->nwords; i++) {
    if (k->words[i].offset != t->offset) continue;
    uint32_t both = k->words[i].mask & t->mask;
    if ((k->words[i].value ^ t->value) & both)
      wrong = true;
    else if (both == t->mask)
      return 1; /* the bytes are there, as their values are known */
  }
  for (unsigned i = 0; i < k->nnots && !wrong; i++) {
    if (k->nots[i].offset != t->offset) continue;
    uint32_t mask = k->nots[i].mask;
    if (k->nots[i]
            .is) { /* counts for packets that are long enough for it: those long enough for t, at least */
      if (mask_bytes(mask) > mask_bytes(t->mask)) continue;
      if ((k->nots[i].value ^ t->value) & mask & t->mask)
        wrong = true;
      else if (!(t->mask & ~mask) && (there || t->short_yes))
        return 1;
    } else if ((mask & ~t->mask) == 0 && (t->value & mask) == k->nots[i].value)
      wrong = true;
    else if (there && mask == t->mask && one_bit(mask) && k->nots[i].value != t->value)
      return 1;
  }
  return wrong && (there || !t->short_yes) ? 0 : -1;
}

/* Whether a "not" (or "is") of `from` follows from what `k` knows. */
static bool known_implies(const Build *b, const Known *k, const Known *from, unsigned i) {
  ClassifyTest t = {.offset = from->nots[i].offset,
                    .mask = from->nots[i].mask,
                    .value = from->nots[i].value,
                    .short_yes = from->nots[i].is};
  return known_answer(b, k, &t) == from->nots[i].is;
}

static void known_word(Known *k, unsigned offset, uint32_t mask, uint32_t value) {
  unsigned i = 0;
  while (i < k->nwords && k->words[i].offset != offset) i++;
  if (i == KNOWN_WORDS) return;
  if (i == k->nwords) {
    k->nwords++;
    k->words[i].offset = (uint16_t)offset;
    k->words[i].mask = k->words[i].value = 0;
  }
  k->words[i].value |= value & ~k->words[i].mask;
  k->words[i].mask |= mask;
}

/* Adds what an answer says. */
static void known_add(const Build *b, Known *k, const ClassifyTest *t, bool yes) {
  unsigned area = area_of(b->flat, t->offset), needed = bytes_needed(b, t);
  bool there = needed <= k->have[area];
  if (!there && t->short_yes != yes) {
    k->have[area] = needed;
    there = true;
  }
  if (yes && there) return known_word(k, t->offset, t->mask, t->value);
  uint32_t open = t->mask;
  if (there)
    for (unsigned i = 0; i < k->nwords; i++)
      if (k->words[i].offset == t->offset && !((k->words[i].value ^ t->value) & k->words[i].mask & t->mask))
        open &= ~k->words[i].mask;
  if (!yes && there && one_bit(open)) {
    known_word(k, t->offset, open, ~t->value & open);
    return;
  }
  /* With short_yes, "no" is only said of packets that are long enough: covered by `there` above. */
  unsigned i = k->nnots < KNOWN_NOTS ? k->nnots++ : k->next_not++ % KNOWN_NOTS;
  k->nots[i].is = yes;
  k->nots[i].offset = t->offset;
  k->nots[i].mask = t->mask;
  k->nots[i].value = t->value;
}

/* Keeps in `k` what `other` knows too. */
static void known_meet(const Build *b, Known *k, const Known *other) {
  for (unsigned a = 0; a < 3; a++)
    if (other->have[a] < k->have[a]) k->have[a] = other->have[a];
  Known was = *k;
  k->nnots = 0;
  for (int side = 0; side < 2; side++) { /* a "not" stays if the other side implies it */
    const Known *from = side ? other : &was, *against = side ? &was : other;
    for (unsigned i = 0; i < from->nnots && k->nnots < KNOWN_NOTS; i++) {
      bool have_it = false;
      for (unsigned j = 0; side && j < k->nnots && !have_it; j++)
        have_it = !memcmp(&k->nots[j], &from->nots[i], sizeof k->nots[j]);
      if (have_it || !known_implies(b, against, from, i)) continue;
      k->nots[k->nnots++] = from->nots[i];
    }
  }
  unsigned n = 0;
  for (unsigned i = 0; i < was.nwords; i++)
    for (unsigned j = 0; j < other->nwords; j++) {
      if (was.words[i].offset != other->words[j].offset) continue;
      uint32_t same =
          was.words[i].mask & other->words[j].mask & ~(was.words[i].value ^ other->words[j].value);
      if (!same) continue;
      k->words[n] = was.words[i];
      k->words[n].mask = same;
      k->words[n++].value &= same;
    }
  k->nwords = (uint8_t)n;
}

static unsigned known_size(const Known *k) {
  unsigned n = 4u * k->nnots;
  for (unsigned i = 0; i < k->nwords; i++) n += (unsigned)__builtin_popcount(k->words[i].mask);
  for (unsigned i = 0; i < 3; i++) n += k->have[i] > 0;
  return n;
}

/* Whether `k` knows all that `weaker` does. */
static bool known_covers(const Build *b, const Known *k, const Known *weaker) {
  for (unsigned i = 0; i < 3; i++)
    if (k->have[i] < weaker->have[i]) return false;
  for (unsigned i = 0; i < weaker->nwords; i++) {
    uint32_t mask = 0, value = 0;
    for (unsigned j = 0; j < k->nwords; j++)
      if (k->words[j].offset == weaker->words[i].offset) mask = k->words[j].mask, value = k->words[j].value;
    if (weaker->words[i].mask & (~mask | (weaker->words[i].value ^ value))) return false;
  }
  for (unsigned i = 0; i < weaker->nnots; i++)
    if (!known_implies(b, k, weaker, i)) return false;
  return true;
}

/* Adds a way to get somewhere; when there are too many, the two that have most in common become one. */
static void ways_add(const Build *b, KnownWays *w, const Known *k) {
  unsigned best = 0, most = 0;
  for (unsigned i = 0; i < w->n; i++) {
    if (known_covers(b, k, &w->way[i])) return;
    if (!known_covers(b, &w->way[i], k)) continue;
    w->way[i] = *k; /* the more general one */
    return;
  }
  if (w->n < KNOWN_WAYS) {
    w->way[w->n++] = *k;
    return;
  }
  for (unsigned i = 0; i < w->n; i++) {
    Known both = w->way[i];
    known_meet(b, &both, k);
    if (known_size(&both) >= most) most = known_size(&both), best = i;
  }
  known_meet(b, &w->way[best], k);
}

/* How far an edge to test `to` can go on when it is reached in these ways: to the last place that all of them
 * pass. */
static int32_t ways_follow(const Build *b, const KnownWays *w, int32_t to) {
  int32_t at[KNOWN_WAYS], common = to;
  for (unsigned i = 0; i < w->n; i++) at[i] = to;
  for (;;) {
    int32_t furthest = common; /* edges point forward; leaves are behind everything */
    for (unsigned i = 0; i < w->n; i++) {
      int answer = at[i] < 0 ? -1 : known_answer(b, &w->way[i], &b->t[at[i]]);
      if (answer < 0) return common;
      at[i] = b->t[at[i]].next[answer];
      if ((uint32_t)at[i] > (uint32_t)furthest) furthest = at[i];
    }
    for (unsigned i = 0; i < w->n; i++)
      while (at[i] != furthest) {
        int answer = at[i] < 0 ? -1 : known_answer(b, &w->way[i], &b->t[at[i]]);
        if (answer < 0) return common;
        at[i] = b->t[at[i]].next[answer];
        if ((uint32_t)at[i] > (uint32_t)furthest) furthest = at[i], i = 0;
      }
    for (unsigned i = 0; i < w->n; i++)
      if (at[i] != furthest) return common;
    common = furthest;
  }
}

/* Goes through the tests in order; moves every edge past the tests that are decided on it. */
static bool pass_known(Build *b) {
  KnownWays *start = mem_alloc(sizeof *start), *out = mem_alloc(sizeof *out);
  bool ok = start && out;
  if (ok) start->n = 1;
  for (uint32_t i = 0; ok && i < b->n; i++) {
    KnownWays *in = i ? b->known[i] : start;
    if (!in) continue; /* nothing leads here */
    b->there[i] = true;
    for (unsigned k = 0; k < in->n; k++) b->there[i] &= known_there(b, &in->way[k], &b->t[i]);
    int never = -1;
    for (int yes = 1; yes >= 0 && ok; yes--) {
      out->n = 0;
      for (unsigned k = 0; k < in->n; k++) {
        if (known_answer(b, &in->way[k], &b->t[i]) == !yes) continue;
        out->way[out->n] = in->way[k];
        known_add(b, &out->way[out->n++], &b->t[i], yes);
      }
      if (!out->n) {
        never = yes;
        continue;
      }
      int32_t to = b->t[i].next[yes];
      if (to >= 0) b->t[i].next[yes] = to = ways_follow(b, out, to);
      if (to < 0) continue;
      if (!b->known[to] && !(b->known[to] = mem_alloc(sizeof *out))) ok = false;
      for (unsigned k = 0; ok && k < out->n; k++) ways_add(b, b->known[to], &out->way[k]);
    }
    if (never >= 0) b->t[i].next[never] = b->t[i].next[!never];
    if (i) mem_free(in);
    b->known[i] = NULL;
  }
  for (uint32_t i = 0; i < b->n; i++) mem_free(b->known[i]), b->known[i] = NULL;
  mem_free(start);
  mem_free(out);
  return ok;
}

/* ---- Rearranging
 * ------------------------------------------------------------------------------------------------- */

static void flip(ClassifyTest *t) {
  int32_t no = t->next[0];
  t->value ^= t->mask;
  t->next[0] = t->next[1];
  t->next[1] = no;
  t->short_yes = !t->short_yes;
}

/* Order of tests in an "and" or "or": by place, with the protocol in front of the fragment offset; then by
 * mask, value. */
static bool goes_before(const Build *b, const ClassifyTest *x, const ClassifyTest *y) {
  unsigned ox = x->offset, oy = y->offset;
  if (!b->flat && ox == CLASSIFY_NETWORK + 8) ox = CLASSIFY_NETWORK + 3;
  if (!b->flat && oy == CLASSIFY_NETWORK + 8) oy = CLASSIFY_NETWORK + 3;
  if (ox != oy) return ox < oy;
  if (x->mask != y->mask) return be32(x->mask) < be32(y->mask);
  return be32(x->value) < be32(y->value);
}

static bool pass_sort(Build *b) {
  uint32_t *edges = mem_alloc(b->n * sizeof *edges), *from = mem_alloc(b->n * sizeof *from);
  bool ok = edges && from;
  for (uint32_t i = 0; ok && i < b->n; i++)
    for (int k = 0; k < 2; k++)
      if (b->t[i].next[k] >= 0) {
        edges[b->t[i].next[k]]++;
        from[b->t[i].next[k]] = i;
      }
  for (uint32_t i = 0; ok && i < b->n; i++)
    for (uint32_t at = i;;) { /* a test that swaps places with the next may want to go further back */
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
static bool pass_join(Build *b) {
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
                   (b->there[i] || mask_bytes(x->mask & ~differ) == mask_bytes(x->mask))) {
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
      unsigned nx = mask_bytes(x->mask), ny = mask_bytes(y->mask);
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
static int32_t pass_clean(Build *b) {
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

static bool make_steps(Classify *c) {
  uint32_t n = c->ntests;
  if (!n) return true;
  c->steps = mem_alloc(n * sizeof *c->steps);
  bool *entered = mem_alloc(n); /* from elsewhere than the comparison in front of it */
  bool ok = c->steps && entered;
  c->nsteps = ok ? n : 0; /* the same numbers as the tests; what only a lookup led to stays unused */
  for (uint32_t i = 0; ok && i < n; i++) {
    const ClassifyTest *t = &c->tests[i];
    unsigned area = area_of(c->flat, t->offset);
    ClassifyStep *s = &c->steps[i];
    *s = (ClassifyStep){
        .mask = t->mask, .value = t->value, .next = {t->next[0], t->next[1]}, .area = (uint8_t)area};
    s->offset = (uint16_t)(t->offset - area_start(c->flat, t->offset));
    s->needs = (uint8_t)mask_bytes(t->mask);
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

bool classify_build(Classify *c, Filter *f, bool flat, int32_t all) {
  *c = (Classify){.flat = flat, .all = all};
  if (f->failed) return false;
  Build b = {.t = f->tests,
             .n = f->ntests,
             .flat = flat,
             .known = mem_alloc((f->ntests + 1) * sizeof *b.known),
             .there = mem_alloc(f->ntests + 1)};
  bool ok = b.known && b.there;
  if (b.n && ok) {
    ok = pass_sort(&b);
    bool changed = true;
    for (int round = 0; ok && changed && b.n && round < 8; round++) {
      ok = pass_known(&b);
      changed = pass_join(&b);
      all = pass_clean(&b);
    }
    if (ok && b.n) ok = pass_sort(&b);
  }
  mem_free(b.known);
  mem_free(b.there);
  c->tests = f->tests;
  c->ntests = b.n;
  if (!b.n) c->all = all;
  f->tests = NULL;
  f->ntests = f->tests_room = 0;
  return ok && make_steps(c);
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
    if (t->offset + mask_bytes(t->mask) > safe) safe = t->offset + mask_bytes(t->mask);
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
