/** AggregateFirst: lets through the first packet of each aggregate.
 *
 * Synopsis: `AggregateFirst([<keyword> NOTIFIER])`
 *
 * Further packets with the same aggregate annotation leave on output 1, or are dropped.
 *
 * Arguments: NOTIFIER (element): one that numbers aggregates, as AggregateIPFlows; aggregates that it says
 * have ended are forgotten.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> f :: AggregateIPFlows -> AggregateFirst(NOTIFIER
 * f) -> IPPrint -> Discard;`
 */
#include "aggregate.h"

typedef struct AggregateFirst {
  Element base;
  Element *notifier;
  AggregateListener listener;
  AggregateMap seen;
} AggregateFirst;

static inline int first_action(AggregateFirst *f, Packet *p) {
  bool made;
  return aggregate_place(&f->seen, anno_u32(p, ANNO_AGGREGATE), &made) && made ? 0 : 1;
}

ACTION(AggregateFirst, first_action)

static void first_hear(Element *e, uint32_t aggregate, bool begins, const Packet *p) {
  AggregateFirst *f = (AggregateFirst *)e;
  AggregatePlace *place = aggregate_find(&f->seen, aggregate);
  (void)p;
  if (place && !begins) aggregate_remove(&f->seen, place);
}

static int first_initialize(Element *e, Errors *errs) {
  AggregateFirst *f = (AggregateFirst *)e;
  f->listener = (AggregateListener){.element = e, .hear = first_hear};
  return f->notifier ? aggregate_listen(f->notifier, &f->listener, errs) : 0;
}

static void first_cleanup(Element *e) { aggregate_map_free(&((AggregateFirst *)e)->seen); }

static void first_take_state(Element *e, Element *old) {
  AggregateMap mine = ((AggregateFirst *)e)->seen;
  ((AggregateFirst *)e)->seen = ((AggregateFirst *)old)->seen;
  ((AggregateFirst *)old)->seen = mine;
}

ELEMENT(AggregateFirst, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(AggregateFirst, first_action),
        .initialize = first_initialize, .cleanup = first_cleanup, .take_state = first_take_state,
        .args = ARGS(ARG(AggregateFirst, ELEMENT, "NOTIFIER", notifier, NULL)));
