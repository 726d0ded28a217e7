/** AggregateLength: sets the aggregate annotation to the packet's length.
 *
 * Synopsis: `AggregateLength([<keywords> IP])`. The extra length annotation counts.
 *
 * Arguments: IP (bool): counts from the IP header on; packets without one leave on output 1 or are dropped.
 * Default false.
 *
 * Example: `FromDump(in.pcap, STOP true) -> AggregateLength -> AggregateCounter -> Discard;`
 */
#include <clicklet/element.h>

typedef struct AggregateLength {
  Element base;
  bool ip;
} AggregateLength;

static inline int aggregate_length(AggregateLength *e, Packet *p) {
  uint32_t n = p->len + anno_u32(p, ANNO_EXTRA_LENGTH);
  if (e->ip) {
    if (!p->network) return 1;
    n -= (uint32_t)packet_network_offset(p);
  }
  set_anno_u32(p, ANNO_AGGREGATE, n);
  return 0;
}

ACTION(AggregateLength, aggregate_length)

ELEMENT(AggregateLength, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(AggregateLength, aggregate_length),
        .args = ARGS(ARG(AggregateLength, BOOL, "IP", ip, "false")));
