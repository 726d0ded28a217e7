/* sum.c: the checksum of snapshots: XXH64 with seed 0, after its specification
 * (github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md). */
#include "snapshot.h"
#include <string.h>

#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t left(uint64_t v, unsigned n) { return v << n | v >> (64 - n); }
static uint64_t step(uint64_t lane, uint64_t v) { return left(lane + v * P2, 31) * P1; }
static uint64_t merge(uint64_t sum, uint64_t lane) { return (sum ^ step(0, lane)) * P1 + P4; }

static void stripe(Sum *s, const uint8_t *p) {
  uint64_t v[4];
  memcpy(v, p, sizeof v);
  for (unsigned i = 0; i < 4; i++) s->lanes[i] = step(s->lanes[i], v[i]);
}

void sum_start(Sum *s) { *s = (Sum){.lanes = {P1 + P2, P2, 0, -P1}}; }

void sum_add(Sum *s, const void *data, size_t n) {
  const uint8_t *p = data;
  s->total += n;
  while (n) {
    if (!s->rest_bytes && n >= 32) {
      Sum t = *s; /* in registers */
      for (; n >= 32; p += 32, n -= 32) stripe(&t, p);
      memcpy(s->lanes, t.lanes, sizeof t.lanes);
      continue;
    }
    size_t part = 32 - s->rest_bytes < n ? 32 - s->rest_bytes : n;
    memcpy(s->rest + s->rest_bytes, p, part);
    s->rest_bytes += (uint32_t)part, p += part, n -= part;
    if (s->rest_bytes == 32) stripe(s, s->rest), s->rest_bytes = 0;
  }
}

uint64_t sum_end(const Sum *s) {
  uint64_t h = P5;
  if (s->total >= 32) {
    h = left(s->lanes[0], 1) + left(s->lanes[1], 7) + left(s->lanes[2], 12) + left(s->lanes[3], 18);
    for (unsigned i = 0; i < 4; i++) h = merge(h, s->lanes[i]);
  }
  h += s->total;
  const uint8_t *p = s->rest;
  uint32_t n = s->rest_bytes;
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t v;
    memcpy(&v, p, 8);
    h = left(h ^ step(0, v), 27) * P1 + P4;
  }
  if (n >= 4) {
    uint32_t v;
    memcpy(&v, p, 4);
    h = left(h ^ v * P1, 23) * P2 + P3;
    p += 4, n -= 4;
  }
  for (; n; p++, n--) h = left(h ^ *p * P5, 11) * P1;
  h = (h ^ h >> 33) * P2;
  h = (h ^ h >> 29) * P3;
  return h ^ h >> 32;
}
