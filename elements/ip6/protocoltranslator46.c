/** ProtocolTranslator46: translates IPv4 packets to IPv6 (RFC 2765, SIIT).
 *
 * Synopsis: `ProtocolTranslator46()`
 *
 * Expects packets that begin with their IPv4 header. Addresses become IPv4-mapped ones (::ffff:a.b.c.d); the
 * time to live becomes the hop limit; TCP, UDP and ICMP checksums are made anew; ICMP types and codes are
 * translated as far as there are equivalents, and messages without one are dropped, as are fragments. What an
 * ICMP error carries of the original packet is not translated.
 *
 * The reference computes odd hop limits and breaks on IP options and on ICMP messages of other types.
 *
 * Example: `Idle -> CheckIPHeader -> ProtocolTranslator46 -> Discard;`
 */
#include "ip6.h"

typedef struct ProtocolTranslator46 {
  Element base;
} ProtocolTranslator46;

/* Rewrites the 8 bytes of an ICMP header; false if there is nothing like it in ICMPv6. */
static bool translate46_icmp(uint8_t *m) {
  static const uint8_t unreachable[] = {0, 0, 255, 4, 254, 2, 0,
                                        0, 0, 1,   1, 0,   0, 1}; /* code; 255, 254: other types */
  static const struct { uint8_t from, to; } pointers[] = {{0, 0}, {2, 4}, {8, 7}, {9, 6}, {12, 8}, {16, 24}};
  uint8_t type = m[0], code = m[1], pointer = m[4];
  uint32_t mtu = be16(load16(m + 6));
  if (type == 8 || type == 0)
    m[0] = type ? 128 : 129;
  else if (type == 11)
    m[0] = 3, store32(m + 4, 0);
  else if (type == 3 && code < sizeof unreachable) {
    m[0] = unreachable[code] == 255 ? 4 : unreachable[code] == 254 ? 2 : 1;
    m[1] = unreachable[code] == 255 ? 1 : unreachable[code] == 254 ? 0 : unreachable[code];
    store32(m + 4, m[0] == 4 ? be32(6) : m[0] == 2 && mtu ? be32(mtu + 20) : 0);
  } else if (type == 12) {
    m[0] = 4;
    m[1] = 0;
    store32(m + 4, 0xffffffff);
    for (unsigned i = 0; i < countof(pointers); i++)
      if (pointers[i].from == pointer) store32(m + 4, be32(pointers[i].to));
  } else
    return false;
  return true;
}

static inline int translate46(ProtocolTranslator46 *e, Packet *p) {
  (void)e;
  if (unlikely(p->len < 20 || p->data[0] >> 4 != 4)) return PACKET_DROP;
  uint8_t old[20];
  memcpy(old, p->data, 20);
  uint32_t hlen = ip_hlen(old), len = ip_len(old);
  if (hlen < 20 || len < hlen || len > p->len || (ip_off(old) & (IP_MF | IP_OFFMASK))) return PACKET_DROP;
  packet_take(p, p->len - len);
  packet_pull(p, hlen);
  uint32_t n = p->len;
  if (!packet_push(p, IP6_HEADER)) return PACKET_DROP;
  uint8_t *h = p->data, *t = h + IP6_HEADER;
  memset(h, 0, IP6_HEADER);
  h[0] = 0x60;
  store16(h + 4, be16((uint16_t)n));
  h[6] = old[9] == IP_PROTO_ICMP ? IP_PROTO_ICMP6 : old[9];
  h[7] = old[8];
  h[18] = h[19] = h[34] = h[35] = 0xff;
  memcpy(h + 20, old + 12, 4);
  memcpy(h + 36, old + 16, 4);
  packet_set_network(p, h, IP6_HEADER);
  packet_set_dst_ip6(p, h + 24);
  unsigned sum_at = old[9] == IP_PROTO_TCP ? 16 : old[9] == IP_PROTO_UDP ? 6 : 2;
  if (old[9] != IP_PROTO_TCP && old[9] != IP_PROTO_UDP && old[9] != IP_PROTO_ICMP) return 0;
  if (n < (old[9] == IP_PROTO_TCP ? 20 : 8) || (old[9] == IP_PROTO_ICMP && !translate46_icmp(t)))
    return PACKET_DROP;
  store16(t + sum_at, 0);
  uint16_t sum = ip6_checksum(h + 8, h + 24, n, h[6], t);
  store16(t + sum_at, sum || old[9] != IP_PROTO_UDP ? sum : 0xffff);
  return 0;
}

ACTION(ProtocolTranslator46, translate46)

ELEMENT(ProtocolTranslator46, .ports = "1/1", USE_ACTION(ProtocolTranslator46, translate46), .args = NO_ARGS);
