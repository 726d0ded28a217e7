/** IP6Mirror: swaps source and destination of IPv6 packets.
 *
 * Synopsis: `IP6Mirror()`
 *
 * Swaps the addresses and, where TCP or UDP follow the header at once, the ports. No checksum changes by
 * that.
 *
 * Example: `Idle -> CheckIP6Header -> IP6Mirror -> Discard;`
 */
#include "ip6.h"

typedef struct IP6Mirror {
  Element base;
} IP6Mirror;

static inline int ip6_mirror(IP6Mirror *e, Packet *p) {
  uint8_t src[16];
  (void)e;
  if (unlikely(!ip6_header(p))) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  uint8_t *h = p->network, *t;
  memcpy(src, h + 8, 16);
  memmove(h + 8, h + 24, 16);
  memcpy(h + 24, src, 16);
  if ((h[6] == IP_PROTO_TCP || h[6] == IP_PROTO_UDP) && (t = ip_transport(p, 8))) {
    uint32_t ports = load32(t);
    store32(t, ports << 16 | ports >> 16);
  }
  return 0;
}

ACTION(IP6Mirror, ip6_mirror)

ELEMENT(IP6Mirror, .ports = "1/1", USE_ACTION(IP6Mirror, ip6_mirror), .args = NO_ARGS);
