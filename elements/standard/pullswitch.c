/** PullSwitch: pulls from one input, which can be changed while it runs.
 *
 * Synopsis: `PullSwitch([INPUT])`
 *
 * Ports: any number of pull inputs, 1 pull output. What is downstream sleeps while the chosen input is empty,
 * whatever the others hold.
 *
 * Arguments: INPUT (int): the input; negative, or one that does not exist, gives nothing. Default 0.
 *
 * Handlers: `switch` (read/write): INPUT. The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> ps :: PullSwitch(1) -> Discard; InfiniteSource(LIMIT 3) ->
 * Queue -> [1] ps;`
 */
#include <clicklet/element.h>

typedef struct PullSwitch {
  Element base;
  int32_t input;
  Task task;          /* woken by the inputs, passes the wake on */
  SignalSet *signals; /* per input */
  Signal not_empty;
} PullSwitch;

static unsigned pull_switch_pull(Element *e, int port, Packet **p, unsigned max) {
  PullSwitch *s = (PullSwitch *)e;
  (void)port;
  unsigned n = s->input >= 0 ? input_pull_batch(e, s->input, p, max) : 0;
  if (n)
    s->not_empty.active = true;
  else if (s->input < 0 || !signals_active(&s->signals[s->input]))
    signal_set(&s->not_empty, false);
  return n;
}

static bool pull_switch_task(Element *e, Task *t) {
  PullSwitch *s = (PullSwitch *)e;
  (void)t;
  if (s->input >= 0 && signals_active(&s->signals[s->input])) signal_set(&s->not_empty, true);
  return false;
}

static bool pull_switch_live(Element *e) {
  (void)e;
  return true;
}

static int pull_switch_configure(Element *e, const Args *args, Errors *errs) {
  PullSwitch *s = (PullSwitch *)e;
  (void)args, (void)errs;
  if (s->input < 0 || s->input >= e->ninputs) s->input = -1;
  if (s->signals) signal_set(&s->not_empty, s->input >= 0 && signals_active(&s->signals[s->input]));
  return 0;
}

static int pull_switch_initialize(Element *e, Errors *errs) {
  PullSwitch *s = (PullSwitch *)e;
  if (!(s->signals = mem_alloc((e->ninputs + 1u) * sizeof *s->signals))) return error(errs, "out of memory");
  s->not_empty.active = s->input >= 0;
  task_init(&s->task, e, false);
  for (int i = 0; i < e->ninputs; i++) upstream_signals(e, i, &s->task, &s->signals[i]);
  return 0;
}

static void pull_switch_cleanup(Element *e) {
  PullSwitch *s = (PullSwitch *)e;
  for (int i = 0; s->signals && i < e->ninputs; i++) signals_cleanup(&s->signals[i]);
  mem_free(s->signals);
  signal_cleanup(&s->not_empty);
}

static Signal *pull_switch_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((PullSwitch *)e)->not_empty;
}

static int pull_switch_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (handler_write_field(e, h, value, errs) < 0 || pull_switch_configure(e, NULL, errs) < 0) return -1;
  char text[16];
  format_into(text, sizeof text, "%d", ((PullSwitch *)e)->input);
  element_set_config(e, text);
  return 0;
}

ELEMENT(PullSwitch, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = pull_switch_pull,
        .run_task = pull_switch_task, .can_live_reconfigure = pull_switch_live,
        .configure = pull_switch_configure, .initialize = pull_switch_initialize,
        .cleanup = pull_switch_cleanup, .notifier = pull_switch_notifier,
        .args = ARGS(ARG_POS(PullSwitch, I32, "INPUT", input, "0")),
        .handlers = HANDLERS(RW_FIELD(PullSwitch, I32, "switch", input, .write = pull_switch_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_NONEXCLUSIVE)));
