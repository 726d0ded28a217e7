/** StrideSched: pulls from its inputs in proportion to tickets.
 *
 * Synopsis: `StrideSched(TICKETS0, ..., TICKETSn-1)`
 *
 * Ports: 1 or more pull inputs, 1 pull output. Each pull tries the inputs in stride order, each once, until
 * one has a packet; all that were tried count as served. Inputs whose notifiers say that they are empty are
 * not pulled.
 *
 * Arguments: TICKETSi (int, 0 to 32768): one for each input. 0: never.
 *
 * Handlers: `tickets0` to `tickets`N-1 (read/write). The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 9) -> Queue -> s :: StrideSched(2, 1) -> Discard; InfiniteSource(LIMIT 9) ->
 * Queue -> [1] s;`
 */
#include "stride.h"

typedef Stride StrideSched;

static Packet *stride_sched_next(Stride *s) {
  Packet *p = NULL;
  unsigned tried = 0;
  while (tried < s->nordered && !p) {
    uint16_t port = s->order[tried++];
    if (signals_active(&s->signals[port])) p = input_pull(&s->base, port);
    s->ports[port].pass += s->ports[port].stride;
  }
  /* Put those that were tried back in order. */
  memcpy(s->scratch, s->order, tried * sizeof *s->order);
  memmove(s->order, s->order + tried, (s->nordered - tried) * sizeof *s->order);
  s->nordered -= tried;
  for (unsigned i = 0; i < tried; i++) stride_place(s, s->scratch[i]);
  return p;
}

static unsigned stride_sched_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)port;
  unsigned n = 0;
  while (n < max && (p[n] = stride_sched_next((Stride *)e))) n++;
  return n;
}

static int stride_sched_configure(Element *e, const Args *args, Errors *errs) {
  return stride_configure_ports((Stride *)e, e->ninputs, args, errs);
}

static int stride_sched_initialize(Element *e, Errors *errs) {
  Stride *s = (Stride *)e;
  if (!(s->signals = mem_alloc((e->ninputs + 1u) * sizeof *s->signals))) return error(errs, "out of memory");
  for (int i = 0; i < e->ninputs; i++) upstream_signals(e, i, NULL, &s->signals[i]);
  return 0;
}

ELEMENT(StrideSched, .ports = "1-/1", .processing = "l/l", .flags = "S0", .pull = stride_sched_pull,
        .can_live_reconfigure = stride_live, .configure = stride_sched_configure,
        .initialize = stride_sched_initialize, .cleanup = stride_cleanup, .extra_handler = stride_handler,
        .args = ARGS(ARG_ALL_REST("TICKETS")));
