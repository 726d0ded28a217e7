/* parse.c: parsers of numbers and addresses (text.h). */
#include <clicklet/text.h>
#include <clicklet/platform.h>

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

int compare_ignore_case(const char *a, const char *b) {
  for (; *a && lower(*a) == lower(*b); a++, b++) {}
  return (unsigned char)lower(*a) - (unsigned char)lower(*b);
}

bool parse_bool(const char *s, bool *out) {
  static const char *const yes[] = {"1", "true", "yes", "t", "y", NULL}, *const no[] = {"0", "false", "no",
                                                                                        "f", "n",     NULL};
  for (int i = 0; yes[i]; i++) {
    if (!strcmp(s, yes[i])) return *out = true, true;
    if (!strcmp(s, no[i])) return *out = false, true;
  }
  return false;
}

/* Digits of s up to one that does not belong; false if there are none or the value does not fit. */
static bool digits(const char **s, unsigned base, uint64_t *out) {
  uint64_t v = 0;
  const char *p = *s;
  for (;; p++) {
    int d = *p == '_' && p > *s ? -2 : hex_value(*p);
    if (d == -2) continue;
    if (d < 0 || (unsigned)d >= base) break;
    if (v > (UINT64_MAX - (unsigned)d) / base) return false;
    v = v * base + (unsigned)d;
  }
  if (p == *s || p[-1] == '_') return false;
  *s = p;
  *out = v;
  return true;
}

bool parse_u64(const char *s, uint64_t *out) {
  uint64_t v;
  unsigned base = 10;
  if (*s == '+') s++;
  if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
    base = 16;
    s += 2;
  } else if (s[0] == '0' && s[1]) {
    base = 8;
    s++;
  }
  if (!digits(&s, base, &v) || *s) return false;
  *out = v;
  return true;
}

bool parse_i64(const char *s, int64_t *out) {
  bool negative = *s == '-';
  uint64_t v;
  if (negative && (s[1] == '+' || s[1] == '-')) return false;
  if (!parse_u64(s + negative, &v) || v > (uint64_t)INT64_MAX + negative) return false;
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return true;
}

bool parse_double(const char *s, double *out) {
  bool negative = *s == '-';
  if (*s == '-' || *s == '+') s++;
  double v = 0;
  int scale = 0, any = 0;
  for (; is_digit(*s); s++, any = 1) v = v * 10 + (*s - '0');
  if (*s == '.')
    for (s++; is_digit(*s); s++, any = 1) {
      v = v * 10 + (*s - '0');
      scale--;
    }
  if (!any) return false;
  if (*s == 'e' || *s == 'E') {
    bool eneg = s[1] == '-';
    s += 1 + (s[1] == '-' || s[1] == '+');
    if (!is_digit(*s)) return false;
    int e = 0;
    for (; is_digit(*s); s++) e = e < 10000 ? e * 10 + (*s - '0') : e;
    scale += eneg ? -e : e;
  }
  if (*s) return false;
  double power = 1;
  for (int i = 0, n = scale < 0 ? -scale : scale; i < n && i < 400; i++) power *= 10;
  v = scale < 0 ? v / power : v * power;
  *out = negative ? -v : v;
  return true;
}

/* A decimal number with a fraction, as an integer of 1/unit: "1.5" with unit 1000 is 1500. Rounds. Leaves *s
 * behind it. */
static bool decimal(const char **s, uint64_t unit, uint64_t *out) {
  const char *p = *s;
  unsigned __int128 v = 0, frac = 0, scale = 1;
  bool any = false;
  for (; is_digit(*p); p++, any = true)
    if ((v = v * 10 + (unsigned)(*p - '0')) > UINT64_MAX) return false;
  if (*p == '.')
    for (p++; is_digit(*p); p++, any = true)
      if (scale < (unsigned __int128)1000000000000000000ull) {
        frac = frac * 10 + (unsigned)(*p - '0');
        scale *= 10;
      }
  if (!any) return false;
  if (*p == 'e' || *p == 'E') {
    const char *q = p + 1;
    bool negative = *q == '-';
    if (*q == '-' || *q == '+') q++;
    if (is_digit(*q)) {
      int e = 0;
      for (; is_digit(*q); q++) e = e < 1000 ? e * 10 + (*q - '0') : e;
      for (; e > 0; e--) {
        if (negative) {
          if (scale < (unsigned __int128)1 << 100) scale *= 10, frac += (v % 10) * (scale / 10), v /= 10;
        } else {
          frac *= 10;
          v = v * 10 + frac / scale;
          frac %= scale;
          if (v > UINT64_MAX) return false;
        }
      }
      p = q;
    }
  }
  unsigned __int128 r =
      v * unit + (scale >> 64 ? frac / (scale / unit ? scale / unit : 1) : (frac * unit + scale / 2) / scale);
  if (r > UINT64_MAX) return false;
  *s = p;
  *out = (uint64_t)r;
  return true;
}

