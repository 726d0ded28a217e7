/** VLANEncap: adds an 802.1Q tag to Ethernet packets.
 *
 * Synopsis: `VLANEncap([VLAN_TCI, VLAN_PCP, <keywords> VLAN_ID, NATIVE_VLAN, ETHERTYPE])`
 *
 * Packets shorter than two addresses are dropped. Sets the MAC and network headers.
 *
 * Arguments: VLAN_TCI (unsigned, 16 bits, or `ANNO`): the whole tag; `ANNO` takes it from each packet's VLAN
 * annotation. VLAN_PCP (0...7): priority. Default 0. VLAN_ID (0...0xfff): the VLAN, if VLAN_TCI is not given.
 * NATIVE_VLAN (-1...0xfff): packets of this VLAN get no tag; -1: none. Default 0. ETHERTYPE (unsigned, 16
 * bits): the type of the tag; 0x88a8 for 802.1ad. Default 0x8100.
 *
 * Handlers: `vlan_tci`, `vlan_id`, `vlan_pcp`, `native_vlan`, `ethertype` (read/write): as the arguments.
 *
 * Differs: the reference's write handlers fail, and its `native_vlan` and `ethertype` read empty.
 *
 * Example: `InfiniteSource(LIMIT 1) -> VLANEncap(VLAN_ID 7) -> Print -> Discard;`
 */
#include "vlan.h"

typedef struct VLANEncap {
  Element base;
  uint16_t type; /* host order */
  VlanTag vlan;
} VLANEncap;

static inline int vlan_encap(VLANEncap *e, Packet *p) {
  uint16_t tci = vlan_tci(&e->vlan, p);
  if (unlikely(p->len < 12)) return PACKET_DROP;
  uint32_t header = WIRE_ETHER;
  if ((tci & 0xfff) != e->vlan.native) {
    if (unlikely(!packet_push(p, 4))) return PACKET_DROP;
    memmove(p->data, p->data + 4, 12);
    wire_put16(p->data + 12, e->type);
    wire_put16(p->data + 14, tci);
    header = WIRE_VLAN;
  }
  p->mac = p->data;
  p->network = p->data + header;
  return 0;
}

ACTION(VLANEncap, vlan_encap)

static int vlan_encap_configure(Element *e, const Args *args, Errors *errs) {
  vlan_configure(&((VLANEncap *)e)->vlan);
  return 0;
}
static bool vlan_encap_live(Element *e) { return (void)e, true; }

ELEMENT(VLANEncap, .per_thread = true, .ports = "1/1", USE_ACTION(VLANEncap, vlan_encap),
        .configure = vlan_encap_configure, .can_live_reconfigure = vlan_encap_live,
        .args = ARGS(VLAN_ARGS_TAG(VLANEncap, vlan, vlan_parse_tci), VLAN_ARG_NATIVE(VLANEncap, vlan),
                     ARG(VLANEncap, U16, "ETHERTYPE", type, "0x8100")),
        .handlers = HANDLERS(VLAN_HANDLERS(VLANEncap, vlan),
                             RW_FIELD(VLANEncap, I32, "native_vlan", vlan.native),
                             RW_FIELD(VLANEncap, U16, "ethertype", type)));
