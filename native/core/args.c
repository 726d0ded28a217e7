/* args.c: one parser for every element's argument table. */
#include "router.h"
#include <clicklet/platform.h>

struct Args {
  char *const *texts;
  unsigned n;
  uint16_t *left; /* indexes of the arguments that no table entry took */
  unsigned nleft;
};

unsigned args_count(const Args *a) { return a->nleft; }
const char *args_text(const Args *a, unsigned i) { return i < a->nleft ? a->texts[a->left[i]] : ""; }
int args_index(const Args *a, unsigned i) { return i < a->nleft ? a->left[i] : -1; }

/* ---- One argument
 * ------------------------------------------------------------------------------------------------ */

static int wrong(Errors *errs, int i, const ArgSpec *a, const char *expected, const char *text) {
  return arg_error(errs, i, "%s: expected %s, not '%s'", a->key, expected, text);
}

static int out_of_range(Errors *errs, int i, const ArgSpec *a, const char *text, double lo, double hi) {
  return arg_error(errs, i, "%s: %s is out of range, expected %.15g to %.15g", a->key, text, lo, hi);
}

static int store_string(void *field, Text *t) {
  char **s = field;
  mem_free(*s);
  *s = mem_string(text_cstr(t), t->len);
  text_free(t);
  return *s ? 0 : -1;
}

static const struct {
  double lo, hi;
  const char *name;
} integer_types[] = {
    [ARG_I32] = {-2147483648., 2147483647., "an integer"},
    [ARG_U8] = {0, 255, "an integer from 0 to 255"},
    [ARG_U16] = {0, 65535, "an integer from 0 to 65535"},
    [ARG_U32] = {0, 4294967295., "an unsigned integer"},
};

