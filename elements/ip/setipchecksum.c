/** SetIPChecksum: computes the IP header checksum anew.
 *
 * Synopsis: `SetIPChecksum()`
 *
 * The header is where the network header annotation says, or at the beginning of the packet if that is not
 * set. Packets without a whole header are dropped, the first one with a message. Elements that change a
 * header update its checksum themselves: this is for packets written by hand.
 *
 * Handlers: `drops` (read).
 *
 * Example: `Idle -> SetIPChecksum -> Discard;`
 */
#include "ip.h"

typedef struct SetIPChecksum {
  Element base;
  uint64_t drops;
} SetIPChecksum;

static inline int set_ip_checksum(SetIPChecksum *e, Packet *p) {
  if (!packet_unique(p)) return PACKET_DROP;
  uint8_t *h = p->network ? p->network : p->data;
  ptrdiff_t have = packet_end(p) - h;
  if (unlikely(have < 20 || ip_hlen(h) < 20 || have < (ptrdiff_t)ip_hlen(h))) {
    if (!e->drops++) chatter(NULL, "SetIPChecksum: bad input packet");
    return PACKET_DROP;
  }
  ip_set_checksum(h);
  return 0;
}

ACTION(SetIPChecksum, set_ip_checksum)

ELEMENT(SetIPChecksum, .per_thread = true, .ports = "1/1", USE_ACTION(SetIPChecksum, set_ip_checksum),
        .args = NO_ARGS,
        .handlers = HANDLERS(READ_FIELD(SetIPChecksum, U64, "drops", drops,
                                        .flags = HANDLER_READ | HANDLER_SUM)));
