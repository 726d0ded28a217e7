/** RoundRobinSched: pulls from its inputs in turn.
 *
 * Synopsis: `RoundRobinSched`
 *
 * Ports: any number of pull inputs, 1 pull output. Each packet comes from the next input that has one,
 * beginning behind the input of the packet before. Inputs whose notifiers say that they are empty are passed
 * over.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> rr :: RoundRobinSched -> Discard; InfiniteSource(LIMIT 3) ->
 * Queue -> [1] rr;`
 */
#include <clicklet/element.h>

typedef struct RoundRobinSched {
  Element base;
  int next;
  SignalSet *signals; /* per input */
} RoundRobinSched;

static unsigned round_robin_sched_pull(Element *e, int port, Packet **p, unsigned max) {
  RoundRobinSched *s = (RoundRobinSched *)e;
  (void)port;
  unsigned n = 0;
  for (int idle = 0, i = s->next; n < max && idle < e->ninputs; idle++) {
    bool got = signals_active(&s->signals[i]) && input_pull_batch(e, i, p + n, 1);
    if (++i >= e->ninputs) i = 0;
    if (!got) continue;
    n++;
    s->next = i;
    idle = -1;
  }
  return n;
}

static int round_robin_sched_initialize(Element *e, Errors *errs) {
  RoundRobinSched *s = (RoundRobinSched *)e;
  if (!(s->signals = mem_alloc((e->ninputs + 1u) * sizeof *s->signals))) return error(errs, "out of memory");
  for (int i = 0; i < e->ninputs; i++) upstream_signals(e, i, NULL, &s->signals[i]);
  return 0;
}

static void round_robin_sched_cleanup(Element *e) {
  RoundRobinSched *s = (RoundRobinSched *)e;
  for (int i = 0; s->signals && i < e->ninputs; i++) signals_cleanup(&s->signals[i]);
  mem_free(s->signals);
}

ELEMENT(RoundRobinSched, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = round_robin_sched_pull,
        .initialize = round_robin_sched_initialize, .cleanup = round_robin_sched_cleanup, .args = NO_ARGS);
