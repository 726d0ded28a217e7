/** SetIP6Address: sets the IPv6 destination annotation to a fixed address.
 *
 * Synopsis: `SetIP6Address(IPADDR)`
 *
 * Arguments: IPADDR (IPv6 address, required).
 *
 * Example: `Idle -> SetIP6Address(3ffe::1) -> Discard;`
 */
#include "ip6.h"

typedef struct SetIP6Address {
  Element base;
  uint8_t addr[16];
} SetIP6Address;

static inline int set_ip6_address(SetIP6Address *e, Packet *p) {
  packet_set_dst_ip6(p, e->addr);
  return 0;
}

ACTION(SetIP6Address, set_ip6_address)

ELEMENT(SetIP6Address, .ports = "1/1", USE_ACTION(SetIP6Address, set_ip6_address),
        .args = ARGS(ARG_MUST(SetIP6Address, IP6, "IPADDR", addr)));
