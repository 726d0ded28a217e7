/** Strip: removes bytes from the front of packets.
 *
 * Synopsis: `Strip(LENGTH)`
 *
 * Ports: 1 input, 1 output. A packet shorter than LENGTH becomes empty. The bytes stay in the packet's
 * headroom, where Unstrip finds them again.
 *
 * Arguments: LENGTH (unsigned): bytes to remove. Required.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Strip(14) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Strip {
  Element base;
  uint32_t length;
} Strip;

static inline int strip_action(Strip *e, Packet *p) {
  ACTION_RARE(p->len < e->length);
  packet_pull(p, e->length);
  return 0;
}

ACTION(Strip, strip_action)

ELEMENT(Strip, .per_thread = true, .ports = "1/1", USE_ACTION(Strip, strip_action),
        .args = ARGS(ARG_MUST(Strip, U32, "LENGTH", length, .fixed = true)));
