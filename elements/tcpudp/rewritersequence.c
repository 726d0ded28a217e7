/* rewritersequence.c: what an element that changes the length of TCP payload (FTPPortMapper) does to the
 * numbers of the bytes behind it. See rewriter.h.
 *
 * For each direction there is a list of steps in the order of their sequence numbers: from a step's number on
 * everything is shifted by its delta, before the first step by `base`. Acknowledgements (and SACK blocks, RFC
 * 2018) of the other direction are shifted back. The list is short: when it is full the oldest step becomes
 * the base, since nobody sends again what is so long ago.
 */
#include "rewriterflows.h"

#define RW_STEPS 8
#define RW_SEQUENCES 65536u    /* flows with changed numbers at most */
#define RW_LONG_AGO (1u << 30) /* bytes behind which a step is for all there is */

typedef struct RwSteps {
  uint32_t from[RW_STEPS];
  int32_t delta[RW_STEPS], base;
  uint32_t n;
} RwSteps;

struct RwSequence {
  RwSteps way[2]; /* n of a free one's way[0]: the next free one + 1 */
};

always_inline bool rw_seq_from(uint32_t seq, uint32_t from) { return (int32_t)(seq - from) >= 0; }

static void rw_steps_drop_first(RwSteps *w) {
  w->base = w->delta[0];
  w->n--;
  memmove(w->from, w->from + 1, w->n * sizeof w->from[0]);
  memmove(w->delta, w->delta + 1, w->n * sizeof w->delta[0]);
}

static void rw_steps_forget(RwSteps *w, uint32_t seq) {
  while (w->n && rw_seq_from(seq, w->from[0] + RW_LONG_AGO)) rw_steps_drop_first(w);
}

static uint32_t rw_sequence_new(RwSet *s) { /* number + 1, 0: none */
  if (s->unused_sequence) {
    uint32_t i = s->unused_sequence;
    s->unused_sequence = s->sequences[i - 1].way[0].n;
    s->sequences[i - 1] = (RwSequence){0};
    return i;
  }
  if (!(s->nsequences & (s->nsequences - 1))) { /* full at powers of two */
    uint32_t n = s->nsequences ? 2 * s->nsequences : 1;
    RwSequence *more =
        n <= RW_SEQUENCES ? mem_resize(s->sequences, s->nsequences * sizeof *more, n * sizeof *more) : NULL;
    if (!more) return 0;
    s->sequences = more;
  }
  s->sequences[s->nsequences] = (RwSequence){0};
  return ++s->nsequences;
}

void rw_sequence_free(RwSet *s, RwFlow *f) {
  s->sequences[f->sequence - 1].way[0].n = s->unused_sequence;
  s->unused_sequence = f->sequence;
  f->sequence = 0;
}

void rw_sequence_copy(RwSet *to, RwFlow *f, const RwSet *from) {
  uint32_t i = rw_sequence_new(to);
  if (i) to->sequences[i - 1] = from->sequences[f->sequence - 1];
  f->sequence = i;
}

bool rw_sequence_change(RwSet *s, RwFlow *f, int direction, uint32_t from, int32_t delta) {
  if (!f->sequence && !(f->sequence = rw_sequence_new(s))) return false;
  RwSteps *w = &s->sequences[f->sequence - 1].way[direction];
  if (w->n && !rw_seq_from(from, w->from[w->n - 1])) return true; /* an old packet that is sent again */
  if (w->n && w->from[w->n - 1] == from) w->n--;
  if (w->n == RW_STEPS) rw_steps_drop_first(w);
  w->from[w->n] = from;
  w->delta[w->n] = (w->n ? w->delta[w->n - 1] : w->base) + delta;
  w->n++;
  rw_steps_forget(w, from);
  return true;
}

int32_t rw_sequence_delta(const RwSet *s, const RwFlow *f, int direction) {
  if (!f->sequence) return 0;
  const RwSteps *w = &s->sequences[f->sequence - 1].way[direction];
  return w->n ? w->delta[w->n - 1] : w->base;
}

static uint32_t rw_new_sequence(const RwSteps *w, uint32_t seq) {
  for (uint32_t i = w->n; i--;)
    if (rw_seq_from(seq, w->from[i])) return seq + (uint32_t)w->delta[i];
  return seq + (uint32_t)w->base;
}

static uint32_t rw_new_acknowledgement(const RwSteps *w, uint32_t ack) {
  for (uint32_t i = w->n; i--;)
    if (rw_seq_from(ack - (uint32_t)w->delta[i], w->from[i])) return ack - (uint32_t)w->delta[i];
  return ack - (uint32_t)w->base;
}

/* Stores a value that may stand at an odd place of the segment; returns the change of the sum. */
static uint64_t rw_store_counted(uint8_t *tcp, uint8_t *at, uint32_t value) {
  uint8_t *begin = at - ((at - tcp) & 1);
  uint32_t n = at == begin ? 4 : 6;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < n; i += 2) sum += (uint16_t)~load16(begin + i);
  store32(at, be32(value));
  return wire_sum(begin, n, sum);
}

static uint64_t rw_apply_sack(const RwSteps *w, uint8_t *tcp, uint32_t header) {
  uint64_t sum = 0;
  for (uint32_t i = WIRE_TCP, n; i < header && tcp[i]; i += n) { /* 0 ends the options */
    n = tcp[i] == 1 ? 1 : i + 1 < header ? tcp[i + 1] : 0;
    if (n < (tcp[i] == 1 ? 1 : 2) || i + n > header) break;
    if (tcp[i] != 5) continue;
    if (n % 8 != 2) break;
    for (uint32_t k = i + 2; k < i + n; k += 4)
      sum += rw_store_counted(tcp, tcp + k, rw_new_acknowledgement(w, be32(load32(tcp + k))));
  }
  return sum;
}

void rw_apply_sequence(RwSet *s, const RwFlow *f, int direction, uint8_t *tcp, uint32_t there) {
  uint32_t header = (tcp[12] >> 4) * 4u, seq = be32(load32(tcp + 4));
  if (there < header || header < WIRE_TCP) return;
  RwSteps *own = &s->sequences[f->sequence - 1].way[direction],
          *other = &s->sequences[f->sequence - 1].way[!direction];
  rw_steps_forget(own, seq);
  uint64_t sum = rw_store_counted(tcp, tcp + 4, rw_new_sequence(own, seq));
  if (other->n || other->base) {
    sum += rw_store_counted(tcp, tcp + 8, rw_new_acknowledgement(other, be32(load32(tcp + 8))));
    if (header > WIRE_TCP) sum += rw_apply_sack(other, tcp, header);
  }
  store16(tcp + 16, wire_adjust(load16(tcp + 16), sum));
}
