/** DecIP6HLIM: decrements the IPv6 hop limit.
 *
 * Synopsis: `DecIP6HLIM()`
 *
 * Packets whose hop limit is 1 or less leave on output 1 (or are dropped if it is not connected), others on
 * output 0.
 *
 * Handlers: `drops` (read): packets sent to output 1.
 *
 * Example: `Idle -> CheckIP6Header -> hl :: DecIP6HLIM -> Discard; hl [1] -> ICMP6Error(3ffe::1, 3, 0) ->
 * Discard;`
 */
#include "ip6.h"

typedef struct DecIP6HLIM {
  Element base;
  uint64_t drops;
} DecIP6HLIM;

static inline int dec_ip6_hlim(DecIP6HLIM *e, Packet *p) {
  const uint8_t *h = ip6_header(p);
  if (unlikely(!h)) return 0;
  if (unlikely(h[7] <= 1)) return e->drops++, 1;
  if (!packet_unique(p)) return PACKET_DROP;
  p->network[7]--;
  return 0;
}

ACTION(DecIP6HLIM, dec_ip6_hlim)

ELEMENT(DecIP6HLIM, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(DecIP6HLIM, dec_ip6_hlim),
        .args = NO_ARGS, .handlers = HANDLERS(READ_FIELD(DecIP6HLIM, U64, "drops", drops)));
