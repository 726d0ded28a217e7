/* frame.h: frames made from a model: headers as bytes, fields that change from packet to packet, lengths, and
 * checksums that are kept right by adding only what changed. There is a finished model for each size, so that
 * a packet costs a copy, a store for each field, and a fold for each checksum that is not the same in all. A
 * batch is made step by step, all of its packets in each: a field, its place in the sums and the state of its
 * values then stay in registers.
 *
 * Fields lie at even offsets, in two or four bytes; bits of the model that belong to a field are 0.
 */
#ifndef CLICKLET_ELEMENTS_PKTGEN_FRAME_H
#define CLICKLET_ELEMENTS_PKTGEN_FRAME_H
#include "payload.h"

enum { FRAME_HEADERS = 512, FRAME_LONGEST = 9212, FRAME_SUMS = 8, FRAME_FIELDS = 32, FRAME_PERIOD = 256 };

enum { FIELD_INCREMENT, FIELD_DECREMENT, FIELD_RANDOM, FIELD_LIST };

/* Takes value FIRST, FIRST + STEP, ...: COUNT of them, each for EVERY packets. */
typedef struct FrameField {
  uint16_t at;               /* offset */
  uint8_t wide, shift, mode; /* wide: 2 or 4 bytes; the value is shifted by so many bits */
  uint8_t in;                /* the sums that cover it, a bit for each */
  bool shared;               /* an earlier field has bits in the same bytes */
  uint32_t value, step;      /* value: the next one; step: downwards 2^32 - STEP */
  uint64_t left, count;      /* values: 1 to 2^32; left: until it begins again */
  uint32_t first, every, held;
  uint64_t random;
  uint32_t *list;
} FrameField;

typedef struct FrameSum {
  uint16_t at, from, to;           /* covers [from, to); to 0: to the end of the frame */
  uint16_t pseudo_from, pseudo_to; /* addresses of the pseudo header; 0: none */
  uint8_t protocol;                /* of the pseudo header; 17: a sum of 0 is sent as all ones */
  uint8_t in;                      /* the sums behind it that cover its place */
  bool constant;                   /* the same in all packets of a size */
} FrameSum;

typedef struct FrameLength {
  uint16_t at, less; /* the 16 bits there are the frame's length less so much */
} FrameLength;

typedef struct FrameModel {
  uint32_t len;
  uint8_t *bytes;
  uint64_t sum[FRAME_SUMS]; /* of all that is the same */
} FrameModel;

typedef struct Frame {
  uint32_t nfields, nsums, nlengths, header_len;
  FrameField fields[FRAME_FIELDS];
  FrameSum sums[FRAME_SUMS]; /* inner ones first; those that are constant last, after frame_build */
  FrameLength lengths[FRAME_SUMS];
  bool tracked; /* carries a signature */
  uint32_t key; /* its first bytes */
  uint8_t signature_in;
  uint64_t stream;              /* << 48 */
  uint32_t nlive;               /* sums to be computed for each packet */
  FrameModel *models;           /* one for each size */
  uint32_t nmodels, period, at; /* order[at] is the next one */
  bool pooled;                  /* packets of the pool hold all of them */
  uint8_t order[FRAME_PERIOD];
  uint8_t header[FRAME_HEADERS];
} Frame;

/* The smallest packet that holds the headers and the signature. */
uint32_t frame_least(const Frame *f);
/* Sets the sizes: frame sizes in bytes with frame check sequence, as `64`, `64*7 594*4` or `imix`, `` for the
 * smallest. Headers, fields, sums and lengths are set. 0, or -1 with an error reported. */
int frame_build(Frame *f, const char *sizes, Errors *errs);
void frame_reset(Frame *f, uint32_t seed);
void frame_free(Frame *f);
double frame_mean(const Frame *f); /* bytes of packet */

/* The program of a frame as text; see PktgenSource. 0, or -1 with errors reported. */
int frame_parse_header(Frame *f, const char *hex, Errors *errs, int arg);
int frame_parse_fields(Frame *f, const char *text, Errors *errs, int arg);
int frame_parse_lengths(Frame *f, const char *text, Errors *errs, int arg);
int frame_parse_sums(Frame *f, const char *text, Errors *errs, int arg);

/* Makes up to n packets (at most BATCH_MAX), complete, with sequence numbers from `sequence` on and the same
 * stamp (0: none). Returns how many: fewer when memory is out. */
unsigned frame_batch(Frame *f, Packet **p, unsigned n, uint64_t sequence, uint64_t stamp);

#endif
