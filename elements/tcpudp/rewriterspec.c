/* rewriterspec.c: input specifications and patterns of rewriters. See rewriter.h. */
#include "rewriter.h"
#include <clicklet/engine.h>

/* ---- Patterns
 * -------------------------------------------------------------------------------------------------------- */

/* Takes a '#' (one after the other) or '?' (not the packet's own first) from the end of a range. */
static void rw_range_suffix(char *s, RwPattern *p) {
  size_t n = strlen(s);
  if (!n || (s[n - 1] != '#' && s[n - 1] != '?')) return;
  p->same_first = false;
  if (s[n - 1] == '#') p->sequential = true;
  s[n - 1] = 0;
}

/* "A-B" or "A/LEN", with a suffix. The network and broadcast addresses of a prefix are left out. */
static bool rw_parse_addresses(const Element *e, const char *text, RwPattern *p) {
  char *s = mem_string(text, strlen(text)), *dash;
  if (!s) return false;
  rw_range_suffix(s, p);
  uint32_t first, last;
  IPPrefix net;
  bool ok = false;
  if ((dash = strchr(s, '-'))) {
    *dash = 0;
    ok = arg_parse_ip(e, s, &first) && arg_parse_ip(e, dash + 1, &last) && be32(last) >= be32(first);
    if (ok) p->to.src = first, p->top = be32(last) - be32(first);
  } else if (arg_parse_ip_prefix(e, s, true, &net) && net.addr && net.mask) {
    uint32_t hosts = ~be32(net.mask);
    ok = !(hosts & (hosts + 1));
    p->to.src = !hosts ? net.addr : hosts == 1 ? net.addr & net.mask : (net.addr & net.mask) | be32(1);
    p->top = hosts <= 1 ? hosts : hosts - 2;
  }
  mem_free(s);
  return ok;
}

static bool rw_parse_ports(const char *text, RwPattern *p) {
  char *s = mem_string(text, strlen(text));
  uint64_t first = 0, last = 0;
  if (!s) return false;
  bool plain = parse_u64(s, &first) && first > 0 && first < 65536;
  if (!plain) rw_range_suffix(s, p);
  char *dash = strchr(s, '-');
  bool ok = plain;
  if (!plain && dash) {
    *dash = 0;
    ok = parse_u64(s, &first) && parse_u64(dash + 1, &last) && last >= first && last < 65536;
    p->top = (uint32_t)(last - first);
  }
  p->to.sport = be16((uint16_t)first);
  mem_free(s);
  return ok;
}

RwPattern *rw_pattern_named(const Element *e, const char *name) {
  RwPattern *p = NULL;
  return name_query(e, RW_NAME_PATTERN, name, &p, sizeof p) ? p : NULL;
}

/* "SADDR DADDR", "SADDR DADDR SPORT" or "SADDR SPORT DADDR DPORT"; a dash leaves a field as it is. */
int rw_pattern_parse(const Element *e, char *const *w, unsigned n, RwPattern *out, Errors *errs, int arg) {
  RwPattern p = {.same_first = true, .ports = n >= 3};
  if (n < 2 || n > 4)
    return arg_error(errs, arg, "expected a pattern: SADDR SPORT DADDR DPORT, or SADDR DADDR");
  const char *sport = n == 4   ? w[1]
                      : n == 3 ? w[2]
                               : "-",
             *daddr = n == 4 ? w[2] : w[1], *dport = n == 4 ? w[3] : "-";
  uint64_t v = 0;
  if (strcmp(w[0], "-") && !arg_parse_ip(e, w[0], &p.to.src) && !rw_parse_addresses(e, w[0], &p))
    return arg_error(errs, arg, "bad source address");
  if (p.top && p.ports)
    return arg_error(errs, arg, "a range of addresses needs a pattern without ports, not '%s' with ports",
                     w[0]);
  if (strcmp(sport, "-") && !rw_parse_ports(sport, &p)) return arg_error(errs, arg, "bad source port");
  if (strcmp(daddr, "-") && !arg_parse_ip(e, daddr, &p.to.dst))
    return arg_error(errs, arg, "bad destination address");
  if (strcmp(dport, "-") && (!parse_u64(dport, &v) || v < 1 || v > 65535))
    return arg_error(errs, arg, "bad destination port");
  p.to.dport = be16((uint16_t)v);
  *out = p;
  return 0;
}

