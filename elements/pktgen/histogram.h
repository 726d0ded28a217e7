/* histogram.h: a latency histogram whose buckets are those of HdrHistogram with three significant digits and
 * unit 1 (2048 sub-buckets): what is recorded in one can be added to the other without loss. Values in ns up
 * to 17 s; larger ones count as the largest. */
#ifndef CLICKLET_ELEMENTS_PKTGEN_HISTOGRAM_H
#define CLICKLET_ELEMENTS_PKTGEN_HISTOGRAM_H
#include <clicklet/element.h>

enum {
  HISTOGRAM_HALF_BITS = 10, /* half of the sub-buckets: values of one magnitude */
  HISTOGRAM_HALF = 1 << HISTOGRAM_HALF_BITS,
  HISTOGRAM_VALUE_BITS = 34,
  HISTOGRAM_SIZE = (HISTOGRAM_VALUE_BITS - HISTOGRAM_HALF_BITS + 1) * HISTOGRAM_HALF,
};
#define HISTOGRAM_MAX ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)

typedef struct Histogram {
  uint64_t total, min, max; /* min and max: as recorded; only valid if total > 0 */
  double sum;
  uint64_t counts[HISTOGRAM_SIZE];
} Histogram;

always_inline unsigned histogram_index(uint64_t v) {
  unsigned magnitude = 63u - HISTOGRAM_HALF_BITS - (unsigned)__builtin_clzll(v | (2 * HISTOGRAM_HALF - 1));
  return (magnitude << HISTOGRAM_HALF_BITS) + (unsigned)(v >> magnitude);
}

/* The smallest value of a bucket, and how many values share it. */
static inline uint64_t histogram_value(unsigned index, uint64_t *width) {
  unsigned magnitude = index < 2 * HISTOGRAM_HALF ? 0 : (index >> HISTOGRAM_HALF_BITS) - 1;
  *width = UINT64_C(1) << magnitude;
  return (uint64_t)(index - (magnitude << HISTOGRAM_HALF_BITS)) << magnitude;
}

always_inline void histogram_record(Histogram *h, uint64_t v, uint64_t n) {
  if (unlikely(v > HISTOGRAM_MAX)) v = HISTOGRAM_MAX;
  h->counts[histogram_index(v)] += n;
  if (v > h->max) h->max = v;
  if (v < h->min) h->min = v;
  h->sum += (double)v * (double)n;
  h->total += n;
}

static inline void histogram_reset(Histogram *h) {
  memset(h, 0, sizeof *h);
  h->min = UINT64_MAX;
}

/* Values at ascending percentiles (0 to 100): the largest value of the bucket that reaches it, as
 * HdrHistogram reports. */
static inline void histogram_percentiles(const Histogram *h, const double *percent, uint64_t *out,
                                         unsigned n) {
  uint64_t below = 0, width;
  unsigned k = 0, i = 0;
  for (; k < n; k++) {
    uint64_t want = (uint64_t)(percent[k] / 100 * (double)h->total + 0.5);
    if (!want) want = 1;
    if (want > h->total) want = h->total;
    while (i < HISTOGRAM_SIZE && below + h->counts[i] < want) below += h->counts[i++];
    out[k] = h->total ? histogram_value(i, &width) : 0;
    if (h->total) out[k] += width - 1;
  }
}

#endif
