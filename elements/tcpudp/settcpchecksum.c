/** SetTCPChecksum: computes the checksums of TCP packets.
 *
 * Synopsis: `SetTCPChecksum([FIXOFF])`
 *
 * Expects TCP in IP with the network header set. Packets shorter than they say are dropped with a message.
 *
 * Arguments: FIXOFF (bool): corrects an impossible TCP header length, too. Default false.
 *
 * Example: `InfiniteSource(LIMIT 1) -> MarkIPHeader -> SetTCPChecksum -> Discard;`
 */
#include "../ethernet/wire.h"

typedef struct SetTCPChecksum {
  Element base;
  bool fix_offset;
} SetTCPChecksum;

static inline int set_tcp_checksum(SetTCPChecksum *e, Packet *p) {
  uint32_t length = 0;
  if (likely(wire_has_ip(p))) length = (uint32_t)wire_get16(p->network + 2) - wire_ip_header(p->network);
  if (unlikely(length < WIRE_TCP || length > wire_transport_bytes(p))) { /* also when it is negative */
    chatter(NULL, "SetTCPChecksum: bad lengths");
    return PACKET_DROP;
  }
  if (unlikely(!packet_unique(p))) return PACKET_DROP;
  uint8_t *ip = p->network, *tcp = p->transport;
  if (e->fix_offset) {
    uint32_t header = (tcp[12] >> 4) * 4u;
    if (header < WIRE_TCP)
      tcp[12] = (uint8_t)((tcp[12] & 15) | 5 << 4);
    else if (header > length && !wire_is_fragment(ip))
      tcp[12] = (uint8_t)((tcp[12] & 15) | (length / 4) << 4);
  }
  store16(tcp + 16, 0);
  store16(tcp + 16, (uint16_t)~wire_fold(wire_sum(tcp, length, wire_pseudo_of(ip, (uint16_t)length))));
  return 0;
}

ACTION(SetTCPChecksum, set_tcp_checksum)

ELEMENT(SetTCPChecksum, .per_thread = true, .ports = "1/1", USE_ACTION(SetTCPChecksum, set_tcp_checksum),
        .args = ARGS(ARG_POS(SetTCPChecksum, BOOL, "FIXOFF", fix_offset, "false")));
