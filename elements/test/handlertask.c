/** HandlerTask: a task that writes a handler.
 *
 * Synopsis: `HandlerTask(HANDLER [, <keywords> ACTIVE, RESCHEDULE])`
 *
 * Arguments: HANDLER (`HANDLER [VALUE]`): what to write. ACTIVE (bool): begins at once. Default true.
 * RESCHEDULE (bool): does it in every turn; default false: once, and again when `scheduled` is written.
 *
 * Handlers: `count` (read): turns. `reschedule` (read/write). `scheduled`, `tickets`.
 *
 * Example: `s :: Script(TYPE PASSIVE, print "here"); HandlerTask(s.run);`
 */
#include <clicklet/element.h>

typedef struct HandlerTask {
  Element base;
  char *call;
  bool active, reschedule;
  uint64_t count;
  Task task;
} HandlerTask;

static bool handler_task(Element *e, Task *t) {
  HandlerTask *h = (HandlerTask *)e;
  h->count++;
  handler_call(e, h->call, NULL);
  if (h->reschedule) task_schedule(t);
  return true;
}

static int handler_initialize(Element *e, Errors *errs) {
  (void)errs;
  task_init(&((HandlerTask *)e)->task, e, ((HandlerTask *)e)->active);
  return 0;
}

static void handler_cleanup(Element *e) { mem_free(((HandlerTask *)e)->call); }

ELEMENT(HandlerTask, .ports = "0/0", .ordered = true, .run_task = handler_task,
        .initialize = handler_initialize, .cleanup = handler_cleanup,
        .args = ARGS(ARG_MUST(HandlerTask, HANDLER, "HANDLER", call),
                     ARG(HandlerTask, BOOL, "ACTIVE", active, "true"),
                     ARG(HandlerTask, BOOL, "RESCHEDULE", reschedule, "false")),
        .handlers = HANDLERS(READ_FIELD(HandlerTask, U64, "count", count),
                             RW_FIELD(HandlerTask, BOOL, "reschedule", reschedule),
                             TASK_HANDLERS(HandlerTask, task)));
