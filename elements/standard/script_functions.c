/* script_functions.c: Script's function handlers: $(add 1 2), $(if ...), $(sprintf ...) and so on. */
#include "script.h"

/* A number as written: an integer where possible. */
typedef struct Number {
  bool integer;
  int64_t i;
  double d;
} Number;

static bool parse_number(const char *s, Number *n) {
  n->integer = parse_i64(s, &n->i);
  if (n->integer) n->d = (double)n->i;
  return n->integer || parse_double(s, &n->d);
}

static void put_double(Text *out, double d) { text_printf(out, "%.12g", d); }
static void put_bool(Text *out, bool b) { text_add_string(out, b ? "true" : "false"); }

/* Wrapping, as the processor does. */
static int64_t wrap(int fn, int64_t a, int64_t b) {
  uint64_t x = (uint64_t)a, y = (uint64_t)b;
  return (int64_t)(fn == SCRIPT_FN_add ? x + y : fn == SCRIPT_FN_sub ? x - y : x * y);
}

static int accumulate(int fn, const char *p, Text *out, Errors *errs) {
  bool additive = fn == SCRIPT_FN_add || fn == SCRIPT_FN_sub,
       division = fn == SCRIPT_FN_div || fn == SCRIPT_FN_idiv, first = true;
  Number acc = {.integer = !division, .i = additive ? 0 : 1, .d = additive ? 0 : 1};
  Text word = {0};
  while (script_word(&p, &word)) {
    Number x;
    if (!parse_number(text_cstr(&word), &x)) {
      error(errs, "expected numbers, not '%s'", text_cstr(&word));
      text_free(&word);
      return -1;
    }
    if (acc.integer && !x.integer) acc.integer = false;
    if (first) {
      bool integer = acc.integer;
      acc = x;
      acc.integer = integer;
    } else if (acc.integer) {
      if (fn == SCRIPT_FN_min || fn == SCRIPT_FN_max)
        acc.i = (fn == SCRIPT_FN_min) == (x.i < acc.i) ? x.i : acc.i;
      else
        acc.i = wrap(fn, acc.i, x.i);
      acc.d = (double)acc.i;
    } else if (fn == SCRIPT_FN_add)
      acc.d += x.d;
    else if (fn == SCRIPT_FN_sub)
      acc.d -= x.d;
    else if (fn == SCRIPT_FN_mul)
      acc.d *= x.d;
    else if (division)
      acc.d /= x.d;
    else
      acc.d = (fn == SCRIPT_FN_min) == (x.d < acc.d) ? x.d : acc.d;
    first = false;
  }
  text_free(&word);
  if (fn == SCRIPT_FN_idiv) {
    if (!(acc.d > -9.3e18 && acc.d < 9.2e18))
      return error(errs, "idiv: division by zero or the result is too large");
    text_printf(out, "%lld", (long long)acc.d);
  } else if (acc.integer)
    text_printf(out, "%lld", (long long)acc.i);
  else
    put_double(out, acc.d);
  return 0;
}

/* The remainder with the sign of a; exact, since each subtraction is (Sterbenz). */
static double remainder_of(double a, double b) {
  double x = a < 0 ? -a : a, y = b < 0 ? -b : b;
  if (!(x <= 1.7e308) || y == 0 || y != y) return __builtin_nan("");
  while (x >= y) {
    double t = y;
    while (t <= x / 2) t *= 2;
    x -= t;
  }
  return a < 0 ? -x : x;
}

static bool two_words(const char *p, Text *a, Text *b) {
  return script_word(&p, a) && script_word(&p, b) && !*p;
}

