/** IPMirror: swaps source and destination of IP packets.
 *
 * Synopsis: `IPMirror([DST_ANNO])`
 *
 * Swaps the addresses; in first fragments of TCP and UDP packets also the ports, in TCP also sequence and
 * acknowledgement numbers. No checksum changes by that.
 *
 * Arguments: DST_ANNO (bool): whether the destination annotation becomes the new destination. Default true.
 *
 * Example: `Idle -> CheckIPHeader -> IPMirror -> Discard;`
 */
#include "ip.h"

typedef struct IPMirror {
  Element base;
  bool dst_anno;
} IPMirror;

static inline int ip_mirror(IPMirror *e, Packet *p) {
  if (unlikely(!ip_header(p))) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  uint8_t *h = p->network;
  uint32_t src = ip_src(h);
  store32(h + 12, ip_dst(h));
  store32(h + 16, src);
  if (e->dst_anno) packet_set_dst_ip(p, src);
  if ((h[9] != IP_PROTO_TCP && h[9] != IP_PROTO_UDP) || !ip_first_fragment(h)) return 0;
  uint8_t *t = ip_transport(p, 8);
  if (!t) return 0;
  uint32_t ports = load32(t);
  store32(t, ports << 16 | ports >> 16);
  if (h[9] == IP_PROTO_TCP && (t = ip_transport(p, 12))) {
    uint32_t seq = load32(t + 4);
    store32(t + 4, load32(t + 8));
    store32(t + 8, seq);
  }
  return 0;
}

ACTION(IPMirror, ip_mirror)

ELEMENT(IPMirror, .per_thread = true, .ports = "1/1", USE_ACTION(IPMirror, ip_mirror),
        .args = ARGS(ARG_POS(IPMirror, BOOL, "DST_ANNO", dst_anno, "true")));
