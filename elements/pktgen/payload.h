/* payload.h: the first bytes of a generated packet's UDP payload, by which the sink knows it. Big endian.
 *
 *   0  2  magic
 *   2  2  stream
 *   4  8  sequence number in the stream, from 0
 *  12  6  time of sending: the low 48 bits of the steady clock in ns; 0: not taken
 *
 * 18 bytes are what the smallest Ethernet frame has room for behind an IPv4 and a UDP header.
 */
#ifndef CLICKLET_ELEMENTS_PKTGEN_PAYLOAD_H
#define CLICKLET_ELEMENTS_PKTGEN_PAYLOAD_H
#include <clicklet/element.h>

enum { PKTGEN_PAYLOAD = 18, PKTGEN_MAGIC = 0xc11c, PKTGEN_FCS = 4 };
enum { PKTGEN_ETHER = 14, PKTGEN_IP = 20, PKTGEN_IP6 = 40, PKTGEN_UDP = 8 };
#define PKTGEN_STAMP_MASK ((UINT64_C(1) << 48) - 1)

/* The stamp for a time; never 0. */
always_inline uint64_t pktgen_stamp(int64_t ns) {
  uint64_t v = (uint64_t)ns & PKTGEN_STAMP_MASK;
  return v ? v : 1;
}
/* ns from a stamp to now; 0 if the stamp lies in the future. */
always_inline uint64_t pktgen_age(uint64_t now, uint64_t stamp) {
  uint64_t d = (now - stamp) & PKTGEN_STAMP_MASK;
  return d >> 47 ? 0 : d;
}

#endif
