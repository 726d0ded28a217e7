/* classify.h: packet classification by one decision graph, shared by Classifier, IPClassifier and IPFilter.
 *
 * A test masks four bytes of the packet, compares them with a value and says which test, or which output,
 * comes next. Tests are first written down as expressions (Filter: tests in the order of the text, joined by
 * and, or, not, ?:), then linked to a graph whose edges only point forward, then simplified: what is known on
 * an edge (bits of the packet, comparisons that failed, bytes that exist) decides later tests in advance, so
 * that no path asks twice. At last, runs of comparisons of the same bytes with different values become one
 * lookup by value.
 *
 * `tests` stays the definition of the graph: it is what the `program` handler shows and what the fused engine
 * turns into branches: tests[0] is where a packet starts; see classify_test_next for how to go through it.
 * `steps` is the same for the interpreter, with the same numbers.
 *
 * The rules of a long list are cut into groups first (classify_branch.c), so that the number of tests on a
 * path grows with the logarithm of the number of rules. The result has the same form.
 */
#ifndef CLICKLET_ELEMENTS_CLASSIFY_H
#define CLICKLET_ELEMENTS_CLASSIFY_H
#include "ip.h"

/* Where to go: a test or step (>= 0), or an output as ~output; CLASSIFY_DROP: nowhere. */
#define CLASSIFY_DROP INT32_MIN

/* Offsets of tests that look into IP packets: from 2 bytes before the link header, the network and transport
 * header. */
enum { CLASSIFY_MAC = 0, CLASSIFY_NETWORK = 256, CLASSIFY_TRANSPORT = 512 };

/* One test: "does the packet have `value` under `mask` in the four bytes at `offset`?" Offsets are multiples
 * of 4 and count from the start of an area: in flat programs that is the packet's data; in others 2 bytes in
 * front of the link header (CLASSIFY_MAC), or the network or transport header; none of them need be aligned.
 * A test is decided without loading when the packet ends before the last byte with bits in the mask
 * (classify_mask_bytes): then the answer is `short_yes`. Edges point forward only, so a packet takes at most
 * ntests tests; several edges may lead to one test. Tests of the same word with the same mask that follow
 * each other along `no` compare with different values: a switch. */
typedef struct ClassifyTest {
  uint32_t mask, value; /* of the four bytes as loaded; value has no bits outside of mask */
  int32_t next[2];      /* no, yes */
  uint16_t offset;      /* a multiple of 4 */
  bool short_yes;       /* what the answer is when the packet ends before the last byte with mask bits */
} ClassifyTest;

typedef struct ClassifyStep {
  uint32_t mask, value;
  int32_t next[2];
  uint16_t offset;
  uint8_t area;  /* 0: link header or, in flat programs, the data; 1: network, 2: transport header */
  uint8_t needs; /* 1..4: bytes from offset that must be there */
  bool short_yes;
  uint8_t hash_bits; /* > 0: a lookup of the masked word in cells[first ...] with that many bits; next[0] if
                        absent */
  uint32_t first;
} ClassifyStep;

typedef struct ClassifyCell {
  uint32_t value;
  int32_t next;
  bool used;
} ClassifyCell;

typedef struct Classify {
  ClassifyTest *tests;
  uint32_t ntests;
  int32_t all; /* where all packets go when there are no tests */
  bool flat;   /* offsets count from the packet's data */
  ClassifyStep *steps;
  ClassifyCell *cells;
  uint32_t nsteps, ncells;
  uint32_t safe[3]; /* in packets with that many bytes in each area, no step needs to look at lengths */
} Classify;

/* ---- Building
 * ---------------------------------------------------------------------------------------------------- */

enum { FILTER_TEST, FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_CHOOSE };

typedef struct FilterExpr {
  uint8_t kind;
  uint32_t first; /* its first test */
  uint32_t child, last,
      sibling; /* expressions as index + 1, 0: none; CHOOSE: condition, yes, [condition, yes ...] no */
} FilterExpr;

typedef struct Filter {
  ClassifyTest *tests;
  FilterExpr *exprs;
  uint32_t ntests, tests_room, nexprs, exprs_room;
  bool failed; /* out of memory */
} Filter;

/* Expressions are named by index + 1; 0 after a failure. */
uint32_t filter_open(Filter *f, int kind); /* AND, OR, CHOOSE; children to be added */
uint32_t filter_not(Filter *f, uint32_t child);
uint32_t filter_test(Filter *f, unsigned offset, uint32_t value, uint32_t mask);
void filter_add(Filter *f, uint32_t to, uint32_t child); /* children in the order of their tests */
void filter_flip_short(Filter *f, uint32_t first_test);  /* of all tests from that one on */
void filter_link(Filter *f, uint32_t expr, int32_t yes, int32_t no);
void filter_free(Filter *f);

