/* gap_rate.h: an even pace, for the Shapers: within each second, event k is due k / rate seconds after its
 * beginning.
 *
 * One that falls behind catches up, by at most a second's worth. Exact at every rate (the reference's
 * fixed-point arithmetic cannot do every rate smoothly).
 */
#ifndef CLICKLET_STANDARD_GAP_RATE_H
#define CLICKLET_STANDARD_GAP_RATE_H
#include <clicklet/element.h>

typedef struct GapRate {
  uint64_t rate;
  int64_t second; /* 0: before the first event */
  int64_t count;  /* events in this second, less a debt from before */
} GapRate;

static inline void gap_rate_reset(GapRate *g) { g->second = 0; }

/* True if an event is due at this time of day, in ns. */
static inline bool gap_rate_due(GapRate *g, int64_t now) {
  int64_t second = now / NSEC_PER_SEC;
  uint64_t us = (uint64_t)(now % NSEC_PER_SEC) / NSEC_PER_USEC;
  int64_t need = g->rate ? (int64_t)(us * g->rate / 1000000) : 0;
  if (!g->second) {
    /* The first is due at once, unless the rate is 0 or more than half of the gap to the next is over. */
    g->second = second;
    g->count = need + (!g->rate || us * g->rate % 1000000 > 500000);
  } else if (second > g->second) {
    g->second = second;
    if (g->count > 0) g->count -= (int64_t)g->rate;
  }
  return need >= g->count;
}

#endif
