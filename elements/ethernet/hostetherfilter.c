/** HostEtherFilter: what the Ethernet hardware of a host lets through.
 *
 * Synopsis: `HostEtherFilter(ETHER [, DROP_OWN, DROP_OTHER, <keywords> OFFSET])`
 *
 * Sets each packet's type (host, broadcast, multicast, other host) from its Ethernet destination. Packets
 * that are filtered go to output 1, or are dropped if there is none; so do packets too short for two
 * addresses.
 *
 * Arguments: ETHER (Ethernet address): the host's. DROP_OWN (bool): filter packets that come from ETHER.
 * Default false. DROP_OTHER (bool): filter packets to other unicast addresses. Default true. OFFSET
 * (unsigned): where the Ethernet header starts, in bytes. Default 0.
 *
 * Handlers: `ether` (read/write): as the argument.
 *
 * Example: `InfiniteSource(LIMIT 1) -> HostEtherFilter(0:1:2:3:4:5) -> Discard;`
 */
#include "wire.h"

typedef struct HostEtherFilter {
  Element base;
  uint8_t ether[6];
  bool drop_own, drop_other;
  uint32_t offset;
} HostEtherFilter;

static inline int host_ether_filter(HostEtherFilter *e, Packet *p) {
  if (unlikely(p->len < 12 || p->len - 12 < e->offset)) return 1;
  const uint8_t *dst = p->data + e->offset;
  if (e->drop_own && wire_same_ether(dst + 6, e->ether)) return 1;
  if (likely(wire_same_ether(dst, e->ether))) {
    p->type = PACKET_HOST;
  } else if (dst[0] & 1) {
    p->type = wire_is_broadcast(dst) ? PACKET_BROADCAST : PACKET_MULTICAST;
  } else {
    p->type = PACKET_OTHERHOST;
    if (e->drop_other) return 1;
  }
  return 0;
}

ACTION(HostEtherFilter, host_ether_filter)

static bool host_ether_filter_live(Element *e) { return (void)e, true; }

ELEMENT(HostEtherFilter, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(HostEtherFilter, host_ether_filter), .can_live_reconfigure = host_ether_filter_live,
        .args = ARGS(ARG_MUST(HostEtherFilter, ETHER, "ETHER", ether),
                     ARG_POS(HostEtherFilter, BOOL, "DROP_OWN", drop_own, "false"),
                     ARG_POS(HostEtherFilter, BOOL, "DROP_OTHER", drop_other, "true"),
                     ARG(HostEtherFilter, U32, "OFFSET", offset, "0")),
        .handlers = HANDLERS(RW_FIELD(HostEtherFilter, ETHER, "ether", ether)));
