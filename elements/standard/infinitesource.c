/** InfiniteSource: makes copies of one packet as fast as it can.
 *
 * Synopsis: `InfiniteSource([DATA, LIMIT, BURST, ACTIVE, <keywords> LENGTH, TIMESTAMP, HEADROOM, STOP, END_CALL])`
 *
 * Pushes, or answers pulls. While a full-notifying Queue downstream is full it sleeps.
 *
 * Arguments: DATA (string): the packets' bytes. Default: the reference's 69-byte sample text. LIMIT (int): packets at most; negative: no limit. Default -1. BURST (int): packets in
 * one turn at least. Default 1. ACTIVE (bool): default true. LENGTH (unsigned): packet length; DATA is repeated or cut;
 * default: the length of DATA. TIMESTAMP (bool): sets the timestamp; default true. HEADROOM (unsigned): bytes.
 * STOP (bool): stops the driver after LIMIT packets. Default false. END_CALL (`HANDLER [VALUE]`): written after LIMIT.
 *
 * Handlers: `count` (read). `reset` (write): starts over. `active`, `limit`, `burst`, `data`, `length` (read/write).
 * `end_call` (write). `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 5, STOP true) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct InfiniteSource {
  Element base;
  char *data;
  int64_t limit;
  int32_t burst;
  bool active, stop, timestamp, length_given, finished;
  uint32_t length, headroom;
  int64_t count;
  char *end_call;
  uint8_t *bytes; /* `length` of them */
  Packet *model;  /* for large packets, which share one copy of the data */
  Task task;
  SignalSet signals; /* room downstream */
  Signal not_empty;
} InfiniteSource;

#define SHARE_FROM 512 /* bytes from which packets share their data until someone writes */

static void source_drop_model(InfiniteSource *s) {
  if (s->model) packet_free(s->model);
  s->model = NULL;
}

static int source_set_data(InfiniteSource *s, Errors *errs) {
  uint32_t n = (uint32_t)strlen(s->data), length = s->length_given ? s->length : n;
  uint8_t *bytes = mem_alloc(length + 64u); /* room for whole-line copies */
  if (!bytes) return error(errs, "out of memory for packets of %u bytes", length);
  for (uint32_t i = 0; n && i < length; i++) bytes[i] = (uint8_t)s->data[i % n];
  mem_free(s->bytes);
  s->bytes = bytes;
  s->length = length;
  source_drop_model(s);
  return 0;
}

static Packet *source_packet(InfiniteSource *s) {
  if (likely(s->length <= SHARE_FROM && s->headroom <= PACKET_HEADROOM)) {
    Packet *p = packet_alloc(s->length);
    if (unlikely(!p)) return NULL;
    for (uint32_t i = 0; i < s->length; i += 64) memcpy(p->data + i, s->bytes + i, 64); /* the buffer has room */
    return p;
  }
  if (!s->model && !(s->model = packet_make(s->headroom, s->bytes, s->length, 0))) return NULL;
  return packet_clone(s->model);
}

static unsigned source_make(InfiniteSource *s, Packet **p, unsigned n) {
  if (s->limit >= 0 && s->count + (int64_t)n > s->limit) n = s->count < s->limit ? (unsigned)(s->limit - s->count) : 0;
  unsigned k = 0;
  int64_t now = s->timestamp && n ? time_now(&s->base) : 0;
  for (; k < n; k++) {
    if (!(p[k] = source_packet(s))) break;
    p[k]->timestamp = now;
  }
  s->count += k;
  return k;
}

static void source_end(InfiniteSource *s) {
  if (s->finished || s->limit < 0 || s->count < s->limit) return;
  s->finished = true;
  if (s->end_call) {
    char *value = s->end_call;
    while (*value && !is_space(*value)) value++;
    char *name = mem_string(s->end_call, (size_t)(value - s->end_call));
    while (is_space(*value)) value++;
    handler_call_write(s->base.router, &s->base, name, value, NULL);
    mem_free(name);
  }
  if (s->stop) router_stop(s->base.router);
}

