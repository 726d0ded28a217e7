/** CPUSwitch: sends packets to the output of the CPU that they are on.
 *
 * Synopsis: `CPUSwitch`
 *
 * Ports: 1 push input, 1 or more push outputs. A router runs on one thread, so all packets leave on output 0.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> cs :: CPUSwitch -> Discard; cs [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct CPUSwitch {
  Element base;
} CPUSwitch;

static inline int cpu_switch_action(CPUSwitch *e, Packet *p) {
  (void)e, (void)p;
  return 0;
}

ACTION(CPUSwitch, cpu_switch_action)

ELEMENT(CPUSwitch, .ports = "1/1-", .processing = "h/h", USE_ACTION(CPUSwitch, cpu_switch_action),
        .args = NO_ARGS);
