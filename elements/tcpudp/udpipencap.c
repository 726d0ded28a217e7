/** UDPIPEncap: puts packets into UDP/IP packets.
 *
 * Synopsis: `UDPIPEncap(SRC, SPORT, DST, DPORT [, CHECKSUM])`
 *
 * TTL 250, IP identification counting up from 0. Sets the network header and the destination address
 * annotation.
 *
 * Arguments: SRC (IP address), SPORT (UDP port), DST (IP address, or `DST_ANNO`: the packet's destination
 * address annotation), DPORT (UDP port). CHECKSUM (bool): compute the UDP checksum. Default true.
 *
 * Handlers: `src`, `sport`, `dst`, `dport` (read/write): as the arguments.
 *
 * Differs: the reference leaves CHECKSUM undefined where it is not given, and sends a checksum of 0 as it is.
 *
 * Example: `InfiniteSource(LIMIT 1) -> UDPIPEncap(1.0.0.1, 1234, 2.0.0.2, 1234) -> IPPrint -> Discard;`
 */
#include "udpip.h"

typedef struct UDPIPEncap {
  Element base;
  uint32_t src, dst;
  uint16_t sport, dport, id;
  bool checksum, dst_anno;
} UDPIPEncap;

static inline int udp_ip_encap(UDPIPEncap *e, Packet *p) {
  uint32_t dst = e->dst;
  if (e->dst_anno)
    dst = packet_dst_ip(p);
  else
    packet_set_dst_ip(p, dst);
  return likely(udpip_encap(p, e->src, dst, e->sport, e->dport, e->id++, e->checksum)) ? 0 : PACKET_DROP;
}

ACTION(UDPIPEncap, udp_ip_encap)

static int udp_ip_parse_dst(Element *el, const char *text, void *field, Errors *errs, int arg) {
  UDPIPEncap *e = (UDPIPEncap *)el;
  bool anno = !strcmp(text, "DST_ANNO");
  if (anno)
    e->dst = 0;
  else if (!arg_parse_ip(el, text, &e->dst))
    return arg_error(errs, arg, "DST: expected an IP address or DST_ANNO, not '%s'", text);
  e->dst_anno = anno;
  return 0;
}

static int udp_ip_write_dst(Element *e, const Handler *h, const char *value, Errors *errs) {
  return udp_ip_parse_dst(e, value, NULL, errs, -1);
}
static int udp_ip_write_port(Element *e, const Handler *h, const char *value, Errors *errs) {
  return udpip_parse_port(e, value, (char *)e + h->offset, errs, -1);
}
static bool udp_ip_encap_live(Element *e) { return (void)e, true; }

ELEMENT(UDPIPEncap, .ports = "1/1", .flags = "A", USE_ACTION(UDPIPEncap, udp_ip_encap),
        .can_live_reconfigure = udp_ip_encap_live,
        .args = ARGS(ARG_MUST(UDPIPEncap, IP, "SRC", src),
                     ARG_MUST(UDPIPEncap, CUSTOM, "SPORT", sport, .parse = udpip_parse_port),
                     ARG_MUST(UDPIPEncap, CUSTOM, "DST", dst, .parse = udp_ip_parse_dst),
                     ARG_MUST(UDPIPEncap, CUSTOM, "DPORT", dport, .parse = udpip_parse_port),
                     ARG_POS(UDPIPEncap, BOOL, "CHECKSUM", checksum, "true")),
        .handlers = HANDLERS(RW_FIELD(UDPIPEncap, IP, "src", src),
                             RW_FIELD(UDPIPEncap, U16, "sport", sport, .write = udp_ip_write_port),
                             RW_FIELD(UDPIPEncap, IP, "dst", dst, .write = udp_ip_write_dst),
                             RW_FIELD(UDPIPEncap, U16, "dport", dport, .write = udp_ip_write_port)));
