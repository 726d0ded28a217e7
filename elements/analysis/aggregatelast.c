/** AggregateLast: lets through the last packet of each aggregate.
 *
 * Synopsis: `AggregateLast([<keywords> NOTIFIER, STOP_AFTER_CLEAR])`
 *
 * Keeps one packet of each aggregate; when the next comes, the kept one leaves on output 1 or is dropped. The
 * extra packets, extra length and first timestamp annotations of a packet say what the aggregate had up to
 * it.
 *
 * Arguments: NOTIFIER (element): one that numbers aggregates, as AggregateIPFlows; when it says that an
 * aggregate has ended, its last packet leaves on output 0. STOP_AFTER_CLEAR (bool): stops the driver after
 * `clear`. Default false.
 *
 * Handlers: `clear` (write): lets all kept packets out on output 0, in the order of their aggregates.
 *
 * Unlike the reference, packets leave at once, not when the driver runs next.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> AggregateIPFlows -> l :: AggregateLast -> IPPrint
 * -> Discard; DriverManager(pause, write l.clear);`
 */
#include "aggregate.h"

typedef struct AggregateLast {
  Element base;
  Element *notifier;
  bool stop_after_clear;
  AggregateListener listener;
  AggregateMap kept;
} AggregateLast;

static void last_push(Element *e, int port, Packet **p, unsigned n) {
  AggregateLast *l = (AggregateLast *)e;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    bool made;
    AggregatePlace *place = aggregate_place(&l->kept, anno_u32(p[i], ANNO_AGGREGATE), &made);
    if (!place) {
      packet_free(p[i]);
      continue;
    }
    Packet *old = place->value;
    if (!old)
      store64(p[i]->anno + ANNO_FIRST_TIMESTAMP, (uint64_t)p[i]->timestamp);
    else {
      set_anno_u32(p[i], ANNO_EXTRA_PACKETS,
                   anno_u32(p[i], ANNO_EXTRA_PACKETS) + 1 + anno_u32(old, ANNO_EXTRA_PACKETS));
      set_anno_u32(p[i], ANNO_EXTRA_LENGTH,
                   anno_u32(p[i], ANNO_EXTRA_LENGTH) + old->len + anno_u32(old, ANNO_EXTRA_LENGTH));
      memcpy(p[i]->anno + ANNO_FIRST_TIMESTAMP, old->anno + ANNO_FIRST_TIMESTAMP, 8);
    }
    place->value = p[i];
    if (old) output_push(e, 1, old);
  }
}

static void last_hear(Element *e, uint32_t aggregate, bool begins, const Packet *p) {
  AggregateLast *l = (AggregateLast *)e;
  AggregatePlace *place = aggregate_find(&l->kept, aggregate);
  (void)p;
  if (!place || begins) return;
  Packet *last = place->value;
  aggregate_remove(&l->kept, place);
  output_push(e, 0, last);
}

static int last_clear(Element *e, const Handler *h, const char *value, Errors *errs) {
  AggregateLast *l = (AggregateLast *)e;
  (void)h, (void)value;
  AggregateMap kept = l->kept;
  l->kept = (AggregateMap){0};
  uint32_t n = 0;
  for (uint32_t i = 0; i < kept.size; i++)
    if (kept.places[i].used) kept.places[n++] = kept.places[i];
  aggregate_sort(kept.places, n);
  for (uint32_t i = 0; i < n; i++) output_push(e, 0, kept.places[i].value);
  mem_free(kept.places);
  if (l->stop_after_clear) router_stop(e->router);
  (void)errs;
  return 0;
}

static int last_initialize(Element *e, Errors *errs) {
  AggregateLast *l = (AggregateLast *)e;
  l->listener = (AggregateListener){.element = e, .hear = last_hear};
  return l->notifier ? aggregate_listen(l->notifier, &l->listener, errs) : 0;
}

static void last_cleanup(Element *e) {
  AggregateLast *l = (AggregateLast *)e;
  for (uint32_t i = 0; i < l->kept.size; i++)
    if (l->kept.places[i].used) packet_free(l->kept.places[i].value);
  aggregate_map_free(&l->kept);
}

ELEMENT(AggregateLast, .ports = "1/1-2", .processing = "h/h", .push = last_push,
        .initialize = last_initialize, .cleanup = last_cleanup,
        .args = ARGS(ARG(AggregateLast, ELEMENT, "NOTIFIER", notifier, NULL),
                     ARG(AggregateLast, BOOL, "STOP_AFTER_CLEAR", stop_after_clear, "false")),
        .handlers = HANDLERS(WRITE_FN("clear", last_clear)));
