/** StaticSwitch: sends all packets to one output.
 *
 * Synopsis: `StaticSwitch(OUTPUT)`
 *
 * Ports: 1 push input, any number of push outputs. As Switch, but fixed, which lets tools remove it.
 *
 * Arguments: OUTPUT (int): the output; negative, or one that does not exist, drops all packets. Required.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> sw :: StaticSwitch(1); sw [0] -> Discard; sw [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct StaticSwitch {
  Element base;
  int32_t output;
} StaticSwitch;

static inline int static_switch_action(StaticSwitch *e, Packet *p) {
  (void)p;
  return e->output;
}

ACTION(StaticSwitch, static_switch_action)

static int static_switch_configure(Element *e, const Args *args, Errors *errs) {
  StaticSwitch *s = (StaticSwitch *)e;
  (void)args, (void)errs;
  if (s->output < 0 || s->output >= e->noutputs) s->output = PACKET_DROP;
  return 0;
}

ELEMENT(StaticSwitch, .per_thread = true, .ports = "1/-", .processing = "h/h",
        USE_ACTION(StaticSwitch, static_switch_action), .configure = static_switch_configure,
        .args = ARGS(ARG_MUST(StaticSwitch, I32, "OUTPUT", output)));
