/* ip.h: what elements that look into IP packets share: a checked header, the Internet checksum (RFC 1071). */
#ifndef CLICKLET_ELEMENTS_IP_H
#define CLICKLET_ELEMENTS_IP_H
#include <clicklet/element.h>

enum {
  IP_PROTO_ICMP = 1,
  IP_PROTO_IGMP = 2,
  IP_PROTO_IPIP = 4,
  IP_PROTO_TCP = 6,
  IP_PROTO_UDP = 17,
  IP_PROTO_DCCP = 33,
  IP_PROTO_ICMP6 = 58
};
enum { IP_DF = 0x4000, IP_MF = 0x2000, IP_OFFMASK = 0x1fff }; /* of the 16-bit word at byte 6, host order */

/* Fields of a header at h, host order unless said otherwise. */
always_inline uint32_t ip_hlen(const uint8_t *h) { return (h[0] & 15u) * 4; }
always_inline uint32_t ip_len(const uint8_t *h) { return be16(load16(h + 2)); }
always_inline uint32_t ip_off(const uint8_t *h) { return be16(load16(h + 6)); }
always_inline bool ip_first_fragment(const uint8_t *h) { return !(load16(h + 6) & be16(IP_OFFMASK)); }
always_inline uint32_t ip_src(const uint8_t *h) { return load32(h + 12); } /* network order */
always_inline uint32_t ip_dst(const uint8_t *h) { return load32(h + 16); } /* network order */

/* The network header if its first 20 bytes are in the packet, else NULL. */
always_inline uint8_t *ip_header(const Packet *p) {
  return likely(p->network != NULL && packet_end(p) - p->network >= 20) ? p->network : NULL;
}
/* The same with the options: the length in the header is 20 or more and all of it is in the packet. */
always_inline uint8_t *ip_full_header(const Packet *p) {
  uint8_t *h = ip_header(p);
  if (unlikely(!h)) return NULL;
  uint32_t n = ip_hlen(h);
  return likely(n >= 20 && packet_end(p) - h >= (ptrdiff_t)n) ? h : NULL;
}
/* The transport header if n bytes of it are in the packet, else NULL. */
always_inline uint8_t *ip_transport(const Packet *p, uint32_t n) {
  return likely(p->transport != NULL && packet_end(p) - p->transport >= (ptrdiff_t)n) ? p->transport : NULL;
}

always_inline uint32_t in_fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint32_t)((sum & 0xffff) + (sum >> 16));
}
/* One's complement sum of the 16-bit words as they lie in memory; 64 bits wide, for in_fold. Any length below
 * 4 GB. */
static inline uint64_t in_sum(const uint8_t *d, size_t n, uint64_t sum) {
  for (; n >= 16; d += 16, n -= 16) {
    sum += load32(d);
    sum += load32(d + 4);
    sum += load32(d + 8);
    sum += load32(d + 12);
  }
  for (; n >= 4; d += 4, n -= 4) sum += load32(d);
  if (n >= 2) sum += load16(d), d += 2, n -= 2;
  return n ? sum + d[0] : sum;
}
/* The checksum as it is stored in a header (no byte swap needed). */
always_inline uint16_t in_checksum(const uint8_t *d, size_t n) { return (uint16_t)~in_fold(in_sum(d, n, 0)); }
/* TTL, protocol and checksum as one word, little endian: from the low byte up. */
always_inline uint32_t ip_ttl_sum(const uint8_t *h) { return load32(h + 8); }
/* One less of a TTL above 0, one more of the checksum, where 0xffff counts as 0 (RFC 1624). */
always_inline void ip_decrement_ttl(uint8_t *h, uint32_t ttl_sum) {
  uint64_t carry = ((uint64_t)ttl_sum + 0x20000) >> 32;
  wire_store32(h + 8, ttl_sum + 0xffff + (uint32_t)(carry << 16));
}

/* Whether the checksum of a header without options is right: the one's complement sum is 0xffff, which is to
 * say that the sum of the words is a multiple of it. (0 is one too, but a header is not all zeros.) */
always_inline bool ip_sum20_right(const uint8_t *h) {
  uint64_t sum = (uint64_t)load32(h) + load32(h + 4) + load32(h + 8) + load32(h + 12) + load32(h + 16);
  return sum % 0xffff == 0;
}
/* Computes the checksum of a header anew and stores it. */
always_inline void ip_set_checksum(uint8_t *h) {
  store16(h + 10, 0);
  store16(h + 10, in_checksum(h, ip_hlen(h)));
}
/* The checksum after a 16-bit word of the data changed (RFC 1624, equation 3); all as stored in the packet.
 */
always_inline uint16_t in_update16(uint16_t sum, uint16_t from, uint16_t to) {
  return (uint16_t)~in_fold((uint64_t)(uint16_t)~sum + (uint16_t)~from + to);
}
always_inline uint16_t in_update32(uint16_t sum, uint32_t from, uint32_t to) {
  uint32_t not_from = ~from;
  return (uint16_t)~in_fold((uint64_t)(uint16_t)~sum + (not_from & 0xffff) + (not_from >> 16) +
                            (to & 0xffff) + (to >> 16));
}

#endif
