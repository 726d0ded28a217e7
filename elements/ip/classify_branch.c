/* classify_branch.c: a decision graph for many rules, of which the first that holds counts.
 *
 * Written one after the other, n rules cost a packet up to n tests. Here the list of rules is cut in two by a
 * test such as "is the source in 10.32.0.0/11?": the rules that need an address outside are of no interest
 * behind "yes", those that need one inside are of none behind "no". Both lists are cut again, until few rules
 * are left, which are then tried in order. Equal lists are built once. Where rules leave so much open that
 * the lists stay long, the rules are taken in two parts, one behind the other.
 *
 * What a rule needs is read off its expression, as clauses: words of the packet under a mask (the first bits
 * of a field) that must have one of some values. A test that is true of bytes that are missing is no such
 * need, so short packets go where they would without the cuts.
 */
#include "classify_branch.h"

#define RULES_IN_A_ROW 4 /* are not cut any further */
#define DEPTH_MAX 200

/* ---- Rules and cuts ---- */

static bool disjoint(Cube a, Cube b) { return (a.key ^ b.key) >> (32 - (a.len < b.len ? a.len : b.len)); }

/* Whether no value (or, with `inside`, no value outside of the cut) is left for some clause of a rule. */
static bool excluded(const Branch *b, uint32_t rule, uint32_t dim, Cube cut, bool yes) {
  const RuleInfo *r = &b->info[rule];
  for (uint32_t i = r->first; i < r->first + r->n; i++) {
    const Clause *c = &b->clauses.at[i];
    bool left = c->dim != dim;
    for (uint32_t k = c->first; !left && k < c->first + c->n; k++) {
      Cube cube = b->cubes.at[k];
      bool apart = disjoint(cube, cut);
      left = yes ? !apart : apart || cube.len < cut.len;
    }
    if (!left) return true;
  }
  return false;
}

/* What a cut that was answered with yes settles: an entry with those clauses marked that hold behind it. Only
 * of interest where clauses say all. */
static uint32_t settle(const Branch *b, uint32_t entry, uint32_t dim, Cube cut) {
  const RuleInfo *r = &b->info[RULE(entry)];
  for (uint32_t i = 0; r->exact && i < r->n && i < CLAUSES_MARKED; i++) {
    const Clause *c = &b->clauses.at[r->first + i];
    if (c->dim != dim) continue;
    for (uint32_t k = c->first; k < c->first + c->n; k++)
      if (b->cubes.at[k].len <= cut.len && !disjoint(b->cubes.at[k], cut)) entry |= MARK(i);
  }
  return entry;
}

/* Whether a rule holds for all packets that get there. */
static bool settled(const Branch *b, uint32_t entry) {
  const RuleInfo *r = &b->info[RULE(entry)];
  return r->exact && r->n <= CLAUSES_MARKED && entry >> RULE_BITS == (1u << r->n) - 1;
}

typedef struct List {
  uint32_t at, n; /* in lists */
  bool settled;   /* the last one holds for everything that gets there */
} List;

/* The rules of a list that are still of interest behind a cut. */
static bool list_cut(Branch *b, const List *from, uint32_t dim, Cube cut, bool yes, List *to) {
  if (!ROOM(b, lists, from->n)) return false;
  *to = (List){.at = b->lists.n};
  for (uint32_t i = 0; i < from->n && !to->settled; i++) {
    uint32_t entry = b->lists.at[from->at + i];
    bool last = from->settled && i + 1 == from->n;
    if (!last && excluded(b, RULE(entry), dim, cut, yes)) continue;
    if (yes) entry = settle(b, entry, dim, cut);
    b->lists.at[to->at + to->n++] = entry;
    to->settled = last || settled(b, entry);
  }
  b->lists.n += to->n;
  return true;
}

