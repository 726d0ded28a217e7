/** PullNull: passes packets on unchanged, by pull only.
 *
 * Synopsis: `PullNull`
 *
 * Ports: 1 pull input, 1 pull output. Makes an agnostic path pull.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> PullNull -> Discard;`
 */
#include <clicklet/element.h>

typedef struct PullNull {
  Element base;
} PullNull;

static inline int pull_null_action(PullNull *e, Packet *p) {
  (void)e, (void)p;
  return 0;
}

ACTION(PullNull, pull_null_action)

ELEMENT(PullNull, .ports = "1/1", .processing = "l/l", USE_ACTION(PullNull, pull_null_action),
        .args = NO_ARGS);
