/** FixIPSrc: sets the IP source address where the annotation asks for it.
 *
 * Synopsis: `FixIPSrc(IPADDR)`
 *
 * Packets with a non-zero Fix IP Source annotation (ICMPError sets it) get IPADDR as source and a new header
 * checksum; the annotation is cleared. Others pass through unchanged. Place it on the path of the interface
 * with that address.
 *
 * Arguments: IPADDR (IP address, required).
 *
 * Example: `Idle -> FixIPSrc(10.0.0.1) -> Discard;`
 */
#include "fixipsrc.h"

typedef struct FixIPSrc {
  Element base;
  uint32_t addr;
} FixIPSrc;

static inline int fix_ip_src(FixIPSrc *e, Packet *p) {
  ACTION_RARE(anno_u8(p, ANNO_FIX_IP_SRC));
  return likely(!anno_u8(p, ANNO_FIX_IP_SRC)) ? 0 : ip_fix_source(p, e->addr);
}

ACTION(FixIPSrc, fix_ip_src)

ELEMENT(FixIPSrc, .per_thread = true, .ports = "1/1", USE_ACTION(FixIPSrc, fix_ip_src),
        .args = ARGS(ARG_MUST(FixIPSrc, IP, "IPADDR", addr)));