void rw_pattern_text(const RwPattern *p, Text *out) {
  uint32_t last = be32(be32(p->to.src) + p->top);
  if (!p->ports && p->top)
    text_printf(out, "%pI-%pI", (const void *)&p->to.src, (const void *)&last);
  else if (p->to.src)
    text_printf(out, "%pI", (const void *)&p->to.src);
  else
    text_add_char(out, '-');
  if (p->ports && !p->to.sport)
    text_add_string(out, " -");
  else if (p->ports && p->top)
    text_printf(out, " %u-%u", be16(p->to.sport), be16(p->to.sport) + p->top);
  else if (p->ports)
    text_printf(out, " %u", be16(p->to.sport));
  if (p->to.dst)
    text_printf(out, " %pI", (const void *)&p->to.dst);
  else
    text_add_string(out, " -");
  if (p->ports && !p->to.dport)
    text_add_string(out, " -");
  else if (p->ports)
    text_printf(out, " %u", be16(p->to.dport));
}

/* Puts candidate v of the range into *to; true if packets rewritten so have answers of their own. */
static bool rw_try(const RwPattern *p, const Rewriter *r, RwFlowId *to, uint32_t v, int map) {
  if (p->ports)
    to->sport = be16((uint16_t)(be16(p->to.sport) + v));
  else
    to->src = be32(be32(p->to.src) + v);
  if (r->kind->shape == RW_PING) to->dport = (uint16_t)(to->sport + 1);
  RwFlowId reply = rw_reverse(*to);
  return !rw_find(r, map, &reply, rw_hash(&reply, r->set->seed));
}

int rw_pattern_rewrite(const Element *e, RwPattern *p, Rewriter *r, const RwFlowId *f, RwFlowId *to,
                       int map) {
  *to = *f;
  if (p->to.src) to->src = p->to.src;
  if (p->to.sport) to->sport = p->to.sport;
  if (p->to.dst) to->dst = p->to.dst;
  if (p->to.dport) to->dport = p->to.dport;
  if (!p->top) return RW_MAP;
  uint32_t v = (uint32_t)be16(f->sport) - be16(p->to.sport);
  bool found = p->same_first && p->ports && v <= p->top && rw_try(p, r, to, v, map);
  if (!found) {
    v = !p->sequential     ? (p->top == UINT32_MAX ? random_u32(e) : random_uniform(e, p->top + 1))
        : p->next > p->top ? 0
                           : p->next;
    for (uint64_t n = 0; n <= p->top; n++, v = v == p->top ? 0 : v + 1)
      if ((found = rw_try(p, r, to, v, map))) break;
  }
  if (found) p->next = v + 1;
  return found ? RW_MAP : RW_DROP;
}

/* ---- Input specifications
 * --------------------------------------------------------------------------------------------- */

static bool rw_parse_output(const char *s, int *out) {
  int64_t v;
  if (!parse_i64(s, &v) || v < 0 || v > 65535) return false;
  *out = (int)v;
  return true;
}

static int rw_parse_outputs(char *const *w, RwInput *in, Errors *errs, int arg) {
  if (!rw_parse_output(w[0], &in->foutput)) return arg_error(errs, arg, "bad forward output '%s'", w[0]);
  if (!rw_parse_output(w[1], &in->routput)) return arg_error(errs, arg, "bad reply output '%s'", w[1]);
  return 0;
}

int rw_parse_pattern_outputs(const Element *e, char *const *w, unsigned n, RwInput *in, Errors *errs,
                             int arg) {
  if (n < 3) return arg_error(errs, arg, "expected a pattern and two outputs");
  in->kind = RW_IN_PATTERN;
  if (rw_parse_outputs(w + n - 2, in, errs, arg) < 0) return -1;
  if (n == 3) {
    if (!(in->pattern = rw_pattern_named(e, w[0])))
      return arg_error(errs, arg, "there is no pattern '%s'", w[0]);
    return 0;
  }
  RwPattern p;
  if (rw_pattern_parse(e, w, n - 2, &p, errs, arg) < 0) return -1;
  if (!(in->pattern = mem_alloc(sizeof p))) return arg_error(errs, arg, "out of memory");
  *in->pattern = p;
  in->own_pattern = true;
  return 0;
}