typedef struct FilterRule {
  uint32_t expr;
  int32_t leaf;
} FilterRule;

/* Makes a program of rules, the first of which that holds counts; their expressions were written in that
 * order, one behind the other, and are all that is in *f, which is used up. Nothing holds: CLASSIFY_DROP.
 * False when memory is out. */
bool classify_rules(Classify *c, Filter *f, const FilterRule *rules, uint32_t n, bool flat);
/* The same for tests that are linked already; `all` counts if there are none. */
bool classify_build(Classify *c, Filter *f, bool flat, int32_t all);
void classify_free(Classify *c);
void classify_print(const Classify *c, Text *out);
/* Warns of outputs that no packet takes. */
void classify_warn_unused(const Classify *c, int noutputs, Errors *errs);

/* ---- Looking at words
 * ---------------------------------------------------------------------------------------------------- */

always_inline unsigned classify_area_of(bool flat, unsigned offset) {
  return flat || offset < CLASSIFY_NETWORK ? 0 : offset < CLASSIFY_TRANSPORT ? 1 : 2;
}
always_inline unsigned classify_area_start(bool flat, unsigned offset) {
  return flat ? 0 : classify_area_of(flat, offset) * 256;
}
/* Bytes from its offset that a test looks at: those up to the last with a bit in the mask. */
always_inline unsigned classify_mask_bytes(uint32_t mask) {
  return mask ? 4 - (unsigned)__builtin_clz(mask) / 8 : 0;
}

/* For whoever goes through a program: what follows when test i is answered. Returns the next test, or -1 for
 * an output, with *output its number or PACKET_DROP. */
always_inline int32_t classify_test_next(const Classify *c, uint32_t i, bool yes, int *output) {
  int32_t to = c->tests[i].next[yes];
  if (to >= 0) return to;
  *output = to == CLASSIFY_DROP ? PACKET_DROP : ~to;
  return -1;
}

/* Writes the graph as the body of an action on `p`, where packets without headers, or too short for some
 * test, are rare. False: rather interpret it. */
bool classify_emit(const Classify *c, Text *out);

/* ---- Running
 * ----------------------------------------------------------------------------------------------------- */

always_inline int32_t classify_find(const Classify *c, const ClassifyStep *s, uint32_t word) {
  const ClassifyCell *cells = c->cells + s->first;
  uint32_t mask = (1u << s->hash_bits) - 1;
  for (uint32_t i = (word * 0x9e3779b1u) >> (32 - s->hash_bits); cells[i].used; i = (i + 1) & mask)
    if (cells[i].value == word) return cells[i].next;
  return s->next[0];
}

/* The loop for packets long enough for every step. Returns a leaf. */
always_inline int32_t classify_fast(const Classify *c, const uint8_t *const area[3]) {
  int32_t at = 0;
  do {
    const ClassifyStep *s = &c->steps[at];
    uint32_t word = load32(area[s->area] + s->offset) & s->mask;
    if (unlikely(s->hash_bits)) {
      at = classify_find(c, s, word);
    } else if (word == s->value) {
      /* A branch on purpose: predicted, the steps of a packet overlap; as a selection each would wait for the
       * one before. */
      __asm__ volatile("");
      at = s->next[1];
    } else {
      at = s->next[0];
    }
  } while (at >= 0);
  return at;
}
int32_t classify_slow(const Classify *c, const uint8_t *const area[3], const uint32_t have[3]);

/* The output for a leaf; a number that is no port means drop. */
always_inline int classify_output(int32_t leaf) { return leaf == CLASSIFY_DROP ? PACKET_DROP : ~leaf; }

always_inline int classify_data(const Classify *c, const Packet *p) {
  if (unlikely(!c->nsteps)) return classify_output(c->all);
  const uint8_t *area[3] = {p->data, p->data, p->data};
  if (likely(p->len >= c->safe[0])) return classify_output(classify_fast(c, area));
  uint32_t have[3] = {p->len, 0, 0};
  return classify_output(classify_slow(c, area, have));
}

int classify_ip_slow(const Classify *c, const Packet *p);
always_inline int classify_ip(const Classify *c, const Packet *p) {
  if (unlikely(!c->nsteps)) return classify_output(c->all);
  if (likely(p->network && p->transport && !c->safe[0] &&
             packet_end(p) - p->network >= (ptrdiff_t)c->safe[1] &&
             packet_end(p) - p->transport >= (ptrdiff_t)c->safe[2])) {
    const uint8_t *area[3] = {NULL, p->network, p->transport};
    return classify_output(classify_fast(c, area));
  }
  return classify_ip_slow(c, p);
}

#endif
