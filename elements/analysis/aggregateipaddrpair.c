/** AggregateIPAddrPair: numbers pairs of IP addresses in the aggregate annotation.
 *
 * Synopsis: `AggregateIPAddrPair([<keywords> TIMEOUT, REAP])`
 *
 * Packets between two hosts, in both directions, get the same number; numbers begin at 1. The paint
 * annotation says the direction: 0 that of the pair's first packet, 1 the other. Packets without an IP header
 * leave on output 1 or are dropped.
 *
 * Arguments: TIMEOUT (seconds of packet time): a pair that was silent for longer gets a new number. Default
 * 0: never. REAP (seconds): how often such pairs are removed; default 1200.
 *
 * Handlers: `clear` (write): forgets all pairs.
 *
 * Unlike the reference, whose TIMEOUT ends every pair at its next packet.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> AggregateIPAddrPair -> AggregateCounter ->
 * Discard;`
 */
#include "../ip/ip.h"
#include "aggregate.h"

typedef struct AddrPair AddrPair;
struct AddrPair {
  AddrPair *next;
  uint32_t low, high, aggregate;
  bool flipped; /* the first packet came from the higher address */
  int64_t last; /* s, packet time */
};

typedef struct AggregateIPAddrPair {
  Element base;
  AggregateNotifier notifier;
  uint32_t timeout, reap;
  AddrPair **buckets;
  uint32_t size, n, next_aggregate;
  int64_t reap_at; /* s, packet time; 0: not yet known */
} AggregateIPAddrPair;

static inline uint32_t pair_hash(uint32_t low, uint32_t high) {
  uint32_t h = (low ^ high * 2654435769u) * 2246822519u;
  return h ^ h >> 16;
}

static bool pairs_grow(AggregateIPAddrPair *a) {
  uint32_t size = a->size ? 2 * a->size : 256;
  AddrPair **wide = mem_alloc(size * sizeof *wide);
  if (!wide) return false;
  for (uint32_t i = 0; i < a->size; i++)
    for (AddrPair *p = a->buckets[i], *next; p; p = next) {
      next = p->next;
      AddrPair **b = &wide[pair_hash(p->low, p->high) & (size - 1)];
      p->next = *b;
      *b = p;
    }
  mem_free(a->buckets);
  a->buckets = wide;
  a->size = size;
  return true;
}

/* Forgets the pairs that are late at `now`, or all. */
static void pairs_reap(AggregateIPAddrPair *a, int64_t now, bool all) {
  for (uint32_t i = 0; i < a->size; i++)
    for (AddrPair **at = &a->buckets[i], *p; (p = *at);) {
      if (!all && now <= p->last + a->timeout) {
        at = &p->next;
        continue;
      }
      *at = p->next;
      aggregate_tell(&a->notifier, p->aggregate, false, NULL);
      mem_free(p);
      a->n--;
    }
}

static inline int pair_action(AggregateIPAddrPair *a, Packet *p) {
  const uint8_t *ip = ip_header(p);
  if (!ip) return 1;
  int64_t now = p->timestamp / NSEC_PER_SEC;
  if (a->timeout && unlikely(!a->reap_at || now >= a->reap_at)) {
    if (a->reap_at) pairs_reap(a, now, false);
    a->reap_at = now + a->reap;
  }
  uint32_t src = ip_src(ip), dst = ip_dst(ip), low = src < dst ? src : dst, high = src < dst ? dst : src;
  AddrPair *pair = a->buckets[pair_hash(low, high) & (a->size - 1)];
  while (pair && (pair->low != low || pair->high != high)) pair = pair->next;
  bool begins = !pair;
  if (!pair) {
    if (a->n >= a->size) pairs_grow(a);
    if (!(pair = mem_alloc(sizeof *pair))) return PACKET_DROP;
    AddrPair **at = &a->buckets[pair_hash(low, high) & (a->size - 1)];
    *pair = (AddrPair){.next = *at, .low = low, .high = high};
    *at = pair;
    a->n++;
  } else if (a->timeout && now > pair->last + a->timeout) {
    aggregate_tell(&a->notifier, pair->aggregate, false, NULL);
    begins = true;
  }
  if (begins) {
    pair->aggregate = a->next_aggregate;
    pair->flipped = src > dst;
    if (!++a->next_aggregate) a->next_aggregate = 1;
  }
  pair->last = now;
  set_anno_u32(p, ANNO_AGGREGATE, pair->aggregate);
  set_anno_u8(p, ANNO_PAINT, (src > dst) != pair->flipped);
  if (begins) aggregate_tell(&a->notifier, pair->aggregate, true, p);
  return 0;
}

ACTION(AggregateIPAddrPair, pair_action)

static int pair_configure(Element *e, const Args *args, Errors *errs) {
  AggregateIPAddrPair *a = (AggregateIPAddrPair *)e;
  (void)args;
  a->next_aggregate = 1;
  return pairs_grow(a) ? 0 : error(errs, "out of memory");
}

static void pair_cleanup(Element *e) {
  AggregateIPAddrPair *a = (AggregateIPAddrPair *)e;
  a->notifier.listeners = NULL; /* they may be gone */
  pairs_reap(a, 0, true);
  mem_free(a->buckets);
}

static int pair_clear(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  pairs_reap((AggregateIPAddrPair *)e, 0, true);
  return 0;
}

static void *pair_cast(Element *e, const char *name) {
  return !strcmp(name, "AggregateNotifier") ? &((AggregateIPAddrPair *)e)->notifier : NULL;
}

ELEMENT(AggregateIPAddrPair, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(AggregateIPAddrPair, pair_action), .configure = pair_configure, .cleanup = pair_cleanup,
        .cast = pair_cast,
        .args = ARGS(ARG(AggregateIPAddrPair, U32, "TIMEOUT", timeout, "0"),
                     ARG(AggregateIPAddrPair, U32, "REAP", reap, "1200", .min = 1, .max = UINT32_MAX)),
        .handlers = HANDLERS(WRITE_FN("clear", pair_clear)));
