/** VLANDecap: removes the 802.1Q tag of Ethernet packets.
 *
 * Synopsis: `VLANDecap([ANNO, <keywords> ETHERTYPE])`
 *
 * Packets without a tag pass. Sets the MAC and network headers.
 *
 * Arguments: ANNO (bool): set the VLAN annotation to the tag, or to 0 where there was none. Default true.
 * ETHERTYPE (unsigned, 16 bits): the type of a tag; 0x88a8 for 802.1ad. Default 0x8100.
 *
 * Example: `InfiniteSource(LIMIT 1) -> VLANDecap -> Discard;`
 */
#include "vlan.h"

typedef struct VLANDecap {
  Element base;
  bool anno;
  uint16_t type;
} VLANDecap;

static inline int vlan_decap(VLANDecap *e, Packet *p) {
  uint16_t tci = 0; /* network order */
  if (p->len >= WIRE_VLAN && wire_get16(p->data + 12) == e->type) {
    tci = load16(p->data + 14);
    if (unlikely(!packet_unique(p))) return PACKET_DROP;
    memmove(p->data + 4, p->data, 12);
    packet_pull(p, 4);
  }
  p->mac = p->data;
  p->network = p->len >= WIRE_ETHER ? p->data + WIRE_ETHER : NULL;
  if (e->anno) set_anno_u16(p, ANNO_VLAN_TCI, tci);
  return 0;
}

ACTION(VLANDecap, vlan_decap)

ELEMENT(VLANDecap, .per_thread = true, .ports = "1/1", USE_ACTION(VLANDecap, vlan_decap),
        .args = ARGS(ARG_POS(VLANDecap, BOOL, "ANNO", anno, "true"),
                     ARG(VLANDecap, U16, "ETHERTYPE", type, "0x8100")));