/* Sorts cubes by key, then by length (shell sort: the lists are mostly short). */
static void cubes_sort(Cube *c, uint32_t n) {
  static const uint32_t gaps[] = {65921, 24001, 8929, 3905, 1968, 861, 336, 112, 48, 21, 7, 3, 1};
  for (unsigned g = 0; g < countof(gaps); g++)
    for (uint32_t i = gaps[g]; i < n; i++) {
      Cube x = c[i];
      uint32_t k = i;
      for (; k >= gaps[g] &&
             (c[k - gaps[g]].key > x.key || (c[k - gaps[g]].key == x.key && c[k - gaps[g]].len > x.len));
           k -= gaps[g])
        c[k] = c[k - gaps[g]];
      c[k] = x;
    }
}

/* The cut of one field that leaves the least on its worse side; *worst becomes that, if it is better. */
static bool best_cut(Branch *b, const List *l, uint32_t dim, uint32_t *worst, Cube *cut) {
  Cube *c = b->sorted;
  uint32_t n = 0, open = 0, rules = l->n - l->settled;
  for (uint32_t i = 0; i < rules; i++) {
    const RuleInfo *r = &b->info[RULE(b->lists.at[l->at + i])];
    const Clause *found = NULL;
    for (uint32_t k = r->first; k < r->first + r->n && !found; k++)
      if (b->clauses.at[k].dim == dim) found = &b->clauses.at[k];
    if (found && found->n == 1)
      c[n++] = b->cubes.at[found->first];
    else
      open++; /* roughly so for clauses with a choice */
  }
  if (n < 2) return false;
  cubes_sort(c, n);
  /* Down the tree of prefixes, to the side with more rules. */
  bool better = false;
  uint32_t from = 0, to = n;
  Cube at = {0, 0};
  while (at.len < 32 && to > from) {
    while (from < to && c[from].len == at.len) from++, open++; /* those hold all that is below */
    uint32_t half = UINT32_C(1) << (31 - at.len), lo = from, hi = to;
    while (lo < hi) {
      uint32_t mid = lo + (hi - lo) / 2;
      if (c[mid].key & half)
        hi = mid;
      else
        lo = mid + 1;
    }
    if (lo - from >= to - lo)
      to = lo;
    else
      from = lo, at.key |= half;
    at.len++;
    uint32_t inside = to - from, yes = open + inside, no = rules - inside, most = yes > no ? yes : no;
    if (!inside) break;
    if (most <= *worst && yes < rules && no < rules) *worst = most, *cut = at, better = true;
  }
  return better;
}

/* ---- Blocks ---- */

static int32_t block_add(Branch *b, BranchBlock block) {
  if (b->blocks.n >= b->blocks_max) return b->full = true, 0;
  if (!ROOM(b, blocks, 1)) return 0;
  b->blocks.at[b->blocks.n] = block;
  return (int32_t)b->blocks.n++;
}

static uint32_t list_hash(const Branch *b, const List *l) {
  uint64_t h = l->n * 2 + l->settled;
  for (uint32_t i = 0; i < l->n; i++)
    h = (h ^ b->lists.at[l->at + i]) * UINT64_C(0x9e3779b97f4a7c15), h ^= h >> 29;
  return (uint32_t)h ^ (uint32_t)(h >> 32);
}

/* The place of a list in the memo: its own, or a free one. */
static Memo *memo_find(Branch *b, const List *l) {
  if (2 * (b->memo_used + 1) > b->memo_size) {
    uint32_t size = b->memo_size ? 2 * b->memo_size : 1024;
    Memo *old = b->memo, *grown = mem_alloc(size * sizeof *grown);
    if (!grown) return b->failed = true, NULL;
    for (uint32_t i = 0; i < b->memo_size; i++) {
      if (!old[i].n) continue;
      List had = {old[i].list, old[i].n, old[i].settled};
      uint32_t k = list_hash(b, &had) & (size - 1);
      while (grown[k].n) k = (k + 1) & (size - 1);
      grown[k] = old[i];
    }
    mem_free(old);
    b->memo = grown;
    b->memo_size = size;
  }
  uint32_t i = list_hash(b, l) & (b->memo_size - 1);
  for (; b->memo[i].n; i = (i + 1) & (b->memo_size - 1))
    if (b->memo[i].n == l->n && b->memo[i].settled == l->settled &&
        !memcmp(b->lists.at + b->memo[i].list, b->lists.at + l->at, l->n * sizeof *b->lists.at))
      break;
  return &b->memo[i];
}

