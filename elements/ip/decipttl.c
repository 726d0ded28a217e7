/** DecIPTTL: decrements the IP time to live.
 *
 * Synopsis: `DecIPTTL([ACTIVE, <keywords> MULTICAST])`
 *
 * Expects IP packets with the network header set. Packets whose TTL is 1 or less go to output 1 (or are
 * dropped if it is not connected); others leave on output 0 with the TTL decremented and the checksum updated
 * incrementally (RFC 1624).
 *
 * Arguments: ACTIVE (bool): false passes packets through untouched. Default true.
 * MULTICAST (bool): false leaves packets to multicast destinations alone. Default true.
 *
 * Handlers: `drops` (read): packets sent to output 1. `active` (read/write).
 *
 * Example: `Idle -> CheckIPHeader -> ttl :: DecIPTTL -> Discard; ttl [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct DecIPTTL {
  Element base;
  bool active, multicast;
  uint64_t drops;
} DecIPTTL;

static inline int dec_ip_ttl(DecIPTTL *e, Packet *p) {
  const uint8_t *h = p->network;
  if (unlikely(!e->active || !h || (!e->multicast && (h[16] & 0xf0) == 0xe0))) return 0;
  uint32_t ttl_sum = load32(h + 8); /* little endian: TTL, protocol, checksum from the low byte up */
  if (unlikely((uint8_t)ttl_sum <= 1)) {
    e->drops++;
    return 1;
  }
  if (!packet_unique(p)) return PACKET_DROP;
  /* One less of the TTL, one more of the checksum, where 0xffff counts as 0 (RFC 1624). */
  uint64_t carry = ((uint64_t)ttl_sum + 0x20000) >> 32;
  store32(p->network + 8, ttl_sum + 0xffff + (uint32_t)(carry << 16));
  return 0;
}

ACTION(DecIPTTL, dec_ip_ttl)

ELEMENT(DecIPTTL, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(DecIPTTL, dec_ip_ttl),
        .args = ARGS(ARG_POS(DecIPTTL, BOOL, "ACTIVE", active, "true"),
                     ARG(DecIPTTL, BOOL, "MULTICAST", multicast, "true", .fixed = true)),
        .handlers = HANDLERS(READ_FIELD(DecIPTTL, U64, "drops", drops),
                             RW_FIELD(DecIPTTL, BOOL, "active", active)));
