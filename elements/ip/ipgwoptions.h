/* ipgwoptions.h: the IP options that routers process, for IPGWOptions and IPOutputCombo. */
#ifndef CLICKLET_ELEMENTS_IPGWOPTIONS_H
#define CLICKLET_ELEMENTS_IPGWOPTIONS_H
#include "iplist.h"

typedef struct IPGWOptions {
  Element base;
  uint32_t addr;
  IPList others;
  uint64_t drops;
} IPGWOptions;

enum { GW_OPT_END = 0, GW_OPT_NOP = 1, GW_OPT_ROUTE = 7, GW_OPT_TIME = 68 };

/* Each handles one option of n >= 2 bytes at o and returns 0, or the offset in the option of the byte that is
 * wrong. */
static inline int gw_record_route(IPGWOptions *e, uint8_t *o, unsigned n) {
  if (n < 3) return 2; /* no room for the pointer */
  unsigned at = o[2] - 1u;
  if (at >= 3 && at + 4 <= n && o[2]) {
    store32(o + at, e->addr);
    o[2] = (uint8_t)(o[2] + 4);
  } else if (at != n)
    return 2;
  return 0;
}

static inline int gw_timestamp(IPGWOptions *e, uint8_t *o, unsigned n) {
  if (n < 4) return 2;
  unsigned at = o[2] - 1u, overflow = o[3] >> 4, kind = o[3] & 15;
  int64_t now = time_now(&e->base);
  uint32_t ms = be32((uint32_t)(now / NSEC_PER_MSEC % 86400000));
  if (!o[2] || at < 4) return 2;
  if (kind == 0 && at + 4 <= n) {
    store32(o + at, ms);
    o[2] = (uint8_t)(o[2] + 4);
  } else if (kind == 1 && at + 8 <= n) {
    store32(o + at, e->addr);
    store32(o + at + 4, ms);
    o[2] = (uint8_t)(o[2] + 8);
  } else if (kind == 3 && at + 8 <= n) { /* only if the next hop named is this router */
    uint32_t asked = load32(o + at);
    if (asked == e->addr || ip_list_has(&e->others, asked)) {
      store32(o + at + 4, ms);
      o[2] = (uint8_t)(o[2] + 8);
    }
  } else if (kind <= 1 && overflow < 15)
    o[3] = (uint8_t)((overflow + 1) << 4 | kind); /* full: count it */
  else
    return 3;
  return 0;
}

static __attribute__((noinline, unused)) int ip_gw_options_slow(IPGWOptions *e, Packet *p) {
  bool writable = false;
  uint8_t *h = ip_full_header(p);
  if (!h) return 0;
  unsigned end = ip_hlen(h), at = 20;
  while (at < end && h[at] != GW_OPT_END) {
    unsigned type = h[at], n = type == GW_OPT_NOP ? 1 : at + 1 < end ? h[at + 1] : 0;
    int wrong = 0;
    if (type != GW_OPT_NOP && (n < 2 || at + n > end))
      wrong = 1;
    else if (type == GW_OPT_ROUTE || type == GW_OPT_TIME) {
      if (!writable && !packet_unique(p)) return PACKET_DROP;
      writable = true;
      h = p->network;
      wrong = type == GW_OPT_ROUTE ? gw_record_route(e, h + at, n) : gw_timestamp(e, h + at, n);
    }
    if (wrong) {
      e->drops++;
      set_anno_u8(p, ANNO_ICMP_PARAMPROB, (uint8_t)(at + (unsigned)wrong));
      return 1;
    }
    at += n;
  }
  if (writable) ip_set_checksum(h);
  return 0;
}

#endif
