/* frame.h: frames made from a model: headers as bytes, fields that change from packet to packet, lengths, and
 * checksums that are kept right by adding only what changed. There is a finished model for each size, so that
 * a packet costs a copy, a store for each field, and a fold for each checksum that is not the same in all.
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
  uint32_t value, step;      /* value: the next one; step: downwards 2^32 - STEP */
  uint64_t left, count;      /* values: 1 to 2^32; left: until it begins again */
  uint64_t in[FRAME_SUMS];   /* all ones where a sum covers it */
  uint32_t first, every, held;
  uint32_t *list;
} FrameField;

typedef struct FrameSum {
  uint16_t at, from, to;           /* covers [from, to); to 0: to the end of the frame */
  uint16_t pseudo_from, pseudo_to; /* addresses of the pseudo header; 0: none */
  uint8_t protocol;                /* of the pseudo header; 17: a sum of 0 is sent as all ones */
  bool constant;                   /* the same in all packets of a size */
  uint64_t in[FRAME_SUMS];         /* the sums behind it that cover its place */
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
  uint64_t signature_in[FRAME_SUMS];
  uint64_t stream;              /* << 48 */
  uint32_t nlive;               /* sums to be computed for each packet */
  FrameModel *models;           /* one for each size */
  uint32_t nmodels, period, at; /* order[at] is the next one */
  uint8_t order[FRAME_PERIOD];
  uint64_t random;
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

/* 64 bits to 16, with the carries of each half added to the other. */
always_inline uint16_t frame_fold(uint64_t sum) {
  sum += sum << 32 | sum >> 32;
  uint32_t half = (uint32_t)(sum >> 32);
  half += half << 16 | half >> 16;
  return (uint16_t)(half >> 16);
}

always_inline uint32_t frame_value(Frame *f, FrameField *x) {
  uint32_t value = x->value;
  if (unlikely(x->mode == FIELD_RANDOM))
    return value + x->step * (uint32_t)((pktgen_random(&f->random) * x->count) >> 32);
  if (unlikely(x->mode == FIELD_LIST)) value = x->list[x->count - x->left];
  if (unlikely(x->every > 1) && ++x->held < x->every) return value;
  x->held = 0;
  x->value += x->step;
  if (unlikely(!--x->left)) {
    x->left = x->count;
    x->value = x->first;
  }
  return value;
}

/* Changes the bits of a field in a copy of the model; returns them as they lie in memory. */
always_inline uint32_t frame_put(const FrameField *x, uint8_t *d, uint32_t value) {
  if (likely(x->wide == 4)) {
    uint32_t bits = be32(value << x->shift);
    store32(d + x->at, load32(d + x->at) | bits);
    return bits;
  }
  uint16_t bits = be16((uint16_t)(value << x->shift));
  store16(d + x->at, load16(d + x->at) | bits);
  return bits;
}

__attribute__((noinline)) Packet *frame_large(uint32_t len);

/* The next packet, complete, with the given sequence number and stamp (0: none). NULL when memory is out.
 * Where nlive is a constant the sums stay in registers. */
always_inline Packet *frame_packet(Frame *f, uint32_t nlive, uint64_t sequence, uint64_t stamp) {
  const FrameModel *m = &f->models[f->order[f->at]];
  uint32_t len = m->len;
  Packet *p = likely(len <= PACKET_BUFFER - PACKET_HEADROOM) ? packet_alloc(len) : frame_large(len);
  if (unlikely(!p)) return NULL;
  if (f->period > 1) f->at = f->at + 1 == f->period ? 0 : f->at + 1;
  uint8_t *d = p->mac = p->data;
  if (likely(len <= 64))
    memcpy(d, m->bytes, 64); /* buffer and model have room for whole lines */
  else
    memcpy(d, m->bytes, len);

  uint64_t sum[FRAME_SUMS];
  for (uint32_t k = 0; k < nlive; k++) sum[k] = m->sum[k];
  for (FrameField *x = f->fields, *end = x + f->nfields; x < end; x++) {
    uint64_t bits = frame_put(x, d, frame_value(f, x));
    for (uint32_t k = 0; k < nlive; k++) sum[k] += bits & x->in[k];
  }
  if (likely(f->tracked)) {
    uint8_t *s = d + pktgen_signature_at(len);
    uint64_t number = be64(f->stream | (sequence & PKTGEN_LOW48)), time = be64(stamp << 16);
    store64(s + 4, number);
    store32(s + 12, (uint32_t)time);
    store16(s + 16, (uint16_t)(time >> 32));
    number = (uint32_t)number + (number >> 32) + (uint32_t)time + (time >> 32);
    for (uint32_t k = 0; k < nlive; k++) sum[k] += number & f->signature_in[k];
  }
  for (uint32_t k = 0; k < nlive; k++) {
    const FrameSum *s = &f->sums[k];
    uint16_t c = (uint16_t)~frame_fold(sum[k]);
    if (s->protocol == 17 && !c) c = 0xffff;
    store16(d + s->at, c);
    for (uint32_t j = k + 1; j < nlive; j++) sum[j] += c & s->in[j];
  }
  return p;
}

always_inline unsigned frame_loop(Frame *f, uint32_t nlive, Packet **p, unsigned n, uint64_t sequence,
                                  uint64_t stamp) {
  unsigned k = 0;
  while (k < n && likely((p[k] = frame_packet(f, nlive, sequence + k, stamp)) != NULL)) k++;
  return k;
}

/* Up to n packets with the same stamp; fewer when memory is out. */
static inline unsigned frame_batch(Frame *f, Packet **p, unsigned n, uint64_t sequence, uint64_t stamp) {
  if (f->nlive == 0) return frame_loop(f, 0, p, n, sequence, stamp);
  if (f->nlive == 1) return frame_loop(f, 1, p, n, sequence, stamp);
  if (f->nlive == 2) return frame_loop(f, 2, p, n, sequence, stamp);
  return frame_loop(f, f->nlive, p, n, sequence, stamp);
}

#endif
