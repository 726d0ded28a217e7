/** Unstrip: adds bytes to the front of packets.
 *
 * Synopsis: `Unstrip(LENGTH)`
 *
 * Ports: 1 input, 1 output. The new bytes are those that lie in front of the data: after a Strip of the same
 * length, the ones that it removed. Packets for which memory runs out are dropped.
 *
 * Arguments: LENGTH (unsigned): bytes to add. Required.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Strip(14) -> Unstrip(14) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Unstrip {
  Element base;
  uint32_t length;
} Unstrip;

static inline int unstrip_action(Unstrip *e, Packet *p) {
  return likely(packet_nonunique_push(p, e->length)) ? 0 : PACKET_DROP;
}

ACTION(Unstrip, unstrip_action)

ELEMENT(Unstrip, .per_thread = true, .ports = "1/1", USE_ACTION(Unstrip, unstrip_action),
        .args = ARGS(ARG_MUST(Unstrip, U32, "LENGTH", length)));
