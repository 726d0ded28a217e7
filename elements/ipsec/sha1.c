/* sha1.c: SHA-1 (FIPS 180-4). See ipsec.h. */
#include "ipsec.h"

static uint32_t sha1_rotate(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }

static void sha1_block(uint32_t h[5], const uint8_t *p) {
  uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (unsigned t = 0; t < 16; t++) w[t] = be32(load32(p + 4 * t));
  for (unsigned t = 16; t < 80; t++) w[t] = sha1_rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  for (unsigned t = 0; t < 80; t++) {
    uint32_t f = t < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                 : t < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                 : t < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                          : (b ^ c ^ d) + 0xca62c1d6;
    uint32_t v = sha1_rotate(a, 5) + f + e + w[t];
    e = d;
    d = c;
    c = sha1_rotate(b, 30);
    b = a;
    a = v;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

void sha1_init(Sha1 *s) { *s = (Sha1){.h = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}}; }

void sha1_add(Sha1 *s, const uint8_t *data, size_t n) {
  size_t have = s->bytes % 64;
  s->bytes += n;
  if (have) {
    size_t more = n < 64 - have ? n : 64 - have;
    memcpy(s->block + have, data, more);
    if (have + more < 64) return;
    sha1_block(s->h, s->block);
    data += more;
    n -= more;
  }
  for (; n >= 64; n -= 64, data += 64) sha1_block(s->h, data);
  if (n) memcpy(s->block, data, n);
}

void sha1_end(Sha1 *s, uint8_t digest[20]) {
  static const uint8_t pad[64] = {0x80};
  uint64_t bits = s->bytes * 8;
  uint8_t length[8];
  store32(length, be32((uint32_t)(bits >> 32)));
  store32(length + 4, be32((uint32_t)bits));
  sha1_add(s, pad, (119 - s->bytes % 64) % 64 + 1);
  sha1_add(s, length, 8);
  for (unsigned i = 0; i < 5; i++) store32(digest + 4 * i, be32(s->h[i]));
}
