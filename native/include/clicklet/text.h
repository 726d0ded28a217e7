/* text.h: growing strings and the formatting and parsing that elements need, without libc. */
#ifndef CLICKLET_TEXT_H
#define CLICKLET_TEXT_H
#include <clicklet/base.h>

/* A growing string, always NUL-terminated once something was written. Out of memory sets `failed` and drops
 * text. */
typedef struct Text {
  char *s;
  uint32_t len, capacity;
  bool failed;
} Text;

void text_free(Text *t);
void text_clear(Text *t);
bool text_reserve(Text *t, uint32_t more); /* room for that many bytes behind len */
void text_add(Text *t, const char *s, size_t n);
void text_add_string(Text *t, const char *s);
void text_add_char(Text *t, char c);
/* %d %i %u %x %X %o %c %s %p %% %f %g with flags, width, precision and l, ll, z, j; and these of our own,
 * taking a pointer: %pI IPv4 address in network order (const void *), %p6 IPv6 address, %pE Ethernet address
 * (AA-BB-..), and %pT a time (const int64_t *, ns): seconds with 6 digits, or 9 when they are needed, as the
 * reference prints. */
void text_printf(Text *t, const char *format, ...);
void text_vprintf(Text *t, const char *format, va_list args);
const char *text_cstr(Text *t); /* never NULL */
/* As a JSON string with its quotes; NULL as null. */
void text_add_json(Text *t, const char *s);
/* Into a fixed buffer; truncates; always terminated; returns the length written. */
size_t format_into(char *buf, size_t size, const char *format, ...);

/* Parsers: whole string must match; no surrounding space. False leaves *out alone. */
bool parse_bool(const char *s, bool *out);    /* true false yes no 1 0 */
bool parse_u64(const char *s, uint64_t *out); /* decimal, 0x, 0 octal */
bool parse_i64(const char *s, int64_t *out);
bool parse_double(const char *s, double *out);
bool parse_ip(const char *s, uint32_t *out);                                       /* network byte order */
bool parse_ip_prefix(const char *s, bool bare_ok, uint32_t *addr, uint32_t *mask); /* A.B.C.D/len or /mask */
bool parse_ip6(const char *s, uint8_t out[16]);
bool parse_ip6_prefix(const char *s, uint8_t addr[16], int *len);
bool parse_ether(const char *s, uint8_t out[6]); /* XX:XX.. or XX-XX-.. */
bool parse_interval(const char *s, int64_t default_unit_ns,
                    int64_t *out_ns);                           /* 1.5s 20ms 3us 10ns 2min 1h 3d */
bool parse_bandwidth(const char *s, uint64_t *out_bytes_per_s); /* 8kbps 1MBps 10Mbit/s; bare: bytes */
bool parse_fixed(const char *s, int fraction_bits, int64_t *out);

/* Reads one word (unquoted as Click does: "..." '...' \<hex>) into `out`, in place of what was there; returns
 * what follows it. NULL at the end or, with *error set, on unbalanced quotes. */
const char *next_word(const char *s, Text *out, const char **error);
void unquote(const char *s, Text *out); /* as the reference's cp_unquote */
void quote(const char *s, Text *out);   /* as cp_quote, only if needed */
bool is_word(const char *s);            /* one word without quotes or spaces */
/* Splits a configuration string on its top-level commas, comments removed. Returns the number of pieces, at
 * most max stored, each an allocated string. */
unsigned split_args(const char *s, char **out, unsigned max);
/* Splits on spaces outside quotes; pieces stay quoted. */
unsigned split_words(const char *s, char **out, unsigned max);

bool is_space(char c);
bool is_digit(char c);
bool is_alpha(char c);
int hex_value(char c); /* -1 if none */
int compare_ignore_case(const char *a, const char *b);

#endif