static int parse_one(Element *e, const ArgSpec *a, const char *text, Errors *errs, int i) {
  void *field = (char *)e + a->offset;
  Text t = {0};
  unquote(text, &t);
  const char *s = text_cstr(&t);
  int rc = 0;
  switch ((ArgType)a->type) {
  case ARG_BOOL:
    if (!parse_bool(s, field)) rc = wrong(errs, i, a, "true or false", text);
    break;
  case ARG_I32:
  case ARG_U8:
  case ARG_U16:
  case ARG_U32: {
    int64_t v;
    double lo = integer_types[a->type].lo, hi = integer_types[a->type].hi;
    if (!parse_i64(s, &v)) {
      rc = wrong(errs, i, a, integer_types[a->type].name, text);
      break;
    }
    if (a->min < a->max) lo = a->min, hi = a->max;
    if ((double)v < lo || (double)v > hi) {
      rc = out_of_range(errs, i, a, text, lo, hi);
      break;
    }
    memcpy(field, &v, a->size); /* little endian */
    break;
  }
  case ARG_I64: {
    int64_t v;
    if (!parse_i64(s, &v))
      rc = wrong(errs, i, a, "an integer", text);
    else if (a->min < a->max && ((double)v < a->min || (double)v > a->max))
      rc = out_of_range(errs, i, a, text, a->min, a->max);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_U64: {
    uint64_t v;
    if (!parse_u64(s, &v))
      rc = wrong(errs, i, a, "an unsigned integer", text);
    else if (a->min < a->max && ((double)v < a->min || (double)v > a->max))
      rc = out_of_range(errs, i, a, text, a->min, a->max);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_F64: {
    double v;
    if (!parse_double(s, &v))
      rc = wrong(errs, i, a, "a number", text);
    else if (a->min < a->max && (v < a->min || v > a->max))
      rc = out_of_range(errs, i, a, text, a->min, a->max);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_WORD:
    if (!*s || strchr(s, ' ')) {
      rc = wrong(errs, i, a, "one word", text);
      break;
    }
    return store_string(field, &t);
  case ARG_FILENAME:
    if (!*s) {
      rc = wrong(errs, i, a, "a file name", text);
      break;
    }
    return store_string(field, &t);
  case ARG_STRING:
  case ARG_HANDLER:
    return store_string(field, &t);
  case ARG_RAW:
    text_clear(&t);
    text_add_string(&t, text);
    return store_string(field, &t);
  case ARG_IP:
    if (!arg_parse_ip(e, s, field)) rc = wrong(errs, i, a, "an IP address", text);
    break;
  case ARG_IP_PREFIX:
  case ARG_IP_OR_PREFIX:
    if (!arg_parse_ip_prefix(e, s, a->type == ARG_IP_OR_PREFIX, field))
      rc = wrong(errs, i, a,
                 a->type == ARG_IP_PREFIX ? "an IP address and prefix length (as 10.0.0.0/8)"
                                          : "an IP address or prefix",
                 text);
    break;
  case ARG_IP6:
    if (!arg_parse_ip6(e, s, field)) rc = wrong(errs, i, a, "an IPv6 address", text);
    break;
  case ARG_IP6_PREFIX:
    if (!arg_parse_ip6_prefix(e, s, field)) rc = wrong(errs, i, a, "an IPv6 address and prefix length", text);
    break;
  case ARG_ETHER:
    if (!arg_parse_ether(e, s, field)) rc = wrong(errs, i, a, "an Ethernet address", text);
    break;
  case ARG_ANNO:
    if (!arg_parse_anno(e, s, (int)a->min, field))
      rc = wrong(errs, i, a, "a packet annotation of the right size", text);
    break;
  case ARG_INTERVAL:
  case ARG_TIMESTAMP: {
    int64_t v;
    if (!parse_interval(s, NSEC_PER_SEC, &v))
      rc =
          wrong(errs, i, a, a->type == ARG_INTERVAL ? "a time (as 1.5s or 20ms)" : "a time in seconds", text);
    else if (a->min < a->max && ((double)v < a->min || (double)v > a->max))
      rc = arg_error(errs, i, "%s: %s is out of range, expected %.9gs to %.9gs", a->key, text, a->min / 1e9,
                     a->max / 1e9);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_BANDWIDTH:
    if (!parse_bandwidth(s, field)) rc = wrong(errs, i, a, "a bandwidth (as 10Mbps)", text);
    break;
  case ARG_PORT_NUMBER:
    if (!arg_parse_port(e, 6, s, field)) rc = wrong(errs, i, a, "a port number", text);
    break;
  case ARG_IP_PROTO:
    if (!arg_parse_protocol(e, s, field)) rc = wrong(errs, i, a, "an IP protocol", text);
    break;
  case ARG_ELEMENT: {
    Element *x = router_find(e->router, e, s);
    if (!x)
      rc = arg_error(errs, i, "%s: there is no element '%s'", a->key, s);
    else
      memcpy(field, &x, sizeof x);
    break;
  }
  case ARG_CHOICE: {
    int k = 0;
    while (a->choices[k] && compare_ignore_case(a->choices[k], s)) k++;
    if (a->choices[k]) {
      memcpy(field, &k, sizeof k);
      break;
    }
    Text list = {0};
    for (k = 0; a->choices[k]; k++) text_printf(&list, "%s%s", k ? ", " : "", a->choices[k]);
    rc = arg_error(errs, i, "%s: expected one of %s, not '%s'", a->key, text_cstr(&list), text);
    text_free(&list);
    break;
  }
  case ARG_CUSTOM:
    rc = a->parse(e, text, field, errs, i);
    break;
  case ARG_REST:
    break;
  }
  text_free(&t);
  return rc;
}

/* ---- A table
 * ----------------------------------------------------------------------------------------------------- */

static size_t key_length(const char *text) {
  size_t n = 0;
  while ((text[n] >= 'A' && text[n] <= 'Z') || (n && (is_digit(text[n]) || text[n] == '_' || text[n] == '-')))
    n++;
  return n && (is_space(text[n]) || !text[n]) ? n : 0;
}

static const ArgSpec *find_key(const ArgSpec *specs, const char *text, size_t n) {
  for (const ArgSpec *a = specs; n && a->key; a++)
    if (a->type != ARG_REST && strlen(a->key) == n && !strncmp(a->key, text, n)) return a;
  return NULL;
}

static void set_given(Element *e, const ArgSpec *a) {
  if (a->given) *((bool *)e + a->given - 1) = true;
}

static int unknown(const ArgSpec *specs, const char *text, int i, Errors *errs) {
  size_t n = key_length(text);
  Text list = {0};
  unsigned positional = 0;
  for (const ArgSpec *a = specs; a->key; a++) {
    if (!(a->flags & ARG_DEPRECATED)) text_printf(&list, "%s%s", list.len ? ", " : "", a->key);
    positional += a->flags & ARG_POSITIONAL ? 1 : 0;
  }
  if (n && text[n])
    arg_error(errs, i, "unknown argument '%.*s' (valid: %s)", (int)n, text,
              list.len ? text_cstr(&list) : "none");
  else if (!positional)
    arg_error(errs, i, "too many arguments: '%s' (%s)", text, list.len ? "only by keyword" : "none expected");
  else
    arg_error(errs, i, "too many arguments: '%s' (at most %u without keyword)", text, positional);
  text_free(&list);
  return -1;
}

/* The reference takes the last of the arguments for one key and does not look at the others. */
static bool given_again(const ArgSpec *specs, const ArgSpec *a, const Args *args, unsigned i, Errors *errs) {
  if (a->flags & ARG_REPEATED) return false;
  for (unsigned k = i + 1; k < args->n; k++) {
    size_t n = key_length(args->texts[k]);
    if (!n || !args->texts[k][n] || find_key(specs, args->texts[k], n) != a) continue;
    warning(errs, "%s is given twice: '%s' is ignored", a->key, args->texts[i]);
    return true;
  }
  return false;
}

static int apply(Element *e, const ArgSpec *specs, Args *args, bool defaults, Errors *errs) {
  uint32_t before = errs->errors;
  unsigned nspecs = 0;
  while (specs[nspecs].key) nspecs++;
  bool *taken = mem_alloc(nspecs + 1);
  if (!taken) return error(errs, "out of memory");
  if (defaults)
    for (unsigned k = 0; k < nspecs; k++) {
      if (specs[k].given) *((bool *)e + specs[k].given - 1) = false;
      if (specs[k].def) parse_one(e, &specs[k], specs[k].def, errs, -1);
    }
  const ArgSpec *next = specs; /* the next positional entry */
  for (unsigned i = 0; i < args->n; i++) {
    const char *text = args->texts[i];
    size_t n = key_length(text);
    const ArgSpec *a = find_key(specs, text, n);
    if (a && text[n]) {
      while (is_space(text[n])) n++;
      taken[a - specs] = true;
      if (given_again(specs, a, args, i, errs)) continue;
      set_given(e, a);
      parse_one(e, a, text + n, errs, (int)i);
      continue;
    }
    while (next->key && (!(next->flags & ARG_POSITIONAL) || (taken[next - specs] && next->type != ARG_REST)))
      next++;
    if (!next->key) {
      unknown(specs, text, (int)i, errs);
    } else if (next->type == ARG_REST) {
      taken[next - specs] = true;
      args->left[args->nleft++] = (uint16_t)i;
    } else {
      a = next++;
      taken[a - specs] = true;
      if (given_again(specs, a, args, i, errs)) continue;
      if (!*text) { /* an empty place keeps the default */
        if (a->flags & ARG_MANDATORY) arg_error(errs, (int)i, "%s is missing", a->key);
        continue;
      }
      set_given(e, a);
      parse_one(e, a, text, errs, (int)i);
    }
  }
  for (unsigned k = 0; k < nspecs; k++)
    if ((specs[k].flags & ARG_MANDATORY) && !taken[k]) error(errs, "missing argument %s", specs[k].key);
  mem_free(taken);
  return errs->errors > before ? -1 : 0;
}

int args_apply(Element *e, const ArgSpec *specs, char *const *texts, unsigned n, Errors *errs) {
  Errors unheard = {.silent = true};
  if (!errs) errs = &unheard;
  Args args = {.texts = texts, .n = n, .left = mem_alloc((n + 1) * sizeof(uint16_t))};
  if (!args.left) return error(errs, "out of memory");
  int rc = apply(e, specs, &args, true, errs);
  mem_free(args.left);
  return rc;
}

int args_configure(Element *e, char *const *texts, unsigned n, Errors *errs) {
  Errors unheard = {.silent = true};
  if (!errs) errs = &unheard;
  if (n > 65535) return error(errs, "more than 65535 arguments");
  Args args = {.texts = texts, .n = n, .left = mem_alloc((n + 1) * sizeof(uint16_t))};
  if (!args.left) return error(errs, "out of memory");
  const ElementClass *c = e->class;
  int rc = 0;
  if (c->args)
    rc = apply(e, c->args, &args, true, errs);
  else
    for (unsigned i = 0; i < n; i++) args.left[args.nleft++] = (uint16_t)i;
  if (!rc && c->configure)
    rc = c->configure(e, &args, errs);
  else if (!rc && !c->args && n)
    rc = arg_error(errs, 0, "too many arguments: none expected");
  mem_free(args.left);
  return rc;
}
