/* rewriter.c: flows: their memory, tables and expiry. See rewriter.h. */
#include "rewriter.h"
#include <clicklet/platform.h>

#define RW_LOOK 64        /* flows that a search for the oldest looks at in one bucket */
#define RW_REAP_STEP 2048 /* flows that one run of the timer looks at */

/* Large memory comes in huge pages where there are such: tables of many flows are used at random. Not zeroed
 * for certain. */
#define RW_LARGE (1u << 20)
static void *rw_alloc(size_t size) {
  return size >= RW_LARGE ? platform_alloc_pages(size) : platform_alloc(size);
}
static void rw_free(void *p, size_t size) {
  if (p && size >= RW_LARGE)
    platform_free_pages(p, size);
  else
    platform_free(p);
}

/* ---- Memory
 * ----------------------------------------------------------------------------------------------------------
 */

static bool rw_set_grow(RwSet *s) {
  uint32_t k = 0, n;
  while (k < countof(s->chunk) && s->chunk[k]) k++;
  if (k == countof(s->chunk)) return false;
  n = 1u << (RW_FIRST_BITS + k);
  return (s->chunk[k] = rw_alloc(n * sizeof(RwFlow))) !=
         NULL; /* 64-byte aligned; flows are filled in when used */
}

static uint32_t rw_set_take(RwSet *s) { /* UINT32_MAX: none */
  if (s->unused) {
    uint32_t i = s->unused - 1;
    s->unused = rw_flow(s, i)->link.next;
    return i;
  }
  uint32_t n = s->made + (1u << RW_FIRST_BITS), k = 31 - (uint32_t)__builtin_clz(n) - RW_FIRST_BITS;
  if (k >= countof(s->chunk) || (!s->chunk[k] && !rw_set_grow(s))) return UINT32_MAX;
  return s->made++;
}

static void rw_set_give(RwSet *s, uint32_t i) {
  rw_flow(s, i)->link.next = s->unused;
  s->unused = i + 1;
}

/* ---- Tables
 * ----------------------------------------------------------------------------------------------------------
 */

static bool rw_map_room(RwMap *m, uint32_t more) {
  uint32_t size = m->slots ? m->mask + 1 : 0, n = size ? size : 64;
  while ((uint64_t)(m->count + more) * 4 > (uint64_t)n * 3) n *= 2;
  if (n == size) return true;
  RwSlot *slots = rw_alloc((size_t)n * sizeof *slots);
  if (!slots) return false;
  memset(slots, 0, (size_t)n * sizeof *slots);
  for (uint32_t i = 0; i < size; i++) {
    if (!m->slots[i].ref) continue;
    uint32_t at = m->slots[i].hash & (n - 1);
    while (slots[at].ref) at = (at + 1) & (n - 1);
    slots[at] = m->slots[i];
  }
  rw_free(m->slots, (size_t)size * sizeof *slots);
  m->slots = slots;
  m->mask = n - 1;
  return true;
}

static void rw_map_insert(RwMap *m, uint32_t hash, uint32_t ref) {
  uint32_t i = hash & m->mask;
  while (m->slots[i].ref) i = (i + 1) & m->mask;
  m->slots[i] = (RwSlot){hash, ref};
  m->count++;
}

/* Where a reference is, or UINT32_MAX. */
static uint32_t rw_map_place(const RwMap *m, uint32_t hash, uint32_t ref) {
  for (uint32_t i = hash & m->mask; m->slots[i].ref; i = (i + 1) & m->mask)
    if (m->slots[i].ref == ref) return i;
  return UINT32_MAX;
}

/* Removes a slot and moves up those behind it that are not at their own place. */
static void rw_map_remove(RwMap *m, uint32_t i) {
  for (uint32_t j = (i + 1) & m->mask; m->slots[j].ref; j = (j + 1) & m->mask) {
    uint32_t home = m->slots[j].hash & m->mask;
    if (((j - home) & m->mask) < ((j - i) & m->mask)) continue;
    m->slots[i] = m->slots[j];
    i = j;
  }
  m->slots[i] = (RwSlot){0};
  m->count--;
}

