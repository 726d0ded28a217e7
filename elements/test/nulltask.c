/** NullTask: a task that does nothing, again and again.
 *
 * Synopsis: `NullTask([<keywords> LIMIT, STOP, ACTIVE])`. For measuring what the scheduler costs.
 *
 * Arguments: LIMIT (unsigned): runs at most; 0: no limit. Default 0. STOP (bool): stops the driver after
 * LIMIT runs. Default false. ACTIVE (bool): begins at once. Default true.
 *
 * Handlers: `count` (read). `limit` (read/write). `reset` (write): counts from 0. `scheduled`, `tickets`.
 *
 * Example: `NullTask(LIMIT 1000, STOP true);`
 */
#include <clicklet/element.h>

typedef struct NullTask {
  Element base;
  uint32_t limit;
  bool stop, active;
  uint64_t count;
  Task task;
} NullTask;

static bool null_task(Element *e, Task *t) {
  NullTask *n = (NullTask *)e;
  n->count++;
  if (!n->limit || n->count < n->limit)
    task_schedule(t);
  else if (n->stop)
    router_stop(e->router);
  return true;
}

static int null_initialize(Element *e, Errors *errs) {
  (void)errs;
  task_init(&((NullTask *)e)->task, e, ((NullTask *)e)->active);
  return 0;
}

static int null_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((NullTask *)e)->count = 0;
  return 0;
}

ELEMENT(NullTask, .ports = "0/0", .run_task = null_task, .initialize = null_initialize,
        .args = ARGS(ARG(NullTask, U32, "LIMIT", limit, "0"), ARG(NullTask, BOOL, "STOP", stop, "false"),
                     ARG(NullTask, BOOL, "ACTIVE", active, "true")),
        .handlers = HANDLERS(READ_FIELD(NullTask, U64, "count", count),
                             RW_FIELD(NullTask, U32, "limit", limit), WRITE_FN("reset", null_reset),
                             TASK_HANDLERS(NullTask, task)));
