/* rfc2507.h: what RFC2507Comp and RFC2507Decomp agree on: a header compression for TCP over IPv4 after RFC
 * 2507, in the reference's own framing.
 *
 * The first byte says what a packet is. OTHER: an IP packet follows. FULL: a context number follows, then an
 * IP packet; its headers become the context. COMPRESSED: context number, flags, the TCP checksum, what
 * changed since the last packet of that context (in the order urgent pointer, window, acknowledgement,
 * sequence number, IP identification: how much it grew by, as one byte, or 0 and two bytes), then what
 * followed the 40 bytes of headers.
 */
#ifndef CLICKLET_ELEMENTS_RFC2507_H
#define CLICKLET_ELEMENTS_RFC2507_H
#include "../ethernet/wire.h"

enum { COMP_OTHER, COMP_FULL, COMP_COMPRESSED };
enum { COMP_CONTEXTS = 15 }; /* numbers 1...14 */
enum { COMP_URGENT = 1, COMP_WINDOW = 2, COMP_ACK = 4, COMP_SEQ = 8, COMP_PUSH = 16, COMP_ID = 32 };
enum { COMP_HEADERS = WIRE_IP + WIRE_TCP, COMP_FIXED = 5 };
/* Places in the 40 bytes of headers. */
enum {
  COMP_AT_LENGTH = 2,
  COMP_AT_ID = 4,
  COMP_AT_IP_SUM = 10,
  COMP_AT_SEQ = 24,
  COMP_AT_ACK = 28,
  COMP_AT_FLAGS = 33,
  COMP_AT_WINDOW = 34,
  COMP_AT_SUM = 36,
  COMP_AT_URGENT = 38
};
enum { COMP_TCP_PUSH = 0x08, COMP_TCP_ACK = 0x10, COMP_TCP_URGENT = 0x20 };

#endif
