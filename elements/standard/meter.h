/* meter.h: what Meter and BandwidthMeter share.
 *
 * The rate is the reference's: an exponential moving average over milliseconds with weight 1/16, in 2^-10
 * units a millisecond, back to zero after 100 milliseconds without packets.
 */
#ifndef CLICKLET_STANDARD_METER_H
#define CLICKLET_STANDARD_METER_H
#include "units.h"

#define METER_BITS 10
#define METER_WEIGHT 4 /* 2^-4 */

typedef struct Meter {
  Element base;
  int64_t average; /* 2^-10 per ms */
  int64_t current; /* in this millisecond */
  int64_t ms;
  unsigned n;
  int64_t *limits; /* n of them */
} Meter;

static inline void meter_step(Meter *m, int64_t value) {
  m->average += ((value << METER_BITS) + (1 << (METER_WEIGHT - 1)) - m->average) >> METER_WEIGHT;
}

static inline void meter_update(Meter *m, int64_t amount) {
  int64_t ms = time_recent(&m->base) / NSEC_PER_MSEC;
  if (unlikely(ms != m->ms)) {
    meter_step(m, m->current);
    int64_t quiet = ms - m->ms - 1;
    if (quiet >= 100)
      m->average = 0;
    else
      for (; quiet > 0; quiet--) meter_step(m, 0);
    m->current = 0;
    m->ms = ms;
  }
  m->current += amount;
}

/* The output for the present rate. */
static inline int meter_output(const Meter *m) {
  unsigned i = 0;
  while (i < m->n && m->average >= m->limits[i]) i++;
  return (int)i;
}

static inline int meter_configure_limits(Meter *m, const Args *args, Errors *errs) {
  unsigned n = args_count(args);
  uint64_t before = 0;
  int rc = 0;
  if (!n) return error(errs, "missing argument RATE");
  if (n + 1 != m->base.noutputs)
    return error(errs, "%u rates need %u outputs, not %u", n, n + 1, m->base.noutputs);
  mem_free(m->limits);
  if (!(m->limits = mem_alloc(n * sizeof *m->limits))) return error(errs, "out of memory");
  for (unsigned i = 0; i < n; i++) {
    uint64_t rate = 0;
    const char *s = args_text(args, i);
    if (!parse_bandwidth(s, &rate) || rate >> 40)
      rc = arg_error(errs, args_index(args, i), "expected a rate (as 100 or 10Mbps), not '%s'", s);
    else if (i && rate <= before)
      rc = arg_error(errs, args_index(args, i), "rate %u must be larger than the one before", i + 1);
    before = rate;
    m->limits[i] = (int64_t)((rate << METER_BITS) / 1000);
  }
  m->n = n;
  return rc;
}

static inline void meter_cleanup(Element *e) { mem_free(((Meter *)e)->limits); }

static inline void meter_print(Text *out, int64_t per_ms) {
  text_fixed(out, per_ms * 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(per_ms * 1000), METER_BITS);
}

static inline int meter_read_rate(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  Meter *m = (Meter *)e;
  (void)h, (void)param, (void)errs;
  meter_update(m, 0);
  meter_print(out, m->average);
  return 0;
}

static inline int meter_read_limits(Element *e, const Handler *h, const char *param, Text *out,
                                    Errors *errs) {
  const Meter *m = (const Meter *)e;
  (void)h, (void)param, (void)errs;
  for (unsigned i = 0; i < m->n; i++) {
    if (i) text_add_char(out, ' ');
    meter_print(out, m->limits[i]);
  }
  return 0;
}

#define METER_CLASS                                                                                          \
  .ports = "1/2-", .processing = "h/h", .cleanup = meter_cleanup, .args = ARGS(ARG_ALL_REST("RATE")),        \
  .handlers = HANDLERS(READ_FN("rate", meter_read_rate), READ_FN("meters", meter_read_limits))

#endif
