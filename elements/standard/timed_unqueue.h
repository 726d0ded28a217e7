/* timed_unqueue.h: what TimedUnqueue and Burster share; they differ in the default of BURST. */
#ifndef CLICKLET_STANDARD_TIMED_UNQUEUE_H
#define CLICKLET_STANDARD_TIMED_UNQUEUE_H
#include <clicklet/element.h>

typedef struct TimedUnqueue {
  Element base;
  int64_t interval;
  int32_t burst;
  bool paced; /* the timer's last expiry is the beginning of the next interval */
  Task task;
  Timer timer;
  SignalSet signals;
} TimedUnqueue;

static inline bool timed_unqueue_task(Element *e, Task *t) {
  TimedUnqueue *u = (TimedUnqueue *)e;
  Packet *p[BATCH_MAX];
  (void)t;
  if (timer_scheduled(&u->timer)) return false; /* woken by the upstream within an interval */
  unsigned limit = batch_limit(e), want = (unsigned)u->burst, moved = 0;
  while (moved < want) {
    unsigned n = input_pull_batch(e, 0, p, want - moved < limit ? want - moved : limit);
    if (!n) break;
    moved += n;
    output_push_batch(e, 0, p, n);
  }
  if (!moved && !signals_active(&u->signals)) {
    u->paced = false;
    return false;
  }
  if (u->paced)
    timer_after_expiry(&u->timer, u->interval);
  else
    timer_after(&u->timer, u->interval);
  u->paced = true;
  return true;
}

static inline void timed_unqueue_timer(Element *e, Timer *t) {
  (void)t;
  task_schedule(&((TimedUnqueue *)e)->task);
}

static inline int timed_unqueue_initialize(Element *e, Errors *errs) {
  TimedUnqueue *u = (TimedUnqueue *)e;
  (void)errs;
  timer_init(&u->timer, e);
  task_init(&u->task, e, true);
  upstream_signals(e, 0, &u->task, &u->signals);
  return 0;
}

static inline void timed_unqueue_cleanup(Element *e) { signals_cleanup(&((TimedUnqueue *)e)->signals); }

#define TIMED_UNQUEUE_CLASS(default_burst)                                                                   \
  .ports = "1/1", .processing = "l/h", .run_task = timed_unqueue_task, .run_timer = timed_unqueue_timer,     \
  .initialize = timed_unqueue_initialize, .cleanup = timed_unqueue_cleanup,                                  \
  .args = ARGS(ARG_MUST(TimedUnqueue, INTERVAL, "INTERVAL", interval, .min = 0, .max = 9e18),                \
               ARG_POS(TimedUnqueue, I32, "BURST", burst, default_burst, .min = 1, .max = 2147483647)),      \
  .handlers = HANDLERS(TASK_HANDLERS(TimedUnqueue, task))

#endif
