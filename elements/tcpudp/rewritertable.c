/* rewritertable.c: the handlers of rewriters. See rewriter.h. */
#include "rewriterflows.h"

static void rw_input_text(const RwInput *in, Text *out) {
  static const char *const kinds[] = {[RW_IN_DROP] = "<drop>",
                                      [RW_IN_PASS] = "<nochange>",
                                      [RW_IN_KEEP] = "<keep>",
                                      [RW_IN_MAPPER] = "<mapper>"};
  if (in->kind == RW_IN_PATTERN)
    rw_pattern_text(in->pattern, out);
  else
    text_add_string(out, kinds[in->kind]);
  if (in->count) text_printf(out, " [%u]", in->count);
  text_add_char(out, '\n');
}

int rw_read(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const Rewriter *e = (const Rewriter *)el;
  uint64_t count = 0, failures = 0;
  for (int i = 0; i < el->ninputs; i++) {
    count += e->inputs[i].count;
    failures += e->inputs[i].failures;
    if (h->data == 'p') rw_input_text(&e->inputs[i], out);
  }
  switch (h->data) {
  case 'n':
    text_printf(out, "%llu", (unsigned long long)count);
    break;
  case 'f':
    text_printf(out, "%llu", (unsigned long long)failures);
    break;
  case 's':
    text_printf(out, "%u", e->set->count);
    break;
  case 'c':
    text_printf(out, "%d", e->set->capacity);
    break;
  }
  return 0;
}

int rw_read_pattern(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  rw_input_text(&((const Rewriter *)el)->inputs[h->data], out);
  return 0;
}

const Handler *rw_extra_handler(Element *e, const char *name, unsigned index) {
  return port_handlers_find(&((Rewriter *)e)->patterns, name, index);
}

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
  rw_shrink(s, rw_now_exact(e));
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
 * --------------------------------------------------------------------------------------------------
 */

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

static void rw_table(Rewriter *e, int map, Text *out) {
  RwMap *m = &e->map[map];
  rw_map_settle(m);
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
      e->kind->text(e, f, d, out);
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

void rw_text_ports(const Rewriter *e, const RwFlow *f, int direction, Text *out) {
  RwFlowId to = rw_reverse(f->id[!direction]);
  rw_text_id(&f->id[direction], out);
  text_add_string(out, " => ");
  rw_text_id(&to, out);
  int32_t delta = rw_sequence_delta(e->set, f, direction);
  if (delta) text_printf(out, " seq %s%d", delta > 0 ? "+" : "", delta);
}

int rw_read_table(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  rw_table((Rewriter *)e, (int)h->data, out);
  return 0;
}

int rw_read_lookup(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  Rewriter *e = (Rewriter *)el;
  int map = (int)h->data;
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
