/* classify_graph.h: what the parts that build decision graphs share; see classify.h. */
#ifndef CLICKLET_ELEMENTS_CLASSIFY_GRAPH_H
#define CLICKLET_ELEMENTS_CLASSIFY_GRAPH_H
#include "classify.h"

typedef struct ClassifyGraph {
  ClassifyTest *t;
  uint32_t n;
  bool flat;
  bool *there; /* per test: the bytes it looks at are known to exist */
} ClassifyGraph;

always_inline bool one_bit(uint32_t mask) { return mask && !(mask & (mask - 1)); }

/* Goes through the tests in order; moves every edge past the tests that are decided on it. */
bool classify_pass_known(ClassifyGraph *b);

/* Rules that many are cut into groups first. */
#define BRANCH_FROM 16
/* Replaces the tests of a filter by linked ones; *start is the first test, or a leaf for all packets. */
bool classify_branch(Filter *f, const FilterRule *rules, uint32_t n, int32_t otherwise, int32_t *start);

/* For the interpreter; false when memory is out. */
bool classify_make_steps(Classify *c);

#endif
