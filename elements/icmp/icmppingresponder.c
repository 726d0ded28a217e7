/** ICMPPingResponder: answers pings.
 *
 * Synopsis: `ICMPPingResponder()`
 *
 * Expects IP packets with the network header set. ICMP echo requests leave on output 0 as replies: addresses
 * swapped, TTL 255, not a fragment, destination address annotation set, paint cleared, timestamp now,
 * checksums updated (RFC 1624). Everything else goes to output 1, or is dropped if there is none. Source
 * routes are not looked at.
 *
 * Example: `ICMPPingSource(1.0.0.1, 2.0.0.2, LIMIT 1) -> ICMPPingResponder -> IPPrint -> Discard;`
 */
#include "icmpnames.h"

typedef struct ICMPPingResponder {
  Element base;
} ICMPPingResponder;

/* An incremental update cannot tell a checksum of 0 from one of 0xffff: all-zero data has the latter. */
static void icmp_settle_zero(uint8_t *icmp, uint32_t n) {
  if (!load16(icmp + 2) && wire_checksum(icmp, n) == 0xffff) store16(icmp + 2, 0xffff);
}

static inline int icmp_ping_respond(ICMPPingResponder *e, Packet *p) {
  if (unlikely(!wire_has_ip(p) || p->network[9] != WIRE_PROTO_ICMP || wire_transport_bytes(p) < WIRE_ICMP ||
               p->transport[0] != ICMP_TYPE_ECHO))
    return 1;
  if (!packet_unique(p)) return PACKET_DROP;
  uint8_t *ip = p->network, *icmp = p->transport;
  uint32_t src = load32(ip + 12);
  store32(ip + 12, load32(ip + 16));
  store32(ip + 16, src); /* the checksum stays */
  wire_update16(ip + 10, load16(ip + 6), 0);
  store16(ip + 6, 0);
  uint16_t old = load16(ip + 8);
  ip[8] = 255;
  wire_update16(ip + 10, old, load16(ip + 8));
  packet_set_dst_ip(p, src);
  p->timestamp = time_now(&e->base);
  set_anno_u8(p, ANNO_PAINT, 0);
  old = load16(icmp);
  store16(icmp, 0); /* echo reply, code 0 */
  wire_update16(icmp + 2, old, 0);
  icmp_settle_zero(icmp, wire_transport_bytes(p));
  return 0;
}

ACTION(ICMPPingResponder, icmp_ping_respond)

ELEMENT(ICMPPingResponder, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(ICMPPingResponder, icmp_ping_respond), .args = NO_ARGS);
