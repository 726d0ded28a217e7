/* frame.c: see frame.h: models for each size, with the sums of what never changes. */
#include "frame.h"

Packet *frame_large(uint32_t len) { return packet_make(PACKET_HEADROOM, NULL, len, 0); }

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
  for (FrameField *x = f->fields; x < f->fields + f->nfields; x++) {
    x->value = x->first;
    x->left = x->count;
    x->held = 0;
  }
  f->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
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
  for (uint32_t k = 0; k < f->nlive; k++) {
    const FrameSum *s = &f->sums[k];
    for (uint32_t i = 0; i < f->nfields; i++)
      f->fields[i].in[k] = frame_covers(s, f->fields[i].at) ? UINT64_MAX : 0;
    f->signature_in[k] = s->to ? 0 : UINT64_MAX;
    for (uint32_t j = 0; j < k; j++) f->sums[j].in[k] = frame_covers(s, f->sums[j].at) ? UINT64_MAX : 0;
  }
}

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

/* ---- Sizes -------------------------------------------------------------------------------------------- */

static int frame_model(Frame *f, FrameModel *m, uint32_t len) {
  m->len = len;
  if (!(m->bytes = mem_alloc(len + CACHE_LINE))) return -1;
  memcpy(m->bytes, f->header, f->header_len);
  if (f->tracked) store32(m->bytes + pktgen_signature_at(len), be32(PKTGEN_MAGIC));
  for (uint32_t i = 0; i < f->nlengths; i++)
    store16(m->bytes + f->lengths[i].at, be16((uint16_t)(len - f->lengths[i].less)));
  for (uint32_t k = f->nlive; k < f->nsums; k++) { /* the constant ones: inner ones first */
    const FrameSum *s = &f->sums[k];
    uint16_t c = (uint16_t)~frame_fold(frame_sum_model(s, m->bytes, len));
    store16(m->bytes + s->at, s->protocol == 17 && !c ? 0xffff : c);
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
  if (!(f->models = mem_alloc((size_t)n * sizeof *f->models))) return error(errs, "out of memory");
  for (f->nmodels = 0; f->nmodels < (uint32_t)n; f->nmodels++)
    if (frame_model(f, &f->models[f->nmodels], sizes[f->nmodels].bytes - PKTGEN_FCS) < 0)
      return error(errs, "out of memory");
  frame_spread(f, sizes, (uint32_t)n);
  return 0;
}