static bool source_done(const InfiniteSource *s) { return !s->active || (s->limit >= 0 && s->count >= s->limit); }

static bool source_task(Element *e, Task *t) {
  InfiniteSource *s = (InfiniteSource *)e;
  Packet *p[BATCH_MAX];
  unsigned limit = batch_limit(e), want = (unsigned)s->burst > limit ? (unsigned)s->burst : limit, made = 0;
  if (source_done(s)) {
    source_end(s);
    return false;
  }
  if (!signals_active(&s->signals)) return false; /* woken when there is room */
  while (made < want && !source_done(s)) {
    unsigned n = source_make(s, p, want - made < limit ? want - made : limit);
    if (!n) break;
    output_push_batch(e, 0, p, n);
    made += n;
  }
  task_schedule(t);
  if (source_done(s)) source_end(s);
  return made > 0;
}

static unsigned source_pull(Element *e, int port, Packet **p, unsigned max) {
  InfiniteSource *s = (InfiniteSource *)e;
  (void)port;
  unsigned n = s->active ? source_make(s, p, max) : 0;
  if (!n) {
    signal_set(&s->not_empty, false);
    source_end(s);
  } else if (source_done(s))
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
  (void)args;
  return source_set_data((InfiniteSource *)e, errs);
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
  source_drop_model(s);
  mem_free(s->data);
  mem_free(s->bytes);
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
  bool is_length = !strcmp(h->name, "length");
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (is_length) s->length_given = true;
  if ((is_length || !strcmp(h->name, "data")) && source_set_data(s, errs) < 0) return -1;
  source_wake(s);
  return 0;
}

static int source_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  InfiniteSource *s = (InfiniteSource *)e;
  (void)h, (void)value, (void)errs;
  s->count = 0;
  s->finished = false;
  source_wake(s);
  return 0;
}

ELEMENT(InfiniteSource, .ports = "0/1", .processing = "/a", .push = NULL, .pull = source_pull, .run_task = source_task,
        .configure = source_configure, .initialize = source_initialize, .cleanup = source_cleanup, .notifier = source_notifier,
        .args = ARGS(ARG_POS(InfiniteSource, STRING, "DATA", data, "\"Random bullshit in a packet, at least 64 bytes long. Well, now it is.\""),
                     ARG_POS(InfiniteSource, I64, "LIMIT", limit, "-1"),
                     ARG_POS(InfiniteSource, I32, "BURST", burst, "1", .min = 1, .max = 2147483647), ARG_POS(InfiniteSource, BOOL, "ACTIVE", active, "true"),
                     ARG(InfiniteSource, U32, "LENGTH", length, "0", .min = 0, .max = 65535, GIVEN(InfiniteSource, length_given)),
                     ARG(InfiniteSource, U32, "DATASIZE", length, "0", .flags = ARG_DEPRECATED, .min = 0, .max = 65535, GIVEN(InfiniteSource, length_given)),
                     ARG(InfiniteSource, BOOL, "TIMESTAMP", timestamp, "true"), ARG(InfiniteSource, U32, "HEADROOM", headroom, "0", .min = 0, .max = 65536),
                     ARG(InfiniteSource, BOOL, "STOP", stop, "false"), ARG(InfiniteSource, HANDLER, "END_CALL", end_call, NULL)),
        .handlers = HANDLERS(READ_FIELD(InfiniteSource, I64, "count", count), RW_FIELD(InfiniteSource, I64, "limit", limit, .write = source_write),
                             RW_FIELD(InfiniteSource, I32, "burst", burst, .write = source_write), RW_FIELD(InfiniteSource, BOOL, "active", active, .write = source_write),
                             RW_FIELD(InfiniteSource, STRING, "data", data, .write = source_write), RW_FIELD(InfiniteSource, U32, "length", length, .write = source_write),
                             WRITE_FIELD(InfiniteSource, HANDLER, "end_call", end_call),
                             WRITE_FN("reset", source_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON), TASK_HANDLERS(InfiniteSource, task)));
