/** RatedSource: makes packets at a rate.
 *
 * Synopsis: `RatedSource([DATA, RATE, LIMIT, ACTIVE, <keywords> LENGTH, BANDWIDTH, STOP])`
 *
 * Pushes, or answers pulls. A token bucket, full at first, that holds 10 ms worth of packets, at least 2,
 * sets the pace.
 *
 * Ports: 1 output.
 *
 * Arguments: DATA (string): the packets' bytes. Default: the reference's 69-byte sample text. RATE
 * (unsigned): packets a second; default 10. LIMIT (int): packets at most; negative: no limit; default -1.
 * ACTIVE (bool): default true. LENGTH (int): packet length; DATA is repeated or cut; default -1, the length
 * of DATA. BANDWIDTH (bandwidth): sets RATE from the packet length. STOP (bool): stops the driver after LIMIT
 * packets; default false. DATASIZE: old name of LENGTH.
 *
 * Handlers: `count` (read). `data`, `rate`, `limit`, `active`, `length` (read/write). `reset` (write): starts
 * over. `scheduled`, `tickets`.
 *
 * With BANDWIDTH the bucket is as large as with the same RATE; the reference makes it twice the packet
 * length, and so starts with a large burst. Writing `rate` takes effect at once, also from 0.
 *
 * Example: `RatedSource(RATE 100, LIMIT 50, STOP true) -> c :: Counter -> Discard;`
 */
#include "source.h"
#include "token_bucket.h"

typedef struct RatedSource {
  Element base;
  SourceData data;
  SourceModel model;
  uint32_t rate;
  int32_t limit, length;
  uint64_t bandwidth;
  bool active, stop;
  uint64_t count;
  TokenBucket bucket;
  Task task;
  Timer timer;
} RatedSource;

static bool rated_source_finished(RatedSource *s) {
  if (s->limit < 0 || s->count < (uint32_t)s->limit) return false;
  if (s->stop) router_stop(s->base.router);
  return true;
}

/* Makes up to max packets, as many as it is time for. */
static unsigned rated_source_make(RatedSource *s, Packet **p, unsigned max) {
  int64_t now = time_steady(&s->base);
  bucket_refill(&s->bucket, now);
  uint64_t n = bucket_tokens(&s->bucket);
  if (n > max) n = max;
  if (s->limit >= 0 && n > (uint32_t)s->limit - s->count) n = (uint32_t)s->limit - s->count;
  if (!n) {
    int64_t wait = bucket_wait(&s->bucket, 1);
    if (s->task.element && wait >= 0) timer_at(&s->timer, now + wait);
    return 0;
  }
  unsigned k = 0;
  int64_t stamp = time_now(&s->base);
  for (; k < n && (p[k] = source_model_packet(&s->model)); k++) p[k]->timestamp = stamp;
  if (!k && s->task.element) timer_at(&s->timer, now + SOURCE_RETRY_NS);
  bucket_remove(&s->bucket, k);
  s->count += k;
  return k;
}

static bool rated_source_task(Element *e, Task *t) {
  RatedSource *s = (RatedSource *)e;
  Packet *p[BATCH_MAX];
  if (!s->active || rated_source_finished(s)) return false;
  unsigned n = rated_source_make(s, p, batch_limit(e));
  if (!n) return false;
  output_push_batch(e, 0, p, n);
  task_schedule(t);
  return true;
}

static unsigned rated_source_pull(Element *e, int port, Packet **p, unsigned max) {
  RatedSource *s = (RatedSource *)e;
  (void)port;
  return !s->active || rated_source_finished(s) ? 0 : rated_source_make(s, p, max);
}

static void rated_source_timer(Element *e, Timer *t) {
  (void)t;
  task_schedule(&((RatedSource *)e)->task);
}

static uint64_t rated_source_burst(uint32_t rate) { return rate < 200 ? 2 : rate / 100; }

