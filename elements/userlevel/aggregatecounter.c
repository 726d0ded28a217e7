/** AggregateCounter: counts packets or bytes for each value of the aggregate annotation.
 *
 * Synopsis: `AggregateCounter([<keywords> BYTES, IP_BYTES, MULTIPACKET, EXTRA_LENGTH, AGGREGATE_STOP,
 * AGGREGATE_FREEZE, AGGREGATE_CALL, COUNT_STOP, COUNT_FREEZE, COUNT_CALL, BANNER])`
 *
 * Frozen, it counts only values that it has. A second input is always frozen; a second output takes packets
 * that were not counted.
 *
 * Arguments: BYTES (bool): bytes, not packets; default false. IP_BYTES (bool): without what is in front of
 * the IP header; default false. MULTIPACKET (bool): counts the packets that one stands for; default true.
 * EXTRA_LENGTH (bool): counts the extra length annotation; default true. AGGREGATE_STOP, AGGREGATE_FREEZE
 * (unsigned), AGGREGATE_CALL (`N HANDLER [VALUE]`): at N values and one more stops the driver, freezes, or
 * writes the handler. COUNT_STOP, COUNT_FREEZE, COUNT_CALL: the same when the sum reaches N. BANNER (string):
 * a line in files.
 *
 * Handlers: `write_text_file`, `write_file` (packed), `write_ip_file`, `write_pdf_file` (FILE or -; write).
 * `freeze`, `active`, `banner`, `aggregate_call`, `count_call` (read/write). `count`, `nagg` (read). `stop`,
 * `clear`, `counts_pdf`, `reaggregate_counts` (write): the last two count how often each count occurs (values
 * counted at least once; the reference counts some inner 0s too).
 *
 * Example: `FromIPSummaryDump(-, STOP true) -> AggregateIP(ip dst) -> a :: AggregateCounter -> Discard;
 * DriverManager(pause, write a.write_text_file -);`
 */
#include "dumpfile.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct Entry {
  uint32_t value;
  bool used;
  uint64_t count;
} Entry;

typedef struct Limit {
  uint64_t at;
  char *call;
} Limit; /* call: NULL none, "" stop, " " freeze, else a handler and its value */

typedef struct AggregateCounter {
  Element base;
  bool bytes, ip_bytes, multipacket, extra_length, frozen, active;
  uint64_t agg_stop, agg_freeze, count_stop, count_freeze;
  bool has_agg_stop, has_agg_freeze, has_count_stop, has_count_freeze;
  char *agg_call, *count_call, *banner;
  Limit values, total;
  Entry *table;
  uint32_t size, used; /* places, a power of two; places taken */
  uint32_t nonzero;
  uint64_t count;
} AggregateCounter;

static Entry *find(Entry *table, uint32_t size, uint32_t value) {
  for (uint32_t i = value * 2654435769u;; i++) {
    Entry *e = &table[i & (size - 1)];
    if (!e->used || e->value == value) return e;
  }
}

static bool grow(AggregateCounter *a) {
  uint32_t size = a->size ? 2 * a->size : 1024;
  Entry *table = mem_alloc(size * sizeof *table);
  if (!table) return false;
  for (uint32_t i = 0; i < a->size; i++)
    if (a->table[i].used) *find(table, size, a->table[i].value) = a->table[i];
  mem_free(a->table);
  a->table = table;
  a->size = size;
  return true;
}

static void run_limit(AggregateCounter *a, Limit *l) {
  l->at = UINT64_MAX;
  if (!l->call) return;
  if (!*l->call) {
    a->active = false;
    router_stop(a->base.router);
  } else if (!strcmp(l->call, " ")) {
    a->frozen = true;
  } else {
    handler_call(&a->base, l->call, NULL);
  }
}

static bool add(AggregateCounter *a, uint32_t value, uint64_t amount, bool frozen) {
  if (!a->active || (a->used * 2 >= a->size && !grow(a))) return false;
  Entry *e = find(a->table, a->size, value);
  if (frozen && !e->count) return false;
  if (amount && !e->count) {
    if (unlikely(a->nonzero >= a->values.at)) {
      run_limit(a, &a->values);
      return add(a, value, amount, frozen || a->frozen);
    }
    a->nonzero++;
  }
  a->used += !e->used;
  e->used = true;
  e->value = value;
  e->count += amount;
  a->count += amount;
  if (unlikely(a->count >= a->total.at)) run_limit(a, &a->total);
  return true;
}

static bool count_packet(AggregateCounter *a, const Packet *p, bool frozen) {
  uint64_t amount = 1 + (a->multipacket ? anno_u32(p, ANNO_EXTRA_PACKETS) : 0);
  if (a->bytes) {
    amount = (uint64_t)p->len + (a->extra_length ? anno_u32(p, ANNO_EXTRA_LENGTH) : 0);
    if (a->ip_bytes && p->network) amount -= (uint64_t)packet_network_offset(p);
  }
  return add(a, anno_u32(p, ANNO_AGGREGATE), (uint32_t)amount, frozen || a->frozen);
}

