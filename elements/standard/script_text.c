/* script_text.c: words, quoting and the substitution of $variables and $(handler calls) in a script's texts.
 */
#include "script.h"

static bool is_name_char(char c) { return is_alpha(c) || is_digit(c) || c == '_'; }

static bool is_comment(const char *s) { return s[0] == '/' && (s[1] == '/' || s[1] == '*'); }

static const char *skip_comment(const char *s) {
  if (s[1] == '/') {
    while (*s && *s != '\n' && *s != '\r') s++;
    return s;
  }
  for (s += 2; *s && !(s[0] == '*' && s[1] == '/'); s++) {}
  return *s ? s + 2 : s;
}

static const char *skip_blank(const char *s) {
  while (is_space(*s) || is_comment(s)) s = is_space(*s) ? s + 1 : skip_comment(s);
  return s;
}

/* Behind the quoted stretch at s: a quote or \<...>. */
static const char *skip_quoted(const char *s) {
  if (*s == '\\') {
    while (*s && *s != '>') s++;
    return *s ? s + 1 : s;
  }
  char q = *s++;
  while (*s && *s != q) s += *s == '\\' && q == '"' && s[1] ? 2 : 1;
  return *s ? s + 1 : s;
}

bool script_word(const char **s, Text *word) {
  const char *p = skip_blank(*s), *begin = p;
  while (*p && !is_space(*p) && !is_comment(p))
    p = *p == '"' || *p == '\'' || (*p == '\\' && p[1] == '<') ? skip_quoted(p) : p + 1;
  text_clear(word);
  text_add(word, begin, (size_t)(p - begin));
  *s = skip_blank(p);
  return p > begin;
}

void script_unquote(Text *t) {
  Text out = {0};
  unquote(text_cstr(t), &out);
  text_free(t);
  *t = out;
}

void script_quote(const char *s, size_t n, Text *out) {
  text_add_char(out, '"');
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\' || c == '$')
      text_printf(out, "\\%c", c);
    else if (c == '\t' || c == '\r' || c == '\n')
      text_add_string(out, c == '\t' ? "\\t" : c == '\r' ? "\\r" : "\\n");
    else if (c < 32 || c >= 127)
      text_printf(out, "\\%03o", c);
    else
      text_add_char(out, (char)c);
  }
  text_add_char(out, '"');
}

/* The value of one variable, false if there is none of that name. */
static bool variable_value(Script *s, const char *name, Text *out) {
  int i = script_variable(s, name, false);
  if (i >= 0) {
    text_add(out, text_cstr(&s->vars[i].value), s->vars[i].value.len);
    return true;
  }
  int64_t n;
  if (!strcmp(name, "?"))
    text_printf(out, "%d", s->write_status);
  else if (!strcmp(name, "args"))
    text_add(out, text_cstr(&s->run_args), s->run_args.len);
  else if (!strcmp(name, "$"))
    text_printf(out, "%lld", (long long)(script_host_pid ? script_host_pid() : 1));
  else if (!strcmp(name, "0"))
    text_add_string(out, s->run_name ? s->run_name : "");
  else if (!strcmp(name, "write"))
    text_add_string(out, s->run_write ? "true" : "false");
  else if (!strcmp(name, "#") || (name[0] >= '1' && name[0] <= '9' && parse_i64(name, &n))) {
    Text word = {0};
    const char *p = text_cstr(&s->run_args);
    int64_t count = 0;
    while ((*name == '#' || count < n) && script_word(&p, &word)) count++;
    if (*name == '#')
      text_printf(out, "%lld", (long long)count);
    else if (count == n)
      text_add(out, text_cstr(&word), word.len);
    text_free(&word);
  } else
    return false;
  return true;
}

/* The end of the "$(...)" or "${...}" at s, or NULL if it is not closed; *inner: it has substitutions of its
 * own. */
static const char *reference_end(const char *s, bool *inner) {
  if (s[1] == '{') {
    for (s += 2; *s && *s != '}'; s++) *inner |= *s == '$';
    return *s ? s + 1 : NULL;
  }
  int level = 1;
  char quote = 0;
  for (s += 2; *s; s++) {
    if (*s == '\\' && quote != '\'' && s[1])
      s++;
    else if (*s == '"' || *s == '\'')
      quote = !quote ? *s : quote == *s ? 0 : quote;
    else if (*s == '$' && quote != '\'')
      *inner = true;
    else if (*s == '(' && !quote)
      level++;
    else if (*s == ')' && !quote && !--level)
      return s + 1;
  }
  return NULL;
}

