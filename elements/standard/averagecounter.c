/** AverageCounter: counts packets and measures their rate from the first to the latest one.
 *
 * Synopsis: `AverageCounter([IGNORE])`
 *
 * Ports: 1 input, 1 output. Unlike Counter's moving average the rate is a plain one: everything counted over
 * all the time, in milliseconds, between the first and the latest packet.
 *
 * Arguments: IGNORE (unsigned): seconds after the first packet that are left out of count and rate. Default
 * 0.
 *
 * Handlers: `count`, `byte_count`, `rate` (packets a second), `byte_rate` (read). `reset` (write).
 *
 * Example: `RatedSource(RATE 100, LIMIT 100, STOP true) -> ac :: AverageCounter -> Discard;`
 */
#include <clicklet/element.h>

typedef struct AverageCounter {
  Element base;
  uint64_t count, byte_count;
  int64_t first, last; /* ms, 0: none yet */
  int64_t ignore_ms;
  uint32_t ignore; /* s */
} AverageCounter;

static inline int average_counter_action(AverageCounter *e, Packet *p) {
  int64_t now = time_recent(&e->base) / NSEC_PER_MSEC;
  if (unlikely(!e->first)) e->first = now;
  if (now - e->first >= e->ignore_ms) {
    e->count++;
    e->byte_count += p->len;
  }
  e->last = now;
  return 0;
}

ACTION(AverageCounter, average_counter_action)

static int average_counter_configure(Element *e, const Args *args, Errors *errs) {
  AverageCounter *c = (AverageCounter *)e;
  (void)args, (void)errs;
  c->ignore_ms = (int64_t)c->ignore * 1000;
  return 0;
}

static int average_counter_rate(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  AverageCounter *c = (AverageCounter *)e;
  (void)param, (void)errs;
  int64_t ms = c->last - c->first - c->ignore_ms;
  text_printf(out, "%.12g", (double)(h->data ? c->byte_count : c->count) * 1000 / (double)(ms < 1 ? 1 : ms));
  return 0;
}

static int average_counter_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  AverageCounter *c = (AverageCounter *)e;
  (void)h, (void)value, (void)errs;
  c->count = c->byte_count = 0;
  c->first = c->last = 0;
  return 0;
}

static void average_counter_take_state(Element *e, Element *old) {
  AverageCounter *c = (AverageCounter *)e;
  const AverageCounter *o = (const AverageCounter *)old;
  c->count = o->count;
  c->byte_count = o->byte_count;
  c->first = o->first;
  c->last = o->last;
}

ELEMENT(AverageCounter, .ports = "1/1", USE_ACTION(AverageCounter, average_counter_action),
        .configure = average_counter_configure, .take_state = average_counter_take_state,
        .args = ARGS(ARG_POS(AverageCounter, U32, "IGNORE", ignore, "0")),
        .handlers = HANDLERS(READ_FIELD(AverageCounter, U64, "count", count),
                             READ_FIELD(AverageCounter, U64, "byte_count", byte_count),
                             READ_FN("rate", average_counter_rate),
                             READ_FN("byte_rate", average_counter_rate, .data = 1),
                             WRITE_FN("reset", average_counter_reset,
                                      .flags = HANDLER_WRITE | HANDLER_BUTTON)));
