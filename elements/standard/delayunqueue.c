/** DelayUnqueue: pulls packets and pushes each on after a delay.
 *
 * Synopsis: `DelayUnqueue(DELAY)`
 *
 * Ports: 1 pull input, 1 push output. A packet leaves no earlier than DELAY after its timestamp, or after it
 * was pulled if it has none; its timestamp becomes that time. It holds one packet; the next is pulled when
 * that one has left. Sleeps while its upstream is empty.
 *
 * Arguments: DELAY (time): required.
 *
 * Handlers: `delay` (read/write). `scheduled`, `tickets`.
 *
 * Example: `TimedSource(0.1, LIMIT 5) -> Queue -> DelayUnqueue(0.5) -> Discard;`
 */
#include "units.h"

typedef struct DelayUnqueue {
  Element base;
  int64_t delay;
  Packet *held;
  Task task;
  Timer timer;
  SignalSet signals;
} DelayUnqueue;

static bool delay_unqueue_task(Element *e, Task *t) {
  DelayUnqueue *d = (DelayUnqueue *)e;
  bool worked = false;
  for (;;) {
    if (!d->held && (d->held = input_pull(e, 0))) {
      if (d->held->timestamp < NSEC_PER_SEC) d->held->timestamp = time_now(e);
      d->held->timestamp += d->delay;
    }
    if (!d->held) {
      if (signals_active(&d->signals)) task_schedule(t);
      return worked;
    }
    int64_t wait = d->held->timestamp - time_now(e);
    if (wait > 0) {
      timer_after(&d->timer, wait);
      return worked;
    }
    Packet *p = d->held;
    d->held = NULL;
    output_push(e, 0, p);
    worked = true;
  }
}

static void delay_unqueue_timer(Element *e, Timer *t) {
  (void)t;
  task_schedule(&((DelayUnqueue *)e)->task);
}

static int delay_unqueue_initialize(Element *e, Errors *errs) {
  DelayUnqueue *d = (DelayUnqueue *)e;
  (void)errs;
  timer_init(&d->timer, e);
  task_init(&d->task, e, true);
  upstream_signals(e, 0, &d->task, &d->signals);
  return 0;
}

static void delay_unqueue_cleanup(Element *e) {
  DelayUnqueue *d = (DelayUnqueue *)e;
  if (d->held) packet_free(d->held);
  signals_cleanup(&d->signals);
}

static int delay_unqueue_delay(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_interval(out, ((DelayUnqueue *)e)->delay);
  return 0;
}

ELEMENT(DelayUnqueue, .ports = "1/1", .processing = "l/h", .run_task = delay_unqueue_task,
        .run_timer = delay_unqueue_timer, .initialize = delay_unqueue_initialize,
        .cleanup = delay_unqueue_cleanup, .args = ARGS(ARG_MUST(DelayUnqueue, INTERVAL, "DELAY", delay)),
        .handlers = HANDLERS(RW_FN("delay", delay_unqueue_delay, handler_write_field, .type = ARG_INTERVAL,
                                   FIELD_OF(DelayUnqueue, delay)),
                             TASK_HANDLERS(DelayUnqueue, task)));
