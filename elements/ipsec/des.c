/* des.c: DES (FIPS 46-3). See ipsec.h. Bits are numbered as in the standard: 1 is the highest. */
#include "ipsec.h"

static const uint8_t des_initial[64] = {58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4,
                                        62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
                                        57, 49, 41, 33, 25, 17, 9,  1, 59, 51, 43, 35, 27, 19, 11, 3,
                                        61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7};
static const uint8_t des_choice1[56] = {57, 49, 41, 33, 25, 17, 9,  1,  58, 50, 42, 34, 26, 18,
                                        10, 2,  59, 51, 43, 35, 27, 19, 11, 3,  60, 52, 44, 36,
                                        63, 55, 47, 39, 31, 23, 15, 7,  62, 54, 46, 38, 30, 22,
                                        14, 6,  61, 53, 45, 37, 29, 21, 13, 5,  28, 20, 12, 4};
static const uint8_t des_choice2[48] = {14, 17, 11, 24, 1,  5,  3,  28, 15, 6,  21, 10, 23, 19, 12, 4,
                                        26, 8,  16, 7,  27, 20, 13, 2,  41, 52, 31, 37, 47, 55, 30, 40,
                                        51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32};
static const uint8_t des_permutation[32] = {16, 7, 20, 21, 29, 12, 28, 17, 1,  15, 23, 26, 5,  18, 31, 10,
                                            2,  8, 24, 14, 32, 27, 3,  9,  19, 13, 30, 6,  22, 11, 4,  25};
/* Row by row. */
static const uint8_t des_box[8][64] = {
    {14, 4,  13, 1, 2,  15, 11, 8, 3, 10, 6, 12, 5,  9,  0,  7,  0,  15, 7,  4,  14, 2,
     13, 1,  10, 6, 12, 11, 9,  5, 3, 8,  4, 1,  14, 8,  13, 6,  2,  11, 15, 12, 9,  7,
     3,  10, 5,  0, 15, 12, 8,  2, 4, 9,  1, 7,  5,  11, 3,  14, 10, 0,  6,  13},
    {15, 1,  8,  14, 6,  11, 3,  4, 9,  7,  2, 13, 12, 0,  5,  10, 3,  13, 4,  7, 15, 2,
     8,  14, 12, 0,  1,  10, 6,  9, 11, 5,  0, 14, 7,  11, 10, 4,  13, 1,  5,  8, 12, 6,
     9,  3,  2,  15, 13, 8,  10, 1, 3,  15, 4, 2,  11, 6,  7,  12, 0,  5,  14, 9},
    {10, 0,  9,  14, 6, 3,  15, 5,  1,  13, 12, 7, 11, 4,  2,  8,  13, 7, 0,  9, 3, 4,
     6,  10, 2,  8,  5, 14, 12, 11, 15, 1,  13, 6, 4,  9,  8,  15, 3,  0, 11, 1, 2, 12,
     5,  10, 14, 7,  1, 10, 13, 0,  6,  9,  8,  7, 4,  15, 14, 3,  11, 5, 2,  12},
    {7, 13, 14, 3, 0, 6,  9, 10, 1,  2, 8,  5, 11, 12, 4,  15, 13, 8,  11, 5, 6, 15,
     0, 3,  4,  7, 2, 12, 1, 10, 14, 9, 10, 6, 9,  0,  12, 11, 7,  13, 15, 1, 3, 14,
     5, 2,  8,  4, 3, 15, 0, 6,  10, 1, 13, 8, 9,  4,  5,  11, 12, 7,  2,  14},
    {2,  12, 4, 1,  7,  10, 11, 6, 8, 5,  3, 15, 13, 0,  14, 9,  14, 11, 2,  12, 4,  7,
     13, 1,  5, 0,  15, 10, 3,  9, 8, 6,  4, 2,  1,  11, 10, 13, 7,  8,  15, 9,  12, 5,
     6,  3,  0, 14, 11, 8,  12, 7, 1, 14, 2, 13, 6,  15, 0,  9,  10, 4,  5,  3},
    {12, 1,  10, 15, 9,  2,  6, 8,  0, 13, 3,  4,  14, 7,  5, 11, 10, 15, 4, 2, 7, 12,
     9,  5,  6,  1,  13, 14, 0, 11, 3, 8,  9,  14, 15, 5,  2, 8,  12, 3,  7, 0, 4, 10,
     1,  13, 11, 6,  4,  3,  2, 12, 9, 5,  15, 10, 11, 14, 1, 7,  6,  0,  8, 13},
    {4, 11, 2,  14, 15, 0,  8,  13, 3, 12, 9,  7, 5,  10, 6,  1,  13, 0,  11, 7,  4, 9,
     1, 10, 14, 3,  5,  12, 2,  15, 8, 6,  1,  4, 11, 13, 12, 3,  7,  14, 10, 15, 6, 8,
     0, 5,  9,  2,  6,  11, 13, 8,  1, 4,  10, 7, 9,  5,  0,  15, 14, 2,  3,  12},
    {13, 2, 8,  4, 6, 15, 11, 1,  10, 9,  3, 14, 5,  0,  12, 7,  1,  15, 13, 8, 10, 3,
     7,  4, 12, 5, 6, 11, 0,  14, 9,  2,  7, 11, 4,  1,  9,  12, 14, 2,  0,  6, 10, 13,
     15, 3, 5,  8, 2, 1,  14, 7,  4,  10, 8, 13, 15, 12, 9,  0,  3,  5,  6,  11}};