static int rated_source_configure(Element *e, const Args *args, Errors *errs) {
  RatedSource *s = (RatedSource *)e;
  (void)args;
  if (source_model_set(&s->model, &s->data, s->length, 0, errs) < 0) return -1;
  if (s->bandwidth) {
    uint64_t rate = s->bandwidth / (s->model.len ? s->model.len : 1);
    s->rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
  }
  bucket_assign(&s->bucket, s->rate, rated_source_burst(s->rate), 1);
  return 0;
}

static int rated_source_initialize(Element *e, Errors *errs) {
  RatedSource *s = (RatedSource *)e;
  (void)errs;
  bucket_set(&s->bucket, 1);
  if (!output_is_push(e, 0)) return 0;
  timer_init(&s->timer, e);
  task_init(&s->task, e, true);
  return 0;
}

static void rated_source_cleanup(Element *e) {
  RatedSource *s = (RatedSource *)e;
  mem_free(s->data.bytes);
  source_model_free(&s->model);
}

static void rated_source_wake(RatedSource *s) {
  if (s->task.element && s->active) task_schedule(&s->task);
}

static int rated_source_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  RatedSource *s = (RatedSource *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (!strcmp(h->name, "rate"))
    bucket_assign_adjust(&s->bucket, s->rate, rated_source_burst(s->rate), 1);
  else if (h->offset == offsetof(RatedSource, length))
    return source_model_set(&s->model, &s->data, s->length, 0, errs);
  else if (s->task.element && s->active && !task_scheduled(&s->task))
    bucket_set(&s->bucket, 1);
  rated_source_wake(s);
  return 0;
}

static int rated_source_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  RatedSource *s = (RatedSource *)e;
  (void)h, (void)value, (void)errs;
  s->count = 0;
  bucket_set(&s->bucket, 1);
  rated_source_wake(s);
  return 0;
}

static int rated_source_read_data(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const RatedSource *s = (const RatedSource *)e;
  (void)h, (void)param, (void)errs;
  text_add(out, (const char *)s->data.bytes, s->data.len);
  return 0;
}

static int rated_source_write_data(Element *e, const Handler *h, const char *value, Errors *errs) {
  RatedSource *s = (RatedSource *)e;
  (void)h;
  if (source_data_set(&s->data, value, (uint32_t)strlen(value), errs) < 0) return -1;
  return source_model_set(&s->model, &s->data, -1, 0, errs);
}

ELEMENT(RatedSource, .ports = "0/1", .pull = rated_source_pull, .run_task = rated_source_task,
        .run_timer = rated_source_timer, .configure = rated_source_configure,
        .initialize = rated_source_initialize, .cleanup = rated_source_cleanup,
        .args = ARGS(ARG_POS(RatedSource, CUSTOM, "DATA", data, SOURCE_DATA, .parse = source_data_parse),
                     ARG_POS(RatedSource, U32, "RATE", rate, "10"),
                     ARG_POS(RatedSource, I32, "LIMIT", limit, "-1"),
                     ARG_POS(RatedSource, BOOL, "ACTIVE", active, "true"),
                     ARG(RatedSource, I32, "LENGTH", length, "-1", .min = -1, .max = 65535),
                     ARG(RatedSource, I32, "DATASIZE", length, NULL, .flags = ARG_DEPRECATED, .min = -1,
                         .max = 65535),
                     ARG(RatedSource, BOOL, "STOP", stop, "false"),
                     ARG(RatedSource, BANDWIDTH, "BANDWIDTH", bandwidth, NULL)),
        .handlers = HANDLERS(RW_FN("data", rated_source_read_data, rated_source_write_data,
                                   .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_RAW | HANDLER_CALM),
                             RW_FIELD(RatedSource, U32, "rate", rate, .write = rated_source_write),
                             RW_FIELD(RatedSource, I32, "limit", limit,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),
                             RW_FIELD(RatedSource, BOOL, "active", active, .write = rated_source_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             READ_FIELD(RatedSource, U64, "count", count),
                             WRITE_FN("reset", rated_source_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             RW_FIELD(RatedSource, I32, "length", length, .write = rated_source_write),
                             RW_FIELD(RatedSource, I32, "datasize", length, .write = rated_source_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_UNCOMMON),
                             TASK_HANDLERS(RatedSource, task)));
