/** SourceIPHashMapper: has a rewriter choose among patterns by source address.
 *
 * Synopsis: `SourceIPHashMapper(NNODES SEED, PATTERN ID, ...)`
 *
 * Has no ports. Named as INPUTSPEC of a rewriter, it gives all flows from one source address the same
 * pattern, by consistent hashing: when a pattern is added or removed, most addresses keep theirs.
 *
 * Arguments: NNODES (positive): points on the hash circle for each pattern; SEED (int): of the circle. Then
 * each `SADDR SPORT DADDR DPORT FOUTPUT ROUTPUT ID` or `NAME FOUTPUT ROUTPUT ID`, as behind `pattern` of
 * IPRewriter; ID (unsigned) tells a pattern's points, so keep it when others come and go.
 *
 * Differs: the points depend on SEED and ID only, through a generator of our own, so patterns get other
 * addresses than in the reference.
 *
 * Example: `m :: SourceIPHashMapper(50 7, - - 1.0.0.1 - 0 0 1, - - 1.0.0.2 - 0 0 2); Idle -> IPRewriter(m) ->
 * Discard;`
 */
#include "ipmapper.h"

typedef struct HashPoint {
  uint32_t at;
  uint32_t choice;
} HashPoint;

typedef struct SourceIPHashMapper {
  IPMapper m;
  HashPoint *points; /* sorted */
  uint32_t npoints;
} SourceIPHashMapper;

static uint32_t hash_mapper_mix(uint64_t v) {
  v = (v ^ v >> 32) * UINT64_C(0xd6e8feb86659fd93);
  v = (v ^ v >> 32) * UINT64_C(0xd6e8feb86659fd93);
  return (uint32_t)(v >> 32);
}

static int hash_mapper_rewrite(Element *el, RwInput *in, const RwFlowId *f, RwFlowId *to, int map) {
  SourceIPHashMapper *e = (SourceIPHashMapper *)el;
  uint32_t at = hash_mapper_mix(f->src), lo = 0, hi = e->npoints; /* the first point at or behind it */
  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;
    if (e->points[mid].at < at)
      lo = mid + 1;
    else
      hi = mid;
  }
  return ip_mapper_try(&e->m, e->points[lo == e->npoints ? 0 : lo].choice, in, f, to, map);
}

static void hash_mapper_add(SourceIPHashMapper *e, uint32_t at, uint32_t choice) {
  uint32_t i = e->npoints++;
  for (; i && e->points[i - 1].at > at; i--) e->points[i] = e->points[i - 1];
  e->points[i] = (HashPoint){at, choice};
}

static int hash_mapper_configure(Element *el, const Args *args, Errors *errs) {
  SourceIPHashMapper *e = (SourceIPHashMapper *)el;
  unsigned n = args_count(args);
  char *w[3] = {0};
  uint64_t nodes = 0;
  int64_t seed = 0;
  int rc = 0;
  if (n < 2) return error(errs, n ? "no patterns given" : "no hash seed given");
  bool ok = split_words(args_text(args, 0), w, 3) == 2 && parse_u64(w[0], &nodes) && nodes >= 1 &&
            nodes <= 65536 && parse_i64(w[1], &seed);
  for (unsigned i = 0; i < countof(w); i++) mem_free(w[i]);
  if (!ok)
    return arg_error(errs, args_index(args, 0), "expected 'NNODES SEED', not '%s'", args_text(args, 0));
  if (n == 2) warning(errs, "only one pattern given");
  if (!ip_mapper_room(&e->m, n - 1) || !(e->points = mem_alloc(nodes * (n - 1) * sizeof *e->points)))
    return error(errs, "out of memory");
  e->m.mapper.rewrite = hash_mapper_rewrite;
  e->m.mapper.check = ip_mapper_check;
  for (unsigned i = 1; i < n; i++) {
    char *last = NULL;
    uint64_t id = 0;
    if (ip_mapper_parse(&e->m, i - 1, args_text(args, i), &last, errs, args_index(args, i)) < 0)
      rc = -1;
    else if (!parse_u64(last, &id) || id > 65535)
      rc = arg_error(errs, args_index(args, i), "bad server ID '%s'", last);
    mem_free(last);
    for (uint64_t k = 0; !rc && k < nodes; k++)
      hash_mapper_add(e, hash_mapper_mix((uint64_t)(uint32_t)seed << 32 ^ id << 16 ^ k), i - 1);
  }
  return rc;
}

static void hash_mapper_cleanup(Element *el) {
  mem_free(((SourceIPHashMapper *)el)->points);
  ip_mapper_cleanup(el);
}

ELEMENT(SourceIPHashMapper, .ports = "0/0", .phase = PHASE_DEFAULT - 1, .configure = hash_mapper_configure,
        .cleanup = hash_mapper_cleanup, .cast = ip_mapper_cast, .args = ARGS(ARG_ALL_REST("PATTERN")));
