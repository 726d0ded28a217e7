/** AdjustTimestamp: adds a time to packets' timestamps.
 *
 * Synopsis: `AdjustTimestamp(TIME [, <keywords> FIRST, ALL])`
 *
 * Arguments: TIME (time, may be negative): default 0. FIRST (bool): changes the first timestamp annotation
 * instead; default false. ALL (bool): changes timestamps that are zero too; default false.
 *
 * Handlers: `time` (read/write).
 *
 * Example: `FromDump(in.pcap, STOP true) -> AdjustTimestamp(-1.5) -> Print(TIMESTAMP true) -> Discard;`
 */
#include "../standard/units.h"
#include <clicklet/element.h>

typedef struct AdjustTimestamp {
  Element base;
  int64_t time;
  bool first, all;
} AdjustTimestamp;

static inline int adjust_timestamp(AdjustTimestamp *e, Packet *p) {
  int64_t t = e->first ? (int64_t)load64(p->anno + ANNO_FIRST_TIMESTAMP) : p->timestamp;
  if (!t && !e->all) return 0;
  if (e->first)
    store64(p->anno + ANNO_FIRST_TIMESTAMP, (uint64_t)(t + e->time));
  else
    p->timestamp = t + e->time;
  return 0;
}

ACTION(AdjustTimestamp, adjust_timestamp)

static int read_time(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_interval(out, ((AdjustTimestamp *)e)->time);
  return 0;
}

ELEMENT(AdjustTimestamp, .ports = "1/1", USE_ACTION(AdjustTimestamp, adjust_timestamp),
        .args = ARGS(ARG_POS(AdjustTimestamp, TIMESTAMP, "TIME", time, "0"),
                     ARG(AdjustTimestamp, BOOL, "FIRST", first, "false"),
                     ARG(AdjustTimestamp, BOOL, "ALL", all, "false")),
        .handlers = HANDLERS(RW_FIELD(AdjustTimestamp, TIMESTAMP, "time", time, .read = read_time)));
