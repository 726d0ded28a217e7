/* red.h: Random Early Detection (Floyd and Jacobson 1993; gentle variant, Floyd 1997), of RED and
 * AdaptiveRED.
 */
#ifndef CLICKLET_AQM_RED_H
#define CLICKLET_AQM_RED_H
#include "../standard/storage.h"

enum { RED_AVERAGE_BITS = 10, RED_P_BITS = 16, RED_P_ONE = 1 << RED_P_BITS };

typedef struct RED {
  Element base;
  uint32_t min_thresh, max_thresh, stability, target;
  double max_p_given;
  char *queues_text;
  bool gentle, active;
  uint32_t max_p; /* of RED_P_ONE */
  StorageSet queues;
  uint64_t average; /* of the queues' length, in 1/1024 packets */
  int64_t at;       /* ns: the last packet */
  int count;        /* packets since the last one marked; -1: below the threshold */
  uint64_t drops;
  Timer timer; /* AdaptiveRED */
} RED;

/* Takes in the queues' length. An empty queue counts once for each millisecond it was empty. */
static inline void red_average(RED *r) {
  uint32_t length = storage_length(&r->queues);
  int64_t now = time_recent(&r->base), times = 1;
  if (!length && now - r->at > NSEC_PER_MSEC) times = (now - r->at) / NSEC_PER_MSEC;
  r->at = now;
  uint64_t goal = (uint64_t)length << RED_AVERAGE_BITS;
  if (!r->stability) r->average = goal;
  for (uint64_t half = r->stability ? 1u << (r->stability - 1) : 0; times-- > 0 && r->average != goal;) {
    uint64_t old = r->average;
    /* Rounded; what is left of the difference when it rounds to nothing stays. */
    r->average = (uint64_t)((int64_t)old + (((int64_t)(goal - old) + (int64_t)half) >> r->stability));
    if (r->average == old) break;
  }
}

/* Is this packet one to mark? */
static inline bool red_marks(RED *r) {
  red_average(r);
  uint64_t average = r->average, low = (uint64_t)r->min_thresh << RED_AVERAGE_BITS,
           high = (uint64_t)r->max_thresh << RED_AVERAGE_BITS;
  /* Whole packets are compared with the thresholds. */
  if (average >> RED_AVERAGE_BITS <= r->min_thresh) {
    r->count = -1;
    return false;
  }
  uint64_t p; /* of RED_P_ONE */
  if (average >> RED_AVERAGE_BITS <= r->max_thresh)
    p = (uint64_t)r->max_p * (average - low) / (high - low);
  else if (r->gentle && average < 2 * high)
    p = r->max_p + (uint64_t)(RED_P_ONE - r->max_p) * (average - high) / high;
  else {
    r->count = 0;
    return true;
  }
  r->count++;
  /* p / (1 - count p): the gaps between marked packets become uniform. */
  uint64_t used = (uint64_t)r->count * p;
  if (used >= RED_P_ONE || (random_u32(&r->base) & (RED_P_ONE - 1)) < p * RED_P_ONE / (RED_P_ONE - used)) {
    r->count = 0;
    return true;
  }
  return false;
}

static inline int red_action(RED *r, Packet *p) {
  (void)p;
  if (!red_marks(r)) return 0;
  r->drops++;
  return 1;
}

/* One packet after the other, also of a batch: each one changes the queue that the next one looks at. */
static inline void red_push(Element *e, int port, Packet **p, unsigned n) {
  (void)port;
  for (unsigned i = 0; i < n; i++) output_push(e, red_action((RED *)e, p[i]), p[i]);
}

ACTION_ALONE(RED, red_action)

static inline unsigned red_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = 0;
  Packet *q;
  while (n < max && (q = input_pull(e, port)))
    if (red_action((RED *)e, q))
      output_push(e, 1, q);
    else
      p[n++] = q;
  return n;
}

static inline void red_fraction_text(uint64_t v, unsigned bits, int digits, Text *out) {
  char s[40];
  size_t n = format_into(s, sizeof s, "%.*f", digits, (double)v / (double)(UINT64_C(1) << bits));
  while (n && s[n - 1] == '0') n--;
  if (n && s[n - 1] == '.') n--;
  text_add(out, s, n);
}

/* What "config" shows: the present values. */
static inline void red_show_config(RED *r) {
  Text t = {0};
  if (r->target)
    text_printf(&t, "%u, ", r->target);
  else
    text_printf(&t, "%u, %u, ", r->min_thresh, r->max_thresh);
  red_fraction_text(r->max_p, RED_P_BITS, 5, &t);
  text_add_string(&t, ", QUEUES ");
  storage_text(&r->queues, " ", &t);
  text_printf(&t, ", STABILITY %u%s", r->stability, r->gentle ? "" : ", GENTLE false");
  element_set_config(&r->base, text_cstr(&t));
  text_free(&t);
}

