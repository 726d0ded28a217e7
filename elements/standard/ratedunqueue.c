/** RatedUnqueue: pulls packets at a rate and pushes them on.
 *
 * Synopsis: `RatedUnqueue(RATE, <keywords> BURST_DURATION, BURST_SIZE)`
 *
 * Ports: 1 pull input, 1 push output. A token bucket, full at first, sets the pace. Sleeps while its upstream
 * is empty.
 *
 * Arguments: RATE (unsigned): packets a second. Required. BURST_DURATION (time): the bucket holds what RATE
 * brings in this time; default 20ms. BURST_SIZE (unsigned): the bucket holds this many packets. At least 1,
 * and at least what a millisecond brings.
 *
 * Handlers: `rate` (read/write). `calls` (read): runs, empty runs, packets pushed, failed pulls. `active`
 * (read/write). `scheduled`, `tickets`. The configuration can be rewritten while it runs.
 *
 * The reference rounds waiting times up to milliseconds and loses what comes meanwhile when BURST_SIZE is
 * small; here the rate is exact.
 *
 * Example: `InfiniteSource -> Queue -> RatedUnqueue(100) -> Discard;`
 */
#include "rated_unqueue.h"

static unsigned rated_unqueue_pull(RatedUnqueue *u, Packet **p, unsigned max) {
  uint64_t tokens = bucket_tokens(&u->bucket);
  unsigned n = input_pull_batch(&u->base, 0, p, tokens < max ? (unsigned)tokens : max);
  bucket_remove(&u->bucket, n);
  return n;
}

static bool rated_unqueue_task(Element *e, Task *t) {
  (void)t;
  return rated_unqueue_run((RatedUnqueue *)e, 1, rated_unqueue_pull);
}

static int rated_unqueue_configure(Element *e, const Args *args, Errors *errs) {
  RatedUnqueue *u = (RatedUnqueue *)e;
  (void)args;
  if (rated_configure(e, &u->bucket, &u->burst, u->rate, false, errs) < 0) return -1;
  rated_unqueue_wake(u);
  return 0;
}

ELEMENT(RatedUnqueue, .ports = "1/1", .processing = "l/h", .run_task = rated_unqueue_task,
        .run_timer = rated_unqueue_timer, .can_live_reconfigure = rated_live,
        .configure = rated_unqueue_configure, .initialize = rated_unqueue_initialize,
        .cleanup = rated_unqueue_cleanup,
        .args = ARGS(ARG_MUST(RatedUnqueue, U32, "RATE", rate),
                     RATED_BURST_ARGS(RatedUnqueue, burst, "BURST_SIZE")),
        .handlers = HANDLERS(READ_FN("calls", rated_unqueue_calls),
                             RW_FIELD(RatedUnqueue, U32, "rate", rate, .write = handler_write_keyword),
                             RW_FIELD(RatedUnqueue, BOOL, "active", active,
                                      .write = rated_unqueue_write_active,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             TASK_HANDLERS(RatedUnqueue, task)));
