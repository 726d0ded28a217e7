/* etherswitch.h: a learning switch: what EtherSwitch and ListenEtherSwitch share. */
#ifndef CLICKLET_ELEMENTS_ETHERSWITCH_H
#define CLICKLET_ELEMENTS_ETHERSWITCH_H
#include "../ethernet/wire.h"

#define SWITCH_STATIONS_MAX (1u << 20) /* addresses at most: a flood of them must not take all memory */

typedef struct SwitchStation {
  uint8_t ether[6];
  uint16_t port; /* port + 1; 0: empty */
  uint32_t born; /* counts stations, for the order of the table */
  int64_t stamp; /* timestamp of its last packet, ns */
} SwitchStation;

typedef struct EtherSwitch {
  Element base;
  SwitchStation *stations; /* open addressing */
  uint32_t mask, count, born;
  uint32_t buckets; /* of the reference's table */
  int64_t timeout;  /* ns; 0: a hub */
  int64_t purged;   /* timestamp of the packet for which old stations were last looked for */
} EtherSwitch;

always_inline uint32_t switch_hash(const uint8_t *ether) {
  uint64_t h = (load32(ether) | (uint64_t)load16(ether + 4) << 32) * UINT64_C(0x9fb21c651e98df25);
  return (uint32_t)(h >> 32) ^ (uint32_t)(h >> 48);
}
always_inline SwitchStation *switch_find(const EtherSwitch *e, const uint8_t *ether) {
  uint32_t i = switch_hash(ether) & e->mask;
  while (e->stations[i].port && !wire_same_ether(e->stations[i].ether, ether)) i = (i + 1) & e->mask;
  return &e->stations[i]; /* it, or where it belongs */
}
void switch_add(EtherSwitch *e, const uint8_t *ether, int port, int64_t stamp);
void switch_remove(EtherSwitch *e, SwitchStation *s);

/* Learns the source and looks up the destination. The output, or -1: all. */
always_inline int switch_output(EtherSwitch *e, int port, const Packet *p) {
  if (unlikely(p->len < 12 || !e->timeout)) return -1;
  const uint8_t *dst = p->data, *src = dst + 6;
  SwitchStation *s = switch_find(e, src);
  if (likely(s->port)) {
    s->port = (uint16_t)(port + 1);
    s->stamp = p->timestamp;
  } else {
    switch_add(e, src, port, p->timestamp);
  }
  if (dst[0] & 1) return -1;
  s = switch_find(e, dst);
  if (!s->port) return -1;
  if (likely(p->timestamp < s->stamp + e->timeout)) return s->port - 1;
  switch_remove(e, s);
  return -1;
}

/* Sends to all outputs but the source's, the last one first. */
void switch_flood(EtherSwitch *e, int port, Packet *p);

int switch_initialize(Element *e, Errors *errs);
void switch_cleanup(Element *e);
void switch_take_state(Element *e, Element *old);
void *switch_cast(Element *e, const char *name);
int switch_table(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int switch_timeout(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);

#define SWITCH_ARGS(T) ARG(T, INTERVAL, "TIMEOUT", timeout, "300", .min = 0, .max = 4e18)
#define SWITCH_HANDLERS(T)                                                                                   \
  READ_FN("table", switch_table),                                                                            \
      RW_FN("timeout", switch_timeout, handler_write_field, .type = ARG_INTERVAL, FIELD_OF(T, timeout))

#endif
