/* words.c: configuration strings taken apart and put together: words, arguments, quotes (text.h). */
#include <clicklet/text.h>
#include <clicklet/platform.h>

/* Skips a comment at s, or returns s. */
static const char *comment_end(const char *s) {
  if (s[0] == '/' && s[1] == '/') {
    while (*s && *s != '\n' && *s != '\r') s++;
  } else if (s[0] == '/' && s[1] == '*') {
    for (s += 2; *s && !(s[0] == '*' && s[1] == '/'); s++) {}
    if (*s) s += 2;
  }
  return s;
}

/* The end of \<...> at s, after the '>'. Comments in it may hold any character. */
static const char *hex_end(const char *s) {
  s += 2;
  while (*s && *s != '>') {
    const char *c = comment_end(s);
    s = c > s ? c : s + 1;
  }
  return *s ? s + 1 : s;
}

/* One quoted or plain stretch of a word; s at a quote, or at "\<". Appends its text and returns what follows.
 */
static const char *quoted(const char *s, Text *out) {
  if (*s == '\\') { /* \<hex digits and spaces> */
    int high = -1;
    for (s += 2; *s && *s != '>';) {
      const char *c = comment_end(s);
      if (c > s) {
        s = c;
        continue;
      }
      int v = hex_value(*s++);
      if (v < 0) continue;
      if (high < 0)
        high = v;
      else {
        text_add_char(out, (char)(high << 4 | v));
        high = -1;
      }
    }
    if (high >= 0) text_add_char(out, (char)(high << 4));
    return *s ? s + 1 : s;
  }
  char q = *s++;
  while (*s && *s != q) {
    if (q == '\'' || *s != '\\') {
      text_add_char(out, *s++);
      continue;
    }
    s++;
    if (*s == '<') {
      s = quoted(s - 1, out);
      continue;
    }
    char c = *s ? *s++ : '\\';
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    if (c >= '0' && c <= '7') {
      int v = c - '0';
      for (int i = 0; i < 2 && *s >= '0' && *s <= '7'; i++) v = v * 8 + (*s++ - '0');
      text_add_char(out, (char)v);
    } else if (c == 'x' && hex_value(*s) >= 0) {
      int v = 0;
      while (hex_value(*s) >= 0) v = (v << 4 | hex_value(*s++)) & 255;
      text_add_char(out, (char)v);
    } else if (c == '\r' && *s == '\n') {
      s++;
    } else if (c != '\n') {
      const char *f = c ? strchr(from, c) : NULL;
      text_add_char(out, f ? to[f - from] : c);
    }
  }
  return *s ? s + 1 : s;
}

void unquote(const char *s, Text *out) {
  while (*s) {
    if (*s == '"' || *s == '\'' || (*s == '\\' && s[1] == '<'))
      s = quoted(s, out);
    else
      text_add_char(out, *s++);
  }
}

/* The end of the word at s: quotes and \<...> may hold spaces. */
static const char *word_end(const char *s, const char **error) {
  while (*s && !is_space(*s)) {
    if (*s == '\'' || *s == '"') {
      char q = *s++;
      while (*s && *s != q) s += *s == '\\' && q == '"' && s[1] ? 2 : 1;
      if (!*s) {
        if (error) *error = "unbalanced quote";
        return s;
      }
      s++;
    } else
      s = *s == '\\' && s[1] == '<' ? hex_end(s) : s + 1;
  }
  return s;
}

const char *next_word(const char *s, Text *out, const char **error) {
  text_clear(out);
  while (is_space(*s)) s++;
  if (!*s) return NULL;
  const char *end = word_end(s, error);
  if (error && *error) return NULL;
  Text raw = {0};
  text_add(&raw, s, (size_t)(end - s));
  unquote(text_cstr(&raw), out);
  text_free(&raw);
  return end;
}

bool is_word(const char *s) {
  if (!*s) return false;
  for (; *s; s++)
    if (is_space(*s) || *s == '"' || *s == '\'' || *s == '\\' || *s == ',') return false;
  return true;
}

void quote(const char *s, Text *out) {
  bool plain = *s != 0;
  for (const char *p = s; *p; p++)
    if (is_space(*p) || strchr("\"'\\,#$", *p) || (*p == '/' && (p[1] == '/' || p[1] == '*')) ||
        (unsigned char)*p < 32)
      plain = false;
  if (plain) {
    text_add_string(out, s);
    return;
  }
  text_add_char(out, '"');
  for (; *s; s++) {
    if (*s == '"' || *s == '\\' || *s == '$') text_add_char(out, '\\');
    text_add_char(out, *s);
  }
  text_add_char(out, '"');
}

unsigned split_args(const char *s, char **out, unsigned max) {
  unsigned n = 0;
  for (;;) {
    Text t = {0};
    bool space = false;
    while (*s && *s != ',') {
      const char *c = comment_end(s);
      if (c > s || is_space(*s)) {
        space = t.len > 0;
        s = c > s ? c : s + 1;
        continue;
      }
      if (space) text_add_char(&t, ' ');
      space = false;
      if (*s == '"' || *s == '\'' || (*s == '\\' && s[1] == '<')) {
        const char *e = s;
        if (*s == '\\') {
          e = hex_end(s);
        } else {
          for (e++; *e && *e != *s; e++)
            if (*s == '"' && *e == '\\' && e[1]) e++;
          if (*e) e++;
        }
        text_add(&t, s, (size_t)(e - s));
        s = e;
      } else
        text_add_char(&t, *s++);
    }
    bool last = !*s;
    if (!(last && !t.len)) { /* a trailing comma or an empty string adds nothing */
      if (n < max) out[n] = mem_string(text_cstr(&t), t.len);
      n++;
    }
    text_free(&t);
    if (last) break;
    s++;
  }
  return n;
}

unsigned split_words(const char *s, char **out, unsigned max) {
  unsigned n = 0;
  for (;;) {
    while (is_space(*s)) s++;
    if (!*s) return n;
    const char *e = word_end(s, NULL);
    if (n < max) out[n] = mem_string(s, (size_t)(e - s));
    n++;
    s = e;
  }
}
