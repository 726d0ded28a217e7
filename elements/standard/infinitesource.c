/** InfiniteSource: makes copies of one packet as fast as it can.
 *
 * Synopsis: `InfiniteSource([DATA, LIMIT, BURST, ACTIVE, <keywords> LENGTH, TIMESTAMP, HEADROOM, STOP,
 * END_CALL])`
 *
 * Pushes, or answers pulls. While a full-notifying Queue downstream is full it sleeps.
 *
 * Arguments: DATA (string): the packets' bytes. Default: the reference's 69-byte sample text. LIMIT (int):
 * packets at most; negative: no limit. Default -1. BURST (int): packets in one turn at least. Default 1.
 * ACTIVE (bool): default true. LENGTH (unsigned): packet length; DATA is repeated or cut; default: the length
 * of DATA. TIMESTAMP (bool): sets the timestamp; default true. HEADROOM (unsigned): bytes. STOP (bool): stops
 * the driver after LIMIT packets. Default false. END_CALL (`HANDLER [VALUE]`): written after LIMIT;
 * excludes STOP.
 *
 * Handlers: `count` (read). `reset` (write): starts over. `active`, `limit`, `burst`, `data`, `length`
 * (read/write). `end_call` (write). `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 5, STOP true) -> Discard;`
 */
#include "source.h"

typedef struct InfiniteSource {
  Element base;
  SourceData data;
  int64_t limit;
  int32_t burst;
  bool active, stop, timestamp, finished;
  int64_t length; /* -1: that of the data */
  uint32_t headroom;
  int64_t count;
  char *end_call;
  SourceModel model;
  Task task;
  SignalSet signals; /* room downstream */
  Signal not_empty;
} InfiniteSource;

static int source_set_model(InfiniteSource *s, Errors *errs) {
  return source_model_set(&s->model, &s->data, s->length, s->headroom, errs);
}

static unsigned source_make(InfiniteSource *s, Packet **p, unsigned n) {
  if (s->limit >= 0 && s->count + (int64_t)n > s->limit)
    n = s->count < s->limit ? (unsigned)(s->limit - s->count) : 0;
  unsigned k = source_model_packets(&s->model, p, n, s->timestamp && n ? time_now(&s->base) : 0);
  s->count += k;
  return k;
}

static void source_end(InfiniteSource *s) {
  if (s->finished || s->limit < 0 || s->count < s->limit) return;
  s->finished = true;
  if (s->end_call) handler_call(&s->base, s->end_call, NULL);
  if (s->stop) router_stop(s->base.router);
}

static bool source_done(const InfiniteSource *s) {
  return !s->active || (s->limit >= 0 && s->count >= s->limit);
}

static bool source_task(Element *e, Task *t) {
  InfiniteSource *s = (InfiniteSource *)e;
  Packet *p[BATCH_MAX];
  unsigned limit = batch_limit(e), want = (unsigned)s->burst > limit ? (unsigned)s->burst : limit, made = 0;
  /* Woken when there is room. Not before has the last packet arrived and the source ended. */
  if (!signals_active(&s->signals)) return false;
  if (source_done(s)) {
    source_end(s);
    return false;
  }
  while (made < want && !source_done(s)) {
    /* Beyond BURST, no more than fits downstream. */
    unsigned n = want - made < limit ? want - made : limit,
             burst = made < (unsigned)s->burst ? (unsigned)s->burst - made : 0;
    unsigned room = signals_active(&s->signals) ? signals_room(&s->signals, n) : 0;
    if (n > room && n > burst) n = room > burst ? room : burst;
    if (!n || !(n = source_make(s, p, n))) break;
    output_push_batch(e, 0, p, n);
    made += n;
  }
  task_schedule(t);
  return made > 0;
}

static unsigned source_pull(Element *e, int port, Packet **p, unsigned max) {
  InfiniteSource *s = (InfiniteSource *)e;
  (void)port;
  unsigned n = s->active ? source_make(s, p, max) : 0;
  if (!source_done(s)) return n; /* no memory for a packet: it is asked again */
  if (!n) signal_set(&s->not_empty, false);
  source_end(s);
  return n;
}

static void source_wake(InfiniteSource *s) {
  if (source_done(s)) return;
  s->finished = false;
  if (s->task.element) task_schedule(&s->task);
  signal_set(&s->not_empty, true);
}

