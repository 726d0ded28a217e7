/** RoundRobinIPMapper: has a rewriter use several patterns in turn.
 *
 * Synopsis: `RoundRobinIPMapper(PATTERN, ...)`
 *
 * Has no ports. Named as INPUTSPEC of a rewriter, it gives each new flow the next pattern that has a free
 * mapping, for example to spread load over servers.
 *
 * Arguments: each `SADDR SPORT DADDR DPORT FOUTPUT ROUTPUT` or `NAME FOUTPUT ROUTPUT`, as behind `pattern` of
 * IPRewriter.
 *
 * Example: `m :: RoundRobinIPMapper(- - 1.0.0.1 - 0 0, - - 1.0.0.2 - 0 0); Idle -> IPRewriter(m) -> Discard;`
 */
#include "ipmapper.h"

typedef struct RoundRobinIPMapper {
  IPMapper m;
  unsigned next;
} RoundRobinIPMapper;

static int round_robin_rewrite(Element *el, RwInput *in, const RwFlowId *f, RwFlowId *to, int map) {
  RoundRobinIPMapper *e = (RoundRobinIPMapper *)el;
  for (unsigned i = 0; i < e->m.n; i++) {
    unsigned now = e->next;
    e->next = now + 1 == e->m.n ? 0 : now + 1;
    int result = ip_mapper_try(&e->m, now, in, f, to, map);
    if (result != RW_DROP) return result;
  }
  return RW_DROP;
}

static int round_robin_configure(Element *el, const Args *args, Errors *errs) {
  RoundRobinIPMapper *e = (RoundRobinIPMapper *)el;
  unsigned n = args_count(args);
  int rc = 0;
  if (!n) return error(errs, "no patterns given");
  if (n == 1) warning(errs, "only one pattern given");
  if (!ip_mapper_room(&e->m, n)) return error(errs, "out of memory");
  e->m.mapper.rewrite = round_robin_rewrite;
  e->m.mapper.check = ip_mapper_check;
  for (unsigned i = 0; i < n; i++)
    if (ip_mapper_parse(&e->m, i, args_text(args, i), NULL, errs, args_index(args, i)) < 0) rc = -1;
  return rc;
}

ELEMENT(RoundRobinIPMapper, .ports = "0/0", .phase = PHASE_DEFAULT - 1, .configure = round_robin_configure,
        .cleanup = ip_mapper_cleanup, .cast = ip_mapper_cast, .args = ARGS(ARG_ALL_REST("PATTERN")));
