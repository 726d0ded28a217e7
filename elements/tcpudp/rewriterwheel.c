/* rewriterwheel.c: which flows are over, and which one goes when there are too many. See rewriter.h. */
#include "rewriterflows.h"

#define RW_LOOK 64 /* flows that a search for the oldest looks at in one bucket */

RwWheel *rw_new_wheel(int64_t timeout_ns, int64_t guarantee_ns, uint64_t now) {
  RwWheel *w = mem_alloc(sizeof *w);
  if (!w) return NULL;
  w->timeout = (uint32_t)(timeout_ns / NSEC_PER_MSEC);
  w->guarantee = (uint32_t)(guarantee_ns / NSEC_PER_MSEC);
  w->grain = w->timeout / (RW_BUCKETS / 2) + 1;
  w->newest = w->first = now / w->grain;
  for (uint32_t i = 0; i < RW_BUCKETS; i++) w->list[i] = (RwLink){RW_HEAD | i, RW_HEAD | i};
  return w;
}

static uint64_t rw_last64(const RwFlow *f, uint64_t now) { return now - (uint32_t)((uint32_t)now - f->last); }

static RwLink *rw_link(const RwSet *s, RwWheel *w, uint32_t at) {
  return at & RW_HEAD ? &w->list[at & ~RW_HEAD] : &rw_flow(s, at)->link;
}

static void rw_unlink(const RwSet *s, RwWheel *w, RwFlow *f) {
  rw_link(s, w, f->link.next)->prev = f->link.prev;
  rw_link(s, w, f->link.prev)->next = f->link.next;
}

/* Moves the list of one bucket to the front of another one's. */
static void rw_merge(const RwSet *s, RwWheel *w, uint32_t from, uint32_t to) {
  RwLink *a = &w->list[from], *b = &w->list[to];
  if (from == to || a->next == (RW_HEAD | from)) return;
  rw_link(s, w, a->prev)->next = b->next;
  rw_link(s, w, b->next)->prev = a->prev;
  rw_link(s, w, a->next)->prev = RW_HEAD | to;
  b->next = a->next;
  a->next = a->prev = RW_HEAD | from;
}

/* Makes the bucket of now the newest; what falls off the other end joins the oldest bucket. */
static void rw_advance(const RwSet *s, RwWheel *w, uint64_t now) {
  uint64_t tick = now / w->grain;
  if (tick <= w->newest) return;
  uint32_t steps = tick - w->newest < RW_BUCKETS - 1 ? (uint32_t)(tick - w->newest) : RW_BUCKETS - 1;
  for (uint32_t i = 0; i < steps; i++) {
    w->newest++;
    rw_merge(s, w, w->newest % RW_BUCKETS, (w->newest + 1) % RW_BUCKETS);
  }
  /* After as many steps as there are buckets everything is in the oldest one, whose place depends on the
   * tick. */
  uint32_t oldest = (w->newest + 1) % RW_BUCKETS;
  w->newest = tick;
  rw_merge(s, w, oldest, (uint32_t)((tick + 1) % RW_BUCKETS));
  if (w->first + RW_BUCKETS <= tick) w->first = tick - (RW_BUCKETS - 1);
}

void rw_enqueue(const RwSet *s, RwWheel *w, uint32_t i, RwFlow *f, uint64_t now) {
  rw_advance(s, w, now);
  uint64_t tick = rw_last64(f, now) / w->grain;
  if (tick + RW_BUCKETS <= w->newest) tick = w->newest - (RW_BUCKETS - 1);
  if (tick > w->newest) tick = w->newest;
  if (tick < w->first) w->first = tick;
  uint32_t head = RW_HEAD | (uint32_t)(tick % RW_BUCKETS);
  RwLink *h = rw_link(s, w, head);
  f->link = (RwLink){.next = head, .prev = h->prev};
  rw_link(s, w, h->prev)->next = i;
  h->prev = i;
}

void rw_set_class(Rewriter *e, RwFlow *f, uint32_t number, int class) {
  rw_unlink(e->set, e->wheel[f->class], f);
  f->class = (uint8_t) class;
  rw_enqueue(e->set, e->wheel[class], number, f, rw_now64(e));
}

void rw_destroy(RwSet *s, uint32_t i) {
  RwFlow *f = rw_flow(s, i);
  Rewriter *e = s->members[f->member];
  RwMap *m = &e->map[f->map];
  for (uint32_t d = 0; d < 2; d++) rw_map_remove(m, rw_hash(&f->id[d], s->seed), 2 * i + d + 1);
  if (f->sequence) rw_sequence_free(s, f);
  rw_unlink(s, e->wheel[f->class], f);
  e->inputs[f->input].count--;
  s->count--;
  rw_set_give(s, i);
}

