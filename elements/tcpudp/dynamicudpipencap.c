/** DynamicUDPIPEncap: puts packets into UDP/IP packets whose ports change.
 *
 * Synopsis: `DynamicUDPIPEncap(SRC, SPORT, DST, DPORT [, CHECKSUM, INTERVAL])`
 *
 * UDPIPEncap, but both ports go up by one after INTERVAL packets.
 *
 * Arguments: SRC (IP address), SPORT (UDP port), DST (IP address), DPORT (UDP port). CHECKSUM (bool): compute
 * the UDP checksum. Default true. INTERVAL (unsigned): packets with the same ports; 0: the ports stay.
 * Default 0.
 *
 * Example: `InfiniteSource(LIMIT 4) -> DynamicUDPIPEncap(1.0.0.1, 1234, 2.0.0.2, 1234, true, 2) -> IPPrint ->
 * Discard;`
 */
#include "udpip.h"

typedef struct DynamicUDPIPEncap {
  Element base;
  uint32_t src, dst;
  uint16_t sport, dport, id;
  bool checksum;
  uint32_t count, interval;
} DynamicUDPIPEncap;

static inline int dynamic_udp_ip_encap(DynamicUDPIPEncap *e, Packet *p) {
  packet_set_dst_ip(p, e->dst);
  if (unlikely(!udpip_encap(p, e->src, e->dst, e->sport, e->dport, e->id++, e->checksum))) return PACKET_DROP;
  if (e->interval && ++e->count == e->interval) {
    e->sport++;
    e->dport++;
    e->count = 0;
  }
  return 0;
}

ACTION(DynamicUDPIPEncap, dynamic_udp_ip_encap)

ELEMENT(DynamicUDPIPEncap, .ports = "1/1", .flags = "A", USE_ACTION(DynamicUDPIPEncap, dynamic_udp_ip_encap),
        .args = ARGS(ARG_MUST(DynamicUDPIPEncap, IP, "SRC", src),
                     ARG_MUST(DynamicUDPIPEncap, CUSTOM, "SPORT", sport, .parse = udpip_parse_port),
                     ARG_MUST(DynamicUDPIPEncap, IP, "DST", dst),
                     ARG_MUST(DynamicUDPIPEncap, CUSTOM, "DPORT", dport, .parse = udpip_parse_port),
                     ARG_POS(DynamicUDPIPEncap, BOOL, "CHECKSUM", checksum, "true"),
                     ARG_POS(DynamicUDPIPEncap, U32, "INTERVAL", interval, "0")));
