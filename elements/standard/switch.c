/** Switch: sends all packets to one output, which can be changed while it runs.
 *
 * Synopsis: `Switch([OUTPUT])`
 *
 * Ports: 1 push input, any number of push outputs.
 *
 * Arguments: OUTPUT (int): the output; negative drops all packets. Default 0.
 *
 * Handlers: `switch` (read/write): OUTPUT; writing an output that does not exist counts as -1. The
 * configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> sw :: Switch(1); sw [0] -> Discard; sw [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Switch {
  Element base;
  int32_t output;
} Switch;

static inline int switch_action(Switch *e, Packet *p) {
  (void)p;
  return likely(e->output >= 0) ? e->output : PACKET_DROP;
}

ACTION(Switch, switch_action)

static bool switch_live(Element *e) {
  (void)e;
  return true;
}

static int switch_configure(Element *e, const Args *args, Errors *errs) {
  Switch *s = (Switch *)e;
  int32_t output = s->output;
  (void)args;
  if (output < e->noutputs) return 0;
  s->output = -1;
  return error(errs, "OUTPUT is %d, but there are only %u outputs", output, e->noutputs);
}

static int switch_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  Switch *s = (Switch *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (s->output >= e->noutputs) s->output = -1;
  char text[16];
  format_into(text, sizeof text, "%d", s->output);
  element_set_config(e, text);
  return 0;
}

ELEMENT(Switch, .per_thread = true, .ports = "1/-", .processing = "h/h", USE_ACTION(Switch, switch_action),
        .can_live_reconfigure = switch_live, .configure = switch_configure,
        .args = ARGS(ARG_POS(Switch, I32, "OUTPUT", output, "0")),
        .handlers = HANDLERS(RW_FIELD(Switch, I32, "switch", output, .write = switch_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_NONEXCLUSIVE)));
