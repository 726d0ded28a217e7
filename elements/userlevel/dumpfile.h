/* dumpfile.h: reading and writing trace files: "-", compressed files, text lines, positions; and the link
 * types of pcap. */
#ifndef CLICKLET_DUMPFILE_H
#define CLICKLET_DUMPFILE_H
#include <clicklet/element.h>

/* A file that is read from its beginning to its end. */
typedef struct DumpInput {
  char *name;
  int fd;  /* -1: not open */
  int pid; /* of the process that decompresses, 0: none */
  uint8_t *buffer;
  size_t capacity, begin, end; /* bytes not yet taken are buffer[begin, end) */
  uint64_t position;           /* in the (uncompressed) file, of buffer[begin] */
  uint64_t line;               /* lines taken */
  bool eof;
} DumpInput;

int dump_open(DumpInput *f, const char *name,
              Errors *errs); /* "-" is standard input; .gz .bz2 .Z and their contents are decompressed */
int dump_open_text(DumpInput *f, const char *text, Errors *errs);
void dump_close(DumpInput *f);
/* The next n bytes without taking them; NULL if there are not so many (*left: how many there are). */
const uint8_t *dump_peek(DumpInput *f, size_t n, size_t *left);
void dump_take(DumpInput *f, size_t n); /* what was peeked */
bool dump_skip(DumpInput *f, uint64_t n);
/* The next line into `out`, without its end; false at the end of the file. */
bool dump_line(DumpInput *f, Text *out);
int dump_seek(DumpInput *f, uint64_t position, Errors *errs);
void dump_size_text(const DumpInput *f, Text *out); /* bytes, or "-" if that is not known */

/* A file that is written, or standard output, where several writers' output keeps the order of the program.
 */
typedef struct DumpOutput {
  int fd;  /* -1: not open */
  int pid; /* of the process that compresses, 0: none */
  bool standard, unbuffered;
  uint8_t *buffer;
  size_t used;
} DumpOutput;

int dump_create(DumpOutput *f, const char *name, bool compress, Errors *errs);
bool dump_write(DumpOutput *f, const void *data, size_t n); /* false: errno says why */
bool dump_flush(DumpOutput *f);
void dump_finish(DumpOutput *f);

enum {
  LINK_NULL = 0,
  LINK_ETHER = 1,
  LINK_PPP = 9,
  LINK_FDDI = 10,
  LINK_RAW_BSD = 12,
  LINK_PPP_HDLC = 50,
  LINK_ATM = 100,
  LINK_RAW = 101,
  LINK_HDLC = 104,
  LINK_80211 = 105,
  LINK_SLL = 113,
  LINK_PRISM = 119,
  LINK_AIRONET = 120,
  LINK_SUNATM = 123,
  LINK_RADIOTAP = 127
};
int link_parse(const char *name); /* -1: unknown */
void link_text(int link, Text *out);
bool link_knows_ip(int link); /* whether link_find_ip can find IP packets in frames of that type */
bool link_find_ip(
    Packet *p,
    int link); /* sets the network header, and the destination annotation (IPv4); false if there is none */

#endif
