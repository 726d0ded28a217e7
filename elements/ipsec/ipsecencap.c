/** IPsecEncap: puts packets into IP packets for the other end of a tunnel.
 *
 * Synopsis: `IPsecEncap(PROTO)`
 *
 * The IP header has the destination annotation as its destination, no source address, a time to live of 250,
 * and an identification that counts up. Sets the annotation by which FixIPSrc fills in the source.
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: PROTO (IP protocol): number or name; 50 for ESP.
 *
 * Example: `Idle -> IPsecESPEncap -> IPsecAuthHMACSHA1(0) -> IPsecAES(1) -> IPsecEncap(50) ->
 * FixIPSrc(1.0.0.1) -> Discard;`
 */
#include "ipsec.h"

typedef struct IPsecEncap {
  Element base;
  uint8_t proto;
  uint16_t id;
} IPsecEncap;

static inline int ipsec_encap(IPsecEncap *e, Packet *p) {
  if (!packet_push(p, WIRE_IP)) return PACKET_DROP;
  uint8_t *d = p->data;
  memset(d, 0, WIRE_IP);
  d[0] = 0x45;
  wire_put16(d + 2, (uint16_t)p->len);
  wire_put16(d + 4, e->id++);
  d[8] = 250;
  d[9] = e->proto;
  store32(d + 16, packet_dst_ip(p));
  store16(d + 10, wire_checksum(d, WIRE_IP));
  set_anno_u8(p, ANNO_FIX_IP_SRC, 1);
  packet_set_network(p, d, WIRE_IP);
  return 0;
}

ACTION(IPsecEncap, ipsec_encap)
ELEMENT(IPsecEncap, .ports = "1/1", .flags = "A", USE_ACTION(IPsecEncap, ipsec_encap),
        .args = ARGS(ARG_MUST(IPsecEncap, IP_PROTO, "PROTO", proto)));
