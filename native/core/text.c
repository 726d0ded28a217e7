/* text.c: growing strings and formatting (text.h). One implementation for host and guest, so that output is
 * the same. */
#include <clicklet/text.h>
#include <clicklet/platform.h>

void text_free(Text *t) {
  platform_free(t->s);
  *t = (Text){0};
}

void text_clear(Text *t) {
  t->len = 0;
  t->failed = false;
  if (t->s) t->s[0] = 0;
}

bool text_reserve(Text *t, uint32_t more) {
  uint64_t need = (uint64_t)t->len + more + 1;
  if (need <= t->capacity) return true;
  uint64_t capacity = t->capacity ? t->capacity : 64;
  while (capacity < need) capacity *= 2;
  char *s = capacity < UINT32_MAX ? platform_realloc(t->s, t->capacity, capacity) : NULL;
  if (!s) {
    t->failed = true;
    return false;
  }
  t->s = s;
  t->capacity = (uint32_t)capacity;
  return true;
}

void text_add(Text *t, const char *s, size_t n) {
  if (n > UINT32_MAX / 2 || !text_reserve(t, (uint32_t)n)) {
    t->failed = true;
    return;
  }
  memcpy(t->s + t->len, s, n);
  t->len += (uint32_t)n;
  t->s[t->len] = 0;
}

void text_add_string(Text *t, const char *s) { text_add(t, s, strlen(s)); }

void text_add_char(Text *t, char c) { text_add(t, &c, 1); }

const char *text_cstr(Text *t) { return t->s && t->len ? t->s : ""; }

/* Where formatted text goes: a Text, or a fixed buffer that truncates. */
typedef struct Sink {
  Text *text;
  char *buf;
  size_t size, len;
} Sink;

static void emit(Sink *k, const char *s, size_t n) {
  if (k->text) {
    text_add(k->text, s, n);
    return;
  }
  for (size_t i = 0; i < n && k->len + 1 < k->size; i++) k->buf[k->len++] = s[i];
}

typedef struct Spec {
  bool left, zero, plus, space, alt;
  int width, precision; /* precision -1: none */
} Spec;

static void emit_padded(Sink *k, const Spec *f, const char *prefix, const char *s, size_t n, bool numeric) {
  size_t np = strlen(prefix), total = np + n;
  size_t pad = f->width > 0 && (size_t)f->width > total ? (size_t)f->width - total : 0;
  bool zeros = numeric && f->zero && !f->left;
  if (!f->left && !zeros)
    for (size_t i = 0; i < pad; i++) emit(k, " ", 1);
  emit(k, prefix, np);
  if (zeros)
    for (size_t i = 0; i < pad; i++) emit(k, "0", 1);
  emit(k, s, n);
  if (f->left)
    for (size_t i = 0; i < pad; i++) emit(k, " ", 1);
}

static void emit_integer(Sink *k, Spec *f, uint64_t v, bool negative, unsigned base, bool upper) {
  char digits[72];
  size_t n = sizeof digits;
  const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  bool zero_value = v == 0;
  while (v) {
    digits[--n] = alphabet[v % base];
    v /= base;
  }
  while (sizeof digits - n < (size_t)(f->precision < 0 ? 1 : f->precision) && n > 0) digits[--n] = '0';
  if (f->precision >= 0) f->zero = false;
  const char *prefix = negative ? "-" : f->plus ? "+" : f->space ? " " : "";
  if (f->alt && base == 16 && !zero_value) prefix = upper ? "0X" : "0x";
  emit_padded(k, f, prefix, digits + n, sizeof digits - n, true);
}

/* Decimal digits of v (v >= 0) with `places` digits behind the point; correct to the last place for places
 * <= 15. */
static size_t fixed_digits(char *out, double v, int places) {
  char rev[340];
  size_t n = 0, len = 0;
  long double whole, frac;
  uint64_t scale = 1;
  if (places > 18) places = 18;
  for (int i = 0; i < places; i++) scale *= 10;
  int exponent = 0;
  while (v >= 1e18) {
    v /= 10;
    exponent++;
  }
  uint64_t w = (uint64_t)v;
  whole = (long double)w;
  frac = ((long double)v - whole) * (long double)scale;
  uint64_t fr = (uint64_t)frac;
  long double rest = frac - (long double)fr;
  if (rest > 0.5L || (rest == 0.5L && (fr & 1))) fr++;
  if (places == 0 && rest == 0.5L && (w & 1)) fr = 1;
  if (fr >= scale) {
    w += places == 0 ? fr : 1;
    fr = places == 0 ? 0 : fr - scale;
  }
  do rev[n++] = (char)('0' + w % 10);
  while (w /= 10);
  while (n) out[len++] = rev[--n];
  while (exponent-- > 0 && len < 330) out[len++] = '0';
  if (places) {
    out[len++] = '.';
    for (int i = places; i-- > 0; fr /= 10) out[len + (size_t)i] = (char)('0' + fr % 10);
    len += (size_t)places;
  }
  return len;
}

