/** RandomSample: lets each packet pass with some probability.
 *
 * Synopsis: `RandomSample([P, <keywords> SAMPLE, DROP, ACTIVE])`
 *
 * Ports: 1 input; packets that pass leave on output 0, others on output 1, or are dropped without one.
 *
 * Arguments: P or SAMPLE (0 to 1): probability to pass. DROP (0 to 1): probability not to. One of them is
 * required. ACTIVE (bool): false lets all packets pass. Default true.
 *
 * Handlers: `sampling_prob`, `drop_prob`, `active` (read/write). `drops` (read): packets that did not pass.
 * The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 100) -> RandomSample(0.1) -> Discard;`
 */
#include "units.h"

#define SAMPLE_BITS 28

typedef struct RandomSample {
  Element base;
  uint32_t sample, drop; /* 2^-28 */
  bool active, p_given, sample_given, drop_given;
  uint64_t drops;
} RandomSample;

static inline int random_sample_action(RandomSample *e, Packet *p) {
  (void)p;
  if (!e->active || (random_u32(&e->base) >> 1 & ((1u << SAMPLE_BITS) - 1)) < e->sample) return 0;
  e->drops++;
  return 1;
}

ACTION(RandomSample, random_sample_action)

static int random_sample_parse(Element *e, const char *text, void *field, Errors *errs, int arg) {
  int64_t v;
  (void)e;
  if (!parse_fixed(text, SAMPLE_BITS, &v) || v < 0 || v > 1 << SAMPLE_BITS)
    return arg_error(errs, arg, "expected a probability from 0 to 1, not '%s'", text);
  *(uint32_t *)field = (uint32_t)v;
  return 0;
}

static bool random_sample_live(Element *e) {
  (void)e;
  return true;
}

static int random_sample_configure(Element *e, const Args *args, Errors *errs) {
  RandomSample *s = (RandomSample *)e;
  (void)args;
  if (s->sample_given && s->drop_given) return error(errs, "SAMPLE and DROP cannot both be given");
  if (!s->p_given && !s->sample_given && !s->drop_given) return error(errs, "missing argument P");
  if (s->drop_given) s->sample = (1u << SAMPLE_BITS) - s->drop;
  return 0;
}

static int random_sample_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const RandomSample *s = (const RandomSample *)e;
  (void)param, (void)errs;
  text_fixed(out, h->data ? (1u << SAMPLE_BITS) - s->sample : s->sample, SAMPLE_BITS);
  return 0;
}

static int random_sample_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  RandomSample *s = (RandomSample *)e;
  if (random_sample_parse(e, value, &s->sample, errs, -1) < 0) return -1;
  if (h->data) s->sample = (1u << SAMPLE_BITS) - s->sample;
  Text t = {0};
  text_add_string(&t, "SAMPLE ");
  text_fixed(&t, s->sample, SAMPLE_BITS);
  text_printf(&t, ", ACTIVE %s", s->active ? "true" : "false");
  element_set_config(e, text_cstr(&t));
  text_free(&t);
  return 0;
}

ELEMENT(RandomSample, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(RandomSample, random_sample_action),
        .can_live_reconfigure = random_sample_live, .configure = random_sample_configure,
        .args = ARGS(ARG_POS(RandomSample, CUSTOM, "P", sample, NULL, .parse = random_sample_parse,
                             GIVEN(RandomSample, p_given)),
                     ARG(RandomSample, CUSTOM, "SAMPLE", sample, NULL, .parse = random_sample_parse,
                         GIVEN(RandomSample, sample_given)),
                     ARG(RandomSample, CUSTOM, "DROP", drop, NULL, .parse = random_sample_parse,
                         GIVEN(RandomSample, drop_given)),
                     ARG(RandomSample, BOOL, "ACTIVE", active, "true")),
        .handlers = HANDLERS(RW_FN("sampling_prob", random_sample_read, random_sample_write),
                             RW_FIELD(RandomSample, BOOL, "active", active,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             READ_FIELD(RandomSample, U64, "drops", drops),
                             RW_FN("drop_prob", random_sample_read, random_sample_write, .data = 1)));
