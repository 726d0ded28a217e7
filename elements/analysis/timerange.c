/** TimeRange: remembers the earliest and the latest timestamp.
 *
 * Synopsis: `TimeRange([<keywords> SIMPLE])`
 *
 * Arguments: SIMPLE (bool): timestamps only grow; default false.
 *
 * Handlers: `first`, `last`, `range` (both), `interval` (their difference; all read). `reset` (write).
 *
 * Example: `FromDump(in.pcap, STOP true) -> r :: TimeRange -> Discard;`
 */
#include <clicklet/element.h>

typedef struct TimeRange {
  Element base;
  bool simple;
  int64_t first, last;
} TimeRange;

static inline int time_range(TimeRange *e, Packet *p) {
  int64_t t = p->timestamp;
  if (!e->first)
    e->first = e->last = t;
  else if (e->simple || t > e->last)
    e->last = t;
  else if (t < e->first)
    e->first = t;
  return 0;
}

ACTION(TimeRange, time_range)

static int read_range(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  TimeRange *r = (TimeRange *)e;
  (void)param, (void)errs;
  int64_t length = r->last - r->first;
  if (h->data)
    text_printf(out, "%pT", &length);
  else
    text_printf(out, "%pT %pT", &r->first, &r->last);
  return 0;
}

static int write_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((TimeRange *)e)->first = ((TimeRange *)e)->last = 0;
  return 0;
}

ELEMENT(TimeRange, .ports = "1/1", USE_ACTION(TimeRange, time_range),
        .args = ARGS(ARG(TimeRange, BOOL, "SIMPLE", simple, "false")),
        .handlers = HANDLERS(READ_FIELD(TimeRange, TIMESTAMP, "first", first),
                             READ_FIELD(TimeRange, TIMESTAMP, "last", last), READ_FN("range", read_range),
                             READ_FN("interval", read_range, .data = 1),
                             WRITE_FN("reset", write_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
