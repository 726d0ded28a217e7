/* token_bucket.h: the token bucket of the rate-limiting elements.
 *
 * Time advances in ticks: milliseconds, as in the reference, up to a thousand packets a second, microseconds
 * above, where milliseconds would make bursts. Filling is exact at every rate. (The reference fills with
 * rounded amounts, which makes it slow at some rates.)
 */
#ifndef CLICKLET_STANDARD_TOKEN_BUCKET_H
#define CLICKLET_STANDARD_TOKEN_BUCKET_H
#include <clicklet/element.h>

#define TOKEN UINT64_C(1000000000)

typedef struct TokenBucket {
  uint64_t rate;     /* tokens a second, 0: never filled */
  uint64_t capacity; /* 1e-9 tokens */
  uint64_t level;    /* 1e-9 tokens */
  int64_t at;        /* ns: when it was filled last; 0 (at first): the next filling makes it full */
  int64_t tick;      /* ns */
} TokenBucket;

/* Sets rate and capacity, in tokens. The capacity is at least what a millisecond brings. The level keeps its
 * proportion to the capacity. per_packet: tokens that a small packet takes. */
static inline void bucket_assign(TokenBucket *b, uint64_t rate, uint64_t capacity, unsigned per_packet) {
  if (!capacity) {
    rate = 0;
    capacity = UINT32_MAX;
  }
  if (capacity > UINT32_MAX) capacity = UINT32_MAX;
  if (rate && capacity < (rate - 1) / 1000 + 1) capacity = (rate - 1) / 1000 + 1;
  /* As in the reference, which counts in whole fractions of the capacity, "full" is a little more than it. */
  uint64_t scaled = UINT32_MAX * TOKEN / (UINT32_MAX / capacity);
  if (b->capacity) b->level = (uint64_t)((unsigned __int128)b->level * scaled / b->capacity);
  b->rate = rate;
  b->capacity = scaled;
  b->tick = rate > (uint64_t)1000 * per_packet ? NSEC_PER_USEC : NSEC_PER_MSEC;
}

/* The same, keeping the number of tokens. */
static inline void bucket_assign_adjust(TokenBucket *b, uint64_t rate, uint64_t capacity,
                                        unsigned per_packet) {
  uint64_t level = b->level;
  bucket_assign(b, rate, capacity, per_packet);
  b->level = level < b->capacity ? level : b->capacity;
}

/* Fills it up to a time of the steady clock, in ns. */
static inline void bucket_refill(TokenBucket *b, int64_t now) {
  now -= now % b->tick;
  if (now <= b->at) return;
  uint64_t passed = (uint64_t)(now - b->at);
  b->at = now;
  if (!b->rate) return;
  if (passed > (b->capacity - b->level) / b->rate)
    b->level = b->capacity;
  else
    b->level += passed * b->rate;
}

always_inline uint64_t bucket_tokens(const TokenBucket *b) { return b->level / TOKEN; }
always_inline bool bucket_contains(const TokenBucket *b, uint64_t tokens) {
  return b->level >= tokens * TOKEN;
}
/* More than that, not counting what makes "full" a little more than the capacity; or all that it can hold. */
always_inline bool bucket_exceeds(const TokenBucket *b, uint64_t tokens) {
  return b->level > tokens * TOKEN + b->capacity % TOKEN || b->level == b->capacity;
}
always_inline void bucket_remove(TokenBucket *b, uint64_t tokens) {
  uint64_t n = tokens * TOKEN;
  b->level = n < b->level ? b->level - n : 0;
}
static inline void bucket_set(TokenBucket *b, uint64_t tokens) {
  b->level = tokens * TOKEN < b->capacity ? tokens * TOKEN : b->capacity;
}

/* ns from the last filling until it holds that many tokens, in whole ticks; -1: never. */
static inline int64_t bucket_wait(const TokenBucket *b, uint64_t tokens) {
  uint64_t want = tokens * TOKEN;
  if (want <= b->level) return 0;
  if (!b->rate || want > b->capacity) return -1;
  int64_t ns = (int64_t)((want - b->level - 1) / b->rate + 1);
  return (ns + b->tick - 1) / b->tick * b->tick;
}

#endif
