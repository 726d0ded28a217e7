/** RoundRobinSwitch: sends packets to its outputs in turn.
 *
 * Synopsis: `RoundRobinSwitch`
 *
 * Ports: 1 push input, 1 or more push outputs.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 10) -> rr :: RoundRobinSwitch; rr [0] -> Discard; rr [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct RoundRobinSwitch {
  Element base;
  int next;
} RoundRobinSwitch;

static inline int round_robin_switch_action(RoundRobinSwitch *e, Packet *p) {
  (void)p;
  int o = e->next;
  e->next = o + 1 < e->base.noutputs ? o + 1 : 0;
  return o;
}

ACTION(RoundRobinSwitch, round_robin_switch_action)

ELEMENT(RoundRobinSwitch, .ports = "1/1-", .processing = "h/h",
        USE_ACTION(RoundRobinSwitch, round_robin_switch_action), .args = NO_ARGS);
