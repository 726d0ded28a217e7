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
#include "ip.h"

typedef struct DecIPTTL {
  Element base;
  bool active, multicast;
  uint64_t drops;
} DecIPTTL;

static inline int dec_ip_ttl(DecIPTTL *e, Packet *p) {
  ACTION_RARE(!packet_is_ordinary(p));
  const uint8_t *h = ip_header(p);
  if (unlikely(!e->active || !h)) return 0;
  if (!e->multicast && unlikely((h[16] & 0xf0) == 0xe0)) return 0;
  uint32_t ttl_sum = ip_ttl_sum(h);
  if (unlikely((uint8_t)ttl_sum <= 1)) {
    e->drops++;
    return 1;
  }
  if (!packet_unique(p)) return PACKET_DROP;
  ip_decrement_ttl(p->network, ttl_sum);
  return 0;
}

ACTION(DecIPTTL, dec_ip_ttl)

ELEMENT(DecIPTTL, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(DecIPTTL, dec_ip_ttl),
        .args = ARGS(ARG_POS(DecIPTTL, BOOL, "ACTIVE", active, "true"),
                     ARG(DecIPTTL, BOOL, "MULTICAST", multicast, "true", .fixed = true)),
        .handlers = HANDLERS(READ_FIELD(DecIPTTL, U64, "drops", drops, .flags = HANDLER_READ | HANDLER_SUM),
                             RW_FIELD(DecIPTTL, BOOL, "active", active)));
