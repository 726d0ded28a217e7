/** UDPIP6Encap: puts packets into UDP/IPv6 packets.
 *
 * Synopsis: `UDPIP6Encap(SRC, SPORT, DST, DPORT)`
 *
 * Hop limit 255; the UDP checksum is always there, as IPv6 wants it. Sets the network header and the
 * destination address annotation.
 *
 * Arguments: SRC (IPv6 address), SPORT (UDP port), DST (IPv6 address, or `DST_ANNO`: the packet's destination
 * address annotation), DPORT (UDP port).
 *
 * Handlers: `src`, `sport`, `dst`, `dport` (read/write): as the arguments.
 *
 * Example: `InfiniteSource(LIMIT 1) -> UDPIP6Encap(2001::1, 1234, 2001::2, 1234) -> Print -> Discard;`
 */
#include "udpip.h"

typedef struct UDPIP6Encap {
  Element base;
  uint8_t src[16], dst[16];
  uint16_t sport, dport;
  bool dst_anno;
} UDPIP6Encap;

static inline int udp_ip6_encap(UDPIP6Encap *e, Packet *p) {
  if (unlikely(!packet_push(p, 40 + WIRE_UDP))) return PACKET_DROP;
  uint8_t *ip = p->data, *udp = ip + 40;
  uint16_t length = (uint16_t)(p->len - 40);
  store32(ip, 0x60);
  store32(ip + 4, be16(length) | WIRE_PROTO_UDP << 16 | 255u << 24);
  memcpy(ip + 8, e->src, 16);
  if (!e->dst_anno) memcpy(p->anno + ANNO_DST_IP6, e->dst, 16);
  memcpy(ip + 24, p->anno + ANNO_DST_IP6, 16);
  packet_set_network(p, ip, 40);
  store32(udp, be16(e->sport) | (uint32_t)be16(e->dport) << 16);
  store32(udp + 4, be16(length));
  uint64_t pseudo = wire_sum(ip + 8, 32, be16(WIRE_PROTO_UDP) + (uint64_t)be16(length));
  store16(udp + 6, wire_udp_checksum(udp, length, pseudo));
  return 0;
}

ACTION(UDPIP6Encap, udp_ip6_encap)

static int udp_ip6_parse_dst(Element *el, const char *text, void *field, Errors *errs, int arg) {
  UDPIP6Encap *e = (UDPIP6Encap *)el;
  bool anno = !strcmp(text, "DST_ANNO");
  if (anno)
    memset(e->dst, 0, 16);
  else if (!arg_parse_ip6(el, text, e->dst))
    return arg_error(errs, arg, "DST: expected an IPv6 address or DST_ANNO, not '%s'", text);
  e->dst_anno = anno;
  return 0;
}

static int udp_ip6_write_dst(Element *e, const Handler *h, const char *value, Errors *errs) {
  return udp_ip6_parse_dst(e, value, NULL, errs, -1);
}
static int udp_ip6_write_port(Element *e, const Handler *h, const char *value, Errors *errs) {
  return udpip_parse_port(e, value, (char *)e + h->offset, errs, -1);
}
static bool udp_ip6_live(Element *e) { return (void)e, true; }

ELEMENT(UDPIP6Encap, .ports = "1/1", .flags = "A", USE_ACTION(UDPIP6Encap, udp_ip6_encap),
        .can_live_reconfigure = udp_ip6_live,
        .args = ARGS(ARG_MUST(UDPIP6Encap, IP6, "SRC", src),
                     ARG_MUST(UDPIP6Encap, CUSTOM, "SPORT", sport, .parse = udpip_parse_port),
                     ARG_MUST(UDPIP6Encap, CUSTOM, "DST", dst, .parse = udp_ip6_parse_dst),
                     ARG_MUST(UDPIP6Encap, CUSTOM, "DPORT", dport, .parse = udpip_parse_port)),
        .handlers = HANDLERS(RW_FIELD(UDPIP6Encap, IP6, "src", src),
                             RW_FIELD(UDPIP6Encap, U16, "sport", sport, .write = udp_ip6_write_port),
                             RW_FIELD(UDPIP6Encap, IP6, "dst", dst, .write = udp_ip6_write_dst),
                             RW_FIELD(UDPIP6Encap, U16, "dport", dport, .write = udp_ip6_write_port)));
