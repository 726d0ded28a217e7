/** RoundRobinUnqueue: pulls from its inputs in turn and pushes to the outputs of the same number.
 *
 * Synopsis: `RoundRobinUnqueue([BURST])`
 *
 * Ports: as many push outputs as pull inputs. Sleeps while all of its upstream is empty (the reference
 * polls).
 *
 * Arguments: BURST (int): packets from one input in one turn; 0: all there are. Default 1.
 *
 * Handlers: `packets` (read): packets moved so far, as "N packets". `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 5) -> Queue -> ru :: RoundRobinUnqueue -> Discard; InfiniteSource(LIMIT 5)
 * -> Queue -> [1] ru [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct RoundRobinUnqueue {
  Element base;
  int32_t burst;
  int next;
  uint64_t packets;
  Task task;
  SignalSet *signals; /* per input */
} RoundRobinUnqueue;

static bool round_robin_unqueue_task(Element *e, Task *t) {
  RoundRobinUnqueue *u = (RoundRobinUnqueue *)e;
  Packet *p[BATCH_MAX];
  unsigned limit = batch_limit(e), moved = 0;
  uint64_t want = u->burst == 0 ? UINT32_MAX : u->burst < 0 ? 1 : (uint64_t)u->burst;
  while (e->ninputs && moved < want) {
    unsigned left = (unsigned)(want - moved),
             n = input_pull_batch(e, u->next, p, left < limit ? left : limit);
    if (!n) break;
    moved += n;
    output_push_batch(e, u->next, p, n);
  }
  u->packets += moved;
  if (++u->next >= e->ninputs) u->next = 0;
  bool more = moved > 0;
  for (int i = 0; i < e->ninputs && !more; i++) more = signals_active(&u->signals[i]);
  if (more) task_schedule(t);
  return moved > 0;
}

static int round_robin_unqueue_initialize(Element *e, Errors *errs) {
  RoundRobinUnqueue *u = (RoundRobinUnqueue *)e;
  if (e->ninputs != e->noutputs)
    return error(errs, "%u inputs need as many outputs, not %u", e->ninputs, e->noutputs);
  if (!(u->signals = mem_alloc((e->ninputs + 1u) * sizeof *u->signals))) return error(errs, "out of memory");
  task_init(&u->task, e, true);
  for (int i = 0; i < e->ninputs; i++) upstream_signals(e, i, &u->task, &u->signals[i]);
  return 0;
}

static void round_robin_unqueue_cleanup(Element *e) {
  RoundRobinUnqueue *u = (RoundRobinUnqueue *)e;
  for (int i = 0; u->signals && i < e->ninputs; i++) signals_cleanup(&u->signals[i]);
  mem_free(u->signals);
}

static int round_robin_unqueue_packets(Element *e, const Handler *h, const char *param, Text *out,
                                       Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_printf(out, "%llu packets\n", (unsigned long long)((RoundRobinUnqueue *)e)->packets);
  return 0;
}

ELEMENT(RoundRobinUnqueue, .ports = "-/-", .processing = "l/h", .run_task = round_robin_unqueue_task,
        .initialize = round_robin_unqueue_initialize, .cleanup = round_robin_unqueue_cleanup,
        .args = ARGS(ARG_POS(RoundRobinUnqueue, I32, "BURST", burst, "1")),
        .handlers = HANDLERS(READ_FN("packets", round_robin_unqueue_packets),
                             TASK_HANDLERS(RoundRobinUnqueue, task)));
