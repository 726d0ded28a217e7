/** RandomSwitch: sends each packet to an output chosen at random.
 *
 * Synopsis: `RandomSwitch`
 *
 * Ports: 1 push input, 1 or more push outputs, all equally likely.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 10) -> rs :: RandomSwitch; rs [0] -> Discard; rs [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct RandomSwitch {
  Element base;
} RandomSwitch;

static inline int random_switch_action(RandomSwitch *e, Packet *p) {
  (void)p;
  return (int)random_uniform(&e->base, e->base.noutputs);
}

ACTION(RandomSwitch, random_switch_action)

ELEMENT(RandomSwitch, .ports = "1/1-", .processing = "h/h", USE_ACTION(RandomSwitch, random_switch_action),
        .args = NO_ARGS);
