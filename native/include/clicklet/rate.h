/* rate.h: rates measured from counters by whoever asks, so that the data path only counts.
 *
 * A moving average over about the last second: an exponential average whose weight follows the time that
 * passed.
 */
#ifndef CLICKLET_RATE_H
#define CLICKLET_RATE_H
#include <clicklet/base.h>

typedef struct Rate {
  int64_t at;     /* ns, 0: never asked */
  uint64_t count; /* then */
  double rate;    /* per second */
} Rate;

/* Measure from here on. */
static inline void rate_start(Rate *r, uint64_t count, int64_t now) {
  *r = (Rate){.at = now, .count = count};
}

/* Takes the counter's present value and the steady clock; returns counts per second. Without rate_start the
 * first call starts measuring and returns 0. */
static inline double rate_read(Rate *r, uint64_t count, int64_t now) {
  if (r->at && now > r->at) {
    double seconds = (double)(now - r->at) / 1e9, recent = (double)(count - r->count) / seconds;
    double weight = seconds >= 1 ? 1 : seconds;
    r->rate = r->rate == 0 ? recent : r->rate + weight * (recent - r->rate);
  }
  if (!r->at || now > r->at) {
    r->at = now;
    r->count = count;
  }
  return r->rate;
}

#endif
