/* ip6.h: what elements that look into IPv6 packets share. */
#ifndef CLICKLET_ELEMENTS_IP6_H
#define CLICKLET_ELEMENTS_IP6_H
#include "../ip/ip.h"

enum { IP6_HEADER = 40, IP6_FRAGMENT = 44 };

always_inline uint32_t ip6_plen(const uint8_t *h) { return be16(load16(h + 4)); }
/* The network header if all 40 bytes are in the packet, else NULL. */
always_inline uint8_t *ip6_header(const Packet *p) {
  return likely(p->network != NULL && packet_end(p) - p->network >= IP6_HEADER) ? p->network : NULL;
}
always_inline void packet_set_dst_ip6(Packet *p, const uint8_t addr[16]) {
  memcpy(p->anno + ANNO_DST_IP6, addr, 16);
}
/* The checksum over n bytes at d with the pseudo header of RFC 8200, 8.1; as stored. */
static inline uint16_t ip6_checksum(const uint8_t *src, const uint8_t *dst, uint32_t n, uint8_t proto,
                                    const uint8_t *d) {
  uint64_t sum = in_sum(src, 16, in_sum(dst, 16, (uint64_t)be32(n) + be32(proto)));
  return (uint16_t)~in_fold(in_sum(d, n, sum));
}

#endif
