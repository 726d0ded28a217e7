/** SetPacketType: sets the packet type annotation.
 *
 * Synopsis: `SetPacketType(TYPE)`
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: TYPE (`HOST`, `BROADCAST`, `MULTICAST`, `OTHERHOST`, `OUTGOING` or `LOOPBACK`): how the packet
 * was addressed on its link. Required.
 *
 * Handlers: none. The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> SetPacketType(BROADCAST) -> DropBroadcasts -> Discard;`
 */
#include <clicklet/element.h>

typedef struct SetPacketType {
  Element base;
  int type; /* PACKET_HOST ... */
} SetPacketType;

static inline int set_packet_type_action(SetPacketType *e, Packet *p) {
  p->type = (uint8_t)e->type;
  return 0;
}

ACTION(SetPacketType, set_packet_type_action)

static bool set_packet_type_live(Element *e) {
  (void)e;
  return true;
}

static const char *const set_packet_type_names[] = {
    [PACKET_HOST] = "HOST",           [PACKET_BROADCAST] = "BROADCAST", [PACKET_MULTICAST] = "MULTICAST",
    [PACKET_OTHERHOST] = "OTHERHOST", [PACKET_OUTGOING] = "OUTGOING",   [PACKET_LOOPBACK] = "LOOPBACK",
    [PACKET_LOOPBACK + 1] = NULL};

ELEMENT(SetPacketType, .per_thread = true, .ports = "1/1", USE_ACTION(SetPacketType, set_packet_type_action),
        .can_live_reconfigure = set_packet_type_live,
        .args = ARGS(ARG_MUST(SetPacketType, CHOICE, "TYPE", type, .choices = set_packet_type_names)));
