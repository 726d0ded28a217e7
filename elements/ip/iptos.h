/* iptos.h: changing the TOS byte of an IP header, checksum included. */
#ifndef CLICKLET_ELEMENTS_IPTOS_H
#define CLICKLET_ELEMENTS_IPTOS_H
#include "ip.h"

/* Sets the bits of `mask` in the TOS byte to those of `value`. False when memory is out. */
static inline bool ip_set_tos(Packet *p, uint8_t mask, uint8_t value) {
  if (unlikely(!packet_unique(p))) return false;
  uint8_t *h = p->network;
  uint16_t old = load16(h);
  h[1] = (uint8_t)((h[1] & ~mask) | value);
  store16(h + 10, in_update16(load16(h + 10), old, load16(h)));
  return true;
}

#endif
