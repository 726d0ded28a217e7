/** StaticPullSwitch: pulls from one input.
 *
 * Synopsis: `StaticPullSwitch(INPUT)`
 *
 * Ports: any number of pull inputs, 1 pull output. As PullSwitch, but fixed, which lets tools remove it.
 *
 * Arguments: INPUT (int): the input; negative, or one that does not exist, gives nothing. Required.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> ps :: StaticPullSwitch(0) -> Discard; Idle -> [1] ps;`
 */
#include <clicklet/element.h>

typedef struct StaticPullSwitch {
  Element base;
  int32_t input;
} StaticPullSwitch;

static unsigned static_pull_switch_pull(Element *e, int port, Packet **p, unsigned max) {
  const StaticPullSwitch *s = (const StaticPullSwitch *)e;
  (void)port;
  return s->input >= 0 ? input_pull_batch(e, s->input, p, max) : 0;
}

static int static_pull_switch_configure(Element *e, const Args *args, Errors *errs) {
  StaticPullSwitch *s = (StaticPullSwitch *)e;
  (void)args, (void)errs;
  if (s->input < 0 || s->input >= e->ninputs) s->input = -1;
  return 0;
}

ELEMENT(StaticPullSwitch, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = static_pull_switch_pull,
        .configure = static_pull_switch_configure,
        .args = ARGS(ARG_MUST(StaticPullSwitch, I32, "INPUT", input)));
