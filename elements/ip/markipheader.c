/** MarkIPHeader: sets the network and transport header annotations.
 *
 * Synopsis: `MarkIPHeader([OFFSET])`
 *
 * Says that an IP header begins OFFSET bytes into the packet. Checks nothing, does not shorten the packet and
 * leaves the destination annotation alone: see CheckIPHeader for that.
 *
 * Arguments: OFFSET (int): bytes in front of the header. Default 0.
 *
 * Example: `Idle -> MarkIPHeader(14) -> Discard;`
 */
#include "ip.h"

typedef struct MarkIPHeader {
  Element base;
  int32_t offset;
} MarkIPHeader;

static inline int mark_ip_header(MarkIPHeader *e, Packet *p) {
  if (unlikely((uint32_t)e->offset >= p->len)) return 0; /* nothing is there */
  uint8_t *h = p->data + e->offset;
  uint32_t hlen = ip_hlen(h), have = p->len - (uint32_t)e->offset;
  packet_set_network(p, h, hlen < have ? hlen : have);
  return 0;
}

ACTION(MarkIPHeader, mark_ip_header)

ELEMENT(MarkIPHeader, .per_thread = true, .ports = "1/1", USE_ACTION(MarkIPHeader, mark_ip_header),
        .args = ARGS(ARG_POS(MarkIPHeader, I32, "OFFSET", offset, "0", .min = 0, .max = 65535)));