static void counter_push(Element *e, int port, Packet **p, unsigned n) {
  AggregateCounter *a = (AggregateCounter *)e;
  int16_t outs[BATCH_MAX];
  for (unsigned i = 0; i < n; i++) outs[i] = !count_packet(a, p[i], port == 1) && e->noutputs > 1;
  scatter(e, p, outs, n);
}

static unsigned counter_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = input_pull_batch(e, e->ninputs == 1 ? 0 : port, p, max);
  for (unsigned i = 0; i < n; i++) count_packet((AggregateCounter *)e, p[i], port == 1);
  return n;
}

static int clear(AggregateCounter *a, Errors *errs) {
  mem_free(a->table);
  a->table = NULL;
  a->size = a->used = a->nonzero = 0;
  a->count = 0;
  return grow(a) ? 0 : error(errs, "out of memory");
}

/* "N HANDLER [VALUE]" */
static int set_call(Limit *l, const char *text, const char *key, Errors *errs) {
  Text word = {0};
  uint64_t n = UINT64_MAX;
  const char *rest = next_word(text, &word, NULL);
  bool ok = !rest || parse_u64(text_cstr(&word), &n);
  text_free(&word);
  while (rest && is_space(*rest)) rest++;
  if (!ok || (rest && !*rest)) return error(errs, "%s: expected 'N HANDLER [VALUE]', not '%s'", key, text);
  mem_free(l->call);
  l->call = rest ? mem_string(rest, strlen(rest)) : NULL;
  l->at = n;
  return 0;
}

static int set_limit(Limit *l, bool has_stop, uint64_t stop, bool has_freeze, uint64_t freeze,
                     const char *call, const char *what, Errors *errs) {
  if (has_stop + has_freeze + (call != NULL) > 1)
    return error(errs, "%s_STOP, %s_FREEZE and %s_CALL exclude each other", what, what, what);
  l->at = has_stop ? stop : has_freeze ? freeze : UINT64_MAX;
  mem_free(l->call);
  l->call = has_stop ? mem_string("", 0) : has_freeze ? mem_string(" ", 1) : NULL;
  return call ? set_call(l, call, what, errs) : 0;
}

static int counter_configure(Element *e, const Args *args, Errors *errs) {
  AggregateCounter *a = (AggregateCounter *)e;
  (void)args;
  a->active = true;
  int rc = set_limit(&a->values, a->has_agg_stop, a->agg_stop, a->has_agg_freeze, a->agg_freeze, a->agg_call,
                     "AGGREGATE", errs);
  rc |= set_limit(&a->total, a->has_count_stop, a->count_stop, a->has_count_freeze, a->count_freeze,
                  a->count_call, "COUNT", errs);
  return rc | clear(a, errs);
}

static void counter_cleanup(Element *e) {
  AggregateCounter *a = (AggregateCounter *)e;
  mem_free(a->table);
  mem_free(a->agg_call);
  mem_free(a->count_call);
  mem_free(a->banner);
  mem_free(a->values.call);
  mem_free(a->total.call);
}

/* ---- Files
 * -----------------------------------------------------------------------------------------------------------
 */

static int by_value(const void *x, const void *y) {
  uint32_t a = ((const Entry *)x)->value, b = ((const Entry *)y)->value;
  return a < b ? -1 : a > b;
}

enum { WRITE_BINARY, WRITE_TEXT, WRITE_IP, WRITE_PDF };

static int write_counts(Element *e, const Handler *h, const char *value, Errors *errs) {
  AggregateCounter *a = (AggregateCounter *)e;
  DumpOutput f = {.fd = -1};
  Text name = {0}, t = {0};
  unquote(value, &name);
  int rc = name.len ? dump_create(&f, name.s, false, errs) : error(errs, "expected the name of a file");
  text_free(&name);
  if (rc) return rc;
  text_add_string(&t, "!IPAggregate 1.0\n");
  if (a->banner && *a->banner)
    text_printf(&t, "%s%s", a->banner, a->banner[strlen(a->banner) - 1] == '\n' ? "" : "\n");
  text_printf(&t, "!num_nonzero %u\n%s", a->nonzero,
              h->data == WRITE_BINARY ? "!packed_le\n"
              : h->data == WRITE_IP   ? "!ip\n"
                                      : "");
  Entry *sorted = mem_alloc((a->used + 1u) * sizeof *sorted);
  uint32_t n = 0;
  for (uint32_t i = 0; sorted && i < a->size; i++)
    if (a->table[i].count) sorted[n++] = a->table[i];
  if (sorted) qsort(sorted, n, sizeof *sorted, by_value);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t v = sorted[i].value, address = be32(v), count = (uint32_t)sorted[i].count;
    if (h->data == WRITE_BINARY) {
      text_add(&t, (const char *)&v, 4);
      text_add(&t, (const char *)&count, 4);
    } else if (h->data == WRITE_IP)
      text_printf(&t, "%pI %u\n", &address, count);
    else if (h->data == WRITE_PDF)
      text_printf(&t, "%u %.12g\n", v, count / (double)a->count);
    else
      text_printf(&t, "%u %u\n", v, count);
  }
  if (!sorted || t.failed)
    rc = error(errs, "out of memory");
  else if (!dump_write(&f, t.s, t.len))
    rc = error(errs, "%s: %s", value, strerror(errno));
  dump_finish(&f);
  mem_free(sorted);
  text_free(&t);
  return rc;
}

