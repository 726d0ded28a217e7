/** DropBroadcasts: drops packets that arrived as link-level broadcast or multicast.
 *
 * Synopsis: `DropBroadcasts`
 *
 * Ports: 1 input; what is dropped leaves on output 1 if there is one. Looks at the packet type annotation,
 * which FromDevice and SetPacketType set. An IP router must not forward such packets (RFC 1812, 5.3.4).
 *
 * Arguments: none.
 *
 * Handlers: `drops` (read): packets dropped or sent to output 1. The first one is reported.
 *
 * Example: `InfiniteSource(LIMIT 3) -> SetPacketType(BROADCAST) -> DropBroadcasts -> Discard;`
 */
#include <clicklet/element.h>
#include <clicklet/platform.h>

typedef struct DropBroadcasts {
  Element base;
  uint64_t drops;
} DropBroadcasts;

static inline int drop_broadcasts_action(DropBroadcasts *e, Packet *p) {
  static const char message[] = "DropBroadcasts: dropped a packet\n";
  if (likely(p->type != PACKET_BROADCAST && p->type != PACKET_MULTICAST)) return 0;
  if (!e->drops++) platform_write(2, message, sizeof message - 1);
  return 1;
}

ACTION(DropBroadcasts, drop_broadcasts_action)

static void drop_broadcasts_take_state(Element *e, Element *old) {
  ((DropBroadcasts *)e)->drops = ((DropBroadcasts *)old)->drops;
}

ELEMENT(DropBroadcasts, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(DropBroadcasts, drop_broadcasts_action), .take_state = drop_broadcasts_take_state,
        .args = NO_ARGS,
        .handlers = HANDLERS(READ_FIELD(DropBroadcasts, U64, "drops", drops,
                                        .flags = HANDLER_READ | HANDLER_SUM)));
