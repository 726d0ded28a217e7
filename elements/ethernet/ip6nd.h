/* ip6nd.h: Neighbor Discovery messages (RFC 4861) as IP6NDSolicitor and IP6NDAdvertiser use them: an Ethernet
 * header, an IPv6 header, an ICMPv6 message with a target address and one link-layer address option. */
#ifndef CLICKLET_ELEMENTS_IP6ND_H
#define CLICKLET_ELEMENTS_IP6ND_H
#include "wire.h"

enum {
  ND_IP = WIRE_ETHER,
  ND_MESSAGE = WIRE_ETHER + 40,
  ND_TARGET = ND_MESSAGE + 8,
  ND_OPTION = ND_MESSAGE + 24,
  ND_LINK = ND_MESSAGE + 26,
  ND_LENGTH = ND_MESSAGE + 32,
  ND_SOLICITATION = 135,
  ND_ADVERTISEMENT = 136,
};

/* The sum over pseudo header and message, of which the checksum is the complement. */
static inline uint16_t nd_sum(const uint8_t *d) {
  return wire_fold(wire_sum(d + ND_IP + 8, 32 + 32, be16(32) + (uint64_t)be16(WIRE_PROTO_ICMP6)));
}

static inline Packet *nd_make(uint8_t type, uint8_t flags, const uint8_t *ether_dst, const uint8_t *ether_src,
                              const uint8_t *dst, const uint8_t *src, const uint8_t *target) {
  Packet *p = packet_make(PACKET_HEADROOM, NULL, ND_LENGTH, 0);
  if (!p) return NULL;
  uint8_t *d = p->data;
  memcpy(d, ether_dst, 6);
  memcpy(d + 6, ether_src, 6);
  wire_put16(d + 12, ETHERTYPE_IP6);
  d[ND_IP] = 0x60;
  wire_put16(d + ND_IP + 4, ND_LENGTH - ND_MESSAGE);
  d[ND_IP + 6] = WIRE_PROTO_ICMP6;
  d[ND_IP + 7] = 255; /* no router has passed it on */
  memcpy(d + ND_IP + 8, src, 16);
  memcpy(d + ND_IP + 24, dst, 16);
  d[ND_MESSAGE] = type;
  d[ND_MESSAGE + 4] = flags;
  memcpy(d + ND_TARGET, target, 16);
  d[ND_OPTION] = type == ND_SOLICITATION ? 1 : 2; /* source or target link-layer address */
  d[ND_OPTION + 1] = 1;                           /* 8 bytes */
  memcpy(d + ND_LINK, ether_src, 6);
  store16(d + ND_MESSAGE + 2, (uint16_t)~nd_sum(d));
  return p;
}

static inline bool nd_is(const Packet *p, uint8_t type) {
  return p->len >= ND_LENGTH && wire_get16(p->data + 12) == ETHERTYPE_IP6 &&
         p->data[ND_IP + 6] == WIRE_PROTO_ICMP6 && p->data[ND_MESSAGE] == type;
}

#endif