/* ---- Handlers
 * ---------------------------------------------------------------------------------------------------------
 */

static int count_counts(Element *e, const Handler *h, const char *value, Errors *errs) {
  AggregateCounter *a = (AggregateCounter *)e;
  (void)h, (void)value;
  Entry *old = a->table;
  uint32_t size = a->size;
  bool active = a->active;
  a->table = NULL;
  int rc = clear(a, errs);
  a->active = true;
  for (uint32_t i = 0; !rc && i < size; i++)
    if (old[i].count) add(a, (uint32_t)old[i].count, 1, false);
  a->active = active;
  mem_free(old);
  return rc;
}

static int counter_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  AggregateCounter *a = (AggregateCounter *)e;
  switch (h->data) {
  case 0:
    return clear(a, errs);
  case 1:
    return set_call(&a->values, value, "aggregate_call", errs);
  case 2:
    return set_call(&a->total, value, "count_call", errs);
  default:
    a->active = false;
    router_stop(e->router);
    return 0;
  }
}

static int write_banner(Element *e, const Handler *h, const char *value, Errors *errs) {
  AggregateCounter *a = (AggregateCounter *)e;
  (void)h, (void)errs;
  mem_free(a->banner);
  a->banner = mem_string(value, strlen(value));
  return 0;
}

static int read_call(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  AggregateCounter *a = (AggregateCounter *)e;
  (void)param, (void)errs;
  const Limit *l = h->data == 1 ? &a->values : &a->total;
  if (l->at == UINT64_MAX || !l->call) return 0;
  text_printf(out, "%llu ", (unsigned long long)l->at);
  if (!*l->call)
    text_printf(out, "%s.stop", e->name);
  else if (!strcmp(l->call, " "))
    text_printf(out, "%s.freeze true", e->name);
  else
    text_add_string(out, l->call);
  return 0;
}

/* What a handler changes holds for the very next packet, so packets go one by one. */
static unsigned counter_batch_cap(Element *e) {
  return ((AggregateCounter *)e)->agg_call || ((AggregateCounter *)e)->count_call ? 1 : 0;
}

ELEMENT(AggregateCounter, .ports = "1-2/1-2", .targets = TARGET_HOST, .push = counter_push,
        .batch_cap = counter_batch_cap, .pull = counter_pull, .configure = counter_configure,
        .cleanup = counter_cleanup,
        .args = ARGS(ARG(AggregateCounter, BOOL, "BYTES", bytes, "false"),
                     ARG(AggregateCounter, BOOL, "IP_BYTES", ip_bytes, "false"),
                     ARG(AggregateCounter, BOOL, "MULTIPACKET", multipacket, "true"),
                     ARG(AggregateCounter, BOOL, "EXTRA_LENGTH", extra_length, "true"),
                     ARG(AggregateCounter, U64, "AGGREGATE_FREEZE", agg_freeze, NULL,
                         GIVEN(AggregateCounter, has_agg_freeze)),
                     ARG(AggregateCounter, U64, "COUNT_FREEZE", count_freeze, NULL,
                         GIVEN(AggregateCounter, has_count_freeze)),
                     ARG(AggregateCounter, U64, "AGGREGATE_STOP", agg_stop, NULL,
                         GIVEN(AggregateCounter, has_agg_stop)),
                     ARG(AggregateCounter, U64, "COUNT_STOP", count_stop, NULL,
                         GIVEN(AggregateCounter, has_count_stop)),
                     ARG(AggregateCounter, RAW, "AGGREGATE_CALL", agg_call, NULL),
                     ARG(AggregateCounter, RAW, "COUNT_CALL", count_call, NULL),
                     ARG(AggregateCounter, STRING, "BANNER", banner, "\"\"")),
        .handlers = HANDLERS(WRITE_FN("write_text_file", write_counts, .data = WRITE_TEXT),
                             WRITE_FN("write_ascii_file", write_counts, .data = WRITE_TEXT),
                             WRITE_FN("write_file", write_counts, .data = WRITE_BINARY),
                             WRITE_FN("write_ip_file", write_counts, .data = WRITE_IP),
                             WRITE_FN("write_pdf_file", write_counts, .data = WRITE_PDF),
                             RW_FIELD(AggregateCounter, BOOL, "freeze", frozen,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             RW_FIELD(AggregateCounter, BOOL, "active", active,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             RW_FIELD(AggregateCounter, STRING, "banner", banner, .write = write_banner),
                             WRITE_FN("stop", counter_write, .data = 3,
                                      .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             WRITE_FN("reaggregate_counts", count_counts),
                             WRITE_FN("counts_pdf", count_counts), WRITE_FN("clear", counter_write),
                             RW_FN("aggregate_call", read_call, counter_write, .data = 1),
                             RW_FN("count_call", read_call, counter_write, .data = 2),
                             READ_FIELD(AggregateCounter, U64, "count", count),
                             READ_FIELD(AggregateCounter, U32, "nagg", nonzero)));