static void expand(Script *s, const char *text, bool quote_values, int depth, Text *out, Errors *errs) {
  char quote = 0;
  Text name = {0}, value = {0};
  for (const char *p = text; *p;) {
    if (*p == '\\' && quote == '"' && p[1]) {
      text_add(out, p, 2);
      p += 2;
      continue;
    }
    if (is_comment(p) && !quote) {
      const char *e = skip_blank(p);
      text_add(out, p, (size_t)(e - p));
      p = e;
      continue;
    }
    if (*p != '$' || quote == '\'' || depth > 10) {
      if (*p == '"' || *p == '\'') quote = !quote ? *p : quote == *p ? 0 : quote;
      text_add_char(out, *p++);
      continue;
    }
    const char *end = p + 1;
    bool bracket = p[1] == '(' || p[1] == '{', inner = false, found;
    text_clear(&name);
    text_clear(&value);
    if (bracket) {
      if (!(end = reference_end(p, &inner))) { /* not closed: as it is, to the end */
        text_add_string(out, p);
        break;
      }
      text_add(&name, p + 2, (size_t)(end - p) - 3);
      if (inner) {
        Text outer = {0};
        expand(s, text_cstr(&name), false, depth + 1, &outer, errs);
        text_free(&name);
        name = outer;
      }
    } else if (is_name_char(*end)) {
      while (is_name_char(*end)) end++;
      text_add(&name, p + 1, (size_t)(end - p) - 1);
    } else if (*end && strchr("?#$", *end)) {
      text_add_char(&name, *end++);
    } else {
      text_add_char(out, *p++);
      continue;
    }
    if (p[1] == '(') {
      found = script_call_read(s, text_cstr(&name), false, &value, errs) != -2;
    } else
      found = variable_value(s, text_cstr(&name), &value);
    if (!found && inner)
      text_printf(out, "$%c%s%c", p[1], text_cstr(&name), end[-1]);
    else if (!found)
      text_add(out, p, (size_t)(end - p));
    else if (quote == '"' || (quote_values && !quote)) {
      Text quoted = {0};
      script_quote(text_cstr(&value), value.len, &quoted);
      if (quote)
        text_add(out, text_cstr(&quoted) + 1, quoted.len - 2);
      else
        text_add(out, text_cstr(&quoted), quoted.len);
      text_free(&quoted);
    } else
      text_add(out, text_cstr(&value), value.len);
    p = end;
  }
  text_free(&name);
  text_free(&value);
}

void script_expand(Script *s, const char *text, bool quote_values, Text *out, Errors *errs) {
  expand(s, text, quote_values, 0, out, errs);
}

/* ---- Handlers by name
 * ---------------------------------------------------------------------------------------------- */

/* Whether the router itself has such a handler. */
bool script_router_has(Router *r, const char *name, bool write) {
  Text list = {0};
  bool has = false;
  if (*name == '.') name++;
  size_t n = strlen(name);
  handler_call_read(r, NULL, "handlers", "", &list, NULL);
  for (const char *p = text_cstr(&list); *p && !has;) {
    if (!strncmp(p, name, n) && p[n] == '\t') {
      const char *f = p + n + 1;
      while (*f && *f != '\n' && *f != (write ? 'w' : 'r')) f++;
      has = *f && *f != '\n';
    }
    while (*p && *p != '\n') p++;
    if (*p) p++;
  }
  text_free(&list);
  return has;
}

bool script_find_handler(Script *s, const char *name, bool write, Element **e, const Handler **h,
                         Errors *errs) {
  const char *kind = write ? "write" : "read";
  *e = NULL;
  *h = NULL;
  if (*name && *name != '.' && name[strlen(name) - 1] != '.') {
    *h = handler_find(s->base.router, &s->base, name, e);
    if (!*e) { /* one of its own, without a name in front */
      Text own = {0};
      text_printf(&own, "%s.%s", s->base.name, name);
      *h = handler_find(s->base.router, NULL, text_cstr(&own), e);
      text_free(&own);
      if (!*h || *e != &s->base) *e = NULL, *h = NULL;
    }
    if (*h && ((*h)->flags & (write ? HANDLER_WRITE : HANDLER_READ))) return true;
    if (*h || *e) {
      error(errs, "no %s handler '%s'", kind, name);
      return false;
    }
  } else if (*name != '.') {
    error(errs, *name ? "syntax error in the handler name '%s'" : "a handler's name is missing", name);
    return false;
  }
  if (script_router_has(s->base.router, name, write)) return true;
  const char *dot = *name ? strchr(name + 1, '.') : NULL;
  if (dot)
    error(errs, "no element named '%.*s'", (int)(dot - name), name);
  else
    error(errs, "no %s handler '%s'", kind, *name == '.' ? name + 1 : name);
  return false;
}

/* 0; -1: the handler failed; -2: there is no such handler or it takes no parameter. */
int script_call_read(Script *s, const char *call, bool unquote_value, Text *out, Errors *errs) {
  Text word = {0}, value = {0};
  Element *e;
  const Handler *h;
  int rc = -2;
  script_word(&call, &word);
  script_unquote(&word);
  text_add_string(&value, call);
  if (unquote_value) script_unquote(&value);
  if (script_find_handler(s, text_cstr(&word), false, &e, &h, errs)) {
    if (h && value.len && !(h->flags & HANDLER_PARAM))
      error(errs, "the read handler '%s' takes no parameter", text_cstr(&word));
    else if (h) {
      rc = handler_read(e, h, text_cstr(&value), out, errs) < 0 ? -1 : 0;
      if (rc) text_clear(out);
    } else
      rc = handler_call_read(s->base.router, NULL, text_cstr(&word), text_cstr(&value), out, errs) < 0 ? -1
                                                                                                       : 0;
  }
  text_free(&word);
  text_free(&value);
  return rc;
}
