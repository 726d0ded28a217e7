/* rated_unqueue.h: what RatedUnqueue and BandwidthRatedUnqueue share. */
#ifndef CLICKLET_STANDARD_RATED_UNQUEUE_H
#define CLICKLET_STANDARD_RATED_UNQUEUE_H
#include "rated.h"

typedef struct RatedUnqueue {
  Element base;
  uint32_t rate;      /* packets/s */
  uint64_t bandwidth; /* bytes/s */
  RatedBurst burst;
  bool active;
  TokenBucket bucket;
  int64_t due; /* when it wanted to wake, ns; 0: not waiting */
  uint64_t runs, pushes, failed_pulls, empty_runs;
  Task task;
  Timer timer;
  SignalSet signals;
} RatedUnqueue;

/* A task of either. `pull` moves what the bucket allows, at most max packets, into p and takes it out of the
 * bucket; `threshold`: tokens that let a packet go. */
static inline bool rated_unqueue_run(RatedUnqueue *u, uint64_t threshold,
                                     unsigned (*pull)(RatedUnqueue *, Packet **, unsigned)) {
  Packet *p[BATCH_MAX];
  u->runs++;
  if (!u->active) return false;
  /* Woken late, the packet counts as sent when it was due: the time since then still fills the bucket. */
  int64_t now = time_steady(&u->base);
  bucket_refill(&u->bucket, u->due && u->due < now ? u->due : now);
  u->due = 0;
  if (!bucket_contains(&u->bucket, threshold)) {
    int64_t wait = bucket_wait(&u->bucket, threshold);
    if (wait >= 0) timer_at(&u->timer, u->due = now + wait);
    u->empty_runs++;
    return false;
  }
  unsigned n = pull(u, p, batch_limit(&u->base));
  if (n) {
    u->pushes += n;
    output_push_batch(&u->base, 0, p, n);
  } else {
    u->failed_pulls++;
    if (!signals_active(&u->signals)) return false;
    u->empty_runs++;
  }
  task_schedule(&u->task);
  return n > 0;
}

static inline void rated_unqueue_timer(Element *e, Timer *t) {
  (void)t;
  task_schedule(&((RatedUnqueue *)e)->task);
}

static inline void rated_unqueue_wake(RatedUnqueue *u) {
  u->due = 0;
  if (u->task.element && u->active) task_schedule(&u->task);
}

static inline int rated_unqueue_initialize(Element *e, Errors *errs) {
  RatedUnqueue *u = (RatedUnqueue *)e;
  (void)errs;
  u->active = true;
  timer_init(&u->timer, e);
  task_init(&u->task, e, true);
  upstream_signals(e, 0, &u->task, &u->signals);
  return 0;
}

static inline void rated_unqueue_cleanup(Element *e) { signals_cleanup(&((RatedUnqueue *)e)->signals); }

static inline int rated_unqueue_write_active(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  rated_unqueue_wake((RatedUnqueue *)e);
  return 0;
}

static inline int rated_unqueue_calls(Element *e, const Handler *h, const char *param, Text *out,
                                      Errors *errs) {
  const RatedUnqueue *u = (const RatedUnqueue *)e;
  (void)h, (void)param, (void)errs;
  text_printf(out, "%llu calls to run_task()\n%llu empty runs\n%llu pushes\n%llu failed pulls\n",
              (unsigned long long)u->runs, (unsigned long long)u->empty_runs, (unsigned long long)u->pushes,
              (unsigned long long)u->failed_pulls);
  return 0;
}

#endif