/* ---- Expiry
 * ----------------------------------------------------------------------------------------------------------
 */

static uint64_t rw_now64(const Rewriter *e) { return (uint64_t)time_recent(&e->base) / NSEC_PER_MSEC; }
static uint64_t rw_now_exact(const Rewriter *e) {
  return (uint64_t)time_steady(&e->base) / NSEC_PER_MSEC;
} /* handlers, timers */
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

static void rw_enqueue(const RwSet *s, RwWheel *w, uint32_t i, RwFlow *f, uint64_t now) {
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

static void rw_destroy(RwSet *s, uint32_t i) {
  RwFlow *f = rw_flow(s, i);
  Rewriter *e = s->members[f->member];
  RwMap *m = &e->map[f->map];
  for (uint32_t d = 0; d < 2; d++) {
    uint32_t place = rw_map_place(m, rw_hash(&f->id[d], s->seed), 2 * i + d + 1);
    if (place != UINT32_MAX) rw_map_remove(m, place);
  }
  rw_unlink(s, e->wheel[f->class], f);
  e->inputs[f->input].count--;
  s->count--;
  rw_set_give(s, i);
}

/* Destroys flows whose time is over. Looks at `budget` flows of a wheel at most; returns what is
 * left of it, 0 if there is more to do at once. */
static uint32_t rw_reap(const Rewriter *e, RwWheel *w, uint64_t now, uint32_t budget) {
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
 * UINT32_MAX: none. */
static uint32_t rw_oldest(const RwSet *s, RwWheel *w, uint64_t now, uint64_t *last_out) {
  uint32_t moves = RW_REAP_STEP / 2;
  rw_advance(s, w, now);
  for (; w->first <= w->newest; w->first++) {
    uint32_t head = RW_HEAD | (uint32_t)(w->first % RW_BUCKETS), best = UINT32_MAX, next, looked = 0;
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
      if (best == UINT32_MAX || last < *last_out) best = i, *last_out = last;
    }
    if (best != UINT32_MAX) return best;
  }
  w->first = w->newest;
  return UINT32_MAX;
}

/* Whom to drop when there are too many: of the flows whose guarantee is over the one that would expire first.
 */
static uint32_t rw_victim(RwSet *s, uint64_t now, bool guaranteed_too) {
  uint32_t best = UINT32_MAX;
  uint64_t best_expiry = 0;
  for (uint32_t m = 0; m < s->nmembers; m++)
    for (int c = 0; s->members[m] && c < RW_CLASSES; c++) {
      RwWheel *w = s->members[m]->wheel[c];
      uint64_t last = 0;
      uint32_t i = w ? rw_oldest(s, w, now, &last) : UINT32_MAX;
      if (i == UINT32_MAX || (!guaranteed_too && last + w->guarantee > now)) continue;
      if (best == UINT32_MAX || last + w->timeout < best_expiry) best = i, best_expiry = last + w->timeout;
    }
  return best;
}

/* ---- New flows
 * ------------------------------------------------------------------------------------------------------- */

static int rw_ask(RwInput *in, const RwFlowId *f, RwFlowId *to, int map) {
  int result = RW_DROP;
  switch (in->kind) {
  case RW_IN_DROP:
    return RW_DROP;
  case RW_IN_PASS:
    return in->foutput;
  case RW_IN_KEEP:
    *to = *f;
    return RW_MAP;
  case RW_IN_PATTERN:
    result = rw_pattern_rewrite(&in->owner->base, in->pattern, in->owner, f, to, map);
    break;
  case RW_IN_MAPPER:
    result = in->mapper->rewrite(in->mapper->element, in, f, to, map);
    break;
  }
  if (result == RW_DROP) in->failures++;
  return result;
}

static uint32_t rw_buckets(unsigned growths) { return (2u << growths) - 1; }

static bool rw_shape_ok(const Rewriter *e, const RwFlowId *to) {
  if (e->shape == RW_PAIR) return !to->sport && !to->dport;
  return e->shape != RW_SOURCE || (!to->sport && !to->dport && !to->dst);
}

static uint16_t rw_delta(const RwFlowId *from, const RwFlowId *to, unsigned first, unsigned words) {
  uint64_t sum = 0;
  for (unsigned i = first; i < first + words; i++)
    sum += (uint64_t)(uint16_t)~load16((const uint8_t *)from + 2 * i) + load16((const uint8_t *)to + 2 * i);
  uint16_t delta = wire_fold(sum);
  return delta == 0xffff ? 0 : delta;
}

int rw_new_flow(Rewriter *e, int port, int map, const RwFlowId *id, uint8_t proto, int class, const Packet *p,
                uint32_t *ref) {
  RwInput *in = &e->inputs[port];
  RwSet *s = e->set;
  RwMap *m = &e->map[map];
  RwFlowId to = {0};
  *ref = 0;
  int result = rw_ask(in, id, &to, map);
  if (result != RW_MAP) return result;
  if (e->shape == RW_PING) to.dport = (uint16_t)(to.sport + 1);
  if (!rw_shape_ok(e, &to) || (unsigned)in->foutput >= e->base.noutputs ||
      (unsigned)in->routput >= e->base.noutputs)
    return RW_DROP;
  uint32_t i = rw_map_room(m, 2) ? rw_set_take(s) : UINT32_MAX;
  if (i == UINT32_MAX) {
    in->failures++;
    return RW_DROP;
  }
  RwFlow *f = rw_flow(s, i);
  *f = (RwFlow){.id = {*id, rw_reverse(to)},
                .output = {(uint16_t)in->foutput, (uint16_t)in->routput},
                .last = rw_now(e),
                .class = (uint8_t) class,
                .proto = proto,
                .member = e->member,
                .input = in->index,
                .map = (uint8_t)map,
                .born = s->born++};
  if (p && e->reply_anno_given) f->reply_anno = anno_u8(p, e->reply_anno);
  f->ip_delta = rw_delta(id, &to, 0, 4);
  /* Of a ping the checksum covers the identifier only, else addresses and ports. */
  f->port_delta = e->shape == RW_PING ? rw_delta(id, &to, 4, 1) : rw_delta(id, &to, 0, 6);
  rw_map_insert(m, rw_hash(&f->id[0], s->seed), 2 * i + 1);
  uint32_t reply_hash = rw_hash(&f->id[1], s->seed), old = rw_find(e, map, &f->id[1], reply_hash);
  rw_enqueue(s, e->wheel[class], i, f, rw_now64(e));
  in->count++;
  s->count++;
  if (old == 2 * i + 1) { /* answers itself */
    m->slots[rw_map_place(m, reply_hash, old)].ref = 2 * i + 2;
  } else {
    if (old) rw_destroy(s, (old - 1) / 2);
    rw_map_insert(m, reply_hash, 2 * i + 2);
  }
  if (unlikely((int64_t)s->count > s->capacity)) {
    uint32_t victim = rw_victim(s, rw_now64(e), false);
    if (victim == UINT32_MAX) victim = i; /* every other one is guaranteed */
    rw_destroy(s, victim);
    if (victim == i) {
      in->failures++;
      return RW_DROP;
    }
  }
  if (m->count > 2 * rw_buckets(m->growths) && m->growths < countof(m->grown_at))
    m->grown_at[m->growths++] = s->born;
  *ref = 2 * i + 1;
  return RW_MAP;
}

/* ---- The life of a rewriter
 * ------------------------------------------------------------------------------------------ */

/* Follows "shares the capacity of" to its end; a circle ends where it began. */
static Rewriter *rw_root(Rewriter *e) {
  Rewriter *root = e;
  for (unsigned hops = 0; root->shares_with && hops < 64; hops++) {
    root = element_cast(root->shares_with, "Rewriter");
    if (root == e) break;
  }
  return root;
}

static int rw_join(Rewriter *e, Errors *errs) {
  Rewriter *root = rw_root(e);
  RwSet *s = root->set;
  if (!s) {
    if (!(s = mem_alloc(sizeof *s))) return error(errs, "out of memory");
    s->capacity = root->capacity;
    s->seed = platform_entropy() | 1;
    root->set = s;
    s->refs++;
    if (root != e) s->refs++;
  } else if (!e->set) {
    s->refs++;
  }
  e->set = s;
  Rewriter **members =
      mem_resize(s->members, s->nmembers * sizeof *members, (s->nmembers + 1) * sizeof *members);
  if (!members) return error(errs, "out of memory");
  s->members = members;
  e->member = (uint16_t)s->nmembers;
  s->members[s->nmembers++] = e;
  return 0;
}

static RwWheel *rw_new_wheel(int64_t timeout_ns, int64_t guarantee_ns, uint64_t now) {
  RwWheel *w = mem_alloc(sizeof *w);
  if (!w) return NULL;
  w->timeout = (uint32_t)(timeout_ns / NSEC_PER_MSEC);
  w->guarantee = (uint32_t)(guarantee_ns / NSEC_PER_MSEC);
  w->grain = w->timeout / (RW_BUCKETS / 2) + 1;
  w->newest = w->first = now / w->grain;
  for (uint32_t i = 0; i < RW_BUCKETS; i++) w->list[i] = (RwLink){RW_HEAD | i, RW_HEAD | i};
  return w;
}

int rw_initialize(Rewriter *e, unsigned classes, Errors *errs) {
  if (rw_join(e, errs) < 0) return -1;
  if (!e->streaming_given) e->timeout[RW_UDP_STREAMING] = e->timeout[RW_UDP];
  uint64_t now = rw_now_exact(e);
  for (int c = 0; c < RW_CLASSES; c++) {
    if (!(classes & 1u << c)) continue;
    if (!(e->wheel[c] = rw_new_wheel(e->timeout[c], c >= RW_UDP ? e->udp_guarantee : e->guarantee, now)))
      return error(errs, "out of memory");
  }
  if (!rw_map_room(&e->map[0], 1) || !rw_map_room(&e->map[1], 1)) return error(errs, "out of memory");
  int rc = 0;
  for (int i = 0; i < e->base.ninputs; i++)
    if (e->inputs[i].kind == RW_IN_MAPPER &&
        e->inputs[i].mapper->check(e->inputs[i].mapper->element, &e->inputs[i], errs) < 0)
      rc = -1;
  timer_init(&e->timer, &e->base);
  if (e->reap_interval) timer_after(&e->timer, e->reap_interval);
  return rc;
}

void rw_timer(Element *el, Timer *t) {
  Rewriter *e = (Rewriter *)el;
  uint32_t budget = RW_REAP_STEP;
  for (int c = 0; c < RW_CLASSES && budget; c++)
    if (e->wheel[c]) budget = rw_reap(e, e->wheel[c], rw_now_exact(e), budget);
  if (!budget)
    timer_after(t, NSEC_PER_MSEC); /* goes on, but lets packets through */
  else if (e->reap_interval)
    timer_after(t, e->reap_interval);
}

/* Destroys the flows of an input (NULL: all) of a rewriter. */
static void rw_clear(Rewriter *e, const RwInput *in) {
  for (int c = 0; c < RW_CLASSES; c++)
    for (uint32_t b = 0; e->wheel[c] && b < RW_BUCKETS; b++)
      for (uint32_t i = e->wheel[c]->list[b].next, next; !(i & RW_HEAD); i = next) {
        next = rw_flow(e->set, i)->link.next;
        if (!in || rw_flow(e->set, i)->input == in->index) rw_destroy(e->set, i);
      }
}

void rw_cleanup(Element *el) {
  Rewriter *e = (Rewriter *)el;
  RwSet *s = e->set;
  timer_cancel(&e->timer);
  if (s && e->member < s->nmembers && s->members[e->member] == e) {
    rw_clear(e, NULL);
    s->members[e->member] = NULL;
  }
  if (s && !--s->refs) {
    for (unsigned k = 0; k < countof(s->chunk); k++)
      rw_free(s->chunk[k], sizeof(RwFlow) << (RW_FIRST_BITS + k));
    mem_free(s->members);
    mem_free(s);
  }
  for (int c = 0; c < RW_CLASSES; c++) mem_free(e->wheel[c]);
  for (int i = 0; i < 2; i++) rw_free(e->map[i].slots, (e->map[i].mask + (size_t)1) * sizeof(RwSlot));
  for (int i = 0; e->inputs && i < el->ninputs; i++) rw_input_free(&e->inputs[i]);
  mem_free(e->inputs);
  port_handlers_free(&e->patterns);
  mem_free(e->capacity_text);
}

void *rw_cast(Element *e, const char *name) { return strcmp(name, "Rewriter") ? NULL : e; }

/* ---- Handlers
 * -------------------------------------------------------------------------------------------------------- */

int rw_write(Element *el, const Handler *h, const char *value, Errors *errs) {
  Rewriter *e = (Rewriter *)el;
  RwSet *s = e->set;
  if (h->data == 'x') {
    for (uint32_t m = 0; m < s->nmembers; m++)
      if (s->members[m]) rw_clear(s->members[m], NULL);
    return 0;
  }
  Text word = {0};
  int64_t v;
  bool ok = next_word(value, &word, NULL) && parse_i64(text_cstr(&word), &v) && v >= 0 &&
            v <= INT32_MAX; /* a second number is not used */
  text_free(&word);
  if (!ok) return error(errs, "expected a capacity, not '%s'", value);
  s->capacity = (int32_t)v;
  for (uint32_t i; (int64_t)s->count > s->capacity;) {
    if ((i = rw_victim(s, rw_now_exact(e), false)) == UINT32_MAX &&
        (i = rw_victim(s, rw_now_exact(e), true)) == UINT32_MAX)
      break;
    rw_destroy(s, i);
  }
  return 0;
}

int rw_write_pattern(Element *el, const Handler *h, const char *value, Errors *errs) {
  Rewriter *e = (Rewriter *)el;
  RwInput in = {0};
  if (rw_spec_parse(e, (int)h->data, value, &in, errs, -1) < 0) return -1;
  RwInput *old = &e->inputs[h->data];
  rw_clear(e, old);
  rw_input_free(old);
  *old = in;
  return 0;
}

/* ---- Tables as text
 * -------------------------------------------------------------------------------------------------- */

/* Users know the tables in the reference's order: hash chains that are filled at the head, and turned around
 * by each growth. It follows from which flows are there and when the reference's table would have grown. */
typedef struct RwLine {
  uint64_t order;           /* of birth */
  uint32_t ref, hash, next; /* next: line + 1 in the same bucket */
} RwLine;

static uint32_t rw_rotate(uint32_t v, unsigned r) { return v << r | v >> (32 - r); }

static uint32_t rw_reference_hash(const RwFlowId *id) {
  uint32_t s = be16(id->sport), d = be16(id->dport);
  return rw_rotate(id->src, s % 16 + 1) ^ rw_rotate(id->dst, 31 - d % 16) ^ (d << 16 | s);
}

static void rw_sort(RwLine *a, uint32_t n) { /* a heap sort */
  for (uint32_t end = n, start = n / 2; end > 1;) {
    if (start)
      start--;
    else {
      RwLine t = a[--end];
      a[end] = a[0];
      a[0] = t;
    }
    for (uint32_t i = start, c; (c = 2 * i + 1) < end; i = c) {
      if (c + 1 < end && a[c + 1].order > a[c].order) c++;
      if (a[i].order >= a[c].order) break;
      RwLine t = a[i];
      a[i] = a[c];
      a[c] = t;
    }
  }
}

static void rw_chain(RwLine *lines, uint32_t *heads, uint32_t buckets, uint32_t i) {
  uint32_t *head = &heads[lines[i].hash % buckets];
  lines[i].next = *head;
  *head = i + 1;
}

/* Moves all lines from old_heads to heads as a growth does. */
static void rw_rechain(RwLine *lines, const uint32_t *old_heads, uint32_t old_buckets, uint32_t *heads,
                       uint32_t buckets) {
  memset(heads, 0, buckets * sizeof *heads);
  for (uint32_t b = 0; b < old_buckets; b++)
    for (uint32_t i = old_heads[b], next; i; i = next) {
      next = lines[i - 1].next;
      rw_chain(lines, heads, buckets, i - 1);
    }
}

void rw_table(Rewriter *e, int map, RwTextFn text, Text *out) {
  const RwMap *m = &e->map[map];
  uint32_t n = 0, now = (uint32_t)rw_now_exact(e), buckets = rw_buckets(m->growths);
  RwLine *lines = mem_alloc((m->count + 1) * sizeof *lines);
  uint32_t *heads = mem_alloc(buckets * sizeof *heads), *spare = mem_alloc(buckets * sizeof *spare);
  for (uint32_t i = 0; lines && i <= m->mask; i++) {
    uint32_t ref = m->slots[i].ref, d = (ref - 1) & 1;
    if (!ref) continue;
    const RwFlow *f = rw_flow(e->set, (ref - 1) / 2);
    lines[n++] =
        (RwLine){.order = (uint64_t)f->born << 1 | d, .ref = ref, .hash = rw_reference_hash(&f->id[d])};
  }
  if (!lines || !heads || !spare) n = 0;
  rw_sort(lines, n);
  unsigned grown = 0;
  for (uint32_t i = 0; i <= n && n; i++) {
    for (; grown < m->growths && (i == n || lines[i].order >> 1 >= m->grown_at[grown]); grown++) {
      rw_rechain(lines, heads, rw_buckets(grown), spare, rw_buckets(grown + 1));
      uint32_t *t = heads;
      heads = spare;
      spare = t;
    }
    if (i < n) rw_chain(lines, heads, rw_buckets(grown), i);
  }
  for (uint32_t b = 0; b < buckets && n; b++)
    for (uint32_t i = heads[b]; i; i = lines[i - 1].next) {
      const RwFlow *f = rw_flow(e->set, (lines[i - 1].ref - 1) / 2);
      int d = (lines[i - 1].ref - 1) & 1;
      text(f, d, out);
      text_printf(out, " [%s%u %s%u] i%u exp%u\n", d ? "" : "*", f->output[0], d ? "*" : "", f->output[1],
                  f->input, (f->last + e->wheel[f->class]->timeout + 500 - now) / 1000);
    }
  mem_free(lines);
  mem_free(heads);
  mem_free(spare);
}

static void rw_text_id(const RwFlowId *f, Text *out) {
  text_printf(out, "(%pI, %u, %pI, %u)", (const void *)&f->src, be16(f->sport), (const void *)&f->dst,
              be16(f->dport));
}

void rw_text_ports(const RwFlow *f, int direction, Text *out) {
  RwFlowId to = rw_reverse(f->id[!direction]);
  rw_text_id(&f->id[direction], out);
  text_add_string(out, " => ");
  rw_text_id(&to, out);
}

int rw_lookup(Rewriter *e, int map, const char *param, Text *out, Errors *errs) {
  char *w[5] = {0};
  RwFlowId f = {0};
  uint16_t sport, dport;
  int proto = map ? WIRE_PROTO_UDP : WIRE_PROTO_TCP;
  bool ok = split_words(param, w, 5) == 4 && arg_parse_ip(&e->base, w[0], &f.src) &&
            arg_parse_port(&e->base, proto, w[1], &sport) && arg_parse_ip(&e->base, w[2], &f.dst) &&
            arg_parse_port(&e->base, proto, w[3], &dport);
  for (unsigned i = 0; i < countof(w); i++) mem_free(w[i]);
  if (!ok) return error(errs, "expected 'SADDR SPORT DADDR DPORT', not '%s'", param);
  f.sport = be16(sport);
  f.dport = be16(dport);
  uint32_t ref = rw_find(e, map, &f, rw_hash(&f, e->set->seed));
  if (!ref) return 0;
  RwFlowId to = rw_reverse(rw_flow(e->set, (ref - 1) / 2)->id[!((ref - 1) & 1)]);
  text_printf(out, "%pI %u %pI %u", (const void *)&to.src, be16(to.sport), (const void *)&to.dst,
              be16(to.dport));
  return 0;
}