void rw_input_free(RwInput *in) {
  if (in->own_pattern) mem_free(in->pattern);
  *in = (RwInput){0};
}

static int rw_spec_words(Rewriter *e, char *const *w, unsigned n, RwInput *in, Errors *errs, int arg) {
  const Element *el = &e->base;
  unsigned outputs = el->noutputs;
  if (!n) return arg_error(errs, arg, "empty input specification");
  if (!strcmp(w[0], "pass") || !strcmp(w[0], "passthrough") || !strcmp(w[0], "nochange")) {
    in->kind = RW_IN_PASS;
    if (n > 2 || (n == 2 && !rw_parse_output(w[1], &in->foutput)))
      return arg_error(errs, arg, "expected '%s [OUTPUT]'", w[0]);
  } else if (!strcmp(w[0], "keep")) {
    in->kind = RW_IN_KEEP;
    if (n != 3) return arg_error(errs, arg, "expected 'keep FOUTPUT ROUTPUT'");
    if (rw_parse_outputs(w + 1, in, errs, arg) < 0) return -1;
  } else if (!strcmp(w[0], "drop") || !strcmp(w[0], "discard")) {
    return n == 1 ? 0 : arg_error(errs, arg, "nothing may follow '%s'", w[0]);
  } else if (!strcmp(w[0], "pattern") || !strcmp(w[0], "xpattern")) {
    if (rw_parse_pattern_outputs(el, w + 1, n - 1, in, errs, arg) < 0) return -1;
  } else {
    Element *x = router_find(el->router, el, w[0]);
    if (!x) return arg_error(errs, arg, "unknown input specification '%s'", w[0]);
    if (n > 1) return arg_error(errs, arg, "nothing may follow the element '%s'", w[0]);
    if (!(in->mapper = element_cast(x, "IPMapper")))
      return arg_error(errs, arg, "element '%s' is not a mapper", w[0]);
    in->kind = RW_IN_MAPPER;
  }
  if ((unsigned)in->foutput >= outputs || (unsigned)in->routput >= outputs)
    return arg_error(errs, arg, "output out of range");
  return 0;
}

int rw_spec_parse(Rewriter *e, int index, const char *text, RwInput *in, Errors *errs, int arg) {
  unsigned n = split_words(text, NULL, 0);
  char **w = mem_alloc((n + 1) * sizeof *w);
  if (!w) return arg_error(errs, arg, "out of memory");
  split_words(text, w, n);
  *in = (RwInput){.kind = RW_IN_DROP, .owner = e, .index = (uint16_t)index};
  Errors own = {.element = -1};
  int rc = rw_spec_words(e, w, n, in, &own, arg);
  for (uint32_t i = 0; i < own.count; i++)
    arg_error(errs, arg, "input spec %d: %s", index, own.records[i].message);
  errors_clear(&own);
  for (unsigned i = 0; i < n; i++) mem_free(w[i]);
  mem_free(w);
  if (rc < 0) rw_input_free(in);
  return rc;
}

int rw_configure(Element *el, const Args *args, Errors *errs) {
  Rewriter *e = (Rewriter *)el;
  int64_t v;
  int rc = 0;
  e->capacity = INT32_MAX;
  if (e->capacity_text && parse_i64(e->capacity_text, &v) && v >= 0 && v <= INT32_MAX) {
    e->capacity = (int32_t)v;
  } else if (e->capacity_text) {
    e->shares_with = router_find(el->router, el, e->capacity_text);
    if (!e->shares_with || !element_cast(e->shares_with, "Rewriter"))
      rc = error(errs, "MAPPING_CAPACITY: expected a number or a rewriter, not '%s'", e->capacity_text);
  }
  if (args_count(args) != el->ninputs)
    return error(errs, "need %d arguments, one per input port", el->ninputs);
  if (!(e->inputs = mem_alloc((el->ninputs + 1u) * sizeof *e->inputs))) return error(errs, "out of memory");
  Handler pattern = RW_FN("pattern", rw_read_pattern, rw_write_pattern);
  if (port_handlers_make(&e->patterns, el->ninputs, pattern, errs) < 0) return -1;
  for (unsigned i = 0; i < args_count(args); i++)
    if (rw_spec_parse(e, (int)i, args_text(args, i), &e->inputs[i], errs, args_index(args, i)) < 0) rc = -1;
  return rc;
}
