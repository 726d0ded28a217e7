/** SetIPAddress: sets the destination address annotation to a fixed address.
 *
 * Synopsis: `SetIPAddress(IPADDR [, <keywords> ANNO])`
 *
 * Arguments: IPADDR (IP address, required). ANNO (annotation of 4 bytes): which annotation to set. Default
 * DST_IP.
 *
 * Handlers: `addr` (read/write): the address.
 *
 * Example: `Idle -> SetIPAddress(10.0.0.1) -> Discard;`
 */
#include "ip.h"

typedef struct SetIPAddress {
  Element base;
  uint32_t addr;
  int anno;
} SetIPAddress;

static inline int set_ip_address(SetIPAddress *e, Packet *p) {
  set_anno_u32(p, e->anno, e->addr);
  return 0;
}

ACTION(SetIPAddress, set_ip_address)

ELEMENT(SetIPAddress, .per_thread = true, .ports = "1/1", USE_ACTION(SetIPAddress, set_ip_address),
        .args = ARGS(ARG_MUST(SetIPAddress, IP, "IPADDR", addr),
                     ARG(SetIPAddress, ANNO, "ANNO", anno, "DST_IP", .min = 4)),
        .handlers = HANDLERS(RW_FIELD(SetIPAddress, IP, "addr", addr)));