static int source_configure(Element *e, const Args *args, Errors *errs) {
  const InfiniteSource *s = (const InfiniteSource *)e;
  (void)args;
  if (s->stop && s->end_call) return error(errs, "END_CALL and STOP exclude each other");
  return source_set_model((InfiniteSource *)e, errs);
}

static int source_initialize(Element *e, Errors *errs) {
  InfiniteSource *s = (InfiniteSource *)e;
  (void)errs;
  s->not_empty.active = s->active;
  if (!output_is_push(e, 0)) return 0;
  task_init(&s->task, e, s->active);
  downstream_signals(e, 0, &s->task, &s->signals);
  return 0;
}

static void source_cleanup(Element *e) {
  InfiniteSource *s = (InfiniteSource *)e;
  source_model_free(&s->model);
  mem_free(s->data.bytes);
  mem_free(s->end_call);
  signals_cleanup(&s->signals);
  signal_cleanup(&s->not_empty);
}

static Signal *source_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((InfiniteSource *)e)->not_empty;
}

static int source_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  InfiniteSource *s = (InfiniteSource *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (!strcmp(h->name, "length") && source_set_model(s, errs) < 0) return -1;
  source_wake(s);
  return 0;
}

static int source_read_data(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  InfiniteSource *s = (InfiniteSource *)e;
  (void)h, (void)param, (void)errs;
  text_add(out, (const char *)s->data.bytes, s->data.len);
  return 0;
}

static int source_write_data(Element *e, const Handler *h, const char *value, Errors *errs) {
  InfiniteSource *s = (InfiniteSource *)e;
  (void)h;
  if (source_data_set(&s->data, value, (uint32_t)strlen(value), errs) < 0) return -1;
  return source_set_model(s, errs);
}

static int source_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  InfiniteSource *s = (InfiniteSource *)e;
  (void)h, (void)value, (void)errs;
  s->count = 0;
  s->finished = false;
  source_wake(s);
  return 0;
}

/* What a handler changes holds for the very next packet, so packets go one by one. */
static unsigned source_batch_cap(Element *e) { return ((InfiniteSource *)e)->end_call ? 1 : 0; }

ELEMENT(InfiniteSource, .ports = "0/1", .processing = "/a", .flags = "S1", .batch_cap = source_batch_cap,
        .push = NULL, .pull = source_pull, .run_task = source_task, .configure = source_configure,
        .initialize = source_initialize, .cleanup = source_cleanup, .notifier = source_notifier,
        .args = ARGS(ARG_POS(InfiniteSource, CUSTOM, "DATA", data, SOURCE_DATA, .parse = source_data_parse),
                     ARG_POS(InfiniteSource, I64, "LIMIT", limit, "-1"),
                     ARG_POS(InfiniteSource, I32, "BURST", burst, "1", .min = 1, .max = 2147483647),
                     ARG_POS(InfiniteSource, BOOL, "ACTIVE", active, "true"),
                     ARG(InfiniteSource, I64, "LENGTH", length, "-1", .min = -1, .max = 65535),
                     ARG(InfiniteSource, I64, "DATASIZE", length, NULL, .flags = ARG_DEPRECATED, .min = -1,
                         .max = 65535),
                     ARG(InfiniteSource, BOOL, "TIMESTAMP", timestamp, "true"),
                     ARG(InfiniteSource, U32, "HEADROOM", headroom, "0", .min = 0, .max = 65536),
                     ARG(InfiniteSource, BOOL, "STOP", stop, "false"),
                     ARG(InfiniteSource, HANDLER, "END_CALL", end_call, NULL)),
        .handlers = HANDLERS(READ_FIELD(InfiniteSource, I64, "count", count),
                             RW_FIELD(InfiniteSource, I64, "limit", limit, .write = source_write),
                             RW_FIELD(InfiniteSource, I32, "burst", burst, .write = source_write),
                             RW_FIELD(InfiniteSource, BOOL, "active", active, .write = source_write),
                             RW_FN("data", source_read_data, source_write_data),
                             RW_FIELD(InfiniteSource, I64, "length", length, .write = source_write),
                             WRITE_FIELD(InfiniteSource, HANDLER, "end_call", end_call),
                             WRITE_FN("reset", source_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(InfiniteSource, task)));
