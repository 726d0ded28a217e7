/* classify_clauses.c: what a rule needs, read off its expression. */
#include "classify_branch.h"

#define CUBES_MAX 16 /* in a clause; with more, the field counts as open */

bool classify_room(Branch *b, void *vector, size_t size, uint32_t more) {
  struct {
    void *at;
    uint32_t n, room;
  } *v = vector;
  if (v->n + more <= v->room) return true;
  uint32_t room = v->room ? 2 * v->room : 64;
  while (room < v->n + more) room *= 2;
  void *grown = mem_resize(v->at, v->room * size, room * size);
  if (!grown) return b->failed = true, false;
  v->at = grown;
  v->room = room;
  return true;
}

static uint32_t dim_of(Branch *b, Dim d) {
  uint32_t i = 0;
  while (i < b->ndims && (b->dims[i].offset != d.offset || b->dims[i].top != d.top)) i++;
  if (i == b->ndims && i < DIMS_MAX) b->dims[b->ndims++] = d;
  return i;
}

static void clause_of_test(Branch *b, const ClassifyTest *t) {
  uint32_t mask = be32(t->mask), last = mask & (~mask + 1);
  if (t->short_yes || !mask || ((mask + last) & mask)) return; /* gaps in the mask */
  unsigned lead = (unsigned)__builtin_clz(mask);
  uint32_t dim = dim_of(b, (Dim){.offset = t->offset, .top = (uint8_t)lead});
  if (dim == DIMS_MAX || !ROOM(b, cubes, 1) || !ROOM(b, clauses, 1)) return;
  b->clauses.at[b->clauses.n++] = (Clause){.first = b->cubes.n, .n = 1, .dim = dim};
  b->cubes.at[b->cubes.n++] =
      (Cube){.key = be32(t->value) << lead, .len = (uint32_t)__builtin_popcount(mask)};
}

bool classify_clauses(Branch *b, uint32_t expr) {
  const FilterExpr *e = &b->f->exprs[expr - 1];
  uint32_t before = b->clauses.n;
  if (e->kind == FILTER_TEST) {
    clause_of_test(b, &b->f->tests[e->first]);
    return !b->f->tests[e->first].mask || b->clauses.n > before;
  }
  if (e->kind == FILTER_NOT) return false;
  const FilterExpr *first = &b->f->exprs[e->child - 1];
  bool exact = classify_clauses(b, e->child);
  if (!first->sibling) return exact;
  if (e->kind == FILTER_CHOOSE) return b->clauses.n = before, false;
  if (e->kind == FILTER_AND) {
    for (uint32_t c = first->sibling; c; c = b->f->exprs[c - 1].sibling) exact &= classify_clauses(b, c);
    return exact;
  }
  /* One of several: a clause stays if each of them has one for that field, and takes over its cubes. */
  uint32_t ours = b->clauses.n;
  exact &= ours == before + 1;
  for (uint32_t c = first->sibling; c && ours > before; c = b->f->exprs[c - 1].sibling) {
    exact &= classify_clauses(b, c) && b->clauses.n == ours + 1;
    uint32_t kept = before;
    for (uint32_t i = before; i < ours; i++) {
      Clause *mine = &b->clauses.at[i], *other = NULL;
      for (uint32_t k = ours; k < b->clauses.n && !other; k++)
        if (b->clauses.at[k].dim == mine->dim) other = &b->clauses.at[k];
      uint32_t n = other ? mine->n + other->n : 0;
      if (!other || n > CUBES_MAX || !ROOM(b, cubes, n)) {
        exact = false;
        continue;
      }
      memcpy(&b->cubes.at[b->cubes.n], &b->cubes.at[mine->first], mine->n * sizeof *b->cubes.at);
      memcpy(&b->cubes.at[b->cubes.n + mine->n], &b->cubes.at[other->first], other->n * sizeof *b->cubes.at);
      b->clauses.at[kept++] = (Clause){.first = b->cubes.n, .n = n, .dim = mine->dim};
      b->cubes.n += n;
    }
    b->clauses.n = ours = kept;
  }
  return exact && ours > before;
}
