/* udpframe.h: the plain case: UDP over IPv4 or IPv6 in Ethernet, from PktgenSource's own arguments. */
#ifndef CLICKLET_ELEMENTS_PKTGEN_UDPFRAME_H
#define CLICKLET_ELEMENTS_PKTGEN_UDPFRAME_H
#include "frame.h"

typedef struct PktgenRange {
  uint32_t low, count; /* host order */
  bool random;
} PktgenRange;

typedef struct PktgenAddress {
  PktgenRange range; /* the last 32 bits */
  uint8_t bytes[16]; /* IPv6: the first 12 */
  bool ip6;
} PktgenAddress;

typedef struct UdpFlow {
  PktgenAddress src, dst;
  PktgenRange src_port, dst_port;
  uint8_t src_ether[6], dst_ether[6], ttl, tos;
  bool checksum;
} UdpFlow;

/* Parsers of arguments: `ADDR`, `FIRST-LAST` or `ADDR/LEN`; `N` or `FIRST-LAST`; then perhaps `random`. */
int pktgen_parse_address(Element *e, const char *text, void *field, Errors *errs, int arg);
int pktgen_parse_port(Element *e, const char *text, void *field, Errors *errs, int arg);
/* Headers, fields, lengths and sums of an empty frame. */
void udp_frame(Frame *f, const UdpFlow *u);

#endif