static uint32_t des_joined[8][64]; /* a box, and where its bits go */

static uint64_t des_permute(uint64_t v, unsigned bits, const uint8_t *from, unsigned n) {
  uint64_t r = 0;
  for (unsigned i = 0; i < n; i++) r = r << 1 | (v >> (bits - from[i]) & 1);
  return r;
}

static uint64_t des_load(const uint8_t *p) { return (uint64_t)be32(load32(p)) << 32 | be32(load32(p + 4)); }

static void des_tables(void) {
  if (des_joined[0][0]) return;
  for (unsigned b = 8; b--;)
    for (unsigned v = 64; v--;) {
      unsigned row = (v >> 4 & 2) | (v & 1), column = v >> 1 & 15;
      des_joined[b][v] = (uint32_t)des_permute((uint64_t)des_box[b][16 * row + column] << (28 - 4 * b), 32,
                                               des_permutation, 32);
    }
}

void des_set_key(DesKey *k, const uint8_t key[8]) {
  des_tables();
  uint64_t v = des_permute(des_load(key), 64, des_choice1, 56);
  uint32_t c = (uint32_t)(v >> 28), d = (uint32_t)(v & 0xfffffff);
  for (unsigned i = 0; i < 16; i++) {
    unsigned n = i == 0 || i == 1 || i == 8 || i == 15 ? 1 : 2;
    c = (c << n | c >> (28 - n)) & 0xfffffff;
    d = (d << n | d >> (28 - n)) & 0xfffffff;
    k->round[i] = des_permute((uint64_t)c << 28 | d, 56, des_choice2, 48);
  }
}

static uint32_t des_function(uint32_t r, uint64_t key) {
  uint32_t out = 0, wide = r << 31 | r >> 1; /* bit 32 stands in front of bit 1 */
  for (unsigned b = 0; b < 8; b++) {
    unsigned shift = 26 - 4 * b; /* six bits, the last two again in the next six */
    uint32_t six = b < 7 ? wide >> shift & 63 : (wide << 2 | wide >> 30) & 63;
    out |= des_joined[b][six ^ (key >> (42 - 6 * b) & 63)];
  }
  return out;
}

void des_crypt(const DesKey *k, uint8_t block[8], bool encrypt) {
  uint64_t v = des_permute(des_load(block), 64, des_initial, 64), out = 0;
  uint32_t l = (uint32_t)(v >> 32), r = (uint32_t)v;
  for (unsigned i = 0; i < 16; i++) {
    uint32_t t = r;
    r = l ^ des_function(r, k->round[encrypt ? i : 15 - i]);
    l = t;
  }
  v = (uint64_t)r << 32 | l;
  for (unsigned i = 0; i < 64; i++) out |= (v >> (63 - i) & 1) << (64 - des_initial[i]); /* back again */
  store32(block, be32((uint32_t)(out >> 32)));
  store32(block + 4, be32((uint32_t)out));
}
