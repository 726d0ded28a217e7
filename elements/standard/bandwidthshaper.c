/** BandwidthShaper: lets packets be pulled at a limited bandwidth.
 *
 * Synopsis: `BandwidthShaper(RATE)`
 *
 * Ports: 1 pull input, 1 pull output, which gives a packet as soon as the bytes of those before are paid for,
 * and nothing to pulls that come too soon.
 *
 * Arguments: RATE (bandwidth): required.
 *
 * Handlers: `rate` (read/write). `reset` (write): forgets what is owed. The configuration can be rewritten
 * while it runs.
 *
 * Example: `InfiniteSource(LENGTH 100) -> Queue -> BandwidthShaper(1Mbps) -> TimedSink(100us);`
 */
#include "gap_rate.h"
#include "units.h"

typedef struct BandwidthShaper {
  Element base;
  uint64_t rate;
  GapRate gap;
} BandwidthShaper;

static unsigned bandwidth_shaper_pull(Element *e, int port, Packet **p, unsigned max) {
  BandwidthShaper *s = (BandwidthShaper *)e;
  (void)port;
  unsigned n = 0;
  for (; n < max && gap_rate_due(&s->gap, time_now(e)) && input_pull_batch(e, 0, p + n, 1); n++)
    s->gap.count += p[n]->len;
  return n;
}

static bool bandwidth_shaper_live(Element *e) {
  (void)e;
  return true;
}

static int bandwidth_shaper_configure(Element *e, const Args *args, Errors *errs) {
  BandwidthShaper *s = (BandwidthShaper *)e;
  (void)args, (void)errs;
  if (s->rate > UINT64_C(1000000000000)) s->rate = UINT64_C(1000000000000);
  if (s->rate == s->gap.rate) return 0;
  s->gap.rate = s->rate;
  if (s->gap.second && s->rate)
    s->gap.count = (int64_t)((uint64_t)(time_now(e) % NSEC_PER_SEC / NSEC_PER_USEC) * s->rate / 1000000);
  return 0;
}

static int bandwidth_shaper_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  gap_rate_reset(&((BandwidthShaper *)e)->gap);
  return 0;
}

static int bandwidth_shaper_rate(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_bandwidth(out, ((BandwidthShaper *)e)->rate);
  return 0;
}

ELEMENT(BandwidthShaper, .ports = "1/1-2", .processing = "l/l", .pull = bandwidth_shaper_pull,
        .can_live_reconfigure = bandwidth_shaper_live, .configure = bandwidth_shaper_configure,
        .args = ARGS(ARG_MUST(BandwidthShaper, BANDWIDTH, "RATE", rate)),
        .handlers = HANDLERS(RW_FN("rate", bandwidth_shaper_rate, handler_write_keyword,
                                   .type = ARG_BANDWIDTH, FIELD_OF(BandwidthShaper, rate)),
                             WRITE_FN("reset", bandwidth_shaper_reset)));
