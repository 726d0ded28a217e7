/* frame.c: see frame.h: models for each size, with the sums of what never changes; frames from them. */
#include "frame.h"

uint32_t frame_least(const Frame *f) {
  return f->tracked ? ((f->header_len + 1) & ~1u) + PKTGEN_SIGNATURE : f->header_len;
}

double frame_mean(const Frame *f) {
  double sum = 0;
  for (uint32_t i = 0; i < f->period; i++) sum += f->models[f->order[i]].len;
  return sum / f->period;
}

void frame_reset(Frame *f, uint32_t seed) {
  f->at = 0;
  uint64_t start = seed; /* each random field has a sequence of its own, whatever the batches */
  for (FrameField *x = f->fields; x < f->fields + f->nfields; x++) {
    x->value = x->first;
    x->left = x->count;
    x->held = 0;
    if (x->mode != FIELD_RANDOM) continue;
    x->random = start * UINT64_C(0x9e3779b97f4a7c15) + 1;
    start += UINT64_C(0xbf58476d1ce4e5b9);
  }
}

static void frame_free_models(Frame *f) {
  for (uint32_t i = 0; i < f->nmodels; i++) mem_free(f->models[i].bytes);
  mem_free(f->models);
  f->models = NULL;
  f->nmodels = 0;
}

void frame_free(Frame *f) {
  frame_free_models(f);
  for (uint32_t i = 0; i < f->nfields; i++) mem_free(f->fields[i].list);
  f->nfields = 0;
}

/* ---- Checksums ---------------------------------------------------------------------------------------- */

static bool frame_covers(const FrameSum *s, uint32_t at) {
  return (at >= s->from && (!s->to || at < s->to)) || (at >= s->pseudo_from && at < s->pseudo_to);
}

/* What each sum covers of fields, signature and other sums. Sums that cover nothing that changes are constant
 * and go behind the others; their order is kept otherwise. */
static void frame_order_sums(Frame *f) {
  FrameSum sorted[FRAME_SUMS];
  uint32_t n = 0;
  for (uint32_t k = 0; k < f->nsums; k++) {
    FrameSum *s = &f->sums[k];
    s->constant = !(f->tracked && !s->to);
    for (uint32_t i = 0; i < f->nfields; i++) s->constant &= !frame_covers(s, f->fields[i].at);
    for (uint32_t j = 0; j < k; j++)
      if (!f->sums[j].constant && frame_covers(s, f->sums[j].at)) s->constant = false;
  }
  for (int constant = 0; constant < 2; constant++) {
    for (uint32_t k = 0; k < f->nsums; k++)
      if (f->sums[k].constant == (bool)constant) sorted[n++] = f->sums[k];
    if (!constant) f->nlive = n;
  }
  memcpy(f->sums, sorted, f->nsums * sizeof *sorted);
  f->signature_in = 0;
  for (uint32_t i = 0; i < f->nfields; i++) f->fields[i].in = 0;
  for (uint32_t k = 0; k < f->nlive; k++) {
    const FrameSum *s = &f->sums[k];
    for (uint32_t i = 0; i < f->nfields; i++)
      f->fields[i].in |= (uint8_t)(frame_covers(s, f->fields[i].at) << k);
    f->signature_in |= (uint8_t)(!s->to << k);
    f->sums[k].in = 0;
    for (uint32_t j = 0; j < k; j++) f->sums[j].in |= (uint8_t)(frame_covers(s, f->sums[j].at) << k);
  }
}

/* The checksum of 64 bits of sums; a sum of 0 becomes `zero`. */
always_inline uint64_t frame_checksum(uint64_t sum, uint64_t zero) {
  sum += sum << 32 | sum >> 32; /* the carries of each half are added to the other */
  uint64_t half = sum >> 32;
  half = (half & 0xffff) + (half >> 16);
  half = ~(half + (half >> 16)) & 0xffff;
  return half ? half : zero;
}

/* RFC 768: UDP sends 0 as all ones, since 0 says that there is no checksum. */
static uint64_t frame_zero(const FrameSum *s) { return s->protocol == 17 ? 0xffff : 0; }

static uint64_t frame_sum_bytes(const uint8_t *d, uint32_t from, uint32_t to) {
  uint64_t sum = 0;
  uint8_t last[2] = {0};
  for (; from + 1 < to; from += 2) sum += load16(d + from);
  if (from < to) {
    last[0] = d[from];
    sum += load16(last);
  }
  return sum;
}