static void emit_double(Sink *k, Spec *f, double v, char kind) {
  char buf[400];
  size_t n;
  bool negative = v < 0 || (v == 0 && __builtin_signbit(v));
  if (negative) v = -v;
  const char *sign = negative ? "-" : f->plus ? "+" : f->space ? " " : "";
  if (v != v || v > 1.7e308) {
    f->zero = false;
    emit_padded(k, f, v != v ? "" : sign, v != v ? "nan" : "inf", 3, true);
    return;
  }
  int precision = f->precision < 0 ? 6 : f->precision;
  if (kind == 'f') {
    n = fixed_digits(buf, v, precision);
  } else { /* g */
    if (precision == 0) precision = 1;
    int exp10 = 0;
    double m = v;
    if (v > 0) {
      while (m >= 10) {
        m /= 10;
        exp10++;
      }
      while (m < 1) {
        m *= 10;
        exp10--;
      }
      /* rounding to `precision` digits may carry into the next power of ten */
      char probe[400];
      size_t pn = fixed_digits(probe, m, precision - 1);
      if (pn >= 2 && probe[0] == '1' && probe[1] == '0') exp10++;
    }
    if (exp10 < -4 || exp10 >= precision) {
      n = fixed_digits(buf, v > 0 && m >= 10 ? m / 10 : m, precision - 1);
      if (precision > 1 && !f->alt) {
        while (n && buf[n - 1] == '0') n--;
        if (n && buf[n - 1] == '.') n--;
      }
      buf[n++] = 'e';
      buf[n++] = exp10 < 0 ? '-' : '+';
      int a = exp10 < 0 ? -exp10 : exp10;
      if (a >= 100) buf[n++] = (char)('0' + a / 100);
      buf[n++] = (char)('0' + a / 10 % 10);
      buf[n++] = (char)('0' + a % 10);
    } else {
      n = fixed_digits(buf, v, precision - 1 - exp10);
      buf[n] = 0;
      if (strchr(buf, '.') && !f->alt) {
        while (buf[n - 1] == '0') n--;
        if (buf[n - 1] == '.') n--;
      }
    }
  }
  emit_padded(k, f, sign, buf, n, true);
}

static size_t ip6_text(char *out, const uint8_t *a) {
  /* RFC 5952: the longest run of at least two zero groups becomes "::", the first of equal runs. */
  int best = -1, best_len = 1;
  for (int i = 0; i < 8; i++) {
    int j = i;
    while (j < 8 && !a[2 * j] && !a[2 * j + 1]) j++;
    if (j - i > best_len) {
      best = i;
      best_len = j - i;
    }
    if (j > i) i = j;
  }
  size_t n = 0;
  for (int i = 0; i < 8; i++) {
    if (i == best) {
      out[n++] = ':';
      out[n++] = ':';
      i += best_len - 1;
      continue;
    }
    if (n && out[n - 1] != ':') out[n++] = ':';
    n += format_into(out + n, 8, "%x", a[2 * i] << 8 | a[2 * i + 1]);
  }
  return n;
}

