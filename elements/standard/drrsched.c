/** DRRSched: pulls from its inputs by deficit round robin.
 *
 * Synopsis: `DRRSched([QUANTUM])`
 *
 * Ports: any number of pull inputs, 1 pull output. Shares the output's bytes evenly whatever the packet sizes
 * are (Shreedhar and Varghese, "Efficient Fair Queuing using Deficit Round Robin", SIGCOMM 1995): each input
 * may give packets up to its deficit, which grows by QUANTUM in each round. Holds at most one packet of each
 * input. Inputs whose notifiers say that they are empty are passed over; pullers downstream sleep while all
 * are.
 *
 * Arguments: QUANTUM (unsigned, at least 1): bytes. Default 500.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 9) -> Queue -> s :: DRRSched -> Discard; InfiniteSource(LENGTH 20, LIMIT 9)
 * -> Queue -> [1] s;`
 */
#include <clicklet/element.h>

typedef struct DRRInput {
  Packet *held; /* pulled, but the deficit did not suffice */
  uint64_t deficit;
  SignalSet signals;
} DRRInput;

typedef struct DRRSched {
  Element base;
  uint32_t quantum;
  int next;
  DRRInput *in;
  Task task; /* woken by the inputs, passes the wake on */
  Signal not_empty;
} DRRSched;

static Packet *drr_next(DRRSched *s) {
  bool on = false;
  for (int k = 0, n = s->base.ninputs; k < n; k++) {
    DRRInput *in = &s->in[s->next];
    Packet *p = in->held;
    in->held = NULL;
    if (p)
      on = true;
    else if (signals_active(&in->signals)) {
      p = input_pull(&s->base, s->next);
      on = true;
    }
    if (!p)
      in->deficit = 0;
    else if (p->len <= in->deficit) {
      in->deficit -= p->len;
      signal_set(&s->not_empty, true);
      return p;
    } else
      in->held = p;
    if (++s->next >= n) s->next = 0;
    s->in[s->next].deficit += s->quantum;
  }
  signal_set(&s->not_empty, on);
  return NULL;
}

static unsigned drr_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)port;
  unsigned n = 0;
  while (n < max && (p[n] = drr_next((DRRSched *)e))) n++;
  return n;
}

static bool drr_task(Element *e, Task *t) {
  (void)t;
  signal_set(&((DRRSched *)e)->not_empty, true);
  return false;
}

static int drr_initialize(Element *e, Errors *errs) {
  DRRSched *s = (DRRSched *)e;
  if (!(s->in = mem_alloc((e->ninputs + 1u) * sizeof *s->in))) return error(errs, "out of memory");
  s->not_empty.active = true;
  task_init(&s->task, e, false);
  for (int i = 0; i < e->ninputs; i++) upstream_signals(e, i, &s->task, &s->in[i].signals);
  return 0;
}

static void drr_cleanup(Element *e) {
  DRRSched *s = (DRRSched *)e;
  for (int i = 0; s->in && i < e->ninputs; i++) {
    if (s->in[i].held) packet_free(s->in[i].held);
    signals_cleanup(&s->in[i].signals);
  }
  mem_free(s->in);
  signal_cleanup(&s->not_empty);
}

static Signal *drr_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((DRRSched *)e)->not_empty;
}

ELEMENT(DRRSched, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = drr_pull, .run_task = drr_task,
        .initialize = drr_initialize, .cleanup = drr_cleanup, .notifier = drr_notifier,
        .args = ARGS(ARG_POS(DRRSched, U32, "QUANTUM", quantum, "500", .min = 1, .max = 2147483647)));
