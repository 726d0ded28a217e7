/** AggregateFilter: sends packets where a list of aggregates says.
 *
 * Synopsis: `AggregateFilter(ACTION AGGREGATES, ...)`
 *
 * Each argument names aggregates and what happens to packets with that aggregate annotation; the first that
 * names it decides. Packets that none names are dropped.
 *
 * Arguments: ACTION: an output, `allow` (output 0), `drop` or `deny`. AGGREGATES: numbers and ranges
 * (`3 10-19`), or `all` or `-`. A part that can match nothing, because earlier ones took it all, gives a
 * warning.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> AggregateIPFlows -> AggregateFilter(deny 3 5-7,
 * allow all) -> Discard;`
 */
#include "aggregate.h"

typedef struct Range {
  uint32_t from, to;
  int16_t out;
} Range;

typedef struct AggregateFilter {
  Element base;
  Range *ranges; /* disjoint, in order */
  uint32_t n;
} AggregateFilter;

static inline int filter_action(AggregateFilter *f, Packet *p) {
  uint32_t v = anno_u32(p, ANNO_AGGREGATE), low = 0, high = f->n;
  while (low < high) {
    uint32_t mid = (low + high) / 2;
    if (f->ranges[mid].to < v)
      low = mid + 1;
    else
      high = mid;
  }
  return low < f->n && f->ranges[low].from <= v ? f->ranges[low].out : PACKET_DROP;
}

ACTION(AggregateFilter, filter_action)

static bool insert(AggregateFilter *f, uint32_t at, Range r) {
  Range *wide = mem_resize(f->ranges, f->n * sizeof *wide, (f->n + 1u) * sizeof *wide);
  if (!wide) return false;
  memmove(wide + at + 1, wide + at, (f->n - at) * sizeof *wide);
  wide[at] = r;
  f->ranges = wide;
  f->n++;
  return true;
}

/* Adds what no earlier range has of [from, to]. Returns how many pieces that was, -1 when out of memory. */
static int add_range(AggregateFilter *f, uint32_t from, uint32_t to, int16_t out) {
  uint64_t next = from;
  int added = 0;
  for (uint32_t i = 0; next <= to; i++) {
    while (i < f->n && f->ranges[i].to < next) i++;
    if (i < f->n && f->ranges[i].from <= next) {
      next = (uint64_t)f->ranges[i].to + 1;
      i--;
      continue;
    }
    uint32_t last = i < f->n && f->ranges[i].from <= to ? f->ranges[i].from - 1 : to;
    if (!insert(f, i, (Range){(uint32_t)next, last, out})) return -1;
    next = (uint64_t)last + 1;
    added++;
  }
  return added;
}

static bool parse_u32(const char *s, uint32_t *out) {
  uint64_t v;
  if (!parse_u64(s, &v) || v > UINT32_MAX) return false;
  *out = (uint32_t)v;
  return true;
}

/* "5", "5-9", "all", "-" */
static bool parse_range(char *s, uint32_t *from, uint32_t *to) {
  *from = 0;
  *to = UINT32_MAX;
  if (!strcmp(s, "all") || !strcmp(s, "-")) return true;
  char *dash = strchr(s, '-');
  if (dash) *dash = 0;
  bool ok = parse_u32(s, from) && parse_u32(dash ? dash + 1 : s, to) && *from <= *to;
  if (dash) *dash = '-';
  return ok;
}

static int filter_pattern(AggregateFilter *f, char **words, unsigned n, int arg, Errors *errs) {
  uint64_t out = 0;
  bool drop = !strcmp(words[0], "drop") || !strcmp(words[0], "deny");
  if (!drop && strcmp(words[0], "allow") && !parse_u64(words[0], &out))
    return arg_error(errs, arg, "expected an output, 'allow' or 'drop', not '%s'", words[0]);
  if (!drop && out >= f->base.noutputs)
    return arg_error(errs, arg, "there is no output %llu", (unsigned long long)out);
  if (n == 1) return arg_error(errs, arg, "no aggregates");
  int all = 0;
  for (unsigned i = 1; i < n; i++) {
    uint32_t from, to;
    if (!parse_range(words[i], &from, &to))
      return arg_error(errs, arg, "expected an aggregate, a range FROM-TO or 'all', not '%s'", words[i]);
    int added = add_range(f, from, to, drop ? PACKET_DROP : (int16_t)out);
    if (added < 0) return arg_error(errs, arg, "out of memory");
    if (!added && n > 2) warning(errs, "pattern %d: '%s' matches no packets", arg, words[i]);
    all += added;
  }
  if (!all) warning(errs, "pattern %d matches no packets", arg);
  return 0;
}

static int filter_configure(Element *e, const Args *args, Errors *errs) {
  AggregateFilter *f = (AggregateFilter *)e;
  int rc = args_count(args) ? 0 : error(errs, "expected 'ACTION AGGREGATES'");
  for (unsigned i = 0; i < args_count(args); i++) {
    const char *text = args_text(args, i);
    unsigned n = split_words(text, NULL, 0);
    char **words = mem_alloc((n + 1u) * sizeof *words);
    if (!words) return error(errs, "out of memory");
    split_words(text, words, n);
    rc |= n ? filter_pattern(f, words, n, args_index(args, i), errs)
            : arg_error(errs, args_index(args, i), "expected 'ACTION AGGREGATES'");
    for (unsigned k = 0; k < n; k++) mem_free(words[k]);
    mem_free(words);
  }
  return rc;
}

static void filter_cleanup(Element *e) { mem_free(((AggregateFilter *)e)->ranges); }

ELEMENT(AggregateFilter, .ports = "1/1-254", .processing = "h/h", USE_ACTION(AggregateFilter, filter_action),
        .configure = filter_configure, .cleanup = filter_cleanup, .args = ARGS(ARG_ALL_REST("PATTERN")));
