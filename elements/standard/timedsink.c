/** TimedSink: pulls and drops a packet at intervals.
 *
 * Synopsis: `TimedSink([INTERVAL])`
 *
 * Ports: 1 pull input. The first pull comes one INTERVAL after the start.
 *
 * Arguments: INTERVAL (time): default 500ms.
 *
 * Handlers: `interval` (read/write).
 *
 * Example: `InfiniteSource -> Queue -> TimedSink(10ms);`
 */
#include "units.h"

typedef struct TimedSink {
  Element base;
  int64_t interval;
  Timer timer;
} TimedSink;

static void timed_sink_timer(Element *e, Timer *t) {
  Packet *p = input_pull(e, 0);
  if (p) packet_free(p);
  timer_after_expiry(t, ((TimedSink *)e)->interval);
}

static int timed_sink_initialize(Element *e, Errors *errs) {
  TimedSink *s = (TimedSink *)e;
  (void)errs;
  timer_init(&s->timer, e);
  timer_after(&s->timer, s->interval);
  return 0;
}

static int timed_sink_read_interval(Element *e, const Handler *h, const char *param, Text *out,
                                    Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_interval(out, ((TimedSink *)e)->interval);
  return 0;
}

ELEMENT(TimedSink, .ports = "1/0", .processing = "l/", .run_timer = timed_sink_timer,
        .initialize = timed_sink_initialize,
        .args = ARGS(ARG_POS(TimedSink, INTERVAL, "INTERVAL", interval, "500ms", .min = 1, .max = 9e18)),
        .handlers = HANDLERS(RW_FN("interval", timed_sink_read_interval, handler_write_field,
                                   .type = ARG_INTERVAL, FIELD_OF(TimedSink, interval),
                                   .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM)));
