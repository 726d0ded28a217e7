/** SetTimestampDelta: replaces timestamps by differences of times.
 *
 * Synopsis: `SetTimestampDelta([<keywords> TYPE])`. Packets without timestamp stay so.
 *
 * Arguments: TYPE: RANGE: time since the first timestamp seen (default); NOW: time from the timestamp to now;
 * FIRST: time from the first timestamp annotation to the timestamp.
 *
 * Handlers: `first` (read): the first timestamp seen. `reset` (write): forgets it.
 *
 * Example: `FromDump(in.pcap, STOP true) -> SetTimestampDelta -> Print(TIMESTAMP true) -> Discard;`
 */
#include <clicklet/element.h>

enum { DELTA_RANGE, DELTA_NOW, DELTA_FIRST };

typedef struct SetTimestampDelta {
  Element base;
  int type;
  int64_t first;
} SetTimestampDelta;

static inline int set_timestamp_delta(SetTimestampDelta *e, Packet *p) {
  if (!p->timestamp) return 0;
  if (e->type == DELTA_NOW)
    p->timestamp = time_now(&e->base) - p->timestamp;
  else if (e->type == DELTA_FIRST)
    p->timestamp -= (int64_t)load64(p->anno + ANNO_FIRST_TIMESTAMP);
  else {
    if (!e->first) e->first = p->timestamp;
    p->timestamp -= e->first;
  }
  return 0;
}

ACTION(SetTimestampDelta, set_timestamp_delta)

static int read_first(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_printf(out, "%pT\n", &((SetTimestampDelta *)e)->first);
  return 0;
}

static int write_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((SetTimestampDelta *)e)->first = 0;
  return 0;
}

static const char *const delta_types[] = {"RANGE", "NOW", "FIRST", NULL};

ELEMENT(SetTimestampDelta, .ports = "1/1", USE_ACTION(SetTimestampDelta, set_timestamp_delta),
        .args = ARGS(ARG(SetTimestampDelta, CHOICE, "TYPE", type, "RANGE", .choices = delta_types)),
        .handlers = HANDLERS(READ_FN("first", read_first),
                             WRITE_FN("reset", write_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
