/* aggregateipflows.h: between the parts of AggregateIPFlows: flows (aggregateipflows.c) and fragments
 * (aggregateipflows_fragments.c). */
#ifndef CLICKLET_ELEMENTS_AGGREGATEIPFLOWS_H
#define CLICKLET_ELEMENTS_AGGREGATEIPFLOWS_H
#include "../ip/ip.h"
#include "aggregate.h"

typedef struct AggregateFlowKey {
  uint32_t addr[2]; /* the smaller endpoint first */
  uint16_t port[2];
  uint8_t proto;
} AggregateFlowKey;

typedef struct AggregateFlow AggregateFlow;
struct AggregateFlow {
  AggregateFlow *next; /* in its bucket; in the list of those that end */
  AggregateFlowKey key;
  uint32_t aggregate;
  bool flipped;   /* its first packet came from the larger endpoint */
  uint8_t closed; /* bit of each direction that sent FIN */
  int64_t begin, last;
  uint64_t packets[2];
  char *filepos;
};

/* What is known of fragments between two hosts. */
typedef struct AggregateFragment AggregateFragment;
struct AggregateFragment {
  AggregateFragment *next;
  AggregateFlowKey key;
  uint32_t src, aggregate;
  uint16_t id;
  uint8_t proto, paint;
  int64_t seen;
};
typedef struct AggregatePair AggregatePair;
struct AggregatePair {
  AggregatePair *next;
  uint32_t addr[2];             /* the smaller first */
  AggregateFragment *fragments; /* first fragments that came */
  Packet *head, *tail;          /* held */
};

enum { AGGREGATE_PAIR_BUCKETS = 256 };

typedef struct AggregateIPFlows {
  Element base;
  AggregateNotifier notifier;
  char *traceinfo;
  void *trace;
  Element *source;
  uint32_t tcp_timeout, done_timeout, udp_timeout, fragment_timeout, reap;
  bool icmp, fragments, fragments_given;
  AggregateFlow **flows;
  uint32_t buckets, nflows, next_aggregate;
  AggregatePair *pairs[AGGREGATE_PAIR_BUCKETS];
  uint32_t npairs;
  int64_t reap_at, purge_at; /* packet time, s; 0: not yet known */
} AggregateIPFlows;

static inline int64_t aggregate_seconds(int64_t ns) {
  return ns >= 0 ? ns / NSEC_PER_SEC : -((-ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
}

static inline bool aggregate_later_fragment(const uint8_t *ip) { return !ip_first_fragment(ip); }

static inline uint32_t aggregate_flow_hash(const AggregateFlowKey *k) {
  uint32_t h = k->addr[0] * 2654435769u ^ k->addr[1];
  h = (h ^ h >> 15) * 2246822519u ^ ((uint32_t)k->port[0] << 16 | k->port[1]) ^ k->proto;
  h *= 3266489917u;
  return h ^ h >> 16;
}

static inline bool aggregate_flow_same(const AggregateFlowKey *a, const AggregateFlowKey *b) {
  return a->addr[0] == b->addr[0] && a->addr[1] == b->addr[1] && a->port[0] == b->port[0] &&
         a->port[1] == b->port[1] && a->proto == b->proto;
}

/* Where a flow hangs, or would. */
static inline AggregateFlow **aggregate_flow_find(AggregateIPFlows *a, const AggregateFlowKey *k) {
  AggregateFlow **at = &a->flows[aggregate_flow_hash(k) & (a->buckets - 1)];
  while (*at && !aggregate_flow_same(&(*at)->key, k)) at = &(*at)->next;
  return at;
}

/* Where what is known of two hosts hangs, or would; and made if need be, NULL when out of memory. */
AggregatePair **aggregate_pair_find(AggregateIPFlows *a, uint32_t x, uint32_t y);
AggregatePair *aggregate_pair_make(AggregateIPFlows *a, const uint8_t *ip);
AggregateFragment *aggregate_fragment_find(AggregatePair *pair, const uint8_t *ip);
/* Numbers a later fragment as its first. */
void aggregate_fragment_mark(AggregateIPFlows *a, const AggregateFragment *f, Packet *p);
/* Takes a first fragment, whose flow is known: those that wait for it can go. */
void aggregate_fragment_first(AggregateIPFlows *a, const Packet *p, const AggregateFlowKey *key);
/* A packet waits behind others of its hosts; those that need not wait any more go. */
void aggregate_pair_hold(AggregateIPFlows *a, Packet *p);
/* Forgets first fragments and lets go of later ones that are older than the timeout. */
void aggregate_pairs_purge(AggregateIPFlows *a, int64_t now, bool all);
void aggregate_pairs_free(AggregateIPFlows *a);

#endif
