/** Unqueue2: pulls packets and pushes them on while there is room downstream.
 *
 * Synopsis: `Unqueue2([BURST, <keywords> QUEUES, QUIET])`. Prefer Unqueue.
 *
 * Arguments: BURST (int): packets in one turn at most, and no more than the fullest queue downstream has room
 * for; 0 or less: all there are. Default 1. QUEUES (names): the queues to look at; default: the next ones
 * downstream. QUIET (bool): does not advise Unqueue; default false.
 *
 * Handlers: `packets` (read): packets moved. `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 5) -> Queue -> Unqueue2(4, QUIET true) -> Queue -> Discard;`
 */
#include "storage.h"

typedef struct Unqueue2 {
  Element base;
  int32_t burst;
  char *queues_text;
  bool queues_given, quiet;
  uint64_t packets;
  StorageSet queues;
  Task task;
  SignalSet signals, room;
  Timer timer;
} Unqueue2;

static bool unqueue2_task(Element *e, Task *t) {
  Unqueue2 *u = (Unqueue2 *)e;
  Packet *p[BATCH_MAX];
  uint32_t want = u->burst > 0 ? (uint32_t)u->burst : UINT32_MAX, limit = batch_limit(e), moved = 0;
  for (unsigned i = 0; i < u->queues.n; i++) {
    uint32_t room = u->queues.queues[i]->capacity - u->queues.queues[i]->length;
    if (room < want) want = room;
  }
  while (moved < want) {
    unsigned n = input_pull_batch(e, 0, p, want - moved < limit ? want - moved : limit);
    if (!n) break;
    moved += n;
    output_push_batch(e, 0, p, n);
  }
  u->packets += moved;
  if (!want)
    timer_after(&u->timer, NSEC_PER_MSEC); /* for queues that do not say when they have room */
  else if (moved || signals_active(&u->signals))
    task_schedule(t);
  return moved > 0;
}

static void unqueue2_timer(Element *e, Timer *t) {
  (void)t;
  task_schedule(&((Unqueue2 *)e)->task);
}

static int unqueue2_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  if (!((Unqueue2 *)e)->quiet) warning(errs, "Unqueue2 is deprecated; Unqueue does what it did");
  return 0;
}

static int unqueue2_initialize(Element *e, Errors *errs) {
  Unqueue2 *u = (Unqueue2 *)e;
  task_init(&u->task, e, true);
  timer_init(&u->timer, e);
  upstream_signals(e, 0, &u->task, &u->signals);
  downstream_signals(e, 0, &u->task, &u->room);
  return u->queues_given ? storage_named(&u->queues, e, u->queues_text, errs)
                         : storage_near(&u->queues, e, true, errs);
}

static void unqueue2_cleanup(Element *e) {
  Unqueue2 *u = (Unqueue2 *)e;
  mem_free(u->queues_text);
  mem_free(u->queues.queues);
  timer_cancel(&u->timer);
  signals_cleanup(&u->signals);
  signals_cleanup(&u->room);
}

ELEMENT(Unqueue2, .looks_around = true, .names_elements = true, .ports = "1/1", .processing = "l/h",
        .run_task = unqueue2_task, .run_timer = unqueue2_timer, .configure = unqueue2_configure,
        .initialize = unqueue2_initialize, .cleanup = unqueue2_cleanup,
        .args = ARGS(ARG_POS(Unqueue2, I32, "BURST", burst, "1"),
                     ARG(Unqueue2, RAW, "QUEUES", queues_text, NULL, GIVEN(Unqueue2, queues_given)),
                     ARG(Unqueue2, BOOL, "QUIET", quiet, "false")),
        .handlers = HANDLERS(READ_FIELD(Unqueue2, U64, "packets", packets), TASK_HANDLERS(Unqueue2, task)));
