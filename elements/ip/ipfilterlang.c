/* ipfilterlang.c: the pattern language of IPFilter and IPClassifier.
 *
 *   expr   = or [ "?" expr ":" or ]...          or   = and { ("or" | "||") and }
 *   and    = factor { ["and" | "&&"] factor }   factor = ("not" | "!") factor | "(" expr ")" | test
 *   test   = "true" | "false" | { qualifier } [ "[" field "]" ] [ "&" mask ] [ relation ] [ data ]
 *
 * A test that has no qualifiers takes them from the test before it: "src port 80 or 81". Like the reference,
 * relations and negated values say nothing about packets too short to hold the field: "port != 5" is false
 * for those, while "not port 5" is true.
 */
#include "ipfilterlang.h"

static void set_kind(Lang *l, Primitive *p, unsigned index) {
  if (p->kind != KIND_NONE) FAIL(l, "type specified twice");
  p->kind = (Kind)ip_lang_kinds[index].kind;
  p->field = ip_lang_kinds[index].field;
}
static void set_from(Lang *l, Primitive *p, int from) {
  if (p->from) FAIL(l, "'src' or 'dst' specified twice");
  p->from = from;
}
static void set_proto(Lang *l, Primitive *p, int proto) {
  if (p->proto != PROTO_UNKNOWN && p->proto != proto) FAIL(l, "transport protocol specified twice");
  p->proto = proto;
}

/* "[POS]", "[POS:LEN]" or "[FIRST,LAST]", in bytes. */
static void parse_brackets(Lang *l, Primitive *p) {
  char text[40];
  size_t n = 0;
  unsigned at = l->at + 1;
  for (; at < l->n && strcmp(l->words[at], "]"); at++)
    for (const char *s = l->words[at]; *s && n < sizeof text - 1; s++) text[n++] = *s;
  text[n] = 0;
  if (at >= l->n) {
    FAIL(l, "missing ']'");
    l->at++;
    return;
  }
  l->at = at + 1;
  int64_t pos, len = 1;
  char *cut = strchr(text, ':');
  bool range = !cut && (cut = strchr(text, ','));
  if (cut) *cut++ = 0;
  if (!parse_i64(text, &pos) || (cut && !parse_i64(cut, &len))) {
    FAIL(l, "syntax error after '[', expected '[POS]' or '[POS:LEN]'");
    return;
  }
  if (range) len = len - pos + 1;
  if (len < 1 || len > 4)
    FAIL(l, "LEN in '[POS:LEN]' out of range, should be between 1 and 4");
  else if (pos < 0 || pos > (p->proto == PROTO_UNKNOWN ? 252 : 8188))
    FAIL(l, "POS in '[POS:LEN]' out of range");
  else if (pos / 4 != (pos + len - 1) / 4)
    FAIL(l, "field [%d:%d] does not fit in a single word", (int)pos, (int)len);
  else {
    p->kind = KIND_FIELD;
    p->field = (Field){p->proto == PROTO_UNKNOWN ? 0 : p->proto, (uint32_t)pos * 8, (uint32_t)len * 8};
  }
}

static bool parse_number(const char *s, uint32_t *out) {
  int64_t v;
  if (!parse_i64(s, &v) || v < -2147483648ll || v > 0xffffffffll) return false;
  *out = (uint32_t)v;
  return true;
}

/* A word that is followed by another. */
static const char *inner_word(const Lang *l) { return l->at + 1 < l->n ? l->words[l->at] : ""; }

