/* udpip.h: UDP/IP headers made from constants, for UDPIPEncap, DynamicUDPIPEncap and sources. */
#ifndef CLICKLET_ELEMENTS_UDPIP_H
#define CLICKLET_ELEMENTS_UDPIP_H
#include "../ethernet/wire.h"

/* Puts UDP and IP headers in front of p and sets its headers; ports in host order. False when memory is out.
 */
always_inline bool udpip_encap(Packet *p, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
                               uint16_t id, bool checksum) {
  if (unlikely(!packet_push(p, WIRE_IP + WIRE_UDP))) return false;
  uint8_t *ip = p->data, *udp = ip + WIRE_IP;
  uint16_t length = (uint16_t)(p->len - WIRE_IP);
  store32(ip, 0x45u | (uint32_t)be16((uint16_t)p->len) << 16); /* no TOS */
  store32(ip + 4, be16(id));                                   /* no fragment */
  store32(ip + 8, 250u | WIRE_PROTO_UDP << 8);                 /* TTL, protocol, checksum 0 */
  store32(ip + 12, src);
  store32(ip + 16, dst);
  store16(ip + 10, wire_checksum(ip, WIRE_IP));
  packet_set_network(p, ip, WIRE_IP);
  store32(udp, be16(sport) | (uint32_t)be16(dport) << 16);
  store32(udp + 4, be16(length)); /* checksum 0 */
  if (checksum)
    store16(udp + 6, wire_udp_checksum(udp, length, wire_pseudo(src, dst, WIRE_PROTO_UDP, length)));
  return true;
}

/* A UDP port as an argument. */
static inline int udpip_parse_port(Element *e, const char *text, void *field, Errors *errs, int arg) {
  return arg_parse_port(e, WIRE_PROTO_UDP, text, field)
             ? 0
             : arg_error(errs, arg, "expected a UDP port, not '%s'", text);
}

#endif
