/** PrioSched: pulls from the first of its inputs that has a packet.
 *
 * Synopsis: `PrioSched`
 *
 * Ports: any number of pull inputs, 1 pull output. Strict priority, input 0 first. Inputs whose notifiers say
 * that they are empty are passed over.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> ps :: PrioSched -> Discard; InfiniteSource(LIMIT 3) -> Queue
 * -> [1] ps;`
 */
#include <clicklet/element.h>

typedef struct PrioSched {
  Element base;
  SignalSet *signals; /* per input */
} PrioSched;

static unsigned prio_sched_pull(Element *e, int port, Packet **p, unsigned max) {
  PrioSched *s = (PrioSched *)e;
  (void)port;
  unsigned n = 0;
  for (int i = 0; i < e->ninputs && n < max; i++)
    if (signals_active(&s->signals[i])) n += input_pull_batch(e, i, p + n, max - n);
  return n;
}

static int prio_sched_initialize(Element *e, Errors *errs) {
  PrioSched *s = (PrioSched *)e;
  if (!(s->signals = mem_alloc((e->ninputs + 1u) * sizeof *s->signals))) return error(errs, "out of memory");
  for (int i = 0; i < e->ninputs; i++) upstream_signals(e, i, NULL, &s->signals[i]);
  return 0;
}

static void prio_sched_cleanup(Element *e) {
  PrioSched *s = (PrioSched *)e;
  for (int i = 0; s->signals && i < e->ninputs; i++) signals_cleanup(&s->signals[i]);
  mem_free(s->signals);
}

ELEMENT(PrioSched, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = prio_sched_pull,
        .initialize = prio_sched_initialize, .cleanup = prio_sched_cleanup, .args = NO_ARGS);
