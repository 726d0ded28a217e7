/** ICMPPingEncap: puts packets into ICMP echo requests.
 *
 * Synopsis: `ICMPPingEncap(SRC, DST [, <keywords> IDENTIFIER])`
 *
 * TTL 255. IP identification and ICMP sequence number count up together, without 0.
 *
 * Arguments: SRC, DST (IP address). IDENTIFIER (unsigned, 16 bits): ICMP identifier. Default 0.
 *
 * Handlers: `src`, `dst` (read/write): as the arguments.
 *
 * Example: `InfiniteSource(LIMIT 1) -> ICMPPingEncap(1.0.0.1, 2.0.0.2) -> IPPrint -> Discard;`
 */
#include "icmpping.h"

typedef struct ICMPPingEncap {
  Element base;
  uint32_t src, dst;
  uint16_t identifier, sequence; /* the sequence number last used */
} ICMPPingEncap;

static inline int icmp_ping_encap(ICMPPingEncap *e, Packet *p) {
  if (unlikely(!packet_push(p, WIRE_IP + WIRE_ICMP))) return PACKET_DROP;
  if (!++e->sequence) e->sequence = 1;
  icmp_put_ip(p, e->src, e->dst, e->sequence, 255);
  icmp_put_sequenced(p, ICMP_TYPE_ECHO, 0, e->identifier, e->sequence);
  return 0;
}

ACTION(ICMPPingEncap, icmp_ping_encap)

ELEMENT(ICMPPingEncap, .ports = "1/1", .flags = "A", USE_ACTION(ICMPPingEncap, icmp_ping_encap),
        .args = ARGS(ARG_MUST(ICMPPingEncap, IP, "SRC", src), ARG_MUST(ICMPPingEncap, IP, "DST", dst),
                     ARG(ICMPPingEncap, U16, "IDENTIFIER", identifier, "0")),
        .handlers = HANDLERS(RW_FIELD(ICMPPingEncap, IP, "src", src),
                             RW_FIELD(ICMPPingEncap, IP, "dst", dst)));
