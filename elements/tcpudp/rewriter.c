/* rewriter.c: new flows and the life of a rewriter. See rewriter.h. */
#include "rewriterflows.h"
#include <clicklet/platform.h>

/* ---- New flows
 * -------------------------------------------------------------------------------------------------------
 */

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

static bool rw_shape_ok(const Rewriter *e, const RwFlowId *to) {
  if (e->kind->shape == RW_PAIR) return !to->sport && !to->dport;
  return e->kind->shape != RW_SOURCE || (!to->sport && !to->dport && !to->dst);
}

static uint16_t rw_delta(const RwFlowId *from, const RwFlowId *to, unsigned first, unsigned words) {
  uint64_t sum = 0;
  for (unsigned i = first; i < first + words; i++)
    sum += (uint64_t)(uint16_t)~load16((const uint8_t *)from + 2 * i) + load16((const uint8_t *)to + 2 * i);
  uint16_t delta = wire_fold(sum);
  return delta == 0xffff ? 0 : delta;
}

/* A free record, and room in a table. Where memory is out another flow goes, as where there are too many. */
static uint32_t rw_room(Rewriter *e, RwMap *m) {
  uint32_t i = rw_map_room(m, 2) ? rw_set_take(e->set) : RW_NONE;
  if (likely(i != RW_NONE)) return i;
  uint32_t victim = rw_victim(e->set, rw_now64(e), false);
  if (victim == RW_NONE) return RW_NONE;
  rw_destroy(e->set, victim);
  return rw_map_room(m, 2) ? rw_set_take(e->set) : RW_NONE;
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
  if (e->kind->shape == RW_PING) to.dport = (uint16_t)(to.sport + 1);
  if (!rw_shape_ok(e, &to) || (unsigned)in->foutput >= e->base.noutputs ||
      (unsigned)in->routput >= e->base.noutputs)
    return RW_DROP;
  uint32_t i = rw_room(e, m);
  if (i == RW_NONE) {
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
  f->port_delta = e->kind->shape == RW_PING ? rw_delta(id, &to, 4, 1) : rw_delta(id, &to, 0, 6);
  rw_map_insert(m, rw_hash(&f->id[0], s->seed), 2 * i + 1);
  uint32_t reply_hash = rw_hash(&f->id[1], s->seed), old = rw_find(e, map, &f->id[1], reply_hash);
  rw_enqueue(s, e->wheel[class], i, f, rw_now64(e));
  in->count++;
  s->count++;
  if (old == 2 * i + 1) { /* answers itself */
    rw_map_replace(m, reply_hash, old, 2 * i + 2);
  } else {
    if (old) rw_destroy(s, (old - 1) / 2);
    rw_map_insert(m, reply_hash, 2 * i + 2);
  }
  if (unlikely((int64_t)s->count > s->capacity)) {
    uint32_t victim = rw_victim(s, rw_now64(e), false);
    if (victim == RW_NONE) victim = i; /* every other one is guaranteed */
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

uint32_t rw_ensure(Rewriter *e, int port, uint8_t proto, const RwFlowId *f) {
  static const RwFlowId parts[] = {[RW_PORTS] = {-1u, -1u, 0xffff, 0xffff},
                                   [RW_PING] = {-1u, -1u, 0xffff, 0xffff},
                                   [RW_PAIR] = {.src = -1u, .dst = -1u},
                                   [RW_SOURCE] = {.src = -1u}};
  const RwFlowId *part = &parts[e->kind->shape];
  RwFlowId id = {f->src & part->src, f->dst & part->dst, f->sport & part->sport, f->dport & part->dport};
  int map = proto == WIRE_PROTO_UDP && e->kind->classes == (1 << RW_CLASSES) - 1;
  int class = !map && e->kind->classes & 1 << RW_PLAIN ? RW_PLAIN : RW_UDP;
  uint32_t ref = rw_find(e, map, &id, rw_hash(&id, e->set->seed));
  if (!ref && port >= 0) rw_new_flow(e, port, map, &id, proto, class, NULL, &ref);
  return ref;
}

/* ---- The life of a rewriter
 * ------------------------------------------------------------------------------------------
 */

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

int rw_initialize(Rewriter *e, const RwKind *kind, Errors *errs) {
  e->kind = kind;
  if (rw_join(e, errs) < 0) return -1;
  if (!e->streaming_given) e->timeout[RW_UDP_STREAMING] = e->timeout[RW_UDP];
  uint64_t now = rw_now_exact(e);
  for (int c = 0; c < RW_CLASSES; c++) {
    if (!(kind->classes & 1u << c)) continue;
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
    timer_after(t, RW_REAP_PAUSE); /* goes on, but lets packets through */
  else if (e->reap_interval)
    timer_after(t, e->reap_interval);
}

void rw_cleanup(Element *el) {
  Rewriter *e = (Rewriter *)el;
  RwSet *s = e->set;
  timer_cancel(&e->timer);
  if (s && e->member < s->nmembers && s->members[e->member] == e) {
    rw_clear(e, NULL);
    s->members[e->member] = NULL;
  }
  if (s && !--s->refs) rw_set_free(s);
  for (int c = 0; c < RW_CLASSES; c++) mem_free(e->wheel[c]);
  for (int i = 0; i < 2; i++) rw_map_free(&e->map[i]);
  for (int i = 0; e->inputs && i < el->ninputs; i++) rw_input_free(&e->inputs[i]);
  mem_free(e->inputs);
  port_handlers_free(&e->patterns);
  mem_free(e->capacity_text);
}

static uint32_t rw_lookup_kind(const Rewriter *e, uint8_t proto, const RwFlowId *id) {
  return e->kind->lookup.find(e, proto, id);
}
void *rw_cast(Element *e, const char *name) {
  static const RwLookup lookup = {rw_lookup_kind}; /* before the element is initialised it has no kind */
  if (!strcmp(name, "RwLookup")) return (void *)(uintptr_t)&lookup;
  return strcmp(name, "Rewriter") ? NULL : e;
}
