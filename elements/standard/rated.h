/* rated.h: configuration of the elements around a token bucket: RatedUnqueue, RatedSplitter and their
 * bandwidth forms. */
#ifndef CLICKLET_STANDARD_RATED_H
#define CLICKLET_STANDARD_RATED_H
#include "token_bucket.h"
#include "units.h"

/* A bandwidth element lets a packet go as soon as the bucket holds more than this many bytes, and takes the
 * packet's length out of it: the length need not be known before, and no packet is longer. */
#define RATED_RESERVE 131072

typedef struct RatedBurst {
  int64_t duration; /* ns */
  uint32_t size;    /* tokens */
  bool duration_given, size_given;
} RatedBurst;

#define RATED_BURST_ARGS(T, f, SIZE_KEY)                                                                     \
  ARG(T, INTERVAL, "BURST_DURATION", f.duration, "20ms", .min = 0, .max = 1e18, GIVEN(T, f.duration_given)), \
      ARG(T, U32, SIZE_KEY, f.size, NULL, GIVEN(T, f.size_given))

/* Sets the bucket, at first and when a running element is reconfigured. */
static inline int rated_configure(Element *e, TokenBucket *bucket, const RatedBurst *b, uint64_t rate,
                                  bool bandwidth, Errors *errs) {
  if (b->duration_given && b->size_given)
    return error(errs, "BURST_DURATION and %s cannot both be given",
                 bandwidth ? "BURST_BYTES" : "BURST_SIZE");
  if (rate > UINT32_MAX) rate = UINT32_MAX;
  uint64_t tokens = b->size;
  if (!b->size_given) {
    unsigned __int128 t = (unsigned __int128)rate * (uint64_t)(b->duration / NSEC_PER_MSEC) / 1000;
    tokens = t > UINT32_MAX ? UINT32_MAX : (uint64_t)t;
  }
  if (bandwidth) tokens += RATED_RESERVE;
  if (bucket->at) bucket_refill(bucket, time_steady(e));
  bucket_assign_adjust(bucket, rate, tokens ? tokens : 1, bandwidth ? 64 : 1);
  return 0;
}

static inline bool rated_live(Element *e) {
  (void)e;
  return true;
}

#endif
