/** GetIP6Address: sets the IPv6 destination annotation from the packet.
 *
 * Synopsis: `GetIP6Address(OFFSET)`. Packets too short to hold the address pass unchanged.
 *
 * Arguments: OFFSET (int, required): where the 16 bytes are; 24 for the destination in a packet that begins
 * with its header.
 *
 * Example: `Idle -> CheckIP6Header -> GetIP6Address(24) -> Discard;`
 */
#include "ip6.h"

typedef struct GetIP6Address {
  Element base;
  int32_t offset;
} GetIP6Address;

static inline int get_ip6_address(GetIP6Address *e, Packet *p) {
  if (likely((uint64_t)e->offset + 16 <= p->len)) packet_set_dst_ip6(p, p->data + e->offset);
  return 0;
}

ACTION(GetIP6Address, get_ip6_address)

ELEMENT(GetIP6Address, .ports = "1/1", USE_ACTION(GetIP6Address, get_ip6_address),
        .args = ARGS(ARG_MUST(GetIP6Address, I32, "OFFSET", offset, .min = 0, .max = 65535)));