/* Where rw_destroy will look for it in the tables. */
static void rw_destroy_soon(const RwSet *s, const RwFlow *f) {
  const RwMap *m = &s->members[f->member]->map[f->map];
  for (int d = 0; d < 2; d++) __builtin_prefetch(&m->slots[rw_hash(&f->id[d], s->seed) & m->mask], 1);
}

/* Destroys flows whose time is over. Looks at `budget` flows of a wheel at most; returns what is
 * left of it, 0 if there is more to do at once. */
uint32_t rw_reap(const Rewriter *e, RwWheel *w, uint64_t now, uint32_t budget) {
  RwSet *s = e->set;
  rw_advance(s, w, now);
  for (; w->first <= w->newest && w->first * w->grain + w->timeout <= now; w->first++) {
    uint32_t head = RW_HEAD | (uint32_t)(w->first % RW_BUCKETS), next;
    uint64_t tick = w->first;
    bool partly = (tick + 1) * w->grain + w->timeout > now; /* not all of this bucket is due */
    for (uint32_t i = w->list[head & ~RW_HEAD].next; i != head; i = next) {
      if (!--budget) return partly;
      RwFlow *f = rw_flow(s, i);
      next = f->link.next;
      if (next != head) rw_destroy_soon(s, rw_flow(s, next));
      uint64_t last = rw_last64(f, now);
      if (last + w->timeout <= now) {
        rw_destroy(s, i);
      } else if (last / w->grain > tick) {
        rw_unlink(s, w, f);
        rw_enqueue(s, w, i, f, now);
      }
    }
    if (w->list[head & ~RW_HEAD].next != head) break; /* some of them have time left */
  }
  return budget;
}

/* The flow of a wheel whose last packet is the longest ago, exactly where there are few, else nearly.
 * RW_NONE: none. */
static uint32_t rw_oldest(const RwSet *s, RwWheel *w, uint64_t now, uint64_t *last_out) {
  uint32_t moves = RW_REAP_STEP / 2;
  rw_advance(s, w, now);
  for (; w->first <= w->newest; w->first++) {
    uint32_t head = RW_HEAD | (uint32_t)(w->first % RW_BUCKETS), best = RW_NONE, next, looked = 0;
    uint64_t tick = w->first;
    for (uint32_t i = w->list[head & ~RW_HEAD].next; i != head && looked < RW_LOOK; i = next) {
      RwFlow *f = rw_flow(s, i);
      next = f->link.next;
      uint64_t last = rw_last64(f, now), own = last / w->grain;
      if (own > tick) { /* it was renewed since it was put here */
        if (!moves--) return best;
        rw_unlink(s, w, f);
        rw_enqueue(s, w, i, f, now);
        continue;
      }
      looked++;
      if (best == RW_NONE || last < *last_out) best = i, *last_out = last;
    }
    if (best != RW_NONE) return best;
  }
  w->first = w->newest;
  return RW_NONE;
}

/* Whom to drop when there are too many: of the flows whose guarantee is over the one that would expire first.
 */
uint32_t rw_victim(RwSet *s, uint64_t now, bool guaranteed_too) {
  uint32_t best = RW_NONE;
  uint64_t best_expiry = 0;
  for (uint32_t m = 0; m < s->nmembers; m++)
    for (int c = 0; s->members[m] && c < RW_CLASSES; c++) {
      RwWheel *w = s->members[m]->wheel[c];
      uint64_t last = 0;
      uint32_t i = w ? rw_oldest(s, w, now, &last) : RW_NONE;
      if (i == RW_NONE || (!guaranteed_too && last + w->guarantee > now)) continue;
      if (best == RW_NONE || last + w->timeout < best_expiry) best = i, best_expiry = last + w->timeout;
    }
  return best;
}

void rw_shrink(RwSet *s, uint64_t now) {
  while ((int64_t)s->count > s->capacity) {
    uint32_t i = rw_victim(s, now, false);
    if (i == RW_NONE && (i = rw_victim(s, now, true)) == RW_NONE) return;
    rw_destroy(s, i);
  }
}

void rw_clear(Rewriter *e, const RwInput *in) {
  for (int c = 0; c < RW_CLASSES; c++)
    for (uint32_t b = 0; e->wheel[c] && b < RW_BUCKETS; b++)
      for (uint32_t i = e->wheel[c]->list[b].next, next; !(i & RW_HEAD); i = next) {
        next = rw_flow(e->set, i)->link.next;
        if (!in || rw_flow(e->set, i)->input == in->index) rw_destroy(e->set, i);
      }
}
