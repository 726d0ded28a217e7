/* vlan.c: see vlan.h. */
#include "vlan.h"

int vlan_parse_tci_number(Element *e, const char *text, void *field, Errors *errs, int arg) {
  uint64_t v;
  int32_t *tci = field;
  *tci = -1;
  if (!*text) return 0;
  if (!parse_u64(text, &v) || v > 0xffff)
    return arg_error(errs, arg, "VLAN_TCI: expected a number from 0 to 65535, not '%s'", text);
  *tci = (int32_t)v;
  return 0;
}

int vlan_parse_tci(Element *e, const char *text, void *field, Errors *errs, int arg) {
  if (!strcmp(text, "ANNO")) {
    *(int32_t *)field = -2;
    return 0;
  }
  return vlan_parse_tci_number(e, text, field, errs, arg);
}

void vlan_configure(VlanTag *v) {
  v->from_anno = v->tci_arg == -2;
  v->tci = (uint16_t)((v->tci_arg >= 0 ? v->tci_arg : v->id_arg) | v->pcp_arg << 13);
}

int vlan_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const VlanTag *v = (const VlanTag *)((const char *)e + h->data);
  if (v->from_anno)
    text_add_string(out, h->name[5] == 't' ? "ANNO" : "");
  else
    text_printf(out, "%d", h->name[5] == 't' ? v->tci : h->name[5] == 'i' ? v->tci & 0xfff : v->tci >> 13);
  return 0;
}

int vlan_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  VlanTag *v = (VlanTag *)((char *)e + h->data);
  uint64_t n;
  uint16_t pcp = v->from_anno ? 0 : v->tci & 0xe000;
  if (h->name[5] == 't' && !strcmp(value, "ANNO")) {
    v->from_anno = true;
    return 0;
  }
  uint64_t max = h->name[5] == 't' ? 0xffff : h->name[5] == 'i' ? 0xfff : 7;
  if (!parse_u64(value, &n) || n > max)
    return error(errs, "expected a number from 0 to %u, not '%s'", (unsigned)max, value);
  if (h->name[5] == 'p')
    v->tci = (uint16_t)((v->from_anno ? 0 : v->tci & 0xfff) | n << 13);
  else
    v->tci = (uint16_t)(n | pcp); /* the priority stays */
  v->from_anno = false;
  return 0;
}