static uint64_t frame_sum_model(const FrameSum *s, const uint8_t *d, uint32_t len) {
  uint64_t sum = frame_sum_bytes(d, s->from, s->to ? s->to : len);
  if (s->pseudo_to) {
    sum += frame_sum_bytes(d, s->pseudo_from, s->pseudo_to);
    sum += be16(s->protocol) + (uint64_t)be16((uint16_t)(len - s->from));
  }
  return sum;
}

static void frame_find_shared(Frame *f) {
  for (FrameField *x = f->fields; x < f->fields + f->nfields; x++) {
    x->shared = false;
    for (const FrameField *y = f->fields; y < x; y++)
      x->shared |= x->at < y->at + y->wide && y->at < x->at + x->wide;
  }
}

/* ---- Sizes -------------------------------------------------------------------------------------------- */

static int frame_model(Frame *f, FrameModel *m, uint32_t len) {
  m->len = len;
  if (!(m->bytes = mem_alloc(len + CACHE_LINE))) return -1;
  memcpy(m->bytes, f->header, f->header_len);
  if (f->tracked) store32(m->bytes + pktgen_signature_at(len), be32(f->key));
  for (uint32_t i = 0; i < f->nlengths; i++)
    store16(m->bytes + f->lengths[i].at, be16((uint16_t)(len - f->lengths[i].less)));
  for (uint32_t k = f->nlive; k < f->nsums; k++) { /* the constant ones: inner ones first */
    const FrameSum *s = &f->sums[k];
    store16(m->bytes + s->at, (uint16_t)frame_checksum(frame_sum_model(s, m->bytes, len), frame_zero(s)));
  }
  for (uint32_t k = 0; k < f->nlive; k++) m->sum[k] = frame_sum_model(&f->sums[k], m->bytes, len);
  return 0;
}

typedef struct FrameSize {
  uint32_t bytes, weight;
} FrameSize;

/* One of `64`, `64*7`. */
static int frame_parse_size(const Frame *f, char *word, const char *text, FrameSize *out, Errors *errs) {
  char *star = strchr(word, '*');
  uint64_t bytes, weight = 1;
  uint32_t least = frame_least(f) + PKTGEN_FCS;
  if (least < 64) least = 64;
  if (star) *star = 0;
  if (!parse_u64(word, &bytes) || (star && (!parse_u64(star + 1, &weight) || !weight)))
    return error(errs, "SIZE: expected frame sizes such as '64' or '64*7 594*4', or 'imix', not '%s'", text);
  if (bytes < least || bytes > FRAME_LONGEST + PKTGEN_FCS)
    return error(errs, "SIZE: frames of %llu bytes are out of range: %u to %u with these headers%s",
                 (unsigned long long)bytes, least, FRAME_LONGEST + PKTGEN_FCS,
                 f->tracked ? " and the signature" : "");
  *out = (FrameSize){(uint32_t)bytes, weight > FRAME_PERIOD ? FRAME_PERIOD + 1 : (uint32_t)weight};
  return 0;
}

static int frame_parse_sizes(const Frame *f, const char *text, FrameSize *sizes, Errors *errs) {
  uint32_t least = frame_least(f) + PKTGEN_FCS, total = 0;
  int n = 0, rc = 0;
  if (least < 64) least = 64;
  if (!*text || !compare_ignore_case(text, "imix")) {
    sizes[0] = (FrameSize){least, 7};
    if (!*text) return 1;
    sizes[1] = (FrameSize){594, 4};
    sizes[2] = (FrameSize){1518, 1};
    return least > 594 ? error(errs, "SIZE: the headers do not fit into the frames of imix") : 3;
  }
  Text word = {0};
  const char *fault = NULL;
  for (const char *at = text; !rc && (text_clear(&word), at = next_word(at, &word, &fault));) {
    FrameSize size;
    if ((rc = frame_parse_size(f, (char *)text_cstr(&word), text, &size, errs))) break;
    total += size.weight;
    if (total > FRAME_PERIOD)
      rc = error(errs, "SIZE: more than %d sizes, counted with their weights", FRAME_PERIOD);
    else
      sizes[n++] = size;
  }
  text_free(&word);
  if (!rc && (fault || !n)) rc = error(errs, "SIZE: expected at least one frame size");
  return rc ? rc : n;
}

