/** BandwidthRatedSplitter: sends packets up to a bandwidth one way and the rest another.
 *
 * Synopsis: `BandwidthRatedSplitter(RATE, <keywords> BURST_DURATION, BURST_BYTES)`
 *
 * Ports: 1 push input; what the token bucket of bytes, full at first, allows leaves on output 0, the rest on
 * output 1, or is dropped without one. A packet passes when there is any token and may leave a debt of its
 * length.
 *
 * Arguments: RATE (bandwidth): required. BURST_DURATION (time): the bucket holds what RATE brings in this
 * time; default 20ms. BURST_BYTES (unsigned): the bucket holds this many bytes.
 *
 * Handlers: `rate` (read/write). The configuration can be rewritten while it runs.
 *
 * Example: `RatedSource(RATE 100) -> rs :: BandwidthRatedSplitter(10kbps) -> Discard; rs [1] -> Discard;`
 */
#include "rated.h"

typedef struct BandwidthRatedSplitter {
  Element base;
  uint64_t rate;
  RatedBurst burst;
  TokenBucket bucket;
} BandwidthRatedSplitter;

static inline int bandwidth_rated_splitter_action(BandwidthRatedSplitter *e, Packet *p) {
  bucket_refill(&e->bucket, time_steady(&e->base));
  if (!bucket_exceeds(&e->bucket, RATED_RESERVE)) return 1;
  bucket_remove(&e->bucket, p->len);
  return 0;
}

ACTION(BandwidthRatedSplitter, bandwidth_rated_splitter_action)

static int bandwidth_rated_splitter_configure(Element *e, const Args *args, Errors *errs) {
  BandwidthRatedSplitter *s = (BandwidthRatedSplitter *)e;
  (void)args;
  return rated_configure(e, &s->bucket, &s->burst, s->rate, true, errs);
}

static int bandwidth_rated_splitter_rate(Element *e, const Handler *h, const char *param, Text *out,
                                         Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_bandwidth(out, ((BandwidthRatedSplitter *)e)->rate);
  return 0;
}

ELEMENT(BandwidthRatedSplitter, .ports = "1/1-2", .processing = "h/h",
        USE_ACTION(BandwidthRatedSplitter, bandwidth_rated_splitter_action),
        .can_live_reconfigure = rated_live, .configure = bandwidth_rated_splitter_configure,
        .args = ARGS(ARG_MUST(BandwidthRatedSplitter, BANDWIDTH, "RATE", rate),
                     RATED_BURST_ARGS(BandwidthRatedSplitter, burst, "BURST_BYTES")),
        .handlers = HANDLERS(RW_FN("rate", bandwidth_rated_splitter_rate, handler_write_keyword,
                                   .type = ARG_BANDWIDTH, FIELD_OF(BandwidthRatedSplitter, rate))));
