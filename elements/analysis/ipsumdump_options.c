/* ipsumdump_options.c: IP and TCP options as text; quoting; MD5. */
#include "ipsumdump.h"

enum { IP_EOL = 0, IP_NOP = 1, IP_RR = 7, IP_TS = 68, IP_LSRR = 131, IP_SSRR = 137 };
enum { TCP_EOL = 0, TCP_NOP = 1, TCP_MSS = 2, TCP_WSCALE = 3, TCP_SACK_OK = 4, TCP_SACK = 5, TCP_TS = 8 };

static uint32_t get32(const uint8_t *s) { return be32(load32(s)); }

void summary_quote(const uint8_t *s, size_t n, Text *out) {
  text_add_char(out, '"');
  for (size_t i = 0; i < n; i++) {
    uint8_t c = s[i];
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

/* ---- To text
 * ------------------------------------------------------------------------------------------------------- */

/* "98" or "99=0:5:10" */
static void plain_option(const uint8_t *o, Text *out) {
  text_printf(out, "%u", o[0]);
  for (unsigned i = 2; i < o[1]; i++) text_printf(out, "%c%u", i == 2 ? '=' : ':', o[i]);
}

static void route_option(const uint8_t *o, Text *out) {
  unsigned pointer = o[2] - 1u, at = 3;
  bool record = o[0] == IP_RR, marked = false;
  text_add_string(out, record ? "rr{" : o[0] == IP_LSRR ? "lsrr{" : "ssrr{");
  for (; at + 4 <= o[1]; at += 4) {
    if (at == pointer && record) break;
    if (at == pointer)
      text_add_char(out, '^');
    else if (at > 3)
      text_add_char(out, ',');
    marked |= at == pointer;
    text_printf(out, "%pI", o + at);
  }
  if (at == o[1] && at == pointer && !record && !marked) text_add_char(out, '^');
  text_add_char(out, '}');
  if (record && at == pointer && at + 4 <= o[1]) text_printf(out, "+%u", (o[1] - at) / 4);
}

static void timestamp_option(const uint8_t *o, Text *out) {
  unsigned flag = o[3] & 15u, size = flag >= 1 && flag <= 3 ? 8 : 4, pointer = o[2] - 1u, at = 4;
  text_add_string(out, flag == 0 ? "ts{" : flag == 1 ? "ts.ip{" : flag == 3 ? "ts.preip{" : "ts.");
  if (flag == 2 || flag > 3) text_printf(out, "%u{", flag);
  for (; at + size <= o[1]; at += size) {
    if (at == pointer && flag != 3) break;
    if (at == pointer)
      text_add_char(out, '^');
    else if (at > 4)
      text_add_char(out, ',');
    if (size == 8) text_printf(out, "%pI", o + at);
    if (flag == 3 && at >= pointer) continue; /* not filled in yet */
    uint32_t t = get32(o + at + size - 4);
    text_printf(out, "%s%s%u", size == 8 ? "=" : "", t >> 31 ? "!" : "", t & 0x7fffffff);
  }
  if (at == o[1] && at == pointer) text_add_char(out, '^');
  text_add_char(out, '}');
  if (at == pointer && at + size <= o[1]) text_printf(out, "+%u", (o[1] - at) / size);
  if (o[3] >> 4) text_printf(out, "++%u", o[3] >> 4);
}

/* Goes through the options; each that is whole is given to `one`, which says false if it is malformed. */
static void options_text(const uint8_t *o, uint32_t n, bool (*one)(const uint8_t *o, int which, Text *out),
                         int which, Text *out) {
  uint32_t before = out->len;
  for (uint32_t i = 0; i < n && o[i];) {
    if (o[i] == 1) { /* NOP, in both */
      i++;
      continue;
    }
    uint32_t here = out->len;
    if (i + 1 >= n || o[i + 1] < 2 || i + o[i + 1] > n) {
      out->len = before;
      text_add_char(out, '?');
      return;
    }
    if (here > before) text_add_char(out, ';');
    uint32_t begin = out->len;
    if (!one(o + i, which, out)) {
      out->len = before;
      text_add_char(out, '?');
      return;
    }
    if (out->len == begin) out->len = here; /* nothing was wanted of it */
    i += o[i + 1];
  }
  if (out->len == before)
    text_add_char(out, '.');
  else if (out->s)
    out->s[out->len] = 0;
}

static bool one_ip_option(const uint8_t *o, int which, Text *out) {
  (void)which;
  if (o[0] == IP_RR || o[0] == IP_LSRR || o[0] == IP_SSRR) {
    if (o[1] < 3 || o[2] < 4) return false;
    route_option(o, out);
  } else if (o[0] == IP_TS) {
    if (o[1] < 4 || o[2] < 5) return false;
    timestamp_option(o, out);
  } else
    plain_option(o, out);
  return true;
}

static bool one_tcp_option(const uint8_t *o, int which, Text *out) {
  bool sack_only = which == OPTIONS_ONLY_SACK;
  switch (o[0]) {
  case TCP_MSS:
    if (o[1] != 4) return false;
    if (!sack_only) text_printf(out, "mss%u", o[2] << 8 | o[3]);
    return true;
  case TCP_WSCALE:
    if (o[1] != 3) return false;
    if (!sack_only) text_printf(out, "wscale%u", o[2]);
    return true;
  case TCP_SACK_OK:
    if (o[1] != 2) return false;
    text_add_string(out, "sackok");
    return true;
  case TCP_SACK:
    if (o[1] % 8 != 2) return false;
    for (unsigned i = 2; i < o[1]; i += 8)
      text_printf(out, "%ssack%u-%u", i > 2 ? ";" : "", get32(o + i), get32(o + i + 4));
    return true;
  case TCP_TS:
    if (o[1] != 10) return false;
    if (!which) text_printf(out, "ts%u:%u", get32(o + 2), get32(o + 6));
    return true;
  default:
    if (!sack_only) plain_option(o, out);
    return true;
  }
}

void ip_options_text(const uint8_t *o, uint32_t n, Text *out) { options_text(o, n, one_ip_option, 0, out); }
void tcp_options_text(const uint8_t *o, uint32_t n, int which, Text *out) {
  options_text(o, n, one_tcp_option, which, out);
}

void tcp_options_select(const uint8_t *o, uint32_t n, int which, Text *out) {
  for (uint32_t i = 0; i < n && o[i];) {
    if (o[i] == TCP_NOP) {
      i++;
      continue;
    }
    if (i + 1 >= n || o[i + 1] < 2 || i + o[i + 1] > n) return;
    bool sack = o[i] == TCP_SACK_OK || o[i] == TCP_SACK;
    if (which == OPTIONS_ONLY_SACK ? sack : o[i] != TCP_TS) text_add(out, (const char *)o + i, o[i + 1]);
    i += o[i + 1];
  }
}

/* ---- From text
 * ------------------------------------------------------------------------------------------------------ */

static bool number(const char **s, uint32_t *out) {
  uint64_t v = 0;
  const char *p = *s;
  if (!is_digit(*p)) return false;
  for (; is_digit(*p); p++)
    if ((v = v * 10 + (uint64_t)(*p - '0')) > UINT32_MAX) return false;
  *s = p;
  *out = (uint32_t)v;
  return true;
}

static bool literal(const char **s, const char *word) {
  size_t n = strlen(word);
  if (strncmp(*s, word, n)) return false;
  *s += n;
  return true;
}

static void put(Text *out, uint64_t v, int bytes) {
  while (bytes--) text_add_char(out, (char)(v >> 8 * bytes));
}

static bool address(const char **s, Text *out) {
  uint32_t v;
  for (int i = 0; i < 4; i++) {
    if ((i && !literal(s, ".")) || !number(s, &v) || v > 255) return false;
    text_add_char(out, (char)v);
  }
  return true;
}

static bool parse_plain(const char **s, Text *out) {
  uint32_t v, at = out->len;
  if (!number(s, &v) || v > 255) return false;
  text_add_char(out, (char)v);
  if (**s == '=' && is_digit((*s)[1])) {
    text_add_char(out, 0);
    do {
      (*s)++;
      if (!number(s, &v) || v > 255) return false;
      text_add_char(out, (char)v);
    } while (**s == ':' && is_digit((*s)[1]));
    if (out->len - at > 255) return false;
    out->s[at + 1] = (char)(out->len - at);
  }
  return true;
}

static bool parse_route(const char **s, int type, Text *out) {
  uint32_t at = out->len, pointer = 0, room;
  put(out, (uint64_t)type << 16, 3);
  for (;;) {
    if (**s == '^' && !pointer) {
      pointer = out->len - at + 1;
      ++*s;
    }
    if (!is_digit(**s)) break;
    if (!address(s, out)) return false;
    if (**s == ',') ++*s;
  }
  if (!literal(s, "}")) return false;
  out->s[at + 2] = (char)(pointer ? pointer : out->len - at + 1);
  if (**s == '+' && is_digit((*s)[1])) {
    ++*s;
    if (!number(s, &room) || room >= 64) return false;
    while (room--) put(out, 0, 4);
  }
  if (out->len - at > 255) return false;
  out->s[at + 1] = (char)(out->len - at);
  return true;
}

static bool parse_timestamps(const char **s, Text *out) {
  uint32_t at = out->len, pointer = 0, flag = 0, v;
  bool known = true;
  put(out, (uint64_t)IP_TS << 24, 4);
  if (literal(s, ".ip{"))
    flag = 1;
  else if (literal(s, ".preip{"))
    flag = 3;
  else if (literal(s, "{"))
    known = false; /* addresses show themselves */
  else if (!literal(s, ".") || !number(s, &flag) || flag > 15 || !literal(s, "{"))
    return false;
  for (;;) {
    if (**s == '^' && !pointer) {
      pointer = out->len - at + 1;
      ++*s;
    }
    if (!is_digit(**s) && **s != '!') break;
    if (!known) {
      const char *p = *s;
      while (is_digit(*p)) p++;
      if (*p == '.') flag = 1;
      known = true;
    }
    bool with_address = flag == 1 || flag == 3, empty = false;
    if (with_address) {
      if (!address(s, out)) return false;
      if (pointer && flag == 1 && **s != '=') flag = 3;
      empty = **s != '=' || (*s)[1] == '?';
      if (empty && !pointer) return false;
      if (**s == '=') *s += empty ? 2 : 1;
    }
    uint32_t top = !empty && literal(s, "!") ? 0x80000000u : 0;
    v = 0;
    if (!empty && !number(s, &v)) return false;
    put(out, v | top, 4);
    if (**s == ',') ++*s;
  }
  if (!literal(s, "}")) return false;
  out->s[at + 2] = (char)(pointer ? pointer : out->len - at + 1);
  if (**s == '+' && is_digit((*s)[1])) {
    ++*s;
    if (!number(s, &v) || v >= 64) return false;
    while (v--) put(out, 0, flag == 1 || flag == 3 ? 8 : 4);
  }
  v = 0;
  if ((*s)[0] == '+' && (*s)[1] == '+') {
    *s += 2;
    if (!number(s, &v) || v > 15) return false;
  }
  out->s[at + 3] = (char)(v << 4 | flag);
  if (out->len - at > 255) return false;
  out->s[at + 1] = (char)(out->len - at);
  return true;
}

/* Drops NOPs in front of what would be too long. */
static bool fits(Text *out) {
  while (out->len > 40 && out->s[0] == 1) {
    memmove(out->s, out->s + 1, out->len);
    out->len--;
  }
  return out->len <= 40;
}

bool ip_options_parse(const char *s, Text *out) {
  if (!*s || !strcmp(s, ".")) return true;
  for (;; s++) {
    bool ok = literal(&s, "rr{")     ? parse_route(&s, IP_RR, out)
              : literal(&s, "ssrr{") ? parse_route(&s, IP_SSRR, out)
              : literal(&s, "lsrr{") ? parse_route(&s, IP_LSRR, out)
              : literal(&s, "ts")    ? parse_timestamps(&s, out)
              : literal(&s, "nop")   ? (text_add_char(out, IP_NOP), true)
              : literal(&s, "eol")   ? (text_add_char(out, IP_EOL), true)
                                     : parse_plain(&s, out);
    if (!ok) return false;
    if (!*s) return fits(out);
    if (*s != ';' && *s != ',') return false;
  }
}

static bool parse_sack(const char **s, Text *out) {
  uint32_t at = out->len, a, b;
  put(out, TCP_SACK << 8, 2);
  do {
    if (!number(s, &a) || (**s != '-' && **s != ':')) return false;
    ++*s;
    if (!number(s, &b)) return false;
    put(out, a, 4);
    put(out, b, 4);
  } while (literal(s, ",sack"));
  out->s[at + 1] = (char)(out->len - at);
  return true;
}

static bool parse_tcp_option(const char **s, int which, Text *out) {
  bool all = which != OPTIONS_ONLY_SACK;
  uint32_t a, b;
  if (literal(s, "sackok")) return put(out, TCP_SACK_OK << 8 | 2, 2), true;
  if (literal(s, "sack")) return parse_sack(s, out);
  if (all && literal(s, "mss"))
    return number(s, &a) && a <= 0xffff && (put(out, (uint64_t)(TCP_MSS << 8 | 4) << 16 | a, 4), true);
  if (all && literal(s, "wscale"))
    return number(s, &a) && a <= 255 && (put(out, (uint64_t)(TCP_WSCALE << 8 | 3) << 8 | a, 3), true);
  if (!which && literal(s, "ts")) {
    if (!number(s, &a) || !literal(s, ":") || !number(s, &b)) return false;
    if (!out->len) put(out, TCP_NOP << 8 | TCP_NOP, 2); /* as everyone aligns it */
    put(out, TCP_TS << 8 | 10, 2);
    put(out, a, 4);
    put(out, b, 4);
    return true;
  }
  if (all && literal(s, "nop")) return text_add_char(out, TCP_NOP), true;
  if (all && literal(s, "eol")) return text_add_char(out, TCP_EOL), true;
  return all && parse_plain(s, out);
}

bool tcp_options_parse(const char *s, int which, Text *out) {
  if (!*s || !strcmp(s, ".")) return true;
  for (;; s++) {
    if (!parse_tcp_option(&s, which, out)) return false;
    if (!*s) return fits(out);
    if (*s != ';' && *s != ',') return false;
  }
}

/* ---- MD5 (RFC 1321)
 * --------------------------------------------------------------------------------------------------- */

static void md5_block(uint32_t h[4], const uint8_t *block) {
  static const uint32_t k[64] = {
      0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
      0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
      0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
      0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
      0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
      0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
      0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
      0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
  static const uint8_t shifts[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
  uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
  for (unsigned i = 0; i < 64; i++) {
    uint32_t f;
    unsigned g, round = i / 16;
    if (round == 0)
      f = (b & c) | (~b & d), g = i;
    else if (round == 1)
      f = (d & b) | (~d & c), g = (5 * i + 1) % 16;
    else if (round == 2)
      f = b ^ c ^ d, g = (3 * i + 5) % 16;
    else
      f = c ^ (b | ~d), g = 7 * i % 16;
    uint32_t sum = a + f + k[i] + load32(block + 4 * g);
    unsigned r = shifts[round * 4 + i % 4];
    a = d, d = c, c = b;
    b += sum << r | sum >> (32 - r);
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

void md5(const uint8_t *data, size_t n, uint8_t out[16]) {
  uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  size_t i = 0;
  for (; i + 64 <= n; i += 64) md5_block(h, data + i);
  uint8_t tail[128] = {0};
  size_t rest = n - i, size = rest < 56 ? 64 : 128;
  if (rest) memcpy(tail, data + i, rest);
  tail[rest] = 0x80;
  store64(tail + size - 8, (uint64_t)n * 8);
  md5_block(h, tail);
  if (size == 128) md5_block(h, tail + 64);
  memcpy(out, h, 16);
}
