/** SetUDPChecksum: computes the checksums of UDP packets.
 *
 * Synopsis: `SetUDPChecksum()`
 *
 * Expects UDP in IP with the network header set. Fragments and packets shorter than they say go to output 1;
 * without one they are dropped, the first with a message.
 *
 * Example: `InfiniteSource(LIMIT 1) -> MarkIPHeader -> SetUDPChecksum -> Discard;`
 */
#include "../ethernet/wire.h"

typedef struct SetUDPChecksum {
  Element base;
  bool told;
} SetUDPChecksum;

static inline int set_udp_checksum(SetUDPChecksum *e, Packet *p) {
  uint32_t there = wire_transport_bytes(p),
           length = there >= WIRE_UDP ? wire_get16(p->transport + 4) : UINT32_MAX;
  if (unlikely(!wire_has_ip(p) || wire_is_fragment(p->network) || length > there)) {
    if (e->base.noutputs == 1 && !e->told)
      chatter(NULL, "%s :: %s: fragment or short packet", e->base.name, e->base.class->name);
    e->told = true;
    return 1;
  }
  if (unlikely(!packet_unique(p))) return PACKET_DROP;
  uint8_t *udp = p->transport;
  store16(udp + 6, 0);
  store16(udp + 6, wire_udp_checksum(udp, (uint16_t)length, wire_pseudo_of(p->network, (uint16_t)length)));
  return 0;
}

ACTION(SetUDPChecksum, set_udp_checksum)

ELEMENT(SetUDPChecksum, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(SetUDPChecksum, set_udp_checksum), .args = NO_ARGS);