static int binary(int fn, const char *param, Text *out, Errors *errs) {
  Text a = {0}, b = {0};
  Number x, y;
  int rc = 0;
  bool mod = fn == SCRIPT_FN_mod || fn == SCRIPT_FN_rem;
  if (!two_words(param, &a, &b))
    rc = error(errs, "expected two numbers");
  else if (mod) {
    if (!parse_number(text_cstr(&a), &x) || !parse_number(text_cstr(&b), &y) ||
        (fn == SCRIPT_FN_mod && !(x.integer && y.integer)))
      rc = error(errs, "expected two numbers");
    else if (!x.integer || !y.integer)
      put_double(out, remainder_of(x.d, y.d));
    else if (!y.i)
      rc = error(errs, "division by zero");
    else
      text_printf(out, "%lld", (long long)(y.i == -1 ? 0 : x.i % y.i));
  } else {
    int c;
    if (!parse_number(text_cstr(&a), &x) || !parse_number(text_cstr(&b), &y)) {
      script_unquote(&a);
      script_unquote(&b);
      c = strcmp(text_cstr(&a), text_cstr(&b));
    } else if (x.integer && y.integer)
      c = x.i < y.i ? -1 : x.i > y.i;
    else
      c = x.d < y.d ? -1 : x.d == y.d ? 0 : 1;
    put_bool(out, fn == SCRIPT_FN_eq   ? c == 0
                  : fn == SCRIPT_FN_ne ? c != 0
                  : fn == SCRIPT_FN_lt ? c < 0
                  : fn == SCRIPT_FN_le ? c <= 0
                  : fn == SCRIPT_FN_gt ? c > 0
                                       : c >= 0);
  }
  text_free(&a);
  text_free(&b);
  return rc;
}

static int unary(int fn, const char *param, Text *out, Errors *errs) {
  Number x;
  if (!parse_number(param, &x)) return error(errs, "expected one number");
  if (x.integer)
    text_printf(out, "%lld",
                (long long)(fn == SCRIPT_FN_neg || x.i < 0 ? (int64_t)(0 - (uint64_t)x.i) : x.i));
  else
    put_double(out, fn == SCRIPT_FN_neg || x.d < 0 ? -x.d : x.d);
  return 0;
}

static int byte_order(int fn, const char *param, Text *out, Errors *errs) {
  int64_t v;
  if (!parse_i64(param, &v) || v < INT32_MIN || v > INT32_MAX)
    return error(errs, "expected an integer, not '%s'", param);
  bool is_short = fn == SCRIPT_FN_htons || fn == SCRIPT_FN_ntohs;
  text_printf(out, "%u", is_short ? be16((uint16_t)v) : be32((uint32_t)v));
  return 0;
}

static bool next_bool(const char **p, Text *word, bool *v) {
  return script_word(p, word) && parse_bool(text_cstr(word), v);
}

static int logic(int fn, const char *p, Text *out, Errors *errs) {
  Text word = {0};
  bool all = fn == SCRIPT_FN_and || fn == SCRIPT_FN_nand, value = all, x = false;
  int rc = 0;
  while (value == all && *p && !rc) {
    if (!next_bool(&p, &word, &x))
      rc = error(errs, "expected true or false, not '%s'", text_cstr(&word));
    else
      value = x; /* the first that differs decides */
  }
  if (!rc) put_bool(out, value != (fn == SCRIPT_FN_nand || fn == SCRIPT_FN_nor));
  text_free(&word);
  return rc;
}

static int choose(const char *p, Text *out, Errors *errs) {
  Text word = {0};
  bool yes;
  int rc = 0;
  if (!next_bool(&p, &word, &yes))
    rc = error(errs, "if: expected true or false, not '%s'", text_cstr(&word));
  else {
    script_word(&p, &word);
    if (!yes) script_word(&p, &word);
    text_add(out, text_cstr(&word), word.len);
  }
  text_free(&word);
  return rc;
}

static int is_in(const char *p, Text *out) {
  Text word = {0}, x = {0};
  bool found = false;
  script_word(&p, &word);
  script_unquote(&word);
  while (word.len && *p && !found) {
    script_word(&p, &x);
    script_unquote(&x);
    found = !strcmp(text_cstr(&word), text_cstr(&x));
  }
  put_bool(out, found);
  text_free(&word);
  text_free(&x);
  return 0;
}

