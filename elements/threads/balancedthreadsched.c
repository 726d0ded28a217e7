/** BalancedThreadSched: spreads tasks over threads by their load.
 *
 * Synopsis: `BalancedThreadSched([INTERVAL, INCREASING])`
 *
 * Ports: none. With several threads (`click -j N`) tasks are dealt out to them in turn when the router
 * starts, and stay there; their load is not looked at.
 *
 * It is also called SortedTaskSched.
 *
 * Arguments: INTERVAL (unsigned): ms between two looks. Default 1000. INCREASING (bool): lightest tasks
 * first. Default true.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Discard; BalancedThreadSched(1000);`
 */
#include <clicklet/element.h>

typedef struct BalancedThreadSched {
  Element base;
  uint32_t interval;
  bool increasing;
} BalancedThreadSched;

ELEMENT(BalancedThreadSched, .per_thread = true, .ports = "0/0", .aliases = "SortedTaskSched",
        .args = ARGS(ARG_POS(BalancedThreadSched, U32, "INTERVAL", interval, "1000"),
                     ARG_POS(BalancedThreadSched, BOOL, "INCREASING", increasing, "true")));