static void emit_pointer(Sink *k, Spec *f, char kind, const void *p) {
  char buf[64];
  size_t n = 0;
  const uint8_t *b = p;
  switch (kind) {
  case 'I':
    n = format_into(buf, sizeof buf, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    break;
  case 'E':
    n = format_into(buf, sizeof buf, "%02X-%02X-%02X-%02X-%02X-%02X", b[0], b[1], b[2], b[3], b[4], b[5]);
    break;
  case '6':
    n = ip6_text(buf, b);
    break;
  case 'T': {
    int64_t ns;
    memcpy(&ns, p, 8);
    int64_t s = ns / NSEC_PER_SEC, r = ns % NSEC_PER_SEC;
    if (r < 0) {
      r += NSEC_PER_SEC;
      s--;
    }
    const char *sign = "";
    if (s < 0) { /* -0.5 is printed as such, not as -1 + 0.5 */
      sign = "-";
      s = r ? -s - 1 : -s;
      if (r) r = NSEC_PER_SEC - r;
    }
    if (r % 1000)
      n = format_into(buf, sizeof buf, "%s%lld.%09u", sign, (long long)s, (unsigned)r);
    else
      n = format_into(buf, sizeof buf, "%s%lld.%06u", sign, (long long)s, (unsigned)(r / 1000));
    break;
  }
  }
  emit_padded(k, f, "", buf, n, false);
}

static void format_sink(Sink *k, const char *s, va_list args) {
  for (;;) {
    const char *run = s;
    while (*s && *s != '%') s++;
    if (s > run) emit(k, run, (size_t)(s - run));
    if (!*s) return;
    s++;
    Spec f = {.precision = -1};
    for (;; s++) {
      if (*s == '-')
        f.left = true;
      else if (*s == '0')
        f.zero = true;
      else if (*s == '+')
        f.plus = true;
      else if (*s == ' ')
        f.space = true;
      else if (*s == '#')
        f.alt = true;
      else
        break;
    }
    if (*s == '*') {
      f.width = va_arg(args, int);
      s++;
      if (f.width < 0) {
        f.left = true;
        f.width = -f.width;
      }
    } else
      while (is_digit(*s)) f.width = f.width * 10 + (*s++ - '0');
    if (*s == '.') {
      s++;
      f.precision = 0;
      if (*s == '*') {
        f.precision = va_arg(args, int);
        s++;
      } else
        while (is_digit(*s)) f.precision = f.precision * 10 + (*s++ - '0');
    }
    int longs = 0;
    for (; *s == 'l' || *s == 'z' || *s == 'j' || *s == 't' || *s == 'h'; s++)
      if (*s != 'h') longs = 1;
    char kind = *s;
    if (!kind) return;
    s++;
    switch (kind) {
    case 'd':
    case 'i': {
      int64_t v = longs ? va_arg(args, long long) : va_arg(args, int);
      emit_integer(k, &f, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10, false);
      break;
    }
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      uint64_t v = longs ? va_arg(args, unsigned long long) : va_arg(args, unsigned);
      f.plus = f.space = false;
      emit_integer(k, &f, v, false, kind == 'u' ? 10 : kind == 'o' ? 8 : 16, kind == 'X');
      break;
    }
    case 'c': {
      char c = (char)va_arg(args, int);
      emit_padded(k, &f, "", &c, 1, false);
      break;
    }
    case 's': {
      const char *v = va_arg(args, const char *);
      if (!v) v = "(null)";
      size_t n = 0;
      while ((f.precision < 0 || n < (size_t)f.precision) && v[n]) n++;
      emit_padded(k, &f, "", v, n, false);
      break;
    }
    case 'f':
    case 'g':
      emit_double(k, &f, va_arg(args, double), kind);
      break;
    case 'p': {
      const void *v = va_arg(args, const void *);
      if (*s == 'I' || *s == 'E' || *s == '6' || *s == 'T')
        emit_pointer(k, &f, *s++, v);
      else {
        f.alt = true;
        emit_integer(k, &f, (uintptr_t)v, false, 16, false);
      }
      break;
    }
    default:
      emit(k, &kind, 1);
      break; /* %% too */
    }
  }
}

void text_vprintf(Text *t, const char *format, va_list args) {
  Sink k = {.text = t};
  format_sink(&k, format, args);
}

void text_printf(Text *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  text_vprintf(t, format, args);
  va_end(args);
}

size_t format_into(char *buf, size_t size, const char *format, ...) {
  Sink k = {.buf = buf, .size = size};
  va_list args;
  va_start(args, format);
  format_sink(&k, format, args);
  va_end(args);
  if (size) buf[k.len] = 0;
  return k.len;
}

void text_add_json(Text *t, const char *s) {
  if (!s) {
    text_add_string(t, "null");
    return;
  }
  text_add_char(t, '"');
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') text_add_char(t, '\\');
    if ((unsigned char)*s < 32)
      text_printf(t, "\\u%04x", *s);
    else
      text_add_char(t, *s);
  }
  text_add_char(t, '"');
}
