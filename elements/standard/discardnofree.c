/** DiscardNoFree: drops every packet without freeing it. For measurements of the cost of freeing only: it
 * leaks.
 *
 * Synopsis: `DiscardNoFree`
 *
 * Ports: 1 input, push or pull. On a pull input it pulls as long as there is something.
 *
 * Arguments: none.
 *
 * Handlers: `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 10) -> DiscardNoFree;`
 */
#include <clicklet/element.h>

typedef struct DiscardNoFree {
  Element base;
  Task task;
  SignalSet signals;
} DiscardNoFree;

static void discard_no_free_push(Element *e, int port, Packet **p, unsigned n) {
  (void)e, (void)port, (void)p, (void)n;
}

static bool discard_no_free_task(Element *e, Task *t) {
  Packet *p[BATCH_MAX];
  unsigned n = input_pull_batch(e, 0, p, batch_limit(e));
  if (n || signals_active(&((DiscardNoFree *)e)->signals)) task_schedule(t);
  return n > 0;
}

static int discard_no_free_initialize(Element *e, Errors *errs) {
  DiscardNoFree *d = (DiscardNoFree *)e;
  (void)errs;
  if (!input_is_pull(e, 0)) return 0;
  task_init(&d->task, e, true);
  upstream_signals(e, 0, &d->task, &d->signals);
  return 0;
}

static void discard_no_free_cleanup(Element *e) { signals_cleanup(&((DiscardNoFree *)e)->signals); }

ELEMENT(DiscardNoFree, .ports = "1/0", .processing = "a/", .push = discard_no_free_push,
        .run_task = discard_no_free_task, .initialize = discard_no_free_initialize,
        .cleanup = discard_no_free_cleanup, .args = NO_ARGS,
        .handlers = HANDLERS(TASK_HANDLERS(DiscardNoFree, task)));
