/** TokenBucketTest: checks the token bucket of the rate-limiting elements.
 *
 * Synopsis: `TokenBucketTest()`
 *
 * When the router is initialised it fills, empties and resizes token buckets at several rates and compares
 * their levels with exact arithmetic. It prints that all tests passed, or the router does not start.
 *
 * Example: `TokenBucketTest; Script(stop);`
 */
#include "../standard/token_bucket.h"
#include "selftest.h"

typedef struct TokenBucketTest {
  Element base;
} TokenBucketTest;

static int bucket_initialize(Element *e, Errors *errs) {
  static const uint64_t rates[] = {1, 3, 7, 10, 999, 1000, 1001, 16384, 1000003, UINT64_C(10000000000) / 8};
  for (unsigned i = 0; i < countof(rates); i++) {
    TokenBucket b = {0};
    bucket_assign(&b, rates[i], 1000000, 1);
    CHECK(errs, bucket_tokens(&b) == 0);
    bucket_refill(&b, NSEC_PER_SEC); /* the first filling makes it full */
    bucket_set(&b, 0);
    CHECK(errs, !bucket_contains(&b, 1));
    int64_t wait = bucket_wait(&b, 1);
    CHECK(errs, wait > 0 && wait % b.tick == 0);
    bucket_refill(&b, NSEC_PER_SEC + wait - b.tick);
    CHECK(errs, !bucket_contains(&b, 1));
    bucket_refill(&b, NSEC_PER_SEC + wait);
    CHECK(errs, bucket_contains(&b, 1));
    bucket_set(&b, 0);
    int64_t at = b.at;
    uint64_t made = 0;
    for (int k = 1; k <= 1000; k++) { /* ten seconds in steps, taking all tokens there are */
      bucket_refill(&b, at + k * 10 * NSEC_PER_MSEC);
      made += bucket_tokens(&b);
      bucket_remove(&b, bucket_tokens(&b));
    }
    if (rates[i] / 100 < 1000000) CHECK(errs, made == rates[i] * 10);
  }
  TokenBucket b = {0};
  bucket_assign(&b, 100, 10, 1);
  bucket_refill(&b, NSEC_PER_SEC);
  CHECK(errs, bucket_tokens(&b) == 10);
  bucket_remove(&b, 4);
  CHECK(errs, bucket_contains(&b, 6) && !bucket_contains(&b, 7));
  CHECK(errs, bucket_wait(&b, 20) == -1);
  bucket_assign_adjust(&b, 100, 5, 1);
  CHECK(errs, bucket_tokens(&b) == 5);
  bucket_remove(&b, 9);
  CHECK(errs, bucket_tokens(&b) == 0);
  bucket_assign(&b, 0, 5, 1); /* never filled */
  bucket_refill(&b, 100 * NSEC_PER_SEC);
  CHECK(errs, !bucket_contains(&b, 1) && bucket_wait(&b, 1) == -1);
  return selftest_passed(e);
}

ELEMENT(TokenBucketTest, .ports = "0/0", .initialize = bucket_initialize, .args = NO_ARGS);
