/* icmpping.h: IP and ICMP headers of echo requests, for the elements that make them. */
#ifndef CLICKLET_ELEMENTS_ICMPPING_H
#define CLICKLET_ELEMENTS_ICMPPING_H
#include "icmpnames.h"

/* Writes an IP header (no options, no fragment) in front of `length` - 20 bytes of ICMP at d, and sets p's
 * headers and destination annotation. */
static inline void icmp_put_ip(Packet *p, uint32_t src, uint32_t dst, uint16_t id, uint8_t ttl) {
  uint8_t *d = p->data;
  store32(d, 0x45u | (uint32_t)be16((uint16_t)p->len) << 16);
  store32(d + 4, be16(id));
  store32(d + 8, ttl | WIRE_PROTO_ICMP << 8);
  store32(d + 12, src);
  store32(d + 16, dst);
  store16(d + 10, wire_checksum(d, WIRE_IP));
  packet_set_network(p, d, WIRE_IP);
  packet_set_dst_ip(p, dst);
}

/* The ICMP header of p, 20 bytes in, with its checksum over the rest of the packet. */
static inline void icmp_put_sequenced(Packet *p, uint8_t type, uint8_t code, uint16_t identifier,
                                      uint16_t sequence) {
  uint8_t *d = p->data + WIRE_IP;
  store32(d, type | (uint32_t)code << 8);
  store32(d + 4, be16(identifier) | (uint32_t)be16(sequence) << 16);
  store16(d + 2, wire_checksum(d, p->len - WIRE_IP));
}

#endif