static uint32_t parse_test(Lang *l) {
  static const char *const ends[] = {")", "||", "or", "?", ":"};
  if (l->at >= l->n) return 0;
  for (unsigned i = 0; i < countof(ends); i++)
    if (is(l, ends[i])) return 0;
  if (is_either(l, "true", "false")) {
    bool yes = is(l, "true");
    l->at++;
    uint32_t t = filter_test(l->f, 0, 0, 0);
    return yes ? t : ip_lang_negate(l, t, false);
  }
  unsigned first = l->at;
  bool negated = false;
  char header = 0;
  Primitive p = {.proto = PROTO_UNKNOWN, .relation = '='};
  for (; l->at < l->n; l->at++) { /* qualifiers */
    const char *w = l->words[l->at];
    uint32_t v;
    Kind k = ip_lang_lookup(l, w, KIND_NONE, p.field, PROTO_UNKNOWN, &v, false);
    if (k == KIND_SYNTAX) {
      set_kind(l, &p, v - 1);
      if (p.kind == KIND_FIELD && p.field.proto) set_proto(l, &p, p.field.proto);
    } else if (k == KIND_PROTO)
      set_proto(l, &p, (int)v);
    else if (k != KIND_NONE)
      break;
    else if (!strcmp(w, "src")) {
      const char *join = word_at(l, l->at + 1), *dst = word_at(l, l->at + 2);
      bool both = !strcmp(join, "and") || !strcmp(join, "&&"),
           either = !strcmp(join, "or") || !strcmp(join, "||");
      if ((both || either) && (!strcmp(dst, "dst") || !strcmp(dst, "dest")))
        l->at += 2;
      else
        both = either = false;
      set_from(l, &p, both ? FROM_BOTH : either ? FROM_EITHER : FROM_SRC);
    } else if (!strcmp(w, "dst") || !strcmp(w, "dest"))
      set_from(l, &p, FROM_DST);
    else if ((!strcmp(w, "ip") || !strcmp(w, "ether")) && !header)
      header = w[0];
    else if (!strcmp(w, "not") || !strcmp(w, "!"))
      negated = !negated;
    else
      break;
  }
  if (l->at != first) l->previous = (Primitive){.proto = PROTO_UNKNOWN, .relation = '='};
  if (l->previous.data == KIND_ETHER) header = 'e';
  if (!strcmp(inner_word(l), "[") && l->at > first && p.kind == KIND_NONE) parse_brackets(l, &p);

  Kind mask_kind = KIND_NONE;
  uint32_t mask = 0, v;
  uint8_t ether_mask[6] = {0};
  if (!strcmp(inner_word(l), "&")) {
    const char *w = l->words[l->at + 1];
    if (parse_number(w, &mask))
      mask_kind = KIND_INT;
    else if (header != 'e' && arg_parse_ip(l->scope, w, &mask))
      mask_kind = KIND_HOST, mask = be32(mask);
    else if (header != 'i' && arg_parse_ether(l->scope, w, ether_mask))
      mask_kind = KIND_ETHER;
    if (mask_kind != KIND_NONE) l->at += 2;
    if (mask_kind != KIND_NONE && mask_kind != KIND_ETHER && !mask) {
      FAIL(l, "zero mask ignored");
      mask_kind = KIND_NONE;
    }
  }
  const char *w = inner_word(l);
  l->at++;
  if (!strcmp(w, "=") || !strcmp(w, "==")) {
  } else if (!strcmp(w, "!="))
    p.negated = true;
  else if (!strcmp(w, ">") || !strcmp(w, "<"))
    p.relation = w[0];
  else if (!strcmp(w, ">=") || !strcmp(w, "<=")) {
    p.relation = w[0] == '>' ? '<' : '>';
    p.negated = true;
  } else
    l->at--;

  if (l->at < l->n) { /* the value */
    IPPrefix net;
    w = l->words[l->at++];
    Kind k = ip_lang_lookup(l, w, p.kind, p.field, p.proto, &v, true);
    if (k == KIND_BAD)
      p.kind = KIND_BAD;
    else if (k != KIND_NONE && k != KIND_SYNTAX) {
      p.data = k;
      p.value = v;
      if (k == KIND_FIELD) p.field = (Field){1, 0, 8};
    } else if (parse_number(w, &p.value))
      p.data = KIND_INT;
    else if (header != 'e' && !strchr(w, '/') && arg_parse_ip(l->scope, w, &v)) {
      uint32_t m;
      p.value = be32(v);
      p.data = KIND_HOST;
      if (l->at + 1 < l->n && is(l, "mask") && arg_parse_ip(l->scope, l->words[l->at + 1], &m)) {
        p.mask = be32(m);
        p.data = KIND_NET;
        l->at += 2;
      } else if (p.kind == KIND_NET && arg_parse_ip_prefix(l->scope, w, false, &net)) {
        p.value = be32(net.addr);
        p.mask = be32(net.mask);
        p.data = KIND_NET;
      }
    } else if (header != 'e' && arg_parse_ip_prefix(l->scope, w, false, &net)) {
      p.value = be32(net.addr);
      p.mask = be32(net.mask);
      p.data = KIND_NET;
    } else if (header != 'i' && arg_parse_ether(l->scope, w, p.ether))
      p.data = KIND_ETHER;
    else {
      if (p.relation != '=' || p.negated) FAIL(l, "dangling operator near '%s'", w);
      l->at--;
    }
  }
  if (l->at == first) {
    FAIL(l, "empty term near '%s'", word_at(l, l->at));
    return 0;
  }
  if (!ip_lang_check(l, &p, header, mask_kind, mask, ether_mask)) return l->failed = true, 0;
  uint32_t e = ip_lang_compile(l, &p);
  l->previous = p;
  return negated ? ip_lang_negate(l, e, false) : e;
}

