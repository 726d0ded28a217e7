/** IPRewriterPatterns: names patterns for rewriters.
 *
 * Synopsis: `IPRewriterPatterns(NAME SADDR SPORT DADDR DPORT, ...)`
 *
 * Has no ports. Rewriters may then say `pattern NAME FOUTPUT ROUTPUT`. Those that use the same name share the
 * pattern's place in its range.
 *
 * Arguments: each a name and a pattern, as of IPRewriter (`SADDR DADDR` for IPAddrRewriter and
 * IPAddrPairRewriter).
 *
 * Example: `IPRewriterPatterns(nat 1.0.0.1 1024-65535# - -); Idle -> IPRewriter(pattern nat 0 0) -> Discard;`
 */
#include "../tcpudp/rewriter.h"

typedef struct IPRewriterPatterns {
  Element base;
  RwPattern *patterns;
} IPRewriterPatterns;

static int ip_rewriter_patterns_configure(Element *el, const Args *args, Errors *errs) {
  IPRewriterPatterns *e = (IPRewriterPatterns *)el;
  int rc = 0;
  if (!(e->patterns = mem_alloc((args_count(args) + 1) * sizeof *e->patterns)))
    return error(errs, "out of memory");
  for (unsigned i = 0; i < args_count(args); i++) {
    char *w[6] = {0};
    unsigned n = split_words(args_text(args, i), w, 6);
    RwPattern *p = &e->patterns[i];
    if (n && rw_pattern_named(el, w[0]))
      rc = arg_error(errs, args_index(args, i), "pattern '%s' already defined", w[0]);
    else if (n && rw_pattern_parse(el, w + 1, n - 1, p, errs, args_index(args, i)) < 0)
      rc = -1;
    else if (n && !name_define(el, RW_NAME_PATTERN, w[0], &p, sizeof p))
      rc = error(errs, "out of memory");
    for (unsigned k = 0; k < countof(w); k++) mem_free(w[k]);
  }
  return rc;
}

static void ip_rewriter_patterns_cleanup(Element *e) { mem_free(((IPRewriterPatterns *)e)->patterns); }

ELEMENT(IPRewriterPatterns, .ports = "0/0", .phase = PHASE_INFO, .configure = ip_rewriter_patterns_configure,
        .cleanup = ip_rewriter_patterns_cleanup, .args = ARGS(ARG_ALL_REST("PATTERN")));
