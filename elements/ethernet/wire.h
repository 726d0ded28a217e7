/* wire.h: header offsets and checksums shared by the Ethernet, ICMP, TCP and UDP elements. Names start with
 * wire_ so that every element can be part of one fused translation unit. */
#ifndef CLICKLET_ELEMENTS_WIRE_H
#define CLICKLET_ELEMENTS_WIRE_H
#include <clicklet/element.h>

enum {
  WIRE_ETHER = 14, /* bytes of an Ethernet header */
  WIRE_VLAN = 18,  /* with an 802.1Q tag */
  WIRE_ARP = 28,   /* an ARP packet for IPv4 over Ethernet (RFC 826) */
  WIRE_IP = 20,
  WIRE_UDP = 8,
  WIRE_TCP = 20,
  WIRE_ICMP = 8,
};
enum { ETHERTYPE_IP = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_8021Q = 0x8100, ETHERTYPE_IP6 = 0x86dd };
enum { WIRE_PROTO_ICMP = 1, WIRE_PROTO_TCP = 6, WIRE_PROTO_UDP = 17, WIRE_PROTO_ICMP6 = 58 };

always_inline uint16_t wire_get16(const uint8_t *p) { return be16(load16(p)); }
always_inline void wire_put16(uint8_t *p, uint16_t v) { store16(p, be16(v)); }

/* ---- Ethernet
 * ---------------------------------------------------------------------------------------------------- */

always_inline bool wire_same_ether(const uint8_t *a, const uint8_t *b) {
  return load32(a) == load32(b) && load16(a + 4) == load16(b + 4);
}
always_inline bool wire_is_broadcast(const uint8_t *a) {
  return load32(a) == 0xffffffffu && load16(a + 4) == 0xffff;
}

/* An ARP packet with its Ethernet header, 42 bytes at d. Addresses: Ethernet destination, sender, target. */
static inline void wire_put_arp(uint8_t *d, int op, const uint8_t *ether_dst, const uint8_t *sha,
                                const uint8_t *spa, const uint8_t *tha, const uint8_t *tpa) {
  static const uint8_t fixed[10] = {0x08, 0x06, 0, 1, 0x08,
                                    0,    6,    4, 0, 0}; /* Ethernet type up to the operation */
  memcpy(d, ether_dst, 6);
  memcpy(d + 6, sha, 6);
  memcpy(d + 12, fixed, 10);
  d[21] = (uint8_t)op;
  memcpy(d + 22, sha, 6);
  memcpy(d + 28, spa, 4);
  memcpy(d + 32, tha, 6);
  memcpy(d + 38, tpa, 4);
}
/* True if p is, behind an Ethernet header, an ARP packet for IPv4 over Ethernet with that operation. */
static inline bool wire_is_arp(const Packet *p, int op) {
  return p->len >= WIRE_ETHER + WIRE_ARP && wire_get16(p->data + 12) == ETHERTYPE_ARP &&
         wire_get16(p->data + 14) == 1 && wire_get16(p->data + 16) == ETHERTYPE_IP &&
         wire_get16(p->data + 20) == op;
}

/* ---- Internet checksums (RFC 1071), on values in memory order
 * ----------------------------------------------------- */

/* Adds n bytes to a sum. Eight bytes at a time; the carries are folded at the end. */
static inline uint64_t wire_sum(const void *data, size_t n, uint64_t sum) {
  const uint8_t *p = data;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t v = load64(p);
    sum += (v & 0xffffffffu) + (v >> 32);
  }
  if (n >= 4) sum += load32(p), p += 4, n -= 4;
  if (n >= 2) sum += load16(p), p += 2, n -= 2;
  return n ? sum + *p : sum;
}
always_inline uint16_t wire_fold(uint64_t sum) {
  sum = (sum & 0xffffffffu) + (sum >> 32);
  sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}
/* The checksum to store: the complement of the sum. */
static inline uint16_t wire_checksum(const void *data, size_t n) {
  return (uint16_t)~wire_fold(wire_sum(data, n, 0));
}
/* The sum of the IPv4 pseudo header; addresses as in the packet, length in host order. */
always_inline uint64_t wire_pseudo(uint32_t src, uint32_t dst, uint8_t proto, uint16_t length) {
  return (uint64_t)src + dst + ((uint32_t)proto << 8) + be16(length);
}
/* RFC 1624, equation 3: the checksum after the words behind it changed by `delta`, which is the sum of ~old +
 * new. */
always_inline uint16_t wire_adjust(uint16_t checksum, uint64_t delta) {
  return (uint16_t)~wire_fold((uint16_t)~checksum + delta);
}
always_inline void wire_update16(uint8_t *checksum, uint16_t old, uint16_t new_value) {
  store16(checksum, wire_adjust(load16(checksum), (uint64_t)(uint16_t)~old + new_value));
}

/* ---- IPv4
 * ----------------------------------------------------------------------------------------------------------
 */

always_inline uint32_t wire_ip_header(const uint8_t *ip) { return (ip[0] & 15u) * 4; }
/* Bytes of packet from the network header on; 0 where it is not set or lies outside the data. */
always_inline uint32_t wire_network_bytes(const Packet *p) {
  uintptr_t n = (uintptr_t)p->network, begin = (uintptr_t)p->data;
  return n < begin || n > begin + p->len ? 0 : (uint32_t)(begin + p->len - n);
}
always_inline uint32_t wire_transport_bytes(const Packet *p) {
  uintptr_t n = (uintptr_t)p->transport, begin = (uintptr_t)p->data;
  return n < begin || n > begin + p->len ? 0 : (uint32_t)(begin + p->len - n);
}
/* True if a whole IPv4 header with its options is there. */
always_inline bool wire_has_ip(const Packet *p) {
  uint32_t n = wire_network_bytes(p);
  return n >= WIRE_IP && wire_ip_header(p->network) >= WIRE_IP && wire_ip_header(p->network) <= n;
}
/* The sum of the pseudo header of an IPv4 packet whose whole header is there. With a source route the
 * destination is the last of the route. */
static inline uint64_t wire_pseudo_of(const uint8_t *ip, uint16_t length) {
  uint32_t dst = load32(ip + 16), header = wire_ip_header(ip);
  for (uint32_t i = WIRE_IP; unlikely(i < header) && ip[i];) {
    uint32_t n = ip[i] == 1 ? 1 : i + 1 < header ? ip[i + 1] : 0;
    if (!n || (n < 2 && ip[i] != 1) || i + n > header) break;
    if ((ip[i] == 131 || ip[i] == 137) && n >= 7) {
      dst = load32(ip + i + n - 4);
      break;
    }
    i += n;
  }
  return wire_pseudo(load32(ip + 12), dst, ip[9], length);
}
/* A UDP checksum that comes out as 0 is sent as all ones (RFC 768). */
always_inline uint16_t wire_udp_checksum(const uint8_t *udp, uint16_t length, uint64_t pseudo) {
  uint16_t c = (uint16_t)~wire_fold(wire_sum(udp, length, pseudo));
  return c ? c : 0xffff;
}
always_inline bool wire_is_fragment(const uint8_t *ip) { return (ip[6] & 0x3f) || ip[7]; }
always_inline bool wire_first_fragment(const uint8_t *ip) { return !((ip[6] & 0x1f) | ip[7]); }

#endif
