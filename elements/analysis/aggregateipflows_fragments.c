/* aggregateipflows_fragments.c: fragments get the numbers of their flows: what is known of them between two
 * hosts, and what waits for a first fragment. */
#include "aggregateipflows.h"

AggregatePair **aggregate_pair_find(AggregateIPFlows *a, uint32_t x, uint32_t y) {
  uint32_t low = x < y ? x : y, high = x < y ? y : x;
  AggregatePair **at = &a->pairs[((low ^ high * 2654435769u) * 2246822519u) >> 24];
  while (*at && ((*at)->addr[0] != low || (*at)->addr[1] != high)) at = &(*at)->next;
  return at;
}

AggregateFragment *aggregate_fragment_find(AggregatePair *pair, const uint8_t *ip) {
  for (AggregateFragment *f = pair->fragments; f; f = f->next)
    if (f->id == load16(ip + 4) && f->src == load32(ip + 12) && f->proto == ip[9]) return f;
  return NULL;
}

static bool is_unknown(const Packet *p) {
  return aggregate_later_fragment(p->network) && !anno_u32(p, ANNO_AGGREGATE);
}

void aggregate_fragment_mark(AggregateIPFlows *a, const AggregateFragment *f, Packet *p) {
  AggregateFlow *flow = *aggregate_flow_find(a, &f->key);
  if (flow && flow->aggregate == f->aggregate) {
    flow->packets[f->paint]++;
    if (p->timestamp > flow->last) flow->last = p->timestamp;
  }
  set_anno_u32(p, ANNO_AGGREGATE, f->aggregate);
  set_anno_u8(p, ANNO_PAINT, f->paint);
}

/* Lets go of held packets up to the first that must wait still; of all if `all`. */
static void aggregate_pair_release(AggregateIPFlows *a, AggregatePair *pair, int64_t now, bool all) {
  while (pair->head) {
    Packet *p = pair->head;
    bool unknown = is_unknown(p);
    if (unknown && !all && aggregate_seconds(now) <= aggregate_seconds(p->timestamp) + a->fragment_timeout)
      return;
    if (!(pair->head = p->next)) pair->tail = NULL;
    p->next = NULL;
    output_push(&a->base, unknown, p);
  }
}

void aggregate_pairs_purge(AggregateIPFlows *a, int64_t now, bool all) {
  for (unsigned i = 0; i < AGGREGATE_PAIR_BUCKETS; i++)
    for (AggregatePair **at = &a->pairs[i], *pair; (pair = *at);) {
      aggregate_pair_release(a, pair, now, all);
      for (AggregateFragment **fat = &pair->fragments, *f; (f = *fat);)
        if (all || aggregate_seconds(now) > aggregate_seconds(f->seen) + a->fragment_timeout) {
          *fat = f->next;
          mem_free(f);
        } else
          fat = &f->next;
      if (pair->head || pair->fragments) {
        at = &pair->next;
        continue;
      }
      *at = pair->next;
      a->npairs--;
      mem_free(pair);
    }
}

AggregatePair *aggregate_pair_make(AggregateIPFlows *a, const uint8_t *ip) {
  uint32_t x = load32(ip + 12), y = load32(ip + 16);
  AggregatePair **at = aggregate_pair_find(a, x, y);
  if (*at) return *at;
  if (!(*at = mem_alloc(sizeof **at))) return NULL;
  (*at)->addr[0] = x < y ? x : y;
  (*at)->addr[1] = x < y ? y : x;
  a->npairs++;
  return *at;
}

void aggregate_fragment_first(AggregateIPFlows *a, const Packet *p, const AggregateFlowKey *key) {
  const uint8_t *ip = p->network;
  AggregatePair *pair = aggregate_pair_make(a, ip);
  if (!pair) return;
  AggregateFragment *f = aggregate_fragment_find(pair, ip);
  if (!f) {
    if (!(f = mem_alloc(sizeof *f))) return;
    f->next = pair->fragments;
    pair->fragments = f;
  }
  f->key = *key;
  f->src = load32(ip + 12);
  f->id = load16(ip + 4);
  f->proto = ip[9];
  f->aggregate = anno_u32(p, ANNO_AGGREGATE);
  f->paint = anno_u8(p, ANNO_PAINT);
  f->seen = p->timestamp;
  for (Packet *q = pair->head; q; q = q->next)
    if (is_unknown(q) && aggregate_fragment_find(pair, q->network) == f) aggregate_fragment_mark(a, f, q);
}

void aggregate_pair_hold(AggregateIPFlows *a, Packet *p) {
  AggregatePair *pair = aggregate_pair_make(a, p->network);
  if (!pair) {
    packet_free(p);
    return;
  }
  p->next = NULL;
  if (pair->tail)
    pair->tail->next = p;
  else
    pair->head = p;
  pair->tail = p;
  aggregate_pair_release(a, pair, p->timestamp, false);
}

void aggregate_pairs_free(AggregateIPFlows *a) {
  for (unsigned i = 0; i < AGGREGATE_PAIR_BUCKETS; i++)
    for (AggregatePair *pair = a->pairs[i], *next; pair; pair = next) {
      next = pair->next;
      for (AggregateFragment *f = pair->fragments, *g; f; f = g) g = f->next, mem_free(f);
      packet_free_list(pair->head);
      mem_free(pair);
    }
}
