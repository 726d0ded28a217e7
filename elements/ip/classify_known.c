/* classify_known.c: what is known on the edges of a decision graph, so that no path asks twice. */
#include "classify_graph.h"

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

static unsigned bytes_needed(const ClassifyGraph *b, const ClassifyTest *t) {
  return classify_mask_bytes(t->mask)
             ? t->offset - classify_area_start(b->flat, t->offset) + classify_mask_bytes(t->mask)
             : 0;
}

static bool known_there(const ClassifyGraph *b, const Known *k, const ClassifyTest *t) {
  return bytes_needed(b, t) <= k->have[classify_area_of(b->flat, t->offset)];
}

/* The answer to a test where it is known: 0 or 1; else -1. */
static int known_answer(const ClassifyGraph *b, const Known *k, const ClassifyTest *t) {
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
      if (classify_mask_bytes(mask) > classify_mask_bytes(t->mask)) continue;
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
static bool known_implies(const ClassifyGraph *b, const Known *k, const Known *from, unsigned i) {
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
static void known_add(const ClassifyGraph *b, Known *k, const ClassifyTest *t, bool yes) {
  unsigned area = classify_area_of(b->flat, t->offset), needed = bytes_needed(b, t);
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
static void known_meet(const ClassifyGraph *b, Known *k, const Known *other) {
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
static bool known_covers(const ClassifyGraph *b, const Known *k, const Known *weaker) {
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
static void ways_add(const ClassifyGraph *b, KnownWays *w, const Known *k) {
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
static int32_t ways_follow(const ClassifyGraph *b, const KnownWays *w, int32_t to) {
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
bool classify_pass_known(ClassifyGraph *b) {
  KnownWays *start = mem_alloc(sizeof *start), *out = mem_alloc(sizeof *out);
  KnownWays **known =
      mem_alloc((b->n + 1) * sizeof *known); /* from when an edge to a test was seen until it is done */
  bool ok = start && out && known;
  if (ok) start->n = 1;
  for (uint32_t i = 0; ok && i < b->n; i++) {
    KnownWays *in = i ? known[i] : start;
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
      if (!known[to] && !(known[to] = mem_alloc(sizeof *out))) ok = false;
      for (unsigned k = 0; ok && k < out->n; k++) ways_add(b, known[to], &out->way[k]);
    }
    if (never >= 0) b->t[i].next[never] = b->t[i].next[!never];
    if (i) mem_free(in);
    known[i] = NULL;
  }
  for (uint32_t i = 0; known && i < b->n; i++) mem_free(known[i]);
  mem_free(known);
  mem_free(start);
  mem_free(out);
  return ok;
}