bool parse_fixed(const char *s, int fraction_bits, int64_t *out) {
  bool negative = *s == '-';
  uint64_t v;
  if (*s == '-' || *s == '+') s++;
  if (!decimal(&s, (uint64_t)1 << fraction_bits, &v) || *s || v > INT64_MAX) return false;
  *out = negative ? -(int64_t)v : (int64_t)v;
  return true;
}

bool parse_interval(const char *s, int64_t default_unit_ns, int64_t *out_ns) {
  static const struct {
    const char *name;
    int64_t ns;
  } units[] = {{"ns", 1},
               {"nsec", 1},
               {"us", 1000},
               {"usec", 1000},
               {"ms", 1000000},
               {"msec", 1000000},
               {"s", NSEC_PER_SEC},
               {"sec", NSEC_PER_SEC},
               {"m", 60 * NSEC_PER_SEC},
               {"min", 60 * NSEC_PER_SEC},
               {"h", 3600 * NSEC_PER_SEC},
               {"hr", 3600 * NSEC_PER_SEC},
               {"d", 86400 * NSEC_PER_SEC},
               {"day", 86400 * NSEC_PER_SEC}};
  bool negative = *s == '-';
  if (*s == '-' || *s == '+') s++;
  const char *u = s;
  while (is_digit(*u) || *u == '.' ||
         ((*u == 'e' || *u == 'E') && (is_digit(u[1]) || ((u[1] == '-' || u[1] == '+') && is_digit(u[2]))))) {
    if (*u == 'e' || *u == 'E') u++;
    u++;
  }
  const char *name = u;
  while (is_space(*name)) name++;
  int64_t unit = *name ? 0 : default_unit_ns;
  for (unsigned i = 0; *name && i < countof(units); i++)
    if (!compare_ignore_case(name, units[i].name)) unit = units[i].ns;
  uint64_t v;
  if (!unit || !decimal(&s, (uint64_t)unit, &v) || s != u || v > INT64_MAX) return false;
  *out_ns = negative ? -(int64_t)v : (int64_t)v;
  return true;
}

bool parse_bandwidth(const char *s, uint64_t *out) {
  const char *u = s;
  while (is_digit(*u) || *u == '.') u++;
  const char *name = u;
  while (is_space(*name)) name++;
  uint64_t unit = 8; /* in bits/s: a bare number is bytes/s */
  if (*name) {
    unit = 1;
    switch (*name) {
    case 'k':
    case 'K':
      unit = 1000;
      name++;
      break;
    case 'M':
    case 'm':
      unit = 1000000;
      name++;
      break;
    case 'G':
    case 'g':
      unit = 1000000000;
      name++;
      break;
    case 'T':
    case 't':
      unit = 1000000000000;
      name++;
      break;
    }
    if (!strncmp(name, "bit", 3) || !strncmp(name, "baud", 4))
      name += *name == 'b' && name[1] == 'i' ? 3 : 4;
    else if (*name == 'b')
      name++;
    else if (*name == 'B')
      name++, unit *= 8;
    else if (*name)
      return false;
    if (*name == 's' && !strcmp(name, "s")) name++;
    if (*name && strcmp(name, "ps") && strcmp(name, "/s") && strcmp(name, "ytes/s")) return false;
  }
  uint64_t bits;
  if (!decimal(&s, unit, &bits) || s != u) return false;
  *out = (bits + 4) / 8;
  return true;
}