static uint32_t parse_expr(Lang *l);

static uint32_t parse_factor(Lang *l) {
  if (!is_either(l, "not", "!") && !is(l, "(")) return parse_test(l);
  if (++l->depth > 100) return FAIL(l, "nested too deeply"), 0;
  uint32_t e;
  unsigned start = ++l->at;
  if (l->words[start - 1][0] == '(') {
    e = parse_expr(l);
    if (l->at == start) FAIL(l, "missing expression after '('");
    if (is(l, ")"))
      l->at++;
    else if (!l->failed)
      FAIL(l, "missing ')'");
  } else {
    e = parse_factor(l);
    if (l->at == start) FAIL(l, "missing expression after '%s'", l->words[start - 1]);
    e = ip_lang_negate(l, e, false);
  }
  l->depth--;
  return e;
}

static uint32_t parse_and(Lang *l) {
  uint32_t all = filter_open(l->f, FILTER_AND);
  for (bool must = true; !l->failed;) {
    unsigned start = l->at;
    filter_add(l->f, all, parse_factor(l));
    if (l->at == start) {
      if (must && !l->failed) FAIL(l, "missing expression");
      break;
    }
    must = is_either(l, "and", "&&");
    if (must) l->at++;
  }
  return all;
}

static uint32_t parse_or(Lang *l) {
  uint32_t any = filter_open(l->f, FILTER_OR);
  filter_add(l->f, any, parse_and(l));
  while (!l->failed && is_either(l, "or", "||")) {
    l->at++;
    filter_add(l->f, any, parse_and(l));
  }
  return any;
}

static uint32_t parse_expr(Lang *l) {
  if (++l->depth > 100) return FAIL(l, "nested too deeply"), 0;
  uint32_t choose = filter_open(l->f, FILTER_CHOOSE);
  filter_add(l->f, choose, parse_or(l));
  while (!l->failed && is(l, "?")) {
    l->at++;
    filter_add(l->f, choose, parse_expr(l));
    if (l->failed) break;
    if (!is(l, ":")) return FAIL(l, "missing ':' in ternary expression"), 0;
    l->at++;
    filter_add(l->f, choose, parse_or(l));
  }
  l->depth--;
  return choose;
}

/* ---- Patterns
 * ---------------------------------------------------------------------------------------------------- */

static size_t word_length(const char *s) {
  if ((*s == '&' || *s == '|') && s[1] == *s) return 2;
  if (strchr("<>!=", *s)) return s[1] == '=' ? 2 : 1;
  size_t n = 0;
  while (is_alpha(s[n]) || is_digit(s[n]) || (s[n] && strchr("-./@_:", s[n]))) n++;
  return n ? n : 1;
}

