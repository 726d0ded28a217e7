/** CheckLength: lets packets up to a length pass.
 *
 * Synopsis: `CheckLength(LENGTH)`
 *
 * Ports: 1 input; packets of at most LENGTH bytes leave on output 0, longer ones on output 1, or are dropped
 * without one.
 *
 * Arguments: LENGTH (unsigned): bytes. Required.
 *
 * Handlers: `length` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 3, LENGTH 2000) -> CheckLength(1500) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct CheckLength {
  Element base;
  uint32_t length;
} CheckLength;

static inline int check_length_action(CheckLength *e, Packet *p) { return p->len > e->length; }

ACTION(CheckLength, check_length_action)

ELEMENT(CheckLength, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(CheckLength, check_length_action),
        .args = ARGS(ARG_MUST(CheckLength, U32, "LENGTH", length)),
        .handlers = HANDLERS(RW_FIELD(CheckLength, U32, "length", length)));
