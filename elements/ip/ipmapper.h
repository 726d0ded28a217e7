/* ipmapper.h: what mappers share: a list of patterns with outputs. */
#ifndef CLICKLET_ELEMENTS_IPMAPPER_H
#define CLICKLET_ELEMENTS_IPMAPPER_H
#include "../tcpudp/rewriter.h"

typedef struct IPMapper {
  Element base;
  RwMapper mapper;
  RwInput *choices;
  unsigned n;
} IPMapper;

/* Makes room for n choices. */
static inline bool ip_mapper_room(IPMapper *m, unsigned n) {
  m->mapper.element = &m->base;
  m->n = n;
  return (m->choices = mem_alloc((n + 1) * sizeof *m->choices)) != NULL;
}

/* "PATTERN FOUTPUT ROUTPUT", and with `last` another word, which is handed over (the caller's to free). */
static inline int ip_mapper_parse(IPMapper *m, unsigned index, const char *text, char **last, Errors *errs,
                                  int arg) {
  char *w[8] = {0};
  unsigned n = split_words(text, w, 8);
  int rc = n > 8 ? arg_error(errs, arg, "expected a pattern and outputs, not '%s'", text) : 0;
  if (!rc && last) {
    *last = n ? w[n - 1] : NULL;
    if (n) w[--n] = NULL;
  }
  if (!rc) rc = rw_parse_pattern_outputs(&m->base, w, n, &m->choices[index], errs, arg);
  for (unsigned i = 0; i < countof(w); i++) mem_free(w[i]);
  return rc;
}

/* Asks one choice on behalf of a rewriter's input, whose outputs become the choice's. */
static inline int ip_mapper_try(IPMapper *m, unsigned index, RwInput *in, const RwFlowId *f, RwFlowId *to,
                                int map) {
  RwInput *c = &m->choices[index];
  int result = rw_pattern_rewrite(&m->base, c->pattern, in->owner, f, to, map);
  if (result == RW_DROP) c->failures++;
  in->foutput = c->foutput;
  in->routput = c->routput;
  return result;
}

static inline int ip_mapper_check(Element *e, const RwInput *in, Errors *errs) {
  const IPMapper *m = (const IPMapper *)e;
  int rc = 0;
  for (unsigned i = 0; i < m->n; i++)
    if ((unsigned)m->choices[i].foutput >= in->owner->base.noutputs ||
        (unsigned)m->choices[i].routput >= in->owner->base.noutputs)
      rc = error(errs, "input spec %d: output out of range in '%s', pattern %u", in->index, e->name, i);
  return rc;
}

static inline void ip_mapper_cleanup(Element *e) {
  IPMapper *m = (IPMapper *)e;
  for (unsigned i = 0; m->choices && i < m->n; i++) rw_input_free(&m->choices[i]);
  mem_free(m->choices);
}

static inline void *ip_mapper_cast(Element *e, const char *name) {
  return strcmp(name, "IPMapper") ? NULL : &((IPMapper *)e)->mapper;
}

#endif