/* Splits into words; fills *words (one block, to be freed with mem_free) and returns their number. */
static unsigned split_pattern(const char *text, char ***words) {
  unsigned n = 0, most = 0;
  size_t len = strlen(text);
  for (const char *s = text; *s; s += is_space(*s) ? 1 : word_length(s)) most += !is_space(*s);
  char **w = mem_alloc((most + 1) * sizeof *w + len + most + 1);
  *words = w;
  if (!w) return 0;
  char *store = (char *)(w + most + 1);
  for (const char *s = text; *s;) {
    if (is_space(*s)) {
      s++;
      continue;
    }
    size_t k = word_length(s);
    memcpy(store, s, k);
    store[k] = 0;
    w[n++] = store;
    store += k + 1;
    s += k;
  }
  return n;
}

/* The expression in words [from, n); all packets if there is none or it is "-", "any" or "all". */
static uint32_t parse_pattern(Lang *l, unsigned from) {
  l->at = from;
  l->previous = (Primitive){.proto = PROTO_UNKNOWN, .relation = '='};
  if (l->n == from || (l->n == from + 1 && (is(l, "-") || is(l, "any") || is(l, "all"))))
    return filter_test(l->f, 0, 0, 0);
  uint32_t e = parse_expr(l);
  if (l->at < l->n && !l->failed) FAIL(l, "garbage after expression at '%s'", l->words[l->at]);
  return l->failed ? 0 : e;
}

uint32_t ip_filter_parse(Filter *f, const Element *scope, const char *text, Errors *errs, int arg) {
  KnownService services[SERVICES_KEPT] = {0};
  Lang l = {.f = f, .scope = scope, .errs = errs, .arg = arg, .services = services};
  l.n = split_pattern(text, &l.words);
  uint32_t e = l.words ? parse_pattern(&l, 0) : (error(errs, "out of memory"), 0);
  mem_free(l.words);
  return e;
}

/* The output as a leaf; CLASSIFY_DROP, also after errors. */
static int32_t parse_action(Lang *l, int noutputs) {
  int64_t port = 0;
  const char *w = l->words[0];
  if (!strcmp(w, "deny") || !strcmp(w, "drop")) return CLASSIFY_DROP;
  if (!strcmp(w, "allow")) {
    if (!noutputs) FAIL(l, "'allow' is meaningless, element has zero outputs");
  } else if (!parse_i64(w, &port))
    FAIL(l, "unknown slot ID '%s'", w);
  else if (port < 0 || port >= noutputs)
    FAIL(l, "slot '%d' out of range", (int)port);
  return l->failed ? CLASSIFY_DROP : ~(int32_t)port;
}

int ip_filter_configure(Element *e, const Args *args, Errors *errs, bool actions) {
  IPFilter *x = (IPFilter *)e;
  unsigned n = args_count(args);
  if (!actions && n != e->noutputs)
    return error(errs, "need %d arguments, one per output port", (int)e->noutputs);
  Filter f = {0};
  Classify program;
  int rc = 0;
  KnownService services[SERVICES_KEPT] = {0};
  FilterRule *rules = mem_alloc((n + 1) * sizeof *rules);
  for (unsigned i = 0; rules && i < n; i++) {
    Lang l = {.f = &f, .scope = e, .errs = errs, .arg = args_index(args, i), .services = services};
    Text text = {0};
    unquote(args_text(args, i), &text);
    l.n = split_pattern(text_cstr(&text), &l.words);
    if (!l.words)
      f.failed = true;
    else if (!l.n)
      FAIL(&l, "empty pattern %u", i);
    else {
      rules[i].leaf = actions ? parse_action(&l, e->noutputs) : ~(int32_t)i;
      rules[i].expr = parse_pattern(&l, actions ? 1 : 0);
    }
    if (l.failed) rc = -1;
    mem_free(l.words);
    text_free(&text);
  }
  if (!rc && (!rules || !classify_rules(&program, &f, rules, n, false))) rc = error(errs, "out of memory");
  mem_free(rules);
  filter_free(&f);
  if (rc) return rc;
  if (!actions) classify_warn_unused(&program, e->noutputs, errs);
  classify_free(&x->program);
  x->program = program;
  return 0;
}

void ip_filter_cleanup(Element *e) { classify_free(&((IPFilter *)e)->program); }
bool ip_filter_live(Element *e) { return (void)e, true; }

int ip_filter_read_program(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  classify_print(&((IPFilter *)e)->program, out);
  return 0;
}
