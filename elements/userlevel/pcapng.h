/* pcapng.h: reading pcapng files (draft-ietf-opsawg-pcapng): sections in either byte order, interfaces,
 * packet blocks. */
#ifndef CLICKLET_PCAPNG_H
#define CLICKLET_PCAPNG_H
#include "dumpfile.h"

#define PCAPNG_MAGIC 0x0a0d0d0au
#define PCAP_LONGEST 262144u /* bytes of a packet at most, as in libpcap */

typedef struct PcapngInterface {
  int link;
  uint32_t snaplen;
  uint8_t resolution; /* if_tsresol: 10^-n s, with the top bit 2^-n s */
  int64_t offset;     /* if_tsoffset: seconds */
} PcapngInterface;

typedef struct Pcapng {
  bool swapped;
  PcapngInterface *interfaces; /* of the section */
  uint32_t count, capacity;
  const char *what; /* what is wrong, after PCAPNG_BAD */
} Pcapng;

typedef struct PcapngPacket {
  int64_t time; /* ns since the epoch, 0: the block has none */
  int link;
  uint32_t captured, length, skip; /* skip: bytes of the block behind the packet */
} PcapngPacket;

enum { PCAPNG_END, PCAPNG_BAD, PCAPNG_OTHER, PCAPNG_PACKET };

/* Takes the section header and what stands before the first packet. -1: `what`, at the file's position. */
int pcapng_begin(Pcapng *n, DumpInput *f);
/* Takes the next block; after PCAPNG_PACKET the packet's bytes come next in the file. */
int pcapng_next(Pcapng *n, DumpInput *f, PcapngPacket *p);
void pcapng_end(Pcapng *n);

#endif
