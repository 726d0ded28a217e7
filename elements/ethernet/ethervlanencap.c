/** EtherVLANEncap: puts packets into an Ethernet header with an 802.1Q tag.
 *
 * Synopsis: `EtherVLANEncap(ETHERTYPE, SRC, DST [, VLAN_TCI, VLAN_PCP, <keywords> VLAN_ID, NATIVE_VLAN])`
 *
 * Arguments: ETHERTYPE (unsigned, 16 bits): the type behind the tag. SRC, DST (Ethernet address). VLAN_TCI
 * (unsigned, 16 bits, or `ANNO`): the whole tag; `ANNO` takes it from each packet's VLAN annotation. VLAN_PCP
 * (0...7): priority. Default 0. VLAN_ID (0...0xfff): the VLAN, if VLAN_TCI is not given. NATIVE_VLAN
 * (-1...0xfff): packets of this VLAN get a plain Ethernet header; -1: none. Default 0.
 *
 * Handlers: `src`, `dst`, `ethertype`, `vlan_tci`, `vlan_id`, `vlan_pcp`, `native_vlan` (read/write): as the
 * arguments.
 *
 * Differs: the reference's write handlers fail, and its `native_vlan` reads empty for 0.
 *
 * Example: `InfiniteSource(LIMIT 1) -> EtherVLANEncap(0x0800, 1:1:1:1:1:1, 2:2:2:2:2:2, VLAN_ID 7) -> Print
 * -> Discard;`
 */
#include "vlan.h"

typedef struct EtherVLANEncap {
  Element base;
  uint8_t dst[6], src[6];
  uint16_t type; /* host order */
  VlanTag vlan;
} EtherVLANEncap;

static inline int ether_vlan_encap(EtherVLANEncap *e, Packet *p) {
  uint16_t tci = vlan_tci(&e->vlan, p);
  bool tag = (tci & 0xfff) != e->vlan.native;
  if (unlikely(!packet_push(p, tag ? WIRE_VLAN : WIRE_ETHER))) return PACKET_DROP;
  uint8_t *d = p->data;
  memcpy(d, e->dst, 12);
  if (tag) {
    wire_put16(d + 12, ETHERTYPE_8021Q);
    wire_put16(d + 14, tci);
    d += 4;
  }
  wire_put16(d + 12, e->type);
  p->mac = p->data;
  return 0;
}

ACTION(EtherVLANEncap, ether_vlan_encap)

static int ether_vlan_encap_configure(Element *e, const Args *args, Errors *errs) {
  vlan_configure(&((EtherVLANEncap *)e)->vlan);
  return 0;
}
static bool ether_vlan_encap_live(Element *e) { return (void)e, true; }

ELEMENT(EtherVLANEncap, .per_thread = true, .ports = "1/1", .aliases = "EtherVlanEncap",
        USE_ACTION(EtherVLANEncap, ether_vlan_encap), .configure = ether_vlan_encap_configure,
        .can_live_reconfigure = ether_vlan_encap_live,
        .args = ARGS(ARG_MUST(EtherVLANEncap, U16, "ETHERTYPE", type),
                     ARG_MUST(EtherVLANEncap, ETHER, "SRC", src), ARG_MUST(EtherVLANEncap, ETHER, "DST", dst),
                     VLAN_ARGS_TAG(EtherVLANEncap, vlan, vlan_parse_tci),
                     VLAN_ARG_NATIVE(EtherVLANEncap, vlan)),
        .handlers = HANDLERS(RW_FIELD(EtherVLANEncap, ETHER, "src", src),
                             RW_FIELD(EtherVLANEncap, ETHER, "dst", dst),
                             RW_FIELD(EtherVLANEncap, U16, "ethertype", type),
                             VLAN_HANDLERS(EtherVLANEncap, vlan),
                             RW_FIELD(EtherVLANEncap, I32, "native_vlan", vlan.native)));
