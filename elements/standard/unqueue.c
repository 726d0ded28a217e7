/** Unqueue: pulls packets and pushes them on, as fast as they come.
 *
 * Synopsis: `Unqueue([BURST, <keywords> ACTIVE, LIMIT])`. Sleeps while its upstream is empty.
 *
 * Arguments: BURST (int): packets in one turn at least; negative: all there are. Default 1. ACTIVE (bool):
 * default true. LIMIT (int): packets at most; negative: no limit. Default -1.
 *
 * Handlers: `count` (read). `active`, `burst`, `limit` (read/write). `reset` (write). `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 5) -> Queue -> Unqueue -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Unqueue {
  Element base;
  int32_t burst;
  bool active;
  int64_t limit, count;
  Task task;
  SignalSet signals;
} Unqueue;

static bool unqueue_task(Element *e, Task *t) {
  Unqueue *u = (Unqueue *)e;
  Packet *p[BATCH_MAX];
  if (!u->active) return false;
  unsigned limit = batch_limit(e), moved = 0;
  uint64_t want = (unsigned)u->burst > limit ? (uint64_t)u->burst : limit;
  if (u->limit >= 0 && u->count + (int64_t)want > u->limit)
    want = u->count < u->limit ? (uint64_t)(u->limit - u->count) : 0;
  while (moved < want) {
    unsigned left = (unsigned)(want - moved), n = input_pull_batch(e, 0, p, left < limit ? left : limit);
    if (!n) break;
    u->count += n;
    moved += n;
    output_push_batch(e, 0, p, n);
  }
  bool more = u->limit < 0 || u->count < u->limit;
  if (more && (moved || signals_active(&u->signals))) task_schedule(t);
  return moved > 0;
}

static void unqueue_burst(Unqueue *u) {
  if (u->burst < 0) u->burst = 0x7fffffff;
}

static int unqueue_configure(Element *e, const Args *args, Errors *errs) {
  (void)args, (void)errs;
  unqueue_burst((Unqueue *)e);
  return 0;
}

static int unqueue_initialize(Element *e, Errors *errs) {
  Unqueue *u = (Unqueue *)e;
  (void)errs;
  task_init(&u->task, e, u->active);
  upstream_signals(e, 0, &u->task, &u->signals);
  return 0;
}

static void unqueue_cleanup(Element *e) { signals_cleanup(&((Unqueue *)e)->signals); }

static int unqueue_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  Unqueue *u = (Unqueue *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  unqueue_burst(u);
  if (u->active) task_schedule(&u->task);
  return 0;
}

static int unqueue_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  Unqueue *u = (Unqueue *)e;
  (void)h, (void)value, (void)errs;
  u->count = 0;
  if (u->active) task_schedule(&u->task);
  return 0;
}

ELEMENT(Unqueue, .ports = "1/1", .processing = "l/h", .run_task = unqueue_task,
        .configure = unqueue_configure, .initialize = unqueue_initialize, .cleanup = unqueue_cleanup,
        .args = ARGS(ARG_POS(Unqueue, I32, "BURST", burst, "1"), ARG(Unqueue, BOOL, "ACTIVE", active, "true"),
                     ARG(Unqueue, I64, "LIMIT", limit, "-1")),
        .handlers = HANDLERS(READ_FIELD(Unqueue, I64, "count", count),
                             RW_FIELD(Unqueue, BOOL, "active", active, .write = unqueue_write),
                             RW_FIELD(Unqueue, I32, "burst", burst, .write = unqueue_write),
                             RW_FIELD(Unqueue, I64, "limit", limit, .write = unqueue_write),
                             WRITE_FN("reset", unqueue_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(Unqueue, task)));
