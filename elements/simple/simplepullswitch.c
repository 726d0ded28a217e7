/** SimplePullSwitch: pulls from one input, which can be changed while it runs; has no notifier of its own.
 *
 * Synopsis: `SimplePullSwitch([INPUT])`
 *
 * Ports: any number of pull inputs, 1 pull output. What is downstream sleeps only while all inputs are empty;
 * with PullSwitch it sleeps while the chosen one is.
 *
 * Arguments: INPUT (int): the input; negative, or one that does not exist, gives nothing. Default 0.
 *
 * Handlers: `switch` (read/write): INPUT. The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> ps :: SimplePullSwitch(1) -> Discard; InfiniteSource(LIMIT 3)
 * -> Queue -> [1] ps;`
 */
#include <clicklet/element.h>

typedef struct SimplePullSwitch {
  Element base;
  int32_t input;
} SimplePullSwitch;

static unsigned simple_pull_switch_pull(Element *e, int port, Packet **p, unsigned max) {
  const SimplePullSwitch *s = (const SimplePullSwitch *)e;
  (void)port;
  return s->input >= 0 ? input_pull_batch(e, s->input, p, max) : 0;
}

static bool simple_pull_switch_live(Element *e) {
  (void)e;
  return true;
}

static int simple_pull_switch_configure(Element *e, const Args *args, Errors *errs) {
  SimplePullSwitch *s = (SimplePullSwitch *)e;
  (void)args, (void)errs;
  if (s->input < 0 || s->input >= e->ninputs) s->input = -1;
  return 0;
}

static int simple_pull_switch_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  char text[16];
  if (handler_write_field(e, h, value, errs) < 0 || simple_pull_switch_configure(e, NULL, errs) < 0)
    return -1;
  format_into(text, sizeof text, "%d", ((SimplePullSwitch *)e)->input);
  element_set_config(e, text);
  return 0;
}

ELEMENT(SimplePullSwitch, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = simple_pull_switch_pull,
        .can_live_reconfigure = simple_pull_switch_live, .configure = simple_pull_switch_configure,
        .args = ARGS(ARG_POS(SimplePullSwitch, I32, "INPUT", input, "0")),
        .handlers = HANDLERS(RW_FIELD(SimplePullSwitch, I32, "switch", input,
                                      .write = simple_pull_switch_write)));
