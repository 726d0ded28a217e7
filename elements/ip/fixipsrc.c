/** FixIPSrc: sets the IP source address where the annotation asks for it.
 *
 * Synopsis: `FixIPSrc(IPADDR)`
 *
 * Packets with a non-zero Fix IP Source annotation (ICMPError sets it) get IPADDR as source and a new header checksum;
 * the annotation is cleared. Others pass through unchanged. Place it on the path of the interface with that address.
 *
 * Arguments: IPADDR (IP address, required).
 *
 * Example: `Idle -> FixIPSrc(10.0.0.1) -> Discard;`
 */
#include "ip.h"

typedef struct FixIPSrc {
  Element base;
  uint32_t addr;
} FixIPSrc;

static __attribute__((noinline)) int fix_ip_src_slow(FixIPSrc *e, Packet *p) {
  if (!ip_full_header(p)) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  set_anno_u8(p, ANNO_FIX_IP_SRC, 0);
  store32(p->network + 12, e->addr);
  ip_set_checksum(p->network);
  return 0;
}

static inline int fix_ip_src(FixIPSrc *e, Packet *p) {
  return likely(!anno_u8(p, ANNO_FIX_IP_SRC)) ? 0 : fix_ip_src_slow(e, p);
}

ACTION(FixIPSrc, fix_ip_src)

ELEMENT(FixIPSrc, .ports = "1/1", USE_ACTION(FixIPSrc, fix_ip_src), .args = ARGS(ARG_MUST(FixIPSrc, IP, "IPADDR", addr)));
