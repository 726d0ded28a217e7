/* ipfilter.h: the language of IPFilter and IPClassifier, compiled to the decision graphs of classify.h. */
#ifndef CLICKLET_ELEMENTS_IPFILTER_H
#define CLICKLET_ELEMENTS_IPFILTER_H
#include "classify.h"

typedef struct IPFilter {
  Element base;
  Classify program;
} IPFilter;

static inline int ip_filter(IPFilter *e, Packet *p) { return classify_ip(&e->program, p); }

static inline bool ip_filter_specialise(Element *e, Text *out) {
  return classify_emit(&((IPFilter *)e)->program, out);
}

/* With `actions`, each argument begins with what to do (a port, allow, deny, drop); else argument k is for
 * output k. */
int ip_filter_configure(Element *e, const Args *args, Errors *errs, bool actions);
void ip_filter_cleanup(Element *e);
bool ip_filter_live(Element *e);
int ip_filter_read_program(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);

/* Compiles one expression, that of a pattern; for others that want to match packets (IPRewriter, aggregates).
 * Returns an expression of *f, 0 with errors reported. */
uint32_t ip_filter_parse(Filter *f, const Element *scope, const char *text, Errors *errs, int arg);

#endif
