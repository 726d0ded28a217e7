/** AdaptiveRED: RED that adjusts its probability so that the queue keeps near a target length.
 *
 * Synopsis: `AdaptiveRED(TARGET, MAX_P [, <keywords> QUEUES, STABILITY, GENTLE])`
 *
 * RED with MIN_THRESH TARGET/2 and MAX_THRESH 3 TARGET/2 (Floyd, Gummadi and Shenker 2001). Twice a second
 * MAX_P grows by 0.01 or a quarter, whichever is less, if the average is in the upper two fifths of that
 * interval, or shrinks by a tenth if it is in the lower two fifths, between 0.01 and 0.5.
 *
 * Arguments: TARGET (packets). The others as in RED.
 *
 * Handlers: `min_thresh`, `max_thresh`, `max_p` (read/write). `drops`, `queues`, `avg_queue_size`, `stats`
 * (read).
 *
 * Example: `RatedSource(RATE 100) -> AdaptiveRED(20, 0.1) -> Queue(200) -> LinkUnqueue(0, 512kbps) ->
 * Discard;`
 */
#include "red.h"

enum { PERIOD = 500 * 1000 * 1000, P_LOW = RED_P_ONE / 100, P_HIGH = RED_P_ONE / 2 };

static void adapt(Element *e, Timer *t) {
  RED *r = (RED *)e;
  uint64_t low = (uint64_t)r->min_thresh << RED_AVERAGE_BITS,
           fifth = ((uint64_t)(r->max_thresh - r->min_thresh) << RED_AVERAGE_BITS) / 5;
  if (r->average < low + 2 * fifth && r->max_p >= P_LOW)
    r->max_p = r->max_p * 9 / 10;
  else if (r->average > low + 3 * fifth && r->max_p <= P_HIGH)
    r->max_p += r->max_p / 4 < P_LOW ? r->max_p / 4 : P_LOW;
  red_show_config(r);
  timer_after_expiry(t, PERIOD);
}

static int adaptive_initialize(Element *e, Errors *errs) {
  RED *r = (RED *)e;
  timer_init(&r->timer, e);
  if (red_initialize(e, errs) < 0) return -1;
  timer_after(&r->timer, PERIOD);
  return 0;
}

typedef RED AdaptiveRED;

ELEMENT(AdaptiveRED, RED_CLASS, .run_timer = adapt, .initialize = adaptive_initialize,
        .args = ARGS(ARG_MUST(RED, U32, "TARGET", target, .min = 2, .max = 0xffff), RED_ARGS));
