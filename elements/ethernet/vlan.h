/* vlan.h: the VLAN arguments and handlers that several elements have. */
#ifndef CLICKLET_ELEMENTS_VLAN_H
#define CLICKLET_ELEMENTS_VLAN_H
#include "wire.h"

typedef struct VlanTag {
  uint16_t tci;                     /* host order: priority in bits 13 to 15, VLAN in 0 to 11 */
  bool from_anno;                   /* the packet's annotation instead */
  int32_t native;                   /* VLAN without a tag, negative: none */
  int32_t tci_arg, id_arg, pcp_arg; /* as given; tci_arg -1: not, -2: ANNO */
} VlanTag;

always_inline uint16_t vlan_tci(const VlanTag *v, const Packet *p) {
  return v->from_anno ? be16(anno_u16(p, ANNO_VLAN_TCI)) : v->tci;
}

int vlan_parse_tci(Element *e, const char *text, void *field, Errors *errs,
                   int arg); /* ANNO or a number; -1 when empty */
int vlan_parse_tci_number(Element *e, const char *text, void *field, Errors *errs, int arg);
void vlan_configure(VlanTag *v); /* after the table was applied */
int vlan_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int vlan_write(Element *e, const Handler *h, const char *value, Errors *errs);

#define VLAN_ARGS_TAG(T, v, parser)                                                                          \
  ARG_POS(T, CUSTOM, "VLAN_TCI", v.tci_arg, "", .parse = parser),                                            \
      ARG_POS(T, I32, "VLAN_PCP", v.pcp_arg, "0", .min = 0, .max = 7),                                       \
      ARG(T, I32, "VLAN_ID", v.id_arg, "0", .min = 0, .max = 0xfff)
#define VLAN_ARG_NATIVE(T, v) ARG(T, I32, "NATIVE_VLAN", v.native, "0", .min = -1, .max = 0xfff)
/* `data` is where the tag is; the first letter behind "vlan_" tells which part is meant. */
#define VLAN_HANDLERS(T, v)                                                                                  \
  RW_FN("vlan_tci", vlan_read, vlan_write, .data = offsetof(T, v)),                                          \
      RW_FN("vlan_id", vlan_read, vlan_write, .data = offsetof(T, v)),                                       \
      RW_FN("vlan_pcp", vlan_read, vlan_write, .data = offsetof(T, v))

#endif
