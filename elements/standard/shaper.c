/** Shaper: lets packets be pulled at a limited rate.
 *
 * Synopsis: `Shaper(RATE)`
 *
 * Ports: 1 pull input; output 0 (pull) gives RATE packets a second at most, evenly spaced, and nothing to
 * pulls that come too soon. Optional output 1 (pull) gives packets just when output 0 would not.
 *
 * Arguments: RATE (unsigned): packets a second. Required.
 *
 * Handlers: `rate` (read/write). `reset` (write): forgets what is owed. The configuration can be rewritten
 * while it runs.
 *
 * Example: `InfiniteSource -> Queue -> Shaper(1000) -> TimedSink(100us);`
 */
#include "gap_rate.h"

typedef struct Shaper {
  Element base;
  uint32_t rate;
  GapRate gap;
} Shaper;

static unsigned shaper_pull(Element *e, int port, Packet **p, unsigned max) {
  Shaper *s = (Shaper *)e;
  unsigned n = 0;
  for (; n < max; n++) {
    bool due = gap_rate_due(&s->gap, time_now(e));
    if (due != (port == 0) || !input_pull_batch(e, 0, p + n, 1)) break;
    if (due) s->gap.count++;
  }
  return n;
}

static bool shaper_live(Element *e) {
  (void)e;
  return true;
}

static int shaper_configure(Element *e, const Args *args, Errors *errs) {
  Shaper *s = (Shaper *)e;
  (void)args, (void)errs;
  if (s->rate == s->gap.rate) return 0;
  s->gap.rate = s->rate;
  if (s->gap.second && s->rate) s->gap.count = time_now(e) % NSEC_PER_SEC / NSEC_PER_USEC * s->rate / 1000000;
  return 0;
}

static int shaper_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  gap_rate_reset(&((Shaper *)e)->gap);
  return 0;
}

ELEMENT(Shaper, .ports = "1/1-2", .processing = "l/l", .pull = shaper_pull,
        .can_live_reconfigure = shaper_live, .configure = shaper_configure,
        .args = ARGS(ARG_MUST(Shaper, U32, "RATE", rate)),
        .handlers = HANDLERS(RW_FIELD(Shaper, U32, "rate", rate, .write = handler_write_keyword),
                             WRITE_FN("reset", shaper_reset)));
