/** TimedSource: makes a packet at intervals.
 *
 * Synopsis: `TimedSource([INTERVAL, DATA, <keywords> LIMIT, ACTIVE, STOP, HEADROOM])`
 *
 * Ports: 1 push output. The first packet comes one INTERVAL after the start.
 *
 * Arguments: INTERVAL (time): default 500ms. DATA (string): the packets' bytes; default: the reference's
 * 69-byte sample text. LIMIT (int): packets at most; negative: no limit; default -1. ACTIVE (bool): default
 * true. STOP (bool): stops the driver an INTERVAL after LIMIT packets; default false. HEADROOM (unsigned):
 * bytes free in front of the data.
 *
 * Handlers: `count` (read). `data`, `interval`, `limit`, `active`, `headroom` (read/write). `reset` (write):
 * starts over.
 *
 * Example: `TimedSource(0.1, LIMIT 5, STOP true) -> Discard;`
 */
#include "source.h"
#include "units.h"

typedef struct TimedSource {
  Element base;
  SourceData data;
  SourceModel model;
  int64_t interval;
  int32_t limit, count;
  uint32_t headroom;
  bool active, stop;
  Timer timer;
} TimedSource;

static void timed_source_timer(Element *e, Timer *t) {
  TimedSource *s = (TimedSource *)e;
  if (!s->active) return;
  if (s->limit < 0 || s->count < s->limit) {
    Packet *p = source_model_packet(&s->model);
    if (p) {
      p->timestamp = time_now(e);
      output_push(e, 0, p);
      s->count++;
    }
    timer_after_expiry(t, s->interval);
  } else if (s->stop)
    router_stop(e->router);
}

static int timed_source_configure(Element *e, const Args *args, Errors *errs) {
  TimedSource *s = (TimedSource *)e;
  (void)args;
  return source_model_set(&s->model, &s->data, -1, s->headroom, errs);
}

static int timed_source_initialize(Element *e, Errors *errs) {
  TimedSource *s = (TimedSource *)e;
  (void)errs;
  timer_init(&s->timer, e);
  if (s->active) timer_after(&s->timer, s->interval);
  return 0;
}

static void timed_source_cleanup(Element *e) {
  TimedSource *s = (TimedSource *)e;
  mem_free(s->data.bytes);
  source_model_free(&s->model);
}

static void timed_source_wake(TimedSource *s) {
  if (s->active && !timer_scheduled(&s->timer)) timer_after(&s->timer, 0);
}

static int timed_source_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  TimedSource *s = (TimedSource *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (h->offset == offsetof(TimedSource, headroom))
    return source_model_set(&s->model, &s->data, -1, s->headroom, errs);
  timed_source_wake(s);
  return 0;
}

static int timed_source_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((TimedSource *)e)->count = 0;
  timed_source_wake((TimedSource *)e);
  return 0;
}

static int timed_source_read_data(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const TimedSource *s = (const TimedSource *)e;
  (void)h, (void)param, (void)errs;
  text_add(out, (const char *)s->data.bytes, s->data.len);
  return 0;
}

static int timed_source_write_data(Element *e, const Handler *h, const char *value, Errors *errs) {
  TimedSource *s = (TimedSource *)e;
  (void)h;
  if (source_data_set(&s->data, value, (uint32_t)strlen(value), errs) < 0) return -1;
  return source_model_set(&s->model, &s->data, -1, s->headroom, errs);
}

static int timed_source_read_interval(Element *e, const Handler *h, const char *param, Text *out,
                                      Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_interval(out, ((TimedSource *)e)->interval);
  return 0;
}

ELEMENT(TimedSource, .ports = "0/1", .processing = "/h", .run_timer = timed_source_timer,
        .configure = timed_source_configure, .initialize = timed_source_initialize,
        .cleanup = timed_source_cleanup,
        .args = ARGS(ARG_POS(TimedSource, INTERVAL, "INTERVAL", interval, "500ms", .min = 1, .max = 9e18),
                     ARG_POS(TimedSource, CUSTOM, "DATA", data, SOURCE_DATA, .parse = source_data_parse),
                     ARG(TimedSource, I32, "LIMIT", limit, "-1"),
                     ARG(TimedSource, BOOL, "ACTIVE", active, "true"),
                     ARG(TimedSource, BOOL, "STOP", stop, "false"),
                     ARG(TimedSource, U32, "HEADROOM", headroom, "28", .min = 0, .max = 65536)),
        .handlers = HANDLERS(
            RW_FN("data", timed_source_read_data, timed_source_write_data,
                  .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_RAW | HANDLER_CALM),
            RW_FIELD(TimedSource, I32, "limit", limit, .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),
            RW_FN("interval", timed_source_read_interval, handler_write_field, .type = ARG_INTERVAL,
                  FIELD_OF(TimedSource, interval), .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),
            RW_FIELD(TimedSource, BOOL, "active", active, .write = timed_source_write,
                     .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM | HANDLER_CHECKBOX),
            READ_FIELD(TimedSource, I32, "count", count),
            RW_FIELD(TimedSource, U32, "headroom", headroom, .write = timed_source_write,
                     .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),
            WRITE_FN("reset", timed_source_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
