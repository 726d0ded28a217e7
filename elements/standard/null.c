/** Null: passes packets on unchanged.
 *
 * Synopsis: `Null`. `Null1` to `Null8` are the same element under other names, for benchmarks and generated
 * configurations that count on them.
 *
 * Ports: 1 input, 1 output, push or pull. A place to join or name a path; `{->}` does the same at no cost.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> join :: Null -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Null {
  Element base;
} Null;

static inline int null_action(Null *e, Packet *p) {
  (void)e, (void)p;
  return 0;
}

ACTION(Null, null_action)

ELEMENT(Null, .per_thread = true, .ports = "1/1",
        .aliases = "Null1 Null2 Null3 Null4 Null5 Null6 Null7 Null8", USE_ACTION(Null, null_action),
        .args = NO_ARGS);
