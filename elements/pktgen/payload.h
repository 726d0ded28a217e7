/* payload.h: the signature of a generated packet: its last 18 bytes (one byte further in front where that
 * would begin at an odd offset). PktgenSink knows it there, whatever headers a router adds, removes or
 * changes in front of it. Big endian.
 *
 *   0  4  key, by which a sink knows the packets of its own sources
 *   4  2  stream
 *   6  6  sequence number in the stream, from 0
 *  12  6  time of sending: the low 48 bits of the steady clock in ns; 0: not taken
 *
 * 18 bytes are what the smallest Ethernet frame has room for behind an IPv4 and a UDP header.
 */
#ifndef CLICKLET_ELEMENTS_PKTGEN_PAYLOAD_H
#define CLICKLET_ELEMENTS_PKTGEN_PAYLOAD_H
#include <clicklet/element.h>

enum { PKTGEN_SIGNATURE = 18, PKTGEN_FCS = 4, PKTGEN_ETHER = 14 };
#define PKTGEN_KEY "0xc11cce75" /* the default */
#define PKTGEN_LOW48 ((UINT64_C(1) << 48) - 1)

always_inline uint32_t pktgen_signature_at(uint32_t len) { return (len - PKTGEN_SIGNATURE) & ~1u; }

/* The stamp for a time; never 0. */
always_inline uint64_t pktgen_stamp(int64_t ns) {
  uint64_t v = (uint64_t)ns & PKTGEN_LOW48;
  return v ? v : 1;
}
/* ns from a stamp to now; 0 if the stamp lies in the future. */
always_inline uint64_t pktgen_age(uint64_t now, uint64_t stamp) {
  uint64_t d = (now - stamp) & PKTGEN_LOW48;
  return d >> 47 ? 0 : d;
}

/* Knuth's MMIX generator; its high bits. */
always_inline uint32_t pktgen_random(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(*state >> 32);
}

#endif
