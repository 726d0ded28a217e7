/** BandwidthRatedUnqueue: pulls packets at a bandwidth and pushes them on.
 *
 * Synopsis: `BandwidthRatedUnqueue(RATE, <keywords> BURST_DURATION, BURST_BYTES)`
 *
 * Ports: 1 pull input, 1 push output. A token bucket of bytes, full at first, sets the pace; a packet goes as
 * soon as there is any token and may leave a debt of its length. Sleeps while its upstream is empty.
 *
 * Arguments: RATE (bandwidth): required. BURST_DURATION (time): the bucket holds what RATE brings in this
 * time; default 20ms. BURST_BYTES (unsigned): the bucket holds this many bytes.
 *
 * Handlers: `rate` (read/write). `calls` (read): runs, empty runs, packets pushed, failed pulls. `active`
 * (read/write). `scheduled`, `tickets`. The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LENGTH 100) -> Queue -> BandwidthRatedUnqueue(1Mbps) -> Discard;`
 */
#include "rated_unqueue.h"

typedef RatedUnqueue BandwidthRatedUnqueue;

static unsigned bandwidth_rated_unqueue_pull(RatedUnqueue *u, Packet **p, unsigned max) {
  unsigned n = 0;
  for (; n < max && bucket_contains(&u->bucket, RATED_RESERVE) && input_pull_batch(&u->base, 0, p + n, 1);
       n++)
    bucket_remove(&u->bucket, p[n]->len);
  return n;
}

static bool bandwidth_rated_unqueue_task(Element *e, Task *t) {
  (void)t;
  return rated_unqueue_run((RatedUnqueue *)e, RATED_RESERVE, bandwidth_rated_unqueue_pull);
}

static int bandwidth_rated_unqueue_configure(Element *e, const Args *args, Errors *errs) {
  RatedUnqueue *u = (RatedUnqueue *)e;
  (void)args;
  if (rated_configure(e, &u->bucket, &u->burst, u->bandwidth, true, errs) < 0) return -1;
  rated_unqueue_wake(u);
  return 0;
}

static int bandwidth_rated_unqueue_rate(Element *e, const Handler *h, const char *param, Text *out,
                                        Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_bandwidth(out, ((RatedUnqueue *)e)->bandwidth);
  return 0;
}

ELEMENT(BandwidthRatedUnqueue, .ports = "1/1", .processing = "l/h", .run_task = bandwidth_rated_unqueue_task,
        .run_timer = rated_unqueue_timer, .can_live_reconfigure = rated_live,
        .configure = bandwidth_rated_unqueue_configure, .initialize = rated_unqueue_initialize,
        .cleanup = rated_unqueue_cleanup,
        .args = ARGS(ARG_MUST(RatedUnqueue, BANDWIDTH, "RATE", bandwidth),
                     RATED_BURST_ARGS(RatedUnqueue, burst, "BURST_BYTES")),
        .handlers = HANDLERS(READ_FN("calls", rated_unqueue_calls),
                             RW_FN("rate", bandwidth_rated_unqueue_rate, handler_write_keyword,
                                   .type = ARG_BANDWIDTH, FIELD_OF(RatedUnqueue, bandwidth)),
                             RW_FIELD(RatedUnqueue, BOOL, "active", active,
                                      .write = rated_unqueue_write_active,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             TASK_HANDLERS(RatedUnqueue, task)));
