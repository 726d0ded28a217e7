/** EnsureEther: makes sure that IP packets are in an Ethernet header.
 *
 * Synopsis: `EnsureEther([ETHERTYPE, SRC, DST])`
 *
 * Packets with a network header 14 bytes in, behind an Ethernet header of type IP or IPv6, pass unchanged; so
 * do packets without a network header. Where an Ethernet header was stripped from in front of the network
 * header it is put back. Others lose what is in front of their network header and get the header of the
 * arguments.
 *
 * Arguments: ETHERTYPE (unsigned, 16 bits): default 0x0800. SRC (Ethernet address): default 1:1:1:1:1:1. DST
 * (Ethernet address): default 2:2:2:2:2:2.
 *
 * Example: `InfiniteSource(LIMIT 1) -> MarkIPHeader -> EnsureEther(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2) ->
 * Discard;`
 */
#include "wire.h"

typedef struct EnsureEther {
  Element base;
  uint8_t dst[6], src[6];
  uint16_t type; /* host order */
} EnsureEther;

static inline bool ensure_ether_is_ip(const uint8_t *header) {
  uint16_t type = wire_get16(header + 12);
  return type == ETHERTYPE_IP || type == ETHERTYPE_IP6;
}

static inline int ensure_ether(EnsureEther *e, Packet *p) {
  if (!p->network || p->network < p->data || p->network > packet_end(p)) return 0;
  uint32_t offset = (uint32_t)(p->network - p->data);
  if (offset == WIRE_ETHER && ensure_ether_is_ip(p->data)) return 0;
  if (offset == 0 && packet_headroom(p) >= WIRE_ETHER && ensure_ether_is_ip(p->data - WIRE_ETHER))
    return packet_nonunique_push(p, WIRE_ETHER) ? 0 : PACKET_DROP;
  packet_pull(p, offset);
  if (unlikely(!packet_push(p, WIRE_ETHER))) return PACKET_DROP;
  memcpy(p->data, e->dst, 12);
  wire_put16(p->data + 12, e->type);
  return 0;
}

ACTION(EnsureEther, ensure_ether)

ELEMENT(EnsureEther, .per_thread = true, .ports = "1/1", USE_ACTION(EnsureEther, ensure_ether),
        .args = ARGS(ARG_POS(EnsureEther, U16, "ETHERTYPE", type, "0x0800"),
                     ARG_POS(EnsureEther, ETHER, "SRC", src, "01:01:01:01:01:01"),
                     ARG_POS(EnsureEther, ETHER, "DST", dst, "02:02:02:02:02:02")));