/* Spreads the sizes over one period so that each comes as evenly as its weight allows. */
static void frame_spread(Frame *f, const FrameSize *sizes, uint32_t n) {
  int64_t credit[FRAME_PERIOD] = {0};
  uint32_t total = 0;
  for (uint32_t i = 0; i < n; i++) total += sizes[i].weight;
  if (n == 1) total = 1;
  for (f->period = 0; f->period < total; f->period++) {
    unsigned best = 0;
    for (unsigned i = 0; i < n; i++) {
      credit[i] += sizes[i].weight;
      if (credit[i] > credit[best]) best = i;
    }
    credit[best] -= total;
    f->order[f->period] = (uint8_t)best;
  }
  f->at = 0;
}

int frame_build(Frame *f, const char *text, Errors *errs) {
  FrameSize sizes[FRAME_PERIOD];
  int n = frame_parse_sizes(f, text, sizes, errs);
  if (n < 0) return n;
  frame_free_models(f);
  frame_order_sums(f);
  frame_find_shared(f);
  if (!(f->models = mem_alloc((size_t)n * sizeof *f->models))) return error(errs, "out of memory");
  f->pooled = true;
  for (f->nmodels = 0; f->nmodels < (uint32_t)n; f->nmodels++) {
    FrameModel *m = &f->models[f->nmodels];
    if (frame_model(f, m, sizes[f->nmodels].bytes - PKTGEN_FCS) < 0) return error(errs, "out of memory");
    f->pooled &= m->len <= PACKET_BUFFER - PACKET_HEADROOM;
  }
  frame_spread(f, sizes, (uint32_t)n);
  return 0;
}

/* ---- Making ------------------------------------------------------------------------------------------- */

/* Something of each packet of a batch. All arithmetic is done column by column, apart from the stores into
 * the packets, so that the compiler makes vectors of it. */
typedef uint64_t FrameColumn[BATCH_MAX];

typedef struct FrameBatch {
  unsigned n;
  Packet **packet;
  uint8_t *data[BATCH_MAX];
  const FrameModel *model[BATCH_MAX];
  FrameColumn sum[FRAME_SUMS], bits;
} FrameBatch;

always_inline void frame_start(FrameBatch *b, unsigned i, Packet *p, const FrameModel *m) {
  uint8_t *d = p->mac = p->data;
  b->packet[i] = p;
  b->data[i] = d;
  b->model[i] = m;
  if (likely(m->len <= 64))
    copy_line(d, m->bytes); /* buffer and model have room for whole lines */
  else
    memcpy(d, m->bytes, m->len);
}

always_inline const FrameModel *frame_turn(Frame *f) {
  const FrameModel *m = &f->models[f->order[f->at]];
  f->at = f->at + 1 == f->period ? 0 : f->at + 1;
  return m;
}

/* Copies of the models whose turn it is. */
static void frame_copy(Frame *f, FrameBatch *b) {
  Packet **chunk;
  b->n = packet_alloc_raw_batch(b->n, &chunk);
  bool same = f->period == 1;
  const FrameModel *m = f->models;
  for (unsigned i = 0; i < b->n; i++) {
    Packet *p = chunk[b->n - 1 - i];
    if (!same) m = frame_turn(f);
    PacketStart start = packet_start(m->len, 0);
    packet_begin(p, &start);
    frame_start(b, i, p, m);
  }
  for (uint32_t k = 0; k < f->nlive; k++) {
    uint64_t sum = m->sum[k];
    for (unsigned i = 0, n = b->n; i < n; i++) b->sum[k][i] = same ? sum : b->model[i]->sum[k];
  }
}

static void frame_copy_long(Frame *f, FrameBatch *b) {
  for (unsigned i = 0; i < b->n; i++) {
    const FrameModel *m = &f->models[f->order[f->at]];
    Packet *p = packet_make(PACKET_HEADROOM, NULL, m->len, 0);
    if (!p) {
      b->n = i;
      break;
    }
    frame_start(b, i, p, frame_turn(f));
    for (uint32_t k = 0; k < f->nlive; k++) b->sum[k][i] = m->sum[k];
  }
}

/* Adds the column to the sums in question. */
static void frame_add(FrameBatch *b, uint32_t in) {
  unsigned n = b->n;
  for (uint32_t k = 0; in >> k; k++)
    for (unsigned i = 0; in >> k & 1 && i < n; i++) b->sum[k][i] += b->bits[i];
}

