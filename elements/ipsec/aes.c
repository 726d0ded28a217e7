/* aes.c: AES with keys of 128 bits (FIPS 197). See ipsec.h.
 *
 * A column is a word, its first byte the lowest. The tables join the substitution of a byte with the mixing
 * of its column; the words for the other rows are the same, rotated. They are computed when the first key is
 * set. */
#include "ipsec.h"

static uint8_t aes_box[256], aes_inverse_box[256];
static uint32_t aes_mix[256], aes_unmix[256];

static uint8_t aes_times(uint8_t a, uint8_t b) { /* in GF(2^8), modulo x^8 + x^4 + x^3 + x + 1 */
  uint8_t r = 0;
  for (; b; b >>= 1, a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0)))
    if (b & 1) r ^= a;
  return r;
}
static uint32_t aes_column(uint8_t v, uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return aes_times(v, a) | (uint32_t)aes_times(v, b) << 8 | (uint32_t)aes_times(v, c) << 16 |
         (uint32_t)aes_times(v, d) << 24;
}
static uint32_t aes_rotate(uint32_t v, unsigned bytes) {
  return bytes ? v << 8 * bytes | v >> (32 - 8 * bytes) : v;
}
static uint8_t aes_byte(uint32_t v, unsigned i) { return (uint8_t)(v >> 8 * i); }

static void aes_tables(void) {
  if (aes_mix[0]) return;
  uint8_t p = 1, q = 1; /* q: the inverse of p; p runs through all powers of 3 */
  do {
    p = (uint8_t)(p ^ p << 1 ^ (p & 0x80 ? 0x1b : 0));
    q ^= (uint8_t)(q << 1);
    q ^= (uint8_t)(q << 2);
    q ^= (uint8_t)(q << 4);
    if (q & 0x80) q ^= 9;
    uint32_t x = q * 0x101u;
    aes_box[p] = (uint8_t)(q ^ x >> 7 ^ x >> 6 ^ x >> 5 ^ x >> 4 ^ 0x63);
  } while (p != 1);
  aes_box[0] = 0x63;
  for (unsigned i = 0; i < 256; i++) aes_inverse_box[aes_box[i]] = (uint8_t)i;
  for (unsigned i = 256; i--;) {
    aes_unmix[i] = aes_column(aes_inverse_box[i], 14, 9, 13, 11);
    aes_mix[i] = aes_column(aes_box[i], 2, 1, 1, 3);
  }
}

static uint32_t aes_substitute(uint32_t v) {
  uint32_t r = 0;
  for (unsigned i = 0; i < 4; i++) r |= (uint32_t)aes_box[aes_byte(v, i)] << 8 * i;
  return r;
}

void aes_set_key(AesKey *k, const uint8_t key[16]) {
  aes_tables();
  uint8_t constant = 1;
  for (unsigned i = 0; i < 44; i++) {
    if (i < 4) {
      k->encrypt[i] = load32(key + 4 * i);
      continue;
    }
    uint32_t v = k->encrypt[i - 1];
    if (i % 4 == 0) {
      v = aes_substitute(aes_rotate(v, 3)) ^ constant;
      constant = aes_times(constant, 2);
    }
    k->encrypt[i] = k->encrypt[i - 4] ^ v;
  }
  for (unsigned i = 0; i < 44; i++) {
    uint32_t v = k->encrypt[(10 - i / 4) * 4 + i % 4], r = 0;
    if (i >= 4 && i < 40)
      for (unsigned b = 0; b < 4; b++) r ^= aes_rotate(aes_unmix[aes_box[aes_byte(v, b)]], b);
    k->decrypt[i] = i >= 4 && i < 40 ? r : v;
  }
}

/* Rows shift to the left by their number when encrypting (step 1), to the right when decrypting (step 3). */
static void aes_rounds(const uint32_t *key, const uint32_t *mix, const uint8_t *box, unsigned step,
                       uint8_t *block) {
  uint32_t s[4], t[4];
  for (unsigned c = 0; c < 4; c++) s[c] = load32(block + 4 * c) ^ key[c];
  for (unsigned round = 1; round < 10; round++) {
    for (unsigned c = 0; c < 4; c++) {
      t[c] = key[4 * round + c];
      for (unsigned r = 0; r < 4; r++) t[c] ^= aes_rotate(mix[aes_byte(s[(c + r * step) % 4], r)], r);
    }
    memcpy(s, t, sizeof s);
  }
  for (unsigned c = 0; c < 4; c++) {
    uint32_t v = 0;
    for (unsigned r = 0; r < 4; r++) v |= (uint32_t)box[aes_byte(s[(c + r * step) % 4], r)] << 8 * r;
    store32(block + 4 * c, v ^ key[40 + c]);
  }
}

void aes_encrypt(const AesKey *k, uint8_t block[16]) { aes_rounds(k->encrypt, aes_mix, aes_box, 1, block); }
void aes_decrypt(const AesKey *k, uint8_t block[16]) {
  aes_rounds(k->decrypt, aes_unmix, aes_inverse_box, 3, block);
}