bool parse_ip(const char *s, uint32_t *out) {
  uint8_t b[4];
  for (int i = 0; i < 4; i++) {
    unsigned v = 0, n = 0;
    for (; is_digit(*s) && n < 3; s++, n++) v = v * 10 + (unsigned)(*s - '0');
    if (!n || v > 255 || *s != (i < 3 ? '.' : 0)) return false;
    b[i] = (uint8_t)v;
    s += i < 3;
  }
  memcpy(out, b, 4);
  return true;
}

bool parse_ip_prefix(const char *s, bool bare_ok, uint32_t *addr, uint32_t *mask) {
  char buf[20];
  const char *slash = strchr(s, '/');
  size_t n = slash ? (size_t)(slash - s) : strlen(s);
  if (n >= sizeof buf) return false;
  memcpy(buf, s, n);
  buf[n] = 0;
  if (!slash) {
    if (!bare_ok || !parse_ip(s, addr)) return false;
    *mask = 0xffffffff;
    return true;
  }
  uint32_t a = 0, m;
  if (!parse_ip(buf, &a)) { /* a short form: "10/8", "192.168/16" */
    uint8_t b[4] = {0};
    const char *p = buf;
    for (int i = 0; i < 4; i++) {
      unsigned v = 0, k = 0;
      for (; is_digit(*p) && k < 3; p++, k++) v = v * 10 + (unsigned)(*p - '0');
      if (!k || v > 255) return false;
      b[i] = (uint8_t)v;
      if (!*p) break;
      if (*p++ != '.' || i == 3) return false;
    }
    memcpy(&a, b, 4);
  }
  uint64_t len;
  if (parse_ip(slash + 1, &m)) {
  } else if (slash[1] != '+' && parse_u64(slash + 1, &len) && len <= 32) {
    m = len ? be32((uint32_t)(0xffffffffu << (32 - len))) : 0;
  } else
    return false;
  *addr = a;
  *mask = m;
  return true;
}

bool parse_ip6(const char *s, uint8_t out[16]) {
  uint8_t a[16] = {0};
  int n = 0, gap = -1;
  if (*s == ':' && s[1] != ':') return false;
  while (*s) {
    if (s[0] == ':' && s[1] == ':') {
      if (gap >= 0) return false;
      gap = n;
      s += 2;
      if (!*s) break;
      continue;
    }
    if (*s == ':') {
      s++;
      if (!*s) return false;
    }
    uint32_t ip4;
    if (strchr(s, '.') && n <= 12 && parse_ip(s, &ip4)) {
      memcpy(a + n, &ip4, 4);
      n += 4;
      s += strlen(s);
      break;
    }
    unsigned v = 0, k = 0;
    for (; hex_value(*s) >= 0 && k < 4; s++, k++) v = v * 16 + (unsigned)hex_value(*s);
    if (!k || n > 14 || (*s && *s != ':')) return false;
    a[n++] = (uint8_t)(v >> 8);
    a[n++] = (uint8_t)v;
  }
  if (gap < 0 ? n != 16 : n > 14) return false;
  memset(out, 0, 16);
  if (gap < 0) gap = n;
  memcpy(out, a, (size_t)gap);
  memcpy(out + 16 - (n - gap), a + gap, (size_t)(n - gap));
  return true;
}

bool parse_ip6_prefix(const char *s, uint8_t addr[16], int *len) {
  char buf[64];
  const char *slash = strchr(s, '/');
  uint64_t v;
  if (!slash || (size_t)(slash - s) >= sizeof buf) return false;
  memcpy(buf, s, (size_t)(slash - s));
  buf[slash - s] = 0;
  if (!parse_ip6(buf, addr) || !parse_u64(slash + 1, &v) || v > 128) return false;
  *len = (int)v;
  return true;
}

bool parse_ether(const char *s, uint8_t out[6]) {
  uint8_t a[6];
  char separator = 0;
  for (int i = 0; i < 6; i++) {
    int hi = hex_value(*s), lo = hi >= 0 ? hex_value(s[1]) : -1;
    if (hi < 0) return false;
    a[i] = (uint8_t)(lo >= 0 ? hi << 4 | lo : hi);
    s += lo >= 0 ? 2 : 1;
    if (i == 5) break;
    if (*s != ':' && *s != '-') return false;
    if (!separator) separator = *s;
    if (*s++ != separator) return false;
  }
  if (*s) return false;
  memcpy(out, a, 6);
  return true;
}
