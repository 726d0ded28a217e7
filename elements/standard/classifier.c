/** Classifier: sends packets to outputs by their contents.
 *
 * Synopsis: `Classifier(PATTERN_0, ..., PATTERN_N-1)`
 *
 * Output k takes the packets that match pattern k and none before it; packets that match none are dropped.
 * There must be one pattern for each output. A pattern is a list of clauses separated by spaces, all of which
 * must hold: `OFFSET/VALUE` or `OFFSET/VALUE%MASK`. OFFSET is decimal; VALUE and MASK are hexadecimal, an
 * even number of digits, as many in the mask as in the value; `?` stands for a digit that may be anything.
 * `!` in front of a clause means that it must not hold. The pattern `-` matches every packet. Bytes behind
 * the end of the packet match nothing.
 *
 * The patterns are compiled into one decision graph in which no path looks at the same bytes twice;
 * comparisons of the same bytes with many values are one lookup. A pattern that no packet can reach causes a
 * warning.
 *
 * Handlers: `program` (read): the graph: each step compares four bytes at an offset under a mask.
 *
 * Example: `Idle -> c :: Classifier(12/0806 20/0001, 12/0806 20/0002, 12/0800, -) -> Discard; c [1] ->
 * Discard; c [2] -> Discard; c [3] -> Discard;`
 */
#include "../ip/classify.h"

typedef struct Classifier {
  Element base;
  Classify program;
} Classifier;

static inline int classifier_classify(Classifier *e, Packet *p) { return classify_data(&e->program, p); }

ACTION(Classifier, classifier_classify)

static bool classifier_digit(char c) { return c == '?' || hex_value(c) >= 0; }

/* One clause at s; returns what follows, NULL with the error reported. */
static const char *classifier_clause(Filter *f, uint32_t pattern, const char *s, Errors *errs, int arg) {
  uint64_t offset = 0;
  const char *start = s;
  bool negated = *s == '!';
  if (negated)
    for (s++; is_space(*s); s++) {}
  if (!is_digit(*s)) return arg_error(errs, arg, "pattern %d: expected an offset at '%s'", arg, start), NULL;
  for (; is_digit(*s) && offset <= 65535; s++) offset = offset * 10 + (uint64_t)(*s - '0');
  if (*s != '/')
    return arg_error(errs, arg, "pattern %d: expected '/' behind the offset in '%s'", arg, start), NULL;
  const char *value = ++s, *mask = NULL;
  while (classifier_digit(*s)) s++;
  size_t n = (size_t)(s - value), m = 0;
  if (*s == '%') {
    mask = ++s;
    while (classifier_digit(*s)) s++;
    m = (size_t)(s - mask);
  }
  if (n < 2 || n % 2)
    return arg_error(errs, arg, "pattern %d: value has %s", arg,
                     n < 2 ? "less than 2 hex digits" : "odd number of hex digits"),
           NULL;
  if (mask && m != n)
    return arg_error(errs, arg, "pattern %d: mask has too %s hex digits", arg, m > n ? "many" : "few"), NULL;
  if (offset + n / 2 > 65532)
    return arg_error(errs, arg, "pattern %d: offset %u is too large", arg, (unsigned)offset), NULL;
  uint32_t all = filter_open(f, FILTER_AND);
  for (size_t i = 0; i < n;) { /* one test for each aligned word */
    uint8_t v[4] = {0}, k[4] = {0};
    unsigned word = (unsigned)offset & ~3u;
    for (; i < n && (offset & ~(uint64_t)3) == word; i += 2, offset++)
      for (unsigned d = 0; d < 2; d++) {
        unsigned shift = d ? 0 : 4;
        unsigned digit = value[i + d] == '?' ? 0 : 15,
                 under = mask ? (mask[i + d] == '?' ? 0 : (unsigned)hex_value(mask[i + d])) : 15;
        k[offset & 3] |= (uint8_t)((digit & under) << shift);
        v[offset & 3] |= (uint8_t)((value[i + d] == '?' ? 0 : (unsigned)hex_value(value[i + d])) << shift);
      }
    filter_add(f, all, filter_test(f, word, load32(v), load32(k)));
  }
  filter_add(f, pattern, negated ? filter_not(f, all) : all);
  return s;
}

static int classifier_configure(Element *e, const Args *args, Errors *errs) {
  Classifier *c = (Classifier *)e;
  unsigned n = args_count(args);
  int rc = 0;
  if (n != e->noutputs) return error(errs, "need %d arguments, one per output port", (int)e->noutputs);
  Filter f = {0};
  Classify program;
  FilterRule *rules = mem_alloc((n + 1) * sizeof *rules);
  for (unsigned i = 0; rules && i < n; i++) {
    const char *s = args_text(args, i);
    rules[i] = (FilterRule){.expr = filter_open(&f, FILTER_AND), .leaf = ~(int32_t)i};
    uint32_t before = f.ntests;
    if (!strcmp(s, "-")) s++;
    for (;;) {
      while (s && is_space(*s)) s++;
      if (!s || !*s) break;
      s = classifier_clause(&f, rules[i].expr, s, errs, args_index(args, i));
    }
    if (!s) rc = -1;
    if (f.ntests == before) filter_add(&f, rules[i].expr, filter_test(&f, 0, 0, 0));
  }
  if (!rc && (!rules || !classify_rules(&program, &f, rules, n, true))) rc = error(errs, "out of memory");
  mem_free(rules);
  filter_free(&f);
  if (rc) return rc;
  classify_warn_unused(&program, e->noutputs, errs);
  classify_free(&c->program);
  c->program = program;
  return 0;
}

static void classifier_cleanup(Element *e) { classify_free(&((Classifier *)e)->program); }
static bool classifier_live(Element *e) { return (void)e, true; }

static bool classifier_specialise(Element *e, Text *out) {
  return classify_emit(&((Classifier *)e)->program, out);
}

static int classifier_read_program(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  classify_print(&((Classifier *)e)->program, out);
  return 0;
}

ELEMENT(Classifier, .per_thread = true, .ports = "1/-", .processing = "h/h", .flags = "A",
        USE_ACTION(Classifier, classifier_classify), .configure = classifier_configure,
        .cleanup = classifier_cleanup, .can_live_reconfigure = classifier_live,
        .specialise = classifier_specialise, .args = ARGS(ARG_ALL_REST("PATTERN")),
        .handlers = HANDLERS(READ_FN("program", classifier_read_program,
                                     .flags = HANDLER_READ | HANDLER_CALM)));