static int32_t leaf_of(const Branch *b, uint32_t entry) { return b->rules[RULE(entry)].leaf; }

/* Whether all rules compare the same word with one value each: tried in a row, they become one lookup. */
static bool one_lookup(const Branch *b, const List *l) {
  const ClassifyTest *first = NULL;
  for (uint32_t i = 0; i < l->n - l->settled; i++) {
    const FilterExpr *e = &b->f->exprs[b->rules[RULE(b->lists.at[l->at + i])].expr - 1];
    while (e->kind != FILTER_TEST && e->kind != FILTER_NOT && e->child == e->last)
      e = &b->f->exprs[e->child - 1];
    const ClassifyTest *t = &b->f->tests[e->first];
    if (e->kind != FILTER_TEST || t->short_yes) return false;
    if (!first) first = t;
    if (t->offset != first->offset || t->mask != first->mask) return false;
  }
  return true;
}

/* Where packets go for which the first rule of the list that holds counts. */
static int32_t list_build(Branch *b, const List *l) {
  if (b->failed || b->full) return 0;
  if (!l->n) return b->otherwise;
  if (l->settled && l->n == 1) return leaf_of(b, b->lists.at[l->at]);
  if (b->lists.n > b->lists_max) return b->full = true, 0;
  Memo *m = memo_find(b, l);
  if (!m || m->n) return m ? m->to : 0;
  uint32_t rules = l->n - l->settled, dim = 0, worst = rules - 1 - rules / 16;
  Cube cut = {0, 0};
  if (rules > RULES_IN_A_ROW && b->depth < DEPTH_MAX && !one_lookup(b, l))
    for (uint32_t d = 0; d < b->ndims; d++)
      if (best_cut(b, l, d, &worst, &cut)) dim = d;
  int32_t to;
  if (cut.len) {
    List yes, no;
    b->depth++;
    BranchBlock block = {.kind = BLOCK_CUT, .dim = b->dims[dim], .cube = cut};
    if (!list_cut(b, l, dim, cut, true, &yes)) return 0;
    block.yes = list_build(b, &yes);
    if (!list_cut(b, l, dim, cut, false, &no)) return 0;
    block.no = list_build(b, &no);
    b->depth--;
    if (b->failed || b->full) return 0;
    to = block.yes == block.no ? block.yes : block_add(b, block);
  } else {
    to = l->settled ? leaf_of(b, b->lists.at[l->at + rules]) : b->otherwise;
    for (uint32_t i = rules; i-- > 0 && !b->full && !b->failed;) {
      uint32_t rule = RULE(b->lists.at[l->at + i]);
      to = block_add(b, (BranchBlock){.kind = BLOCK_RULE, .rule = rule, .no = to, .yes = leaf_of(b, rule)});
    }
  }
  if (b->failed || b->full || !(m = memo_find(b, l))) return 0; /* it may have moved */
  *m = (Memo){.list = l->at, .n = l->n, .settled = l->settled, .to = to};
  b->memo_used++;
  return to;
}

/* Rules [from, to), and what is behind them. */
static int32_t part_build(Branch *b, uint32_t from, uint32_t to, int32_t otherwise) {
  uint32_t blocks = b->blocks.n, n = to - from;
  List all = {.at = 0};
  b->lists.n = b->memo_used = b->depth = 0;
  if (b->memo) memset(b->memo, 0, b->memo_size * sizeof *b->memo);
  b->otherwise = otherwise;
  b->blocks_max = blocks + 40 * n + 256;
  b->lists_max = 520 * n + 4096;
  if (!ROOM(b, lists, n)) return 0;
  for (uint32_t i = from; i < to && !all.settled; i++) {
    b->lists.at[all.n++] = i;
    all.settled = settled(b, i);
  }
  b->lists.n = all.n;
  int32_t root = list_build(b, &all);
  if (b->failed || !b->full) return root;
  b->full = false;
  b->blocks.n = blocks;
  uint32_t half = from + n / 2;
  return part_build(b, from, half, part_build(b, half, to, otherwise));
}

