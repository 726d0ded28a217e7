/** SetVLANAnno: sets the VLAN annotation.
 *
 * Synopsis: `SetVLANAnno([VLAN_TCI, VLAN_PCP, <keywords> VLAN_ID])`
 *
 * Arguments: VLAN_TCI (unsigned, 16 bits): the whole tag. VLAN_PCP (0...7): priority. Default 0. VLAN_ID
 * (0...0xfff): the VLAN, if VLAN_TCI is not given.
 *
 * Handlers: `vlan_tci`, `vlan_id`, `vlan_pcp` (read/write): as the arguments.
 *
 * Example: `InfiniteSource(LIMIT 1) -> SetVLANAnno(VLAN_ID 7) -> VLANEncap(ANNO) -> Print -> Discard;`
 */
#include "vlan.h"

typedef struct SetVLANAnno {
  Element base;
  VlanTag vlan;
} SetVLANAnno;

static inline int set_vlan_anno(SetVLANAnno *e, Packet *p) {
  set_anno_u16(p, ANNO_VLAN_TCI, be16(e->vlan.tci));
  return 0;
}

ACTION(SetVLANAnno, set_vlan_anno)

static int set_vlan_anno_configure(Element *e, const Args *args, Errors *errs) {
  vlan_configure(&((SetVLANAnno *)e)->vlan);
  return 0;
}
static bool set_vlan_anno_live(Element *e) { return (void)e, true; }

ELEMENT(SetVLANAnno, .per_thread = true, .ports = "1/1", .aliases = "SetVlanAnno",
        USE_ACTION(SetVLANAnno, set_vlan_anno), .configure = set_vlan_anno_configure,
        .can_live_reconfigure = set_vlan_anno_live,
        .args = ARGS(VLAN_ARGS_TAG(SetVLANAnno, vlan, vlan_parse_tci_number)),
        .handlers = HANDLERS(VLAN_HANDLERS(SetVLANAnno, vlan)));
