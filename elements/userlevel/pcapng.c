/* pcapng.c: pcapng files (pcapng.h). Numbers of sections are those of draft-ietf-opsawg-pcapng. */
#include "pcapng.h"
#include <stdlib.h>
#include <string.h>

enum { INTERFACE = 1, OLD_PACKET = 2, SIMPLE_PACKET = 3, ENHANCED_PACKET = 6 };
enum { OPTION_END = 0, OPTION_TSRESOL = 9, OPTION_TSOFFSET = 14 };
enum { LONGEST_DESCRIPTION = 1 << 20, MOST_INTERFACES = 1 << 16 };

static uint16_t get16(const Pcapng *n, const uint8_t *s) { return n->swapped ? be16(load16(s)) : load16(s); }
static uint32_t get32(const Pcapng *n, const uint8_t *s) { return n->swapped ? be32(load32(s)) : load32(s); }

static int bad(Pcapng *n, const char *what) {
  n->what = what;
  return PCAPNG_BAD;
}

/* A time in units of the interface as ns; what does not fit is the last that does. */
static int64_t to_time(const PcapngInterface *i, uint64_t units) {
  unsigned e = i->resolution & 0x7f;
  __int128 ns, limit = INT64_MAX / 4;
  if (i->resolution & 0x80) {
    ns = e < 64 ? (__int128)((unsigned __int128)units * NSEC_PER_SEC >> e) : 0;
  } else {
    ns = units;
    for (; e < 9; e++) ns *= 10;
    for (; e > 9 && ns; e--) ns /= 10;
  }
  ns += (__int128)i->offset * NSEC_PER_SEC;
  return ns < 0 ? 0 : (int64_t)(ns < limit ? ns : limit);
}

/* 4.1: the section header. Its byte order is in it; interfaces are numbered anew. */
static int read_section(Pcapng *n, DumpInput *f) {
  size_t left;
  const uint8_t *h = dump_peek(f, 16, &left);
  if (!h) return bad(n, "the file ends within a section header");
  uint32_t order = load32(h + 8);
  if (order != 0x1a2b3c4d && order != 0x4d3c2b1a) return bad(n, "the section header has no byte order");
  n->swapped = order == 0x4d3c2b1a;
  uint32_t length = get32(n, h + 4);
  if (length < 28 || length % 4) return bad(n, "the section header has an impossible length");
  if (get16(n, h + 12) != 1) return bad(n, "unknown major version of pcapng");
  n->count = 0;
  return dump_skip(f, length) ? PCAPNG_OTHER : bad(n, "the file ends within a section header");
}

/* 4.2: an interface description, `length` bytes at h. */
static int read_interface(Pcapng *n, const uint8_t *h, uint32_t length) {
  if (n->count == n->capacity) {
    uint32_t capacity = n->capacity ? 2 * n->capacity : 8;
    PcapngInterface *more =
        capacity <= MOST_INTERFACES ? realloc(n->interfaces, capacity * sizeof *more) : NULL;
    if (!more) return bad(n, "too many interfaces");
    n->interfaces = more;
    n->capacity = capacity;
  }
  PcapngInterface i = {.link = get16(n, h + 8), .snaplen = get32(n, h + 12), .resolution = 6};
  if (i.link == LINK_RAW_BSD) i.link = LINK_RAW;
  for (uint32_t at = 16; at + 8 <= length;) { /* 3.5: options, in front of the length that ends the block */
    uint32_t code = get16(n, h + at), size = get16(n, h + at + 2);
    if (code == OPTION_END) break;
    if (size > length - 4 - at - 4) return bad(n, "an option is longer than its block");
    if (code == OPTION_TSRESOL && size >= 1) i.resolution = h[at + 4];
    if (code == OPTION_TSOFFSET && size >= 8) {
      uint64_t v = load64(h + at + 4);
      i.offset = (int64_t)(n->swapped ? be64(v) : v);
    }
    at += 4 + (size + 3) / 4 * 4;
  }
  n->interfaces[n->count++] = i;
  return PCAPNG_OTHER;
}

/* 4.3, 4.4, A.1: a packet block, of which `fixed` bytes stand before the packet's. */
static int read_packet(Pcapng *n, DumpInput *f, const uint8_t *h, uint32_t type, uint32_t length,
                       uint32_t fixed, PcapngPacket *p) {
  uint32_t index = type == ENHANCED_PACKET ? get32(n, h + 8) : type == OLD_PACKET ? get16(n, h + 8) : 0;
  if (index >= n->count) return bad(n, "a packet of an interface that was not described");
  const PcapngInterface *i = &n->interfaces[index];
  uint32_t room = length - fixed - 4;
  *p = (PcapngPacket){.link = i->link};
  if (type == SIMPLE_PACKET) {
    p->length = p->captured = get32(n, h + 8);
    if (i->snaplen && p->captured > i->snaplen) p->captured = i->snaplen;
    if (p->captured > room) p->captured = room;
  } else {
    p->time = to_time(i, (uint64_t)get32(n, h + 12) << 32 | get32(n, h + 16));
    p->captured = get32(n, h + 20);
    p->length = get32(n, h + 24);
  }
  if (p->captured > room) return bad(n, "a packet is longer than its block");
  if (p->captured > PCAP_LONGEST) return bad(n, "a packet is impossibly long");
  p->skip = length - fixed - p->captured;
  if (p->length < p->captured) p->length = p->captured;
  dump_take(f, fixed);
  return PCAPNG_PACKET;
}

int pcapng_next(Pcapng *n, DumpInput *f, PcapngPacket *p) {
  size_t left;
  const uint8_t *h = dump_peek(f, 8, &left);
  if (!h) return left ? bad(n, "the file ends within a block") : PCAPNG_END;
  if (load32(h) == PCAPNG_MAGIC) return read_section(n, f); /* the same in both byte orders */
  uint32_t type = get32(n, h), length = get32(n, h + 4);
  if (length < 12 || length % 4) return bad(n, "a block has an impossible length");
  uint32_t fixed = type == INTERFACE                               ? 16
                   : type == ENHANCED_PACKET || type == OLD_PACKET ? 28
                   : type == SIMPLE_PACKET                         ? 12
                                                                   : 0;
  if (!fixed) return dump_skip(f, length) ? PCAPNG_OTHER : bad(n, "the file ends within a block");
  if (length < fixed + 4) return bad(n, "a block is too short for its type");
  if (type == INTERFACE && length > LONGEST_DESCRIPTION)
    return bad(n, "an interface description is impossibly long");
  h = dump_peek(f, type == INTERFACE ? length : fixed, &left);
  if (!h) return bad(n, "the file ends within a block");
  if (type != INTERFACE) return read_packet(n, f, h, type, length, fixed, p);
  int k = read_interface(n, h, length);
  if (k != PCAPNG_BAD) dump_take(f, length);
  return k;
}

int pcapng_begin(Pcapng *n, DumpInput *f) {
  if (read_section(n, f) == PCAPNG_BAD) return -1;
  for (;;) {
    size_t left;
    const uint8_t *h = dump_peek(f, 8, &left);
    uint32_t type = h ? get32(n, h) : 0;
    if (!h || type == OLD_PACKET || type == SIMPLE_PACKET || type == ENHANCED_PACKET) return 0;
    PcapngPacket p;
    if (pcapng_next(n, f, &p) == PCAPNG_BAD) return -1;
  }
}

void pcapng_end(Pcapng *n) {
  free(n->interfaces);
  *n = (Pcapng){0};
}
