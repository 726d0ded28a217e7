/* arptable.h: the table of IP and Ethernet addresses that ARPTable and ARPQuerier share. Times are
 * milliseconds of the steady clock, the resolution in which the table is shown. */
#ifndef CLICKLET_ELEMENTS_ARPTABLE_H
#define CLICKLET_ELEMENTS_ARPTABLE_H
#include "wire.h"

typedef struct ArpEntry ArpEntry;
struct ArpEntry {
  uint32_t ip;
  uint8_t ether[6];
  bool known;
  uint8_t polls;        /* queries since the last reply, at most 255 */
  int64_t live, polled; /* when it was last confirmed, last asked for */
  ArpEntry *hash_next;
  ArpEntry *older, *newer; /* by `live` */
  Packet *head, *tail;     /* waiting for an answer, with room made for the Ethernet header */
  uint32_t packets;        /* of them */
};

typedef struct ArpCache {
  ArpEntry **buckets;
  uint32_t mask, count; /* buckets - 1; entries */
  ArpEntry *oldest, *newest, *unused;
  ArpEntry **chunks; /* memory of the entries */
  uint32_t nchunks;
  uint32_t length;                                          /* packets waiting, in all */
  uint32_t capacity, entry_capacity, entry_packet_capacity; /* 0: no limit */
  uint32_t slim_factor;
  int64_t timeout; /* ns as given; 0: entries stay */
  uint64_t drops;
} ArpCache;

enum { ARP_UNKNOWN = -1, ARP_KNOWN, ARP_POLL };

always_inline int64_t arp_now(const Element *e) { return time_recent(e) / NSEC_PER_MSEC; }
always_inline int64_t arp_now_exact(const Element *e) {
  return time_steady(e) / NSEC_PER_MSEC;
} /* for handlers and timers */
always_inline uint32_t arp_hash(uint32_t ip) {
  uint32_t h = ip * 0x9e3779b1u;
  return h ^ (h >> 15);
}
always_inline ArpEntry *arp_find(const ArpCache *c, uint32_t ip) {
  if (unlikely(!c->buckets)) return NULL;
  ArpEntry *x = c->buckets[arp_hash(ip) & c->mask];
  while (x && x->ip != ip) x = x->hash_next;
  return x;
}
always_inline bool arp_expired(const ArpCache *c, const ArpEntry *x, int64_t now) {
  return c->timeout && x->live + c->timeout / NSEC_PER_MSEC < now;
}
always_inline bool arp_is_known(const ArpCache *c, const ArpEntry *x, int64_t now) {
  return x->known && !arp_expired(c, x, now);
}
/* At most 10 queries a second, and one in two seconds after ten without an answer. */
always_inline bool arp_may_ask(const ArpEntry *x, int64_t now) {
  return now >= x->polled + (x->polls >= 10 ? 2000 : 100);
}
always_inline void arp_asked(ArpEntry *x, int64_t now) {
  x->polled = now;
  if (x->polls < 255) x->polls++;
}

/* Copies the Ethernet address of ip: ARP_KNOWN, or ARP_POLL if it is `poll` ms old and should be asked for
 * again (which is then noted); ARP_UNKNOWN otherwise. */
always_inline int arp_lookup(ArpCache *c, uint32_t ip, uint8_t ether[6], int64_t poll, int64_t now) {
  ArpEntry *x = arp_find(c, ip);
  if (unlikely(!x || !arp_is_known(c, x, now))) return ARP_UNKNOWN;
  memcpy(ether, x->ether, 6);
  if (likely(!poll || now < x->live + poll || !arp_may_ask(x, now))) return ARP_KNOWN;
  arp_asked(x, now);
  return ARP_POLL;
}

/* Learns an address (the broadcast address: forgets it). With `waiting`, hands over the packets that wait,
 * along next. False when memory is out. */
bool arp_insert(ArpCache *c, uint32_t ip, const uint8_t ether[6], int64_t now, Packet **waiting);
/* Keeps p until the address is known. Returns 1 if a query should be sent, 0 if not, -1 if p was not taken.
 */
int arp_wait(ArpCache *c, uint32_t ip, Packet *p, int64_t now);
void arp_slim(ArpCache *c, int64_t now); /* forgets what expired and what is too much */
void arp_clear(ArpCache *c);
void arp_free(ArpCache *c);
void arp_move(ArpCache *to, ArpCache *from); /* hot swap: entries, packets and counts, not the limits */
void arp_table_text(const ArpCache *c, int64_t now, Text *out);
int arp_write_insert(Element *e, ArpCache *c, const char *value, Errors *errs); /* "IP ETH" */
int arp_write_delete(Element *e, ArpCache *c, const char *value, Errors *errs); /* "IP" */

#endif
