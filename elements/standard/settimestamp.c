/** SetTimestamp: sets the timestamp annotation of packets.
 *
 * Synopsis: `SetTimestamp([TIMESTAMP, <keyword> FIRST])`
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: TIMESTAMP (time, seconds since 1970): the value; without it, or when negative, the time at which
 * the packet passes. FIRST (bool): sets the first-timestamp annotation instead. Default false.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3, TIMESTAMP false) -> SetTimestamp -> Print(TIMESTAMP true) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct SetTimestamp {
  Element base;
  int64_t time; /* ns, negative: the present */
  bool first, delta;
} SetTimestamp;

static inline int set_timestamp_action(SetTimestamp *e, Packet *p) {
  int64_t t = e->time < 0 ? time_now(&e->base) : e->time;
  if (likely(!e->first))
    p->timestamp = t;
  else
    store64(p->anno + ANNO_FIRST_TIMESTAMP, (uint64_t)t);
  return 0;
}

ACTION(SetTimestamp, set_timestamp_action)

static int set_timestamp_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  return ((SetTimestamp *)e)->delta ? error(errs, "DELTA is gone: use SetTimestampDelta(TYPE FIRST)") : 0;
}

ELEMENT(SetTimestamp, .per_thread = true, .ports = "1/1", USE_ACTION(SetTimestamp, set_timestamp_action),
        .configure = set_timestamp_configure,
        .args = ARGS(ARG_POS(SetTimestamp, TIMESTAMP, "TIMESTAMP", time, "-1"),
                     ARG(SetTimestamp, BOOL, "FIRST", first, "false"),
                     ARG(SetTimestamp, BOOL, "DELTA", delta, "false", .flags = ARG_DEPRECATED)));
