/** Discard: drops every packet.
 *
 * Synopsis: `Discard([<keywords> ACTIVE, BURST])`
 *
 * On a pull input it pulls as long as there is something, BURST packets in each turn.
 *
 * Arguments: ACTIVE (bool): false stops pulling. Default true. BURST (unsigned): packets pulled in one turn.
 * Default 1.
 *
 * Handlers: `count` (read): packets dropped. `reset_counts` (write). `active` (read/write). On a pull input
 * also `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 10) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Discard {
  Element base;
  bool active;
  uint32_t burst;
  uint64_t count;
  Task task;
  SignalSet signals;
} Discard;

static inline int discard_action(Discard *e, Packet *p) {
  (void)p;
  e->count++;
  return PACKET_DROP;
}

ACTION_ALONE(Discard, discard_action)

static void discard_push(Element *e, int port, Packet **p, unsigned n) {
  (void)port;
  ((Discard *)e)->count += n;
  free_batch(p, n);
}

static bool discard_task(Element *e, Task *t) {
  Discard *d = (Discard *)e;
  Packet *p[BATCH_MAX];
  if (!d->active) return false;
  unsigned limit = batch_limit(e), want = d->burst > limit ? d->burst : limit, got = 0;
  while (got < want) {
    unsigned left = want - got, n = input_pull_batch(e, 0, p, left < limit ? left : limit);
    if (!n) break;
    free_batch(p, n);
    got += n;
  }
  d->count += got;
  if (got || signals_active(&d->signals)) task_schedule(t);
  return got > 0;
}

static int discard_initialize(Element *e, Errors *errs) {
  Discard *d = (Discard *)e;
  (void)errs;
  if (!input_is_pull(e, 0)) return 0;
  task_init(&d->task, e, true);
  upstream_signals(e, 0, &d->task, &d->signals);
  return 0;
}

static void discard_cleanup(Element *e) { signals_cleanup(&((Discard *)e)->signals); }

static int discard_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((Discard *)e)->count = 0;
  return 0;
}

static int discard_active(Element *e, const Handler *h, const char *value, Errors *errs) {
  Discard *d = (Discard *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (d->active && d->task.element) task_schedule(&d->task);
  return 0;
}

ELEMENT(Discard, .per_thread = true, .ports = "1/0", .processing = "a/", .flags = "", .push = discard_push,
        USE_ACTION_ALONE(discard_action), .run_task = discard_task, .initialize = discard_initialize,
        .cleanup = discard_cleanup,
        .args = ARGS(ARG(Discard, BOOL, "ACTIVE", active, "true"),
                     ARG(Discard, U32, "BURST", burst, "1", .min = 1, .max = 1e6)),
        .handlers = HANDLERS(READ_FIELD(Discard, U64, "count", count, .flags = HANDLER_READ | HANDLER_SUM),
                             WRITE_FN("reset_counts", discard_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             RW_FIELD(Discard, BOOL, "active", active, .write = discard_active),
                             TASK_HANDLERS(Discard, task)));
