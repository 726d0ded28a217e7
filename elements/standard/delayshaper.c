/** DelayShaper: lets packets be pulled after a delay.
 *
 * Synopsis: `DelayShaper(DELAY)`
 *
 * Ports: 1 pull input, 1 pull output. As DelayUnqueue, but pullers get nothing until the packet's time has
 * come; they sleep meanwhile. Its timestamp becomes the time at which it leaves.
 *
 * Arguments: DELAY (time): required.
 *
 * Handlers: `delay` (read/write).
 *
 * Example: `TimedSource(0.1, LIMIT 5) -> Queue -> DelayShaper(0.5) -> Discard;`
 */
#include "units.h"

typedef struct DelayShaper {
  Element base;
  int64_t delay;
  Packet *held;
  Task task; /* woken by the upstream, passes the wake on */
  Timer timer;
  SignalSet signals;
  Signal not_empty;
} DelayShaper;

static unsigned delay_shaper_pull(Element *e, int port, Packet **p, unsigned max) {
  DelayShaper *d = (DelayShaper *)e;
  (void)port, (void)max;
  if (!d->held && (d->held = input_pull(e, 0))) {
    if (d->held->timestamp < NSEC_PER_SEC) d->held->timestamp = time_now(e);
    d->held->timestamp += d->delay;
  }
  if (!d->held) {
    if (!signals_active(&d->signals)) signal_set(&d->not_empty, false);
    return 0;
  }
  int64_t now = time_now(e);
  if (d->held->timestamp > now) {
    timer_after(&d->timer, d->held->timestamp - now);
    signal_set(&d->not_empty, false);
    return 0;
  }
  p[0] = d->held;
  p[0]->timestamp = now;
  d->held = NULL;
  return 1;
}

static void delay_shaper_timer(Element *e, Timer *t) {
  (void)t;
  signal_set(&((DelayShaper *)e)->not_empty, true);
}

static bool delay_shaper_task(Element *e, Task *t) {
  DelayShaper *d = (DelayShaper *)e;
  (void)t;
  if (!d->held) signal_set(&d->not_empty, true);
  return false;
}

static int delay_shaper_initialize(Element *e, Errors *errs) {
  DelayShaper *d = (DelayShaper *)e;
  (void)errs;
  d->not_empty.active = true;
  timer_init(&d->timer, e);
  task_init(&d->task, e, false);
  upstream_signals(e, 0, &d->task, &d->signals);
  return 0;
}

static void delay_shaper_cleanup(Element *e) {
  DelayShaper *d = (DelayShaper *)e;
  if (d->held) packet_free(d->held);
  signals_cleanup(&d->signals);
  signal_cleanup(&d->not_empty);
}

static Signal *delay_shaper_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((DelayShaper *)e)->not_empty;
}

static int delay_shaper_delay(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_interval(out, ((DelayShaper *)e)->delay);
  return 0;
}

ELEMENT(DelayShaper, .ports = "1/1", .processing = "l/l", .pull = delay_shaper_pull,
        .run_task = delay_shaper_task, .run_timer = delay_shaper_timer, .initialize = delay_shaper_initialize,
        .cleanup = delay_shaper_cleanup, .notifier = delay_shaper_notifier,
        .args = ARGS(ARG_MUST(DelayShaper, INTERVAL, "DELAY", delay)),
        .handlers = HANDLERS(RW_FN("delay", delay_shaper_delay, handler_write_field, .type = ARG_INTERVAL,
                                   FIELD_OF(DelayShaper, delay),
                                   .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM |
                                            HANDLER_NONEXCLUSIVE)));
