/* classify_branch.h: what the two parts that cut long lists of rules share: what rules need
 * (classify_clauses.c) and the cuts (classify_branch.c). */
#ifndef CLICKLET_ELEMENTS_CLASSIFY_BRANCH_H
#define CLICKLET_ELEMENTS_CLASSIFY_BRANCH_H
#include "classify_graph.h"

#define DIMS_MAX 32

/* An entry of a list: a rule, and marks for those of its clauses that hold for all packets that get there. */
#define RULE_BITS 24
#define CLAUSES_MARKED 8
#define RULE(entry) ((entry) & ((1u << RULE_BITS) - 1))
#define MARK(clause) (1u << (RULE_BITS + (clause)))

typedef struct Cube { /* the first `len` bits of a field, left-aligned */
  uint32_t key;
  uint32_t len;
} Cube;

typedef struct Clause {
  uint32_t first, n; /* cubes: one of them holds if the rule does */
  uint32_t dim;
} Clause;

typedef struct RuleInfo {
  uint32_t first, n; /* clauses */
  bool exact;        /* the rule holds if all of them do */
} RuleInfo;

typedef struct Dim { /* a field: a word of the packet, and the first bit of it that counts */
  uint16_t offset;
  uint8_t top;
} Dim;

enum { BLOCK_CUT, BLOCK_RULE };
typedef struct BranchBlock {
  int kind;
  uint32_t rule;
  Dim dim;
  Cube cube;
  int32_t no, yes; /* blocks or leaves; a rule's yes is its leaf */
} BranchBlock;

typedef struct Memo {
  uint32_t list, n; /* in lists; 0 rules: unused */
  bool settled;
  int32_t to;
} Memo;

#define VECTOR(T)                                                                                            \
  struct {                                                                                                   \
    T *at;                                                                                                   \
    uint32_t n, room;                                                                                        \
  }

typedef struct Branch {
  Filter *f;
  const FilterRule *rules;
  RuleInfo *info;
  VECTOR(Cube) cubes;
  VECTOR(Clause) clauses;
  VECTOR(BranchBlock) blocks; /* those that lead to others are behind them */
  VECTOR(uint32_t) lists;     /* of entries, one behind the other */
  Dim dims[DIMS_MAX];
  uint32_t ndims;
  Memo *memo;
  uint32_t memo_size, memo_used;
  Cube *sorted; /* the cubes of one field in a list */
  uint32_t depth;
  uint32_t blocks_max, lists_max; /* over which a part is taken in two */
  int32_t otherwise;
  bool failed, full; /* out of memory; over a limit */
} Branch;

/* Room for more in a vector; false when memory is out. */
bool classify_room(Branch *b, void *vector, size_t size, uint32_t more);
#define ROOM(b, v, more) classify_room(b, &(b)->v, sizeof *(b)->v.at, more)

/* Adds the clauses of an expression; returns whether they say all. */
bool classify_clauses(Branch *b, uint32_t expr);

#endif
