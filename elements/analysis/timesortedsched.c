/** TimeSortedSched: merges streams of packets by their timestamps.
 *
 * Synopsis: `TimeSortedSched(<keywords> STOP, BUFFER)`
 *
 * Ports: any number of pull inputs, 1 pull output. Each pull gives the packet with the earliest timestamp of
 * those that the inputs have; among equal ones that which came first. The inputs should be in order. Inputs
 * whose notifiers say that they are empty are passed over; it has a notifier of its own.
 *
 * Arguments: STOP (bool): stops the driver when there are no packets left. Default false. BUFFER (int, at
 * least 1): packets of an input held here, so that a stream may be out of order by so many. Default 1.
 *
 * Handlers: `well_ordered` (read): false once a packet left with a timestamp before that of an earlier one.
 *
 * Example: `t :: TimeSortedSched(STOP true); RatedSource(LIMIT 3) -> SetTimestamp -> Queue -> t -> Discard;
 * RatedSource(LIMIT 3) -> SetTimestamp -> Queue -> [1] t;`
 */
#include <clicklet/element.h>

typedef struct TimeSortedPacket {
  Packet *p;
  uint64_t number; /* of arrival */
  int input;
} TimeSortedPacket;

typedef struct TimeSortedInput {
  SignalSet signals;
  uint32_t space; /* packets that may still be held */
} TimeSortedInput;

typedef struct TimeSortedSched {
  Element base;
  bool stop, well_ordered;
  uint32_t buffer, held;
  uint64_t arrived;
  int64_t last; /* timestamp of what left last */
  TimeSortedPacket *heap;
  TimeSortedInput *inputs;
  Task task; /* woken by the upstream, passes the wake on */
  Signal not_empty;
} TimeSortedSched;

static bool time_sorted_before(const TimeSortedPacket *a, const TimeSortedPacket *b) {
  if (a->p->timestamp != b->p->timestamp) return a->p->timestamp < b->p->timestamp;
  return a->number < b->number;
}

static void time_sorted_add(TimeSortedSched *s, TimeSortedPacket x) {
  uint32_t at = s->held++;
  for (; at && time_sorted_before(&x, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
    s->heap[at] = s->heap[(at - 1) / 2];
  s->heap[at] = x;
}

static TimeSortedPacket time_sorted_take(TimeSortedSched *s) {
  TimeSortedPacket first = s->heap[0], x = s->heap[--s->held];
  uint32_t at = 0, child;
  while ((child = 2 * at + 1) < s->held) {
    if (child + 1 < s->held && time_sorted_before(&s->heap[child + 1], &s->heap[child])) child++;
    if (!time_sorted_before(&s->heap[child], &x)) break;
    s->heap[at] = s->heap[child];
    at = child;
  }
  if (s->held) s->heap[at] = x;
  return first;
}

/* Takes what the inputs have, as far as there is room. True if one of them may have more later. */
static bool time_sorted_fill(TimeSortedSched *s) {
  Packet *p[BATCH_MAX];
  bool active = false;
  for (int i = 0; i < s->base.ninputs; i++) {
    TimeSortedInput *in = &s->inputs[i];
    if (!signals_active(&in->signals)) continue;
    active = true;
    while (in->space) {
      unsigned n = input_pull_batch(&s->base, i, p, in->space < BATCH_MAX ? in->space : BATCH_MAX);
      if (!n) break;
      in->space -= n;
      for (unsigned k = 0; k < n; k++)
        time_sorted_add(s, (TimeSortedPacket){.p = p[k], .number = s->arrived++, .input = i});
    }
  }
  return active;
}

static unsigned time_sorted_pull(Element *e, int port, Packet **p, unsigned max) {
  TimeSortedSched *s = (TimeSortedSched *)e;
  unsigned n = 0;
  bool active = false;
  while (n < max) {
    active = time_sorted_fill(s);
    if (!s->held) break;
    TimeSortedPacket x = time_sorted_take(s);
    s->inputs[x.input].space++;
    if (x.p->timestamp && s->last && x.p->timestamp < s->last) s->well_ordered = false;
    if (x.p->timestamp) s->last = x.p->timestamp;
    p[n++] = x.p;
  }
  signal_set(&s->not_empty, n || s->held || active);
  if (!n && s->stop && !active) router_stop(e->router);
  return n;
}

static bool time_sorted_task(Element *e, Task *t) {
  signal_set(&((TimeSortedSched *)e)->not_empty, true);
  return false;
}

static int time_sorted_initialize(Element *e, Errors *errs) {
  TimeSortedSched *s = (TimeSortedSched *)e;
  s->well_ordered = s->not_empty.active = true;
  s->heap = mem_alloc(((size_t)e->ninputs * s->buffer + 1) * sizeof *s->heap);
  s->inputs = mem_alloc((e->ninputs + 1u) * sizeof *s->inputs);
  if (!s->heap || !s->inputs) return error(errs, "out of memory for a buffer of %u", s->buffer);
  task_init(&s->task, e, false);
  for (int i = 0; i < e->ninputs; i++) {
    upstream_signals(e, i, &s->task, &s->inputs[i].signals);
    s->inputs[i].space = s->buffer;
  }
  return 0;
}

static void time_sorted_cleanup(Element *e) {
  TimeSortedSched *s = (TimeSortedSched *)e;
  for (uint32_t i = 0; i < s->held; i++) packet_free(s->heap[i].p);
  for (int i = 0; s->inputs && i < e->ninputs; i++) signals_cleanup(&s->inputs[i].signals);
  mem_free(s->heap);
  mem_free(s->inputs);
  signal_cleanup(&s->not_empty);
}

static Signal *time_sorted_notifier(Element *e, bool full, int port) {
  return full ? NULL : &((TimeSortedSched *)e)->not_empty;
}

ELEMENT(TimeSortedSched, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = time_sorted_pull,
        .run_task = time_sorted_task, .initialize = time_sorted_initialize, .cleanup = time_sorted_cleanup,
        .notifier = time_sorted_notifier,
        .args = ARGS(ARG(TimeSortedSched, BOOL, "STOP", stop, "false"),
                     ARG(TimeSortedSched, U32, "BUFFER", buffer, "1", .min = 1, .max = 2147483647.)),
        .handlers = HANDLERS(READ_FIELD(TimeSortedSched, BOOL, "well_ordered", well_ordered,
                                        .flags = HANDLER_READ | HANDLER_CHECKBOX)));
