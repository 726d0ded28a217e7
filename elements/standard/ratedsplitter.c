/** RatedSplitter: sends packets up to a rate one way and the rest another.
 *
 * Synopsis: `RatedSplitter(RATE, <keywords> BURST_DURATION, BURST_SIZE)`
 *
 * Ports: 1 push input; what the token bucket, full at first, allows leaves on output 0, the rest on output 1,
 * or is dropped without one. Unlike with Meter, RATE packets a second leave on output 0 whatever the arrival
 * rate is.
 *
 * Arguments: RATE (unsigned): packets a second. Required. BURST_DURATION (time): the bucket holds what RATE
 * brings in this time; default 20ms. BURST_SIZE (unsigned): the bucket holds this many packets. At least 1,
 * and at least what a millisecond brings.
 *
 * Handlers: `rate` (read/write). The configuration can be rewritten while it runs.
 *
 * Example: `RatedSource(RATE 100) -> rs :: RatedSplitter(20) -> Discard; rs [1] -> Discard;`
 */
#include "rated.h"

typedef struct RatedSplitter {
  Element base;
  uint32_t rate;
  RatedBurst burst;
  TokenBucket bucket;
} RatedSplitter;

static inline int rated_splitter_action(RatedSplitter *e, Packet *p) {
  (void)p;
  bucket_refill(&e->bucket, time_steady(&e->base));
  if (!bucket_contains(&e->bucket, 1)) return 1;
  bucket_remove(&e->bucket, 1);
  return 0;
}

ACTION(RatedSplitter, rated_splitter_action)

static int rated_splitter_configure(Element *e, const Args *args, Errors *errs) {
  RatedSplitter *s = (RatedSplitter *)e;
  (void)args;
  return rated_configure(e, &s->bucket, &s->burst, s->rate, false, errs);
}

ELEMENT(RatedSplitter, .ports = "1/1-2", .processing = "h/h",
        USE_ACTION(RatedSplitter, rated_splitter_action), .can_live_reconfigure = rated_live,
        .configure = rated_splitter_configure,
        .args = ARGS(ARG_MUST(RatedSplitter, U32, "RATE", rate),
                     RATED_BURST_ARGS(RatedSplitter, burst, "BURST_SIZE")),
        .handlers = HANDLERS(RW_FIELD(RatedSplitter, U32, "rate", rate, .write = handler_write_keyword)));
