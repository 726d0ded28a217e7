/** InputSwitch: lets packets from one input pass, which can be changed while it runs.
 *
 * Synopsis: `InputSwitch([INPUT])`
 *
 * Ports: any number of push inputs, 1 push output. Packets on other inputs are dropped.
 *
 * Arguments: INPUT (int): the input; negative drops all packets. Default 0. The reference calls it OUTPUT,
 * which also works.
 *
 * Handlers: `switch` (read/write): INPUT; writing an input that does not exist counts as -1. The
 * configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> sw :: InputSwitch(1) -> Discard; InfiniteSource(LIMIT 3) -> [1] sw;`
 */
#include <clicklet/element.h>

typedef struct InputSwitch {
  Element base;
  int32_t input;
} InputSwitch;

static void input_switch_push(Element *e, int port, Packet **p, unsigned n) {
  if (port == ((InputSwitch *)e)->input)
    output_push_batch(e, 0, p, n);
  else
    free_batch(p, n);
}

static bool input_switch_live(Element *e) {
  (void)e;
  return true;
}

static int input_switch_configure(Element *e, const Args *args, Errors *errs) {
  InputSwitch *s = (InputSwitch *)e;
  int32_t input = s->input;
  (void)args;
  if (input < e->ninputs) return 0;
  s->input = -1;
  return error(errs, "INPUT is %d, but there are only %u inputs", input, e->ninputs);
}

static int input_switch_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  InputSwitch *s = (InputSwitch *)e;
  char text[16];
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (s->input >= e->ninputs) s->input = -1;
  format_into(text, sizeof text, "%d", s->input);
  element_set_config(e, text);
  return 0;
}

ELEMENT(InputSwitch, .ports = "-/1", .processing = "h/h", .push = input_switch_push,
        .can_live_reconfigure = input_switch_live, .configure = input_switch_configure,
        .args = ARGS(ARG_POS(InputSwitch, I32, "INPUT", input, "0"),
                     ARG(InputSwitch, I32, "OUTPUT", input, NULL, .flags = ARG_DEPRECATED)),
        .handlers = HANDLERS(RW_FIELD(InputSwitch, I32, "switch", input, .write = input_switch_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_NONEXCLUSIVE)));