static inline int red_configure(Element *e, const Args *args, Errors *errs) {
  RED *r = (RED *)e;
  (void)args;
  if (r->target) {
    r->min_thresh = r->target / 2;
    r->max_thresh = r->target + r->min_thresh;
  }
  if (r->min_thresh > r->max_thresh) return error(errs, "MAX_THRESH must not be less than MIN_THRESH");
  r->max_p = (uint32_t)(r->max_p_given * RED_P_ONE + 0.5);
  r->count = -1;
  return 0;
}

static inline int red_initialize(Element *e, Errors *errs) {
  RED *r = (RED *)e;
  int rc = r->queues_text ? storage_named(&r->queues, e, r->queues_text, errs)
                          : storage_near(&r->queues, e, output_is_push(e, 0), errs);
  if (!rc && !r->queues.n) rc = error(errs, "no queue near; name them with QUEUES");
  if (!rc) red_show_config(r);
  return rc;
}

static inline void red_cleanup(Element *e) {
  RED *r = (RED *)e;
  timer_cancel(&r->timer);
  mem_free(r->queues_text);
  mem_free(r->queues.queues);
}

static inline void red_take_state(Element *e, Element *old) {
  RED *r = (RED *)e, *o = (RED *)old;
  r->average = o->average;
  r->at = o->at;
  r->count = o->count;
  r->drops = o->drops;
}

enum { RED_AVERAGE, RED_STATS, RED_QUEUES, RED_MAX_P };

static inline int red_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  RED *r = (RED *)e;
  (void)param, (void)errs;
  switch (h->data) {
  case RED_AVERAGE:
    red_fraction_text(r->average, RED_AVERAGE_BITS, 3, out);
    break;
  case RED_STATS:
    text_printf(out, "%u current queue\n", storage_length(&r->queues));
    red_fraction_text(r->average, RED_AVERAGE_BITS, 3, out);
    text_printf(out, " avg queue\n%llu drops\n", (unsigned long long)r->drops);
    break;
  case RED_QUEUES:
    storage_text(&r->queues, "\n", out);
    if (r->queues.n) text_add_char(out, '\n');
    break;
  case RED_MAX_P:
    red_fraction_text(r->max_p, RED_P_BITS, 5, out);
    break;
  }
  return 0;
}

static inline int red_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  RED *r = (RED *)e;
  uint64_t n;
  double p;
  if (h->data == RED_MAX_P) {
    if (!parse_double(value, &p) || p < 0 || p > 1)
      return error(errs, "expected a probability, not '%s'", value);
    r->max_p = (uint32_t)(p * RED_P_ONE + 0.5);
  } else {
    bool low = h->offset == offsetof(RED, min_thresh);
    if (!parse_u64(value, &n) || n > 0xffff) return error(errs, "expected a queue length, not '%s'", value);
    if (low ? n > r->max_thresh : n < r->min_thresh)
      return error(errs, "MAX_THRESH must not be less than MIN_THRESH");
    *(low ? &r->min_thresh : &r->max_thresh) = (uint32_t)n;
  }
  red_show_config(r);
  return 0;
}

#define RED_ARGS                                                                                             \
  ARG_MUST(RED, F64, "MAX_P", max_p_given, .min = 0, .max = 1), ARG(RED, RAW, "QUEUES", queues_text, NULL),  \
      ARG(RED, U32, "STABILITY", stability, "4", .min = 0, .max = 16),                                       \
      ARG(RED, BOOL, "GENTLE", gentle, "true")
#define RED_CLASS                                                                                            \
  .looks_around = true, .names_elements = true, .ports = "1/1-2", .processing = "a/ah",                      \
  .configure = red_configure, .cleanup = red_cleanup, .take_state = red_take_state, .push = red_push,        \
  .pull = red_pull, USE_ACTION_ALONE(red_action),                                                            \
  .handlers = HANDLERS(READ_FIELD(RED, U64, "drops", drops),                                                 \
                       RW_FIELD(RED, U32, "min_thresh", min_thresh, .write = red_write, .data = -1),         \
                       RW_FIELD(RED, U32, "max_thresh", max_thresh, .write = red_write, .data = -1),         \
                       RW_FN("max_p", red_read, red_write, .data = RED_MAX_P),                               \
                       READ_FN("avg_queue_size", red_read, .data = RED_AVERAGE),                             \
                       READ_FN("stats", red_read, .data = RED_STATS),                                        \
                       READ_FN("queues", red_read, .data = RED_QUEUES))

#endif
