/** ProtocolTranslator64: translates IPv6 packets to IPv4 (RFC 2765, SIIT).
 *
 * Synopsis: `ProtocolTranslator64()`
 *
 * Expects packets that begin with their IPv6 header, with IPv4-mapped addresses (::ffff:a.b.c.d); others are
 * dropped. The hop limit becomes the time to live; packets must not be fragmented (DF); header, TCP, UDP and
 * ICMP checksums are made anew; ICMPv6 types and codes are translated as far as there are equivalents, and
 * messages without one are dropped, as are packets with extension headers. What an ICMPv6 error carries of
 * the original packet is not translated.
 *
 * Example: `Idle -> CheckIP6Header -> ProtocolTranslator64 -> Discard;`
 */
#include "ip6.h"

typedef struct ProtocolTranslator64 {
  Element base;
} ProtocolTranslator64;

/* Rewrites the 8 bytes of an ICMPv6 header; false if there is nothing like it in ICMP. */
static bool translate64_icmp(uint8_t *m) {
  static const uint8_t unreachable[] = {0, 10, 5, 1, 3};
  static const struct { uint8_t from, to; } pointers[] = {{0, 0}, {4, 2}, {7, 8}, {6, 9}, {8, 12}, {24, 255}};
  uint8_t type = m[0], code = m[1];
  uint32_t word = be32(load32(m + 4));
  if (type == 128 || type == 129) {
    m[0] = type == 128 ? 8 : 0;
    return true;
  }
  store32(m + 4, 0);
  if (type == 1 && code < sizeof unreachable)
    m[0] = 3, m[1] = unreachable[code];
  else if (type == 2) {
    m[0] = 3;
    m[1] = 4;
    store16(m + 6, be16((uint16_t)(word > 65535 ? 65535 : word > 20 ? word - 20 : 0)));
  } else if (type == 3)
    m[0] = 11;
  else if (type == 4 && code == 1)
    m[0] = 3, m[1] = 2;
  else if (type == 4 && (code == 0 || code == 2)) {
    m[0] = 12;
    m[1] = 0;
    m[4] = 255;
    for (unsigned i = 0; code == 0 && i < countof(pointers); i++)
      if (pointers[i].from == word) m[4] = pointers[i].to;
  } else
    return false;
  return true;
}

static inline int translate64(ProtocolTranslator64 *e, Packet *p) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  (void)e;
  if (unlikely(p->len < IP6_HEADER || p->data[0] >> 4 != 6)) return PACKET_DROP;
  uint8_t old[IP6_HEADER];
  memcpy(old, p->data, IP6_HEADER);
  uint32_t n = ip6_plen(old);
  if (memcmp(old + 8, mapped, 12) || memcmp(old + 24, mapped, 12) || !load32(old + 20) || !load32(old + 36))
    return PACKET_DROP;
  if (n > p->len - IP6_HEADER || n > 65515 || old[6] == 0 || old[6] == 43 || old[6] == IP6_FRAGMENT ||
      old[6] == 60)
    return PACKET_DROP;
  packet_take(p, p->len - IP6_HEADER - n);
  if (!packet_unique(p)) return PACKET_DROP;
  packet_pull(p, IP6_HEADER - 20);
  uint8_t *h = p->data, *t = h + 20, proto = old[6] == IP_PROTO_ICMP6 ? IP_PROTO_ICMP : old[6];
  memset(h, 0, 20);
  h[0] = 0x45;
  store16(h + 2, be16((uint16_t)(n + 20)));
  store16(h + 6, be16(IP_DF));
  h[8] = old[7];
  h[9] = proto;
  memcpy(h + 12, old + 20, 4);
  memcpy(h + 16, old + 36, 4);
  ip_set_checksum(h);
  packet_set_network(p, h, 20);
  packet_set_dst_ip(p, ip_dst(h));
  if (proto == IP_PROTO_ICMP) {
    if (n < 8 || !translate64_icmp(t)) return PACKET_DROP;
    store16(t + 2, 0);
    store16(t + 2, in_checksum(t, n));
  } else if (proto == IP_PROTO_TCP || proto == IP_PROTO_UDP) {
    unsigned sum_at = proto == IP_PROTO_TCP ? 16 : 6;
    if (n < (proto == IP_PROTO_TCP ? 20 : 8)) return PACKET_DROP;
    store16(t + sum_at, 0);
    uint16_t sum =
        (uint16_t)~in_fold(in_sum(t, n, (uint64_t)ip_src(h) + ip_dst(h) + be16(proto) + be16((uint16_t)n)));
    store16(t + sum_at, sum || proto != IP_PROTO_UDP ? sum : 0xffff);
  }
  return 0;
}

ACTION(ProtocolTranslator64, translate64)

ELEMENT(ProtocolTranslator64, .ports = "1/1", USE_ACTION(ProtocolTranslator64, translate64), .args = NO_ARGS);
