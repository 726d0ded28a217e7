/** TimerTest: a timer that says when it fires.
 *
 * Synopsis: `TimerTest([<keywords> DELAY])`
 *
 * On firing it prints `TIME: NAME :: TimerTest fired` to standard error.
 *
 * Arguments: DELAY (time): fires once, so long after the start.
 *
 * Handlers: `scheduled` (read/write; true: for the time it had before). `expiry` (read): the time, empty if
 * it is not scheduled. `schedule_after` (TIME; write). `unschedule` (write).
 *
 * The reference's `expiry` shows `true`.
 *
 * Example: `TimerTest(DELAY 10ms); Script(wait 20ms, stop);`
 */
#include <clicklet/platform.h>

typedef struct TimerTest {
  Element base;
  int64_t delay;
  bool delayed;
  Timer timer;
} TimerTest;

static void timertest_fire(Element *e, Timer *t) {
  int64_t now = time_steady(e);
  Text line = {0};
  (void)t;
  text_printf(&line, "%pT: %s :: %s fired\n", &now, e->name, e->class->name);
  platform_write(2, text_cstr(&line), line.len);
  text_free(&line);
}

static int timertest_initialize(Element *e, Errors *errs) {
  TimerTest *t = (TimerTest *)e;
  (void)errs;
  timer_init(&t->timer, e);
  if (t->delayed) timer_after(&t->timer, t->delay);
  return 0;
}

static void timertest_cleanup(Element *e) { timer_cancel(&((TimerTest *)e)->timer); }

enum { EXPIRY, SCHEDULED, SCHEDULE_AFTER, UNSCHEDULE };

static int timertest_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const Timer *t = &((TimerTest *)e)->timer;
  (void)param, (void)errs;
  if (h->data == SCHEDULED)
    text_add_string(out, timer_scheduled(t) ? "true" : "false");
  else if (timer_scheduled(t))
    text_printf(out, "%pT", &t->expiry);
  return 0;
}

static int timertest_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  Timer *t = &((TimerTest *)e)->timer;
  int64_t delay = 0;
  bool on = h->data != UNSCHEDULE;
  if (h->data == SCHEDULED && !parse_bool(value, &on))
    return error(errs, "expected a boolean, not '%s'", value);
  if (h->data == SCHEDULE_AFTER && !parse_interval(value, NSEC_PER_SEC, &delay))
    return error(errs, "expected a time, not '%s'", value);
  if (on && h->data == SCHEDULED)
    timer_at(t, t->expiry); /* again for the time it had; at once if that is past */
  else if (on)
    timer_after(t, delay);
  else
    timer_cancel(t);
  return 0;
}

ELEMENT(TimerTest, .ports = "0/0", .ordered = true, .run_timer = timertest_fire,
        .initialize = timertest_initialize, .cleanup = timertest_cleanup,
        .args = ARGS(ARG(TimerTest, INTERVAL, "DELAY", delay, NULL, GIVEN(TimerTest, delayed))),
        .handlers = HANDLERS(RW_FN("scheduled", timertest_read, timertest_write, .data = SCHEDULED),
                             READ_FN("expiry", timertest_read, .data = EXPIRY),
                             WRITE_FN("schedule_after", timertest_write, .data = SCHEDULE_AFTER),
                             WRITE_FN("unschedule", timertest_write, .data = UNSCHEDULE)));
