/** StripEtherVLANHeader: removes Ethernet headers, with or without an 802.1Q tag.
 *
 * Synopsis: `StripEtherVLANHeader([NATIVE_VLAN])`
 *
 * A tagged packet loses 18 bytes, and its VLAN annotation becomes the tag. Any other loses 14 bytes, and its
 * VLAN annotation becomes NATIVE_VLAN; if that is negative it goes to output 1, or is dropped if there is
 * none.
 *
 * Arguments: NATIVE_VLAN (int, at most 0xfff): default 0.
 *
 * Example: `InfiniteSource(LIMIT 1) -> StripEtherVLANHeader(-1) -> Discard;`
 */
#include "wire.h"

typedef struct StripEtherVLANHeader {
  Element base;
  int32_t native;
} StripEtherVLANHeader;

static inline int strip_ether_vlan_header(StripEtherVLANHeader *e, Packet *p) {
  if (p->len >= WIRE_VLAN && wire_get16(p->data + 12) == ETHERTYPE_8021Q) {
    set_anno_u16(p, ANNO_VLAN_TCI, load16(p->data + 14));
    packet_pull(p, WIRE_VLAN);
    return 0;
  }
  if (e->native < 0) return 1;
  set_anno_u16(p, ANNO_VLAN_TCI, be16((uint16_t)e->native));
  packet_pull(p, WIRE_ETHER);
  return 0;
}

ACTION(StripEtherVLANHeader, strip_ether_vlan_header)

static bool strip_ether_vlan_live(Element *e) { return (void)e, true; }

ELEMENT(StripEtherVLANHeader, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        .aliases = "StripEtherVlanHeader", USE_ACTION(StripEtherVLANHeader, strip_ether_vlan_header),
        .can_live_reconfigure = strip_ether_vlan_live,
        .args = ARGS(ARG_POS(StripEtherVLANHeader, I32, "NATIVE_VLAN", native, "0", .min = -2147483648.,
                             .max = 0xfff)));
