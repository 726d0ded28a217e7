/* classify_expr.c: the expressions of classify.h, and linking them to graphs. */
#include "classify.h"

static uint32_t expr_new(Filter *f, int kind) {
  if (f->nexprs == f->exprs_room) {
    uint32_t room = f->exprs_room ? 2 * f->exprs_room : 16;
    FilterExpr *grown = mem_resize(f->exprs, f->exprs_room * sizeof *grown, room * sizeof *grown);
    if (!grown) return f->failed = true, 0;
    f->exprs = grown;
    f->exprs_room = room;
  }
  f->exprs[f->nexprs] = (FilterExpr){.kind = (uint8_t)kind, .first = f->ntests};
  return ++f->nexprs;
}

uint32_t filter_open(Filter *f, int kind) { return expr_new(f, kind); }

uint32_t filter_test(Filter *f, unsigned offset, uint32_t value, uint32_t mask) {
  uint32_t e = expr_new(f, FILTER_TEST);
  if (!e) return 0;
  if (f->ntests == f->tests_room) {
    uint32_t room = f->tests_room ? 2 * f->tests_room : 16;
    ClassifyTest *grown = mem_resize(f->tests, f->tests_room * sizeof *grown, room * sizeof *grown);
    if (!grown) return f->failed = true, 0;
    f->tests = grown;
    f->tests_room = room;
  }
  f->tests[f->ntests++] = (ClassifyTest){.mask = mask, .value = value & mask, .offset = (uint16_t)offset};
  return e;
}

void filter_add(Filter *f, uint32_t to, uint32_t child) {
  if (!to || !child) return;
  FilterExpr *e = &f->exprs[to - 1];
  if (e->last)
    f->exprs[e->last - 1].sibling = child;
  else
    e->child = child;
  e->last = child;
}

uint32_t filter_not(Filter *f, uint32_t child) {
  uint32_t e = child ? expr_new(f, FILTER_NOT) : 0;
  if (!e) return 0;
  f->exprs[e - 1].first = f->exprs[child - 1].first;
  filter_add(f, e, child);
  return e;
}

void filter_flip_short(Filter *f, uint32_t first_test) {
  for (uint32_t i = first_test; i < f->ntests; i++) f->tests[i].short_yes = !f->tests[i].short_yes;
}

void filter_link(Filter *f, uint32_t expr, int32_t yes, int32_t no) {
  if (!expr || f->failed) return;
  const FilterExpr *e = &f->exprs[expr - 1];
  if (e->kind == FILTER_TEST) {
    f->tests[e->first].next[0] = no;
    f->tests[e->first].next[1] = yes;
    return;
  }
  for (uint32_t c = e->child, n; c; c = n) {
    n = f->exprs[c - 1].sibling;
    int32_t after = n ? (int32_t)f->exprs[n - 1].first : -1;
    switch (e->kind) {
    case FILTER_AND:
      filter_link(f, c, n ? after : yes, no);
      break;
    case FILTER_OR:
      filter_link(f, c, yes, n ? after : no);
      break;
    case FILTER_NOT:
      filter_link(f, c, no, yes);
      break;
    default: { /* condition ? yes : ... */
      uint32_t otherwise = n ? f->exprs[n - 1].sibling : 0;
      if (!otherwise) {
        filter_link(f, c, yes, no);
        break;
      }
      filter_link(f, c, after, (int32_t)f->exprs[otherwise - 1].first);
      filter_link(f, n, yes, no);
      n = otherwise;
    }
    }
  }
}

void filter_free(Filter *f) {
  mem_free(f->tests);
  mem_free(f->exprs);
  *f = (Filter){0};
}