/* One conversion of sprintf: p stands behind the '%'. Returns what follows it, NULL on a mistake. */
static const char *convert(const char *p, const char **values, Text *out) {
  Text f = {0}, word = {0};
  int64_t v = 0;
  uint64_t u = 0;
  int shorter = 0;
  bool ok = true;
  text_add_char(&f, '%');
  while (*p && strchr("0#- +", *p)) text_add_char(&f, *p++);
  for (int part = 0; part < 2 && ok; part++) { /* width, precision */
    if (part && *p != '.') break;
    if (part) p++;
    if (*p == '*') {
      p++;
      ok = script_word(values, &word) && parse_i64(text_cstr(&word), &v) && v > -100000 && v < 100000 &&
           (!part || v >= 0);
      text_printf(&f, part ? ".%d" : "%d", (int)v);
    } else if (is_digit(*p)) {
      if (part) text_add_char(&f, '.');
      for (int n = 0; is_digit(*p); p++)
        if (n++ < 5) text_add_char(&f, *p);
    }
  }
  for (; *p == 'h' || *p == 'l' || *p == 'L' || *p == 'q'; p++) shorter = *p == 'h';
  char c = *p;
  if (ok && c == '%')
    text_add_char(out, '%');
  else if (ok && c && strchr("ouxX", c) && script_word(values, &word) && parse_u64(text_cstr(&word), &u)) {
    text_printf(&f, "ll%c", c);
    text_printf(out, text_cstr(&f), (unsigned long long)(shorter ? (uint16_t)u : u));
  } else if (ok && (c == 'd' || c == 'i') && script_word(values, &word) && parse_i64(text_cstr(&word), &v)) {
    text_printf(&f, "ll%c", c);
    text_printf(out, text_cstr(&f), (long long)(shorter ? (int16_t)v : v));
  } else if (ok && c == 's' && script_word(values, &word)) {
    script_unquote(&word);
    text_add_char(&f, 's');
    text_printf(out, text_cstr(&f), text_cstr(&word));
  } else
    ok = false;
  text_free(&f);
  text_free(&word);
  return ok ? p + 1 : NULL;
}

static int format(const char *values, Text *out, Errors *errs) {
  Text f = {0};
  script_word(&values, &f);
  script_unquote(&f);
  const char *p = text_cstr(&f);
  while (p && *p)
    if (*p != '%')
      text_add_char(out, *p++);
    else
      p = convert(p + 1, &values, out);
  text_free(&f);
  return p && !*values ? 0 : error(errs, "sprintf: the format and its values do not fit");
}

static int random_number(const Script *s, const char *p, Text *out, Errors *errs) {
  Text word = {0};
  uint64_t v[2] = {0};
  unsigned n = 0;
  bool ok = true;
  while (ok && script_word(&p, &word))
    ok = n < 2 && parse_u64(text_cstr(&word), &v[n]) && v[n++] <= UINT32_MAX;
  text_free(&word);
  if (!ok || (n == 1 && !v[0]) || (n == 2 && v[1] < v[0]))
    return error(errs, "random: expected N, or a least and a greatest number");
  if (!n)
    text_printf(out, "%u", random_u32(&s->base) >> 1);
  else if (n == 1)
    text_printf(out, "%u", random_uniform(&s->base, (uint32_t)v[0]));
  else
    text_printf(out, "%llu",
                (unsigned long long)v[0] + (v[1] - v[0] > UINT32_MAX - 1
                                                ? random_u32(&s->base)
                                                : random_uniform(&s->base, (uint32_t)(v[1] - v[0] + 1))));
  return 0;
}

static int handlers_exist(Script *s, const char *p, bool write, Text *out) {
  Text name = {0};
  bool all = true;
  while (all && script_word(&p, &name)) {
    Element *e;
    const Handler *h;
    script_unquote(&name);
    all = script_find_handler(s, text_cstr(&name), write, &e, &h, NULL);
  }
  put_bool(out, all);
  text_free(&name);
  return 0;
}

static int read_file(int fn, const char *param, Text *out, Errors *errs) {
  Text name = {0}, data = {0};
  text_add_string(&name, param);
  script_unquote(&name);
  int rc = !name.len               ? error(errs, "cat: expected a file name")
           : script_host_read_file ? script_host_read_file(text_cstr(&name), &data, errs)
                                   : error(errs, "cat: there are no files here");
  if (!rc && fn == SCRIPT_FN_catq)
    script_quote(text_cstr(&data), data.len, out);
  else if (!rc)
    text_add(out, text_cstr(&data), data.len);
  text_free(&name);
  text_free(&data);
  return rc;
}

