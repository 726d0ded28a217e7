/** EtherEncap: puts packets into an Ethernet header.
 *
 * Synopsis: `EtherEncap(ETHERTYPE, SRC, DST)`
 *
 * Prepends 14 bytes and sets the MAC header.
 *
 * Arguments: ETHERTYPE (unsigned, 16 bits): the Ethernet type, usually written in hexadecimal. SRC, DST
 * (Ethernet address). All are mandatory.
 *
 * Handlers: `src`, `dst`, `ethertype` (read/write): as the arguments. `etht`: the old name of `ethertype`.
 *
 * Example: `InfiniteSource(LIMIT 1) -> EtherEncap(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2) -> Print -> Discard;`
 */
#include "wire.h"

typedef struct EtherEncap {
  Element base;
  uint8_t dst[6], src[6];
  uint16_t type; /* host order */
} EtherEncap;

static inline int ether_encap(EtherEncap *e, Packet *p) {
  ACTION_RARE(!packet_is_ordinary(p) || packet_headroom(p) < WIRE_ETHER);
  if (unlikely(!packet_push(p, WIRE_ETHER))) return PACKET_DROP;
  uint8_t *d = p->data;
  wire_store64(d, load64(e->dst));
  wire_store32(d + 8, load32(e->dst + 8));
  wire_store16(d + 12, be16(e->type));
  p->mac = d;
  return 0;
}

ACTION(EtherEncap, ether_encap)

static bool ether_encap_live(Element *e) { return (void)e, true; }

ELEMENT(EtherEncap, .per_thread = true, .ports = "1/1", USE_ACTION(EtherEncap, ether_encap),
        .can_live_reconfigure = ether_encap_live,
        .args = ARGS(ARG_MUST(EtherEncap, U16, "ETHERTYPE", type), ARG_MUST(EtherEncap, ETHER, "SRC", src),
                     ARG_MUST(EtherEncap, ETHER, "DST", dst)),
        .handlers = HANDLERS(RW_FIELD(EtherEncap, ETHER, "src", src), RW_FIELD(EtherEncap, ETHER, "dst", dst),
                             RW_FIELD(EtherEncap, U16, "ethertype", type),
                             RW_FIELD(EtherEncap, U16, "etht", type)));
