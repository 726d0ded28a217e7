/* rewriterswap.c: the flows of a rewriter move to the one of the same name in a new configuration.
 *
 * A flow moves if the input that it came by has the same specification as before; others end. A rewriter with
 * a capacity of its own takes over the tables as they are, however many flows there are. Where several share
 * one, flows are copied, since the new set may have other members.
 */
#include "rewriterflows.h"

static bool rw_same_pattern(const RwPattern *a, const RwPattern *b) {
  return rw_same(&a->to, &b->to) && a->top == b->top && a->ports == b->ports &&
         a->sequential == b->sequential && a->same_first == b->same_first;
}

static bool rw_same_input(const RwInput *a, const RwInput *b) {
  if (a->kind != b->kind || a->foutput != b->foutput || a->routput != b->routput) return false;
  if (a->kind == RW_IN_PATTERN) return rw_same_pattern(a->pattern, b->pattern);
  return a->kind != RW_IN_MAPPER || !strcmp(a->mapper->element->name, b->mapper->element->name);
}

/* The set's flows and what belongs to them, not its capacity and members. */
static void rw_exchange_sets(RwSet *a, RwSet *b) {
  RwSet t = *a;
  *a = *b;
  *b = t;
  b->capacity = a->capacity, a->capacity = t.capacity;
  b->refs = a->refs, a->refs = t.refs;
  b->members = a->members, a->members = t.members;
  b->nmembers = a->nmembers, a->nmembers = t.nmembers;
}

/* Puts the flows of one wheel into another one with a different timeout. */
static void rw_move_flows(RwSet *s, RwWheel *to, RwWheel *from, uint64_t now) {
  for (uint32_t b = 0; b < RW_BUCKETS; b++) {
    for (uint32_t i = from->list[b].next, next; !(i & RW_HEAD); i = next) {
      next = rw_flow(s, i)->link.next;
      rw_enqueue(s, to, i, rw_flow(s, i), now);
    }
    from->list[b] = (RwLink){RW_HEAD | b, RW_HEAD | b};
  }
}

static void rw_take_all(Rewriter *e, Rewriter *old, uint64_t now) {
  rw_exchange_sets(e->set, old->set);
  for (int i = 0; i < 2; i++) {
    RwMap t = e->map[i];
    e->map[i] = old->map[i];
    old->map[i] = t;
  }
  for (int c = 0; c < RW_CLASSES; c++) {
    RwWheel *was = old->wheel[c];
    if (!was) continue;
    if (was->grain != e->wheel[c]->grain) {
      rw_move_flows(e->set, e->wheel[c], was, now);
      continue;
    }
    was->timeout = e->wheel[c]->timeout;
    was->guarantee = e->wheel[c]->guarantee;
    old->wheel[c] = e->wheel[c];
    e->wheel[c] = was;
  }
}

static void rw_copy_flow(Rewriter *e, const RwFlow *x, const RwSet *from, uint64_t now) {
  RwSet *s = e->set;
  RwMap *m = &e->map[x->map];
  uint32_t i = rw_map_room(m, 2) ? rw_set_take(s) : RW_NONE;
  if (i == RW_NONE) return;
  RwFlow *f = rw_flow(s, i);
  *f = *x;
  f->member = e->member;
  if (f->sequence) rw_sequence_copy(s, f, from);
  uint32_t reply = rw_hash(&f->id[1], s->seed);
  bool itself = rw_same(&f->id[0], &f->id[1]);
  if (!itself) rw_map_insert(m, rw_hash(&f->id[0], s->seed), 2 * i + 1);
  rw_map_insert(m, reply, 2 * i + 2);
  rw_enqueue(s, e->wheel[f->class], i, f, now);
  if (s->born <= f->born) s->born = f->born + 1;
  s->count++;
}

static void rw_copy_all(Rewriter *e, const Rewriter *old, uint64_t now) {
  for (int i = 0; i < 2; i++) {
    e->map[i].growths = old->map[i].growths;
    memcpy(e->map[i].grown_at, old->map[i].grown_at, sizeof e->map[i].grown_at);
  }
  for (int c = 0; c < RW_CLASSES; c++)
    for (uint32_t b = 0; old->wheel[c] && b < RW_BUCKETS; b++)
      for (uint32_t i = old->wheel[c]->list[b].next; !(i & RW_HEAD); i = rw_flow(old->set, i)->link.next)
        rw_copy_flow(e, rw_flow(old->set, i), old->set, now);
}

void rw_take_state(Element *el, Element *old_el) {
  Rewriter *e = (Rewriter *)el, *old = (Rewriter *)old_el;
  uint64_t now = rw_now_exact(e);
  int common = el->ninputs < old_el->ninputs ? el->ninputs : old_el->ninputs;
  for (int i = 0; i < old_el->ninputs; i++) {
    const RwInput *was = &old->inputs[i];
    if (i >= common || !rw_same_input(was, &e->inputs[i])) rw_clear(old, was);
  }
  bool own = e->set->nmembers == 1 && old->set->nmembers == 1 && !e->set->count;
  for (int i = 0; i < common; i++) {
    RwInput *in = &e->inputs[i], *was = &old->inputs[i];
    if (!rw_same_input(was, in)) continue;
    in->count = was->count;
    in->failures = was->failures;
    if (in->pattern) in->pattern->next = was->pattern->next;
  }
  if (own) {
    rw_take_all(e, old, now);
    for (int i = 0; i < old_el->ninputs; i++) old->inputs[i].count = 0;
  } else {
    rw_copy_all(e, old, now);
  }
  rw_shrink(e->set, now);
}
