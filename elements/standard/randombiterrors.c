/** RandomBitErrors: changes bits of packets at random.
 *
 * Synopsis: `RandomBitErrors(P [, KIND, ACTIVE])`
 *
 * Ports: 1 input, 1 output. Each bit of each packet is changed with probability P, independently of the
 * others.
 *
 * Arguments: P (0 to 1): required. KIND (`flip`, `set` or `clear`): what is done to a bit. Default flip.
 * ACTIVE (bool): false passes packets on untouched. Default true.
 *
 * Handlers: `p_bit_error`, `error_kind`, `active` (read/write). The configuration can be rewritten while it
 * runs.
 *
 * Example: `InfiniteSource(LIMIT 10) -> RandomBitErrors(0.01) -> Discard;`
 */
#include "units.h"

#define ERROR_BITS 28

typedef struct RandomBitErrors {
  Element base;
  uint32_t p; /* 2^-28 */
  uint32_t
      within[8]; /* 2^-28: the probability that the first changed bit of a byte is among the first i + 1 */
  int kind;
  bool active;
} RandomBitErrors;

static inline uint32_t random_bit_errors_draw(const RandomBitErrors *e) {
  return random_u32(&e->base) >> (32 - ERROR_BITS);
}

static inline int random_bit_errors_action(RandomBitErrors *e, Packet *p) {
  if (!e->active || !e->p) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  for (uint32_t i = 0; i < p->len; i++) {
    uint32_t r = random_bit_errors_draw(e);
    if (likely(r >= e->within[7])) continue;
    unsigned bit = 0;
    while (r >= e->within[bit]) bit++;
    uint8_t mask = (uint8_t)(1u << bit);
    while (++bit < 8)
      if (random_bit_errors_draw(e) < e->p) mask |= (uint8_t)(1u << bit);
    if (e->kind == 0)
      p->data[i] ^= mask;
    else if (e->kind == 1)
      p->data[i] |= mask;
    else
      p->data[i] &= (uint8_t)~mask;
  }
  return 0;
}

ACTION(RandomBitErrors, random_bit_errors_action)

static int random_bit_errors_parse(Element *e, const char *text, void *field, Errors *errs, int arg) {
  int64_t v;
  (void)e;
  if (!parse_fixed(text, ERROR_BITS, &v) || v < 0 || v > 1 << ERROR_BITS)
    return arg_error(errs, arg, "expected a probability from 0 to 1, not '%s'", text);
  *(uint32_t *)field = (uint32_t)v;
  return 0;
}

static bool random_bit_errors_live(Element *e) {
  (void)e;
  return true;
}

static int random_bit_errors_configure(Element *e, const Args *args, Errors *errs) {
  RandomBitErrors *r = (RandomBitErrors *)e;
  (void)args;
  if (!r->p) warning(errs, "the probability is zero");
  uint64_t one = UINT64_C(1) << ERROR_BITS, none = one;
  for (int i = 0; i < 8; i++) {
    none = none * (one - r->p) >> ERROR_BITS;
    r->within[i] = (uint32_t)(one - none);
  }
  return 0;
}

static const char *const random_bit_errors_kinds[] = {"flip", "set", "clear", NULL};

static int random_bit_errors_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const RandomBitErrors *r = (const RandomBitErrors *)e;
  (void)param, (void)errs;
  if (h->type == ARG_CHOICE)
    text_add_string(out, random_bit_errors_kinds[r->kind]);
  else
    text_fixed(out, r->p, ERROR_BITS);
  return 0;
}

ELEMENT(RandomBitErrors, .ports = "1/1", USE_ACTION(RandomBitErrors, random_bit_errors_action),
        .can_live_reconfigure = random_bit_errors_live, .configure = random_bit_errors_configure,
        .args = ARGS(ARG_MUST(RandomBitErrors, CUSTOM, "P", p, .parse = random_bit_errors_parse),
                     ARG_POS(RandomBitErrors, CHOICE, "KIND", kind, "flip",
                             .choices = random_bit_errors_kinds),
                     ARG_POS(RandomBitErrors, BOOL, "ACTIVE", active, "true")),
        .handlers = HANDLERS(RW_FN("p_bit_error", random_bit_errors_read, handler_write_keyword,
                                   .type = ARG_CUSTOM, FIELD_OF(RandomBitErrors, p)),
                             RW_FN("error_kind", random_bit_errors_read, handler_write_keyword,
                                   .type = ARG_CHOICE, FIELD_OF(RandomBitErrors, kind)),
                             RW_FIELD(RandomBitErrors, BOOL, "active", active)));
