/** RandomSource: makes packets of random bytes as fast as it can.
 *
 * Synopsis: `RandomSource(LENGTH [, LIMIT, BURST, ACTIVE, <keywords> TIMESTAMP, STOP, END_CALL])`
 *
 * Ports: 1 output. Pushes, or answers pulls. While a full-notifying Queue downstream is full it sleeps.
 *
 * Arguments: LENGTH (0 to 65535): bytes. Required. LIMIT (int): packets at most; negative: no limit; default
 * -1. BURST (int): packets in one turn; default 1. ACTIVE (bool): default true. TIMESTAMP (bool): sets the
 * timestamp; default true. STOP (bool): stops the driver after LIMIT packets; default false. END_CALL
 * (`HANDLER [VALUE]`): written after LIMIT.
 *
 * Handlers: `count` (read). `length`, `limit`, `burst`, `active` (read/write). `reset` (write): starts over.
 * `scheduled`, `tickets`.
 *
 * Example: `RandomSource(64, LIMIT 5, STOP true) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct RandomSource {
  Element base;
  uint32_t length;
  int32_t burst;
  int64_t limit, count;
  bool active, timestamp, stop, finished;
  char *end_call;
  Task task;
  SignalSet signals; /* room downstream */
  Signal not_empty;
} RandomSource;

static Packet *random_source_packet(RandomSource *s) {
  Packet *p = packet_make(PACKET_HEADROOM, NULL, s->length, 0);
  if (!p) return NULL;
  for (uint32_t i = 0; i < s->length; i += 4) {
    uint32_t r = random_u32(&s->base);
    memcpy(p->data + i, &r, s->length - i < 4 ? s->length - i : 4);
  }
  if (s->timestamp) p->timestamp = time_now(&s->base);
  return p;
}

static unsigned random_source_make(RandomSource *s, Packet **p, unsigned max) {
  if (s->limit >= 0 && s->limit - s->count < (int64_t)max)
    max = s->limit > s->count ? (unsigned)(s->limit - s->count) : 0;
  unsigned n = 0;
  while (n < max && (p[n] = random_source_packet(s))) n++;
  s->count += n;
  return n;
}

static bool random_source_done(const RandomSource *s) {
  return !s->active || (s->limit >= 0 && s->count >= s->limit);
}

static void random_source_end(RandomSource *s) {
  if (s->finished || s->limit < 0 || s->count < s->limit) return;
  s->finished = true;
  if (s->end_call) handler_call(&s->base, s->end_call, NULL);
  if (s->stop) router_stop(s->base.router);
}

static bool random_source_task(Element *e, Task *t) {
  RandomSource *s = (RandomSource *)e;
  Packet *p[BATCH_MAX];
  if (!s->active || !signals_active(&s->signals)) return false;
  unsigned limit = batch_limit(e), room = signals_room(&s->signals, limit),
           want = (unsigned)s->burst > room ? (unsigned)s->burst : room, made = 0;
  while (made < want) {
    unsigned n = random_source_make(s, p, want - made < limit ? want - made : limit);
    if (!n) break;
    output_push_batch(e, 0, p, n);
    made += n;
  }
  if (made || !random_source_done(s)) /* as long as there is no memory for a packet it asks again */
    task_schedule(t);
  else
    random_source_end(s);
  return made > 0;
}

static unsigned random_source_pull(Element *e, int port, Packet **p, unsigned max) {
  RandomSource *s = (RandomSource *)e;
  (void)port;
  unsigned n = s->active ? random_source_make(s, p, max) : 0;
  if (n || !random_source_done(s)) return n;
  signal_set(&s->not_empty, false);
  if (s->active) random_source_end(s);
  return 0;
}

static int random_source_configure(Element *e, const Args *args, Errors *errs) {
  RandomSource *s = (RandomSource *)e;
  (void)args;
  return s->stop && s->end_call ? error(errs, "STOP and END_CALL cannot both be given") : 0;
}

static int random_source_initialize(Element *e, Errors *errs) {
  RandomSource *s = (RandomSource *)e;
  (void)errs;
  s->not_empty.active = s->active;
  if (!output_is_push(e, 0)) return 0;
  task_init(&s->task, e, s->active);
  downstream_signals(e, 0, &s->task, &s->signals);
  return 0;
}

static void random_source_cleanup(Element *e) {
  RandomSource *s = (RandomSource *)e;
  mem_free(s->end_call);
  signals_cleanup(&s->signals);
  signal_cleanup(&s->not_empty);
}

static Signal *random_source_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((RandomSource *)e)->not_empty;
}

static void random_source_wake(RandomSource *s) {
  if (random_source_done(s)) return;
  s->finished = false;
  if (s->task.element) task_schedule(&s->task);
  signal_set(&s->not_empty, true);
}

static int random_source_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  random_source_wake((RandomSource *)e);
  return 0;
}

static int random_source_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((RandomSource *)e)->count = 0;
  random_source_wake((RandomSource *)e);
  return 0;
}

/* What a handler changes holds for the very next packet, so packets go one by one. */
static unsigned random_source_batch_cap(Element *e) { return ((RandomSource *)e)->end_call ? 1 : 0; }

ELEMENT(RandomSource, .ports = "0/1", .processing = "/a", .flags = "S1", .batch_cap = random_source_batch_cap,
        .pull = random_source_pull, .run_task = random_source_task, .configure = random_source_configure,
        .initialize = random_source_initialize, .cleanup = random_source_cleanup,
        .notifier = random_source_notifier,
        .args = ARGS(ARG_MUST(RandomSource, U32, "LENGTH", length, .min = 0, .max = 65535),
                     ARG_POS(RandomSource, I64, "LIMIT", limit, "-1"),
                     ARG_POS(RandomSource, I32, "BURST", burst, "1", .min = 1, .max = 2147483647),
                     ARG_POS(RandomSource, BOOL, "ACTIVE", active, "true"),
                     ARG(RandomSource, BOOL, "TIMESTAMP", timestamp, "true"),
                     ARG(RandomSource, BOOL, "STOP", stop, "false"),
                     ARG(RandomSource, HANDLER, "END_CALL", end_call, NULL)),
        .handlers = HANDLERS(RW_FIELD(RandomSource, I64, "limit", limit, .write = random_source_write),
                             RW_FIELD(RandomSource, I32, "burst", burst, .write = random_source_write),
                             RW_FIELD(RandomSource, BOOL, "active", active, .write = random_source_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             READ_FIELD(RandomSource, I64, "count", count),
                             RW_FIELD(RandomSource, U32, "length", length, .write = random_source_write),
                             WRITE_FN("reset", random_source_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(RandomSource, task)));