static void frame_values(FrameField *x, uint64_t *out, unsigned n) {
  if (x->mode == FIELD_RANDOM) {
    for (unsigned i = 0; i < n; i++)
      out[i] = x->value + x->step * (uint32_t)((pktgen_random(&x->random) * x->count) >> 32);
    return;
  }
  for (unsigned run; n; n -= run, out += run) { /* until the values begin again */
    uint32_t value = x->value, step = x->step;
    run = x->every > 1 ? 1 : x->left < n ? (unsigned)x->left : n;
    if (x->mode == FIELD_LIST)
      for (unsigned i = 0; i < run; i++) out[i] = x->list[x->count - x->left + i];
    else
      for (unsigned i = 0; i < run; i++) out[i] = value + step * i;
    if (x->every > 1 && ++x->held < x->every) continue;
    x->held = 0;
    x->value += x->step * run;
    if (x->left -= run) continue;
    x->left = x->count;
    x->value = x->first;
  }
}

/* Puts the next values of a field over the bits of the models, which are 0 there. What was just copied is not
 * read back unless another field lies there: a load that spans two stores waits until both are in the cache.
 */
static void frame_field(FrameBatch *b, FrameField *x) {
  uint64_t *bits = b->bits;
  unsigned n = b->n;
  uint32_t at = x->at, up = 64 - 8u * x->wide + x->shift;
  frame_values(x, bits, n);
  for (unsigned i = 0; i < n; i++) bits[i] = be64(bits[i] << up); /* as they lie in memory */
  const uint8_t *under = b->model[0]->bytes + at; /* headers are the same at all sizes, where fields are */
  if (x->shared) {
    for (unsigned i = 0; i < n; i++) {
      uint8_t *d = b->data[i] + at;
      if (x->wide == 4)
        store32(d, load32(d) | (uint32_t)bits[i]);
      else
        store16(d, load16(d) | (uint16_t)bits[i]);
    }
  } else if (x->wide == 4) {
    uint32_t model = load32(under);
    for (unsigned i = 0; i < n; i++) store32(b->data[i] + at, model | (uint32_t)bits[i]);
  } else {
    uint16_t model = load16(under);
    for (unsigned i = 0; i < n; i++) store16(b->data[i] + at, model | (uint16_t)bits[i]);
  }
}

/* The column becomes what the signatures add to a sum. */
static void frame_sign(FrameBatch *b, uint64_t stream, uint64_t sequence, uint64_t stamp) {
  unsigned n = b->n;
  uint64_t *bits = b->bits, time = be64(stamp << 16), time_sum = (uint32_t)time + (time >> 32);
  for (unsigned i = 0; i < n; i++) bits[i] = be64(stream | ((sequence + i) & PKTGEN_LOW48));
  for (unsigned i = 0; i < n; i++) {
    uint8_t *s = b->data[i] + pktgen_signature_at(b->model[i]->len);
    store64(s + 4, bits[i]);
    store32(s + 12, (uint32_t)time);
    store16(s + 16, (uint16_t)(time >> 32));
  }
  for (unsigned i = 0; i < n; i++) bits[i] = (uint32_t)bits[i] + (bits[i] >> 32) + time_sum;
}

static void frame_sum(FrameBatch *b, const FrameSum *s, const uint64_t *sum) {
  unsigned n = b->n;
  uint64_t zero = frame_zero(s);
  for (unsigned i = 0; i < n; i++) b->bits[i] = frame_checksum(sum[i], zero);
  for (unsigned i = 0; i < n; i++) store16(b->data[i] + s->at, (uint16_t)b->bits[i]);
}

unsigned frame_batch(Frame *f, Packet **p, unsigned n, uint64_t sequence, uint64_t stamp) {
  FrameBatch b;
  b.n = n;
  b.packet = p;
  if (likely(f->pooled))
    frame_copy(f, &b);
  else
    frame_copy_long(f, &b);
  if (unlikely(!b.n)) return 0;
  for (FrameField *x = f->fields; x < f->fields + f->nfields; x++) {
    frame_field(&b, x);
    frame_add(&b, x->in);
  }
  if (likely(f->tracked)) {
    frame_sign(&b, f->stream, sequence, stamp);
    frame_add(&b, f->signature_in);
  }
  for (uint32_t k = 0; k < f->nlive; k++) {
    frame_sum(&b, &f->sums[k], b.sum[k]);
    frame_add(&b, f->sums[k].in);
  }
  return b.n;
}