static int send_signal(const char *p, Errors *errs) {
  Text word = {0};
  int64_t pid;
  int rc = 0;
  script_word(&p, &word);
  int n = script_host_signal ? script_host_signal(text_cstr(&word)) : -1;
  if (n < 0) rc = error(errs, "kill: '%s' is not a signal", text_cstr(&word));
  while (!rc && script_word(&p, &word))
    rc = parse_i64(text_cstr(&word), &pid) && script_host_kill
             ? script_host_kill(pid, n, errs)
             : error(errs, "kill: '%s' is not a process", text_cstr(&word));
  text_free(&word);
  return rc;
}

int script_function(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  Script *s = (Script *)e;
  int fn = (int)h->data;
  bool b;
  switch (fn) {
  case SCRIPT_FN_mod:
  case SCRIPT_FN_rem:
  case SCRIPT_FN_eq:
  case SCRIPT_FN_ne:
  case SCRIPT_FN_gt:
  case SCRIPT_FN_ge:
  case SCRIPT_FN_lt:
  case SCRIPT_FN_le:
    return binary(fn, param, out, errs);
  case SCRIPT_FN_neg:
  case SCRIPT_FN_abs:
    return unary(fn, param, out, errs);
  case SCRIPT_FN_not:
    if (!parse_bool(param, &b)) return error(errs, "not: expected true or false, not '%s'", param);
    put_bool(out, !b);
    return 0;
  case SCRIPT_FN_sprintf:
    return format(param, out, errs);
  case SCRIPT_FN_first: {
    Text word = {0};
    script_word(&param, &word);
    text_add(out, text_cstr(&word), word.len);
    text_free(&word);
    return 0;
  }
  case SCRIPT_FN_random:
    return random_number(s, param, out, errs);
  case SCRIPT_FN_and:
  case SCRIPT_FN_or:
  case SCRIPT_FN_nand:
  case SCRIPT_FN_nor:
    return logic(fn, param, out, errs);
  case SCRIPT_FN_if:
    return choose(param, out, errs);
  case SCRIPT_FN_in:
    return is_in(param, out);
  case SCRIPT_FN_readable:
  case SCRIPT_FN_writable:
    return handlers_exist(s, param, fn == SCRIPT_FN_writable, out);
  case SCRIPT_FN_length:
    text_printf(out, "%u", (unsigned)strlen(param));
    return 0;
  case SCRIPT_FN_unquote:
    unquote(param, out);
    return 0;
  case SCRIPT_FN_htons:
  case SCRIPT_FN_htonl:
  case SCRIPT_FN_ntohs:
  case SCRIPT_FN_ntohl:
    return byte_order(fn, param, out, errs);
  case SCRIPT_FN_now: {
    int64_t now = time_now(e);
    text_printf(out, "%pT", &now);
    return 0;
  }
  case SCRIPT_FN_cat:
  case SCRIPT_FN_catq:
    return read_file(fn, param, out, errs);
  case SCRIPT_FN_kill:
    return send_signal(param, errs);
  default:
    return accumulate(fn, param, out, errs);
  }
}

/* ---- Variables from outside
 * ------------------------------------------------------------------------------------------ */

static Text *find_value(Script *s, const char *name, bool add, Errors *errs) {
  if (!*name) return error(errs, "expected the name of a variable"), NULL;
  if (!strcmp(name, "args")) return &s->run_args;
  int i = script_variable(s, name, add);
  if (i < 0) return error(errs, "there is no variable '%s'", name), NULL;
  return &s->vars[i].value;
}

/* get VAR; and, with data, shift [VAR]: takes its first word away. */
int script_variable_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  Text name = {0};
  if (!script_word(&param, &name) && h->data) text_add_string(&name, "args");
  Text *v = *param ? (error(errs, "too many arguments"), NULL)
                   : find_value((Script *)e, text_cstr(&name), false, errs);
  text_free(&name);
  if (!v) return -1;
  const char *p = text_cstr(v);
  if (!h->data) {
    text_add(out, p, v->len);
    return 0;
  }
  script_word(&p, out);
  Text rest = {0};
  text_add_string(&rest, p);
  text_free(v);
  *v = rest;
  return 0;
}

int script_variable_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h;
  Text name = {0};
  script_word(&value, &name);
  Text *v = find_value((Script *)e, text_cstr(&name), true, errs);
  text_free(&name);
  if (!v) return -1;
  Text copy = {0};
  text_add_string(&copy, value);
  text_free(v);
  *v = copy;
  return 0;
}
