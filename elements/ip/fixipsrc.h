/* fixipsrc.h: what FixIPSrc does, for IPOutputCombo too. */
#ifndef CLICKLET_ELEMENTS_FIXIPSRC_H
#define CLICKLET_ELEMENTS_FIXIPSRC_H
#include "ip.h"

static __attribute__((noinline, unused)) int ip_fix_source(Packet *p, uint32_t addr) {
  if (!ip_full_header(p)) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  set_anno_u8(p, ANNO_FIX_IP_SRC, 0);
  store32(p->network + 12, addr);
  ip_set_checksum(p->network);
  return 0;
}

#endif
