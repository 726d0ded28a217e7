/** StripToNetworkHeader: makes packets begin with their network header.
 *
 * Synopsis: `StripToNetworkHeader`
 *
 * Ports: 1 input, 1 output. Removes what is in front of the network header, or takes back what was removed of
 * it. Packets without one are passed on as they are.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> MarkMACHeader(0, 14) -> StripToNetworkHeader -> Discard;`
 */
#include <clicklet/element.h>

typedef struct StripToNetworkHeader {
  Element base;
} StripToNetworkHeader;

static inline int strip_to_network_header_action(StripToNetworkHeader *e, Packet *p) {
  (void)e;
  if (!p->network) return 0;
  int offset = packet_network_offset(p);
  if (offset >= 0)
    packet_pull(p, (uint32_t)offset);
  else if (!packet_nonunique_push(p, (uint32_t)-offset))
    return PACKET_DROP;
  return 0;
}

ACTION(StripToNetworkHeader, strip_to_network_header_action)

ELEMENT(StripToNetworkHeader, .per_thread = true, .ports = "1/1",
        USE_ACTION(StripToNetworkHeader, strip_to_network_header_action), .args = NO_ARGS);
