/** TimestampAccum: adds up the times from packets' timestamps to now.
 *
 * Synopsis: `TimestampAccum()`
 *
 * Handlers: `count` (read): packets. `time` (read): seconds in all. `average_time` (read): seconds a packet.
 * `reset_counts` (write).
 *
 * Example: `InfiniteSource(LIMIT 5, STOP true) -> Queue -> Unqueue -> a :: TimestampAccum -> Discard;`
 */
#include <clicklet/element.h>

typedef struct TimestampAccum {
  Element base;
  uint64_t count;
  int64_t time; /* ns */
} TimestampAccum;

static inline int timestamp_accum(TimestampAccum *e, Packet *p) {
  /* Sums of times since the epoch, of packets without a timestamp, pass what fits: they wrap. */
  e->time = (int64_t)((uint64_t)e->time + (uint64_t)time_now(&e->base) - (uint64_t)p->timestamp);
  e->count++;
  return 0;
}

ACTION(TimestampAccum, timestamp_accum)

static int read_time(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  TimestampAccum *t = (TimestampAccum *)e;
  (void)param, (void)errs;
  double seconds = (double)t->time / 1e9;
  if (h->data && !t->count)
    text_add_string(out, "-nan"); /* as the reference says 0/0 */
  else
    text_printf(out, "%.12g", h->data ? seconds / (double)t->count : seconds);
  return 0;
}

static int write_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((TimestampAccum *)e)->count = 0;
  ((TimestampAccum *)e)->time = 0;
  return 0;
}

ELEMENT(TimestampAccum, .ports = "1/1", USE_ACTION(TimestampAccum, timestamp_accum), .args = NO_ARGS,
        .handlers = HANDLERS(READ_FIELD(TimestampAccum, U64, "count", count), READ_FN("time", read_time),
                             READ_FN("average_time", read_time, .data = 1),
                             WRITE_FN("reset_counts", write_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
