/** PushNull: passes packets on unchanged, by push only.
 *
 * Synopsis: `PushNull`
 *
 * Ports: 1 push input, 1 push output. Makes an agnostic path push.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> PushNull -> Discard;`
 */
#include <clicklet/element.h>

typedef struct PushNull {
  Element base;
} PushNull;

static inline int push_null_action(PushNull *e, Packet *p) {
  (void)e, (void)p;
  return 0;
}

ACTION(PushNull, push_null_action)

ELEMENT(PushNull, .per_thread = true, .ports = "1/1", .processing = "h/h",
        USE_ACTION(PushNull, push_null_action), .args = NO_ARGS);