/* ---- From blocks to tests ---- */

static uint32_t rule_tests(const Branch *b, uint32_t rule, uint32_t nrules) {
  const Filter *f = b->f;
  uint32_t first = f->exprs[b->rules[rule].expr - 1].first;
  return (rule + 1 < nrules ? f->exprs[b->rules[rule + 1].expr - 1].first : f->ntests) - first;
}

/* Replaces the tests of the filter by those of the blocks, the last block in front. */
static bool blocks_write(Branch *b, uint32_t nrules) {
  Filter *f = b->f;
  uint32_t *start = mem_alloc((b->blocks.n + 1) * sizeof *start), n = 0;
  ClassifyTest *out = NULL;
  for (uint32_t i = b->blocks.n; start && i-- > 0;) {
    start[i] = n;
    n += b->blocks.at[i].kind == BLOCK_CUT ? 1 : rule_tests(b, b->blocks.at[i].rule, nrules);
  }
  if (start) out = mem_alloc((n + 1) * sizeof *out);
  if (!out) return mem_free(start), false;
#define TARGET(to) ((to) < 0 ? (to) : (int32_t)start[to])
  enum { YES = ~1, NO = ~0 };
  for (uint32_t i = 0; i < nrules; i++) filter_link(f, b->rules[i].expr, YES, NO);
  for (uint32_t i = 0; i < b->blocks.n; i++) {
    const BranchBlock *block = &b->blocks.at[i];
    ClassifyTest *t = &out[start[i]];
    if (block->kind == BLOCK_CUT) {
      uint32_t mask = (0xffffffffu << (32 - block->cube.len)) >> block->dim.top;
      *t = (ClassifyTest){.mask = be32(mask),
                          .value = be32(block->cube.key >> block->dim.top) & be32(mask),
                          .offset = block->dim.offset,
                          .next = {TARGET(block->no), TARGET(block->yes)}};
      continue;
    }
    uint32_t first = f->exprs[b->rules[block->rule].expr - 1].first;
    for (uint32_t k = rule_tests(b, block->rule, nrules); k-- > 0;) {
      t[k] = f->tests[first + k];
      for (int a = 0; a < 2; a++) {
        int32_t to = t[k].next[a];
        t[k].next[a] = to == YES  ? block->yes
                       : to == NO ? TARGET(block->no)
                                  : (int32_t)start[i] + to - (int32_t)first;
      }
    }
  }
  mem_free(start);
  mem_free(f->tests);
  f->tests = out;
  f->ntests = n;
  f->tests_room = n + 1;
  return true;
}

bool classify_branch(Filter *f, const FilterRule *rules, uint32_t n, int32_t otherwise, int32_t *start) {
  Branch *b = mem_alloc(sizeof *b);
  if (!b) return false;
  b->f = f;
  b->rules = rules;
  b->info = mem_alloc((n + 1) * sizeof *b->info);
  b->sorted = mem_alloc((n + 1) * sizeof *b->sorted);
  bool ok = b->info && b->sorted;
  for (uint32_t i = 0; ok && i < n; i++) {
    b->info[i].first = b->clauses.n;
    b->info[i].exact = classify_clauses(b, rules[i].expr);
    b->info[i].n = b->clauses.n - b->info[i].first;
  }
  *start = ok ? part_build(b, 0, n, otherwise) : 0;
  b->blocks.n = *start >= 0 ? (uint32_t)*start + 1 : 0; /* the rest is not needed */
  ok = ok && !b->failed && blocks_write(b, n);
  if (*start >= 0) *start = 0;
  mem_free(b->info);
  mem_free(b->sorted);
  mem_free(b->cubes.at);
  mem_free(b->clauses.at);
  mem_free(b->blocks.at);
  mem_free(b->lists.at);
  mem_free(b->memo);
  mem_free(b);
  return ok;
}
