/* crc32.h: the CRC-32 of SetCRC32 and CheckCRC32: Ethernet's polynomial, most significant bit first,
 * beginning with all ones, not inverted at the end. */
#ifndef CLICKLET_STANDARD_CRC32_H
#define CLICKLET_STANDARD_CRC32_H
#include <clicklet/element.h>

#define CRC32_POLYNOMIAL 0x04c11db7u

/* Four bits at a time: 16 remainders. */
static inline uint32_t crc32(const uint8_t *data, uint32_t n) {
  static uint32_t table[16];
  if (unlikely(!table[1]))
    for (uint32_t i = 1; i < 16; i++) {
      uint32_t r = i << 28;
      for (int k = 0; k < 4; k++) r = r << 1 ^ (r >> 31 ? CRC32_POLYNOMIAL : 0);
      table[i] = r;
    }
  uint32_t crc = 0xffffffff;
  for (uint32_t i = 0; i < n; i++) {
    crc = crc << 4 ^ table[crc >> 28 ^ data[i] >> 4];
    crc = crc << 4 ^ table[crc >> 28 ^ (data[i] & 15)];
  }
  return crc;
}

#endif
