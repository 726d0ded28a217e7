/* textscan.h: taking words and numbers off the front of a line. Each moves *s only if it finds what it wants.
 */
#ifndef CLICKLET_TEXTSCAN_H
#define CLICKLET_TEXTSCAN_H
#include <clicklet/text.h>

static inline const char *scan_space(const char *s) {
  while (is_space(*s)) s++;
  return s;
}

static inline bool scan_word(const char **s, const char *word) {
  size_t n = strlen(word);
  if (strncmp(*s, word, n) != 0) return false;
  *s += n;
  return true;
}

static inline uint32_t scan_hex(const char **s) {
  uint32_t v = 0;
  for (; hex_value(**s) >= 0; ++*s) v = v << 4 | (uint32_t)hex_value(**s);
  return v;
}

/* A decimal number; what does not fit is UINT32_MAX. */
static inline bool scan_number(const char **s, uint32_t *out) {
  uint64_t v = 0;
  if (!is_digit(**s)) return false;
  for (; is_digit(**s); ++*s) v = v < UINT32_MAX ? v * 10 + (uint64_t)(**s - '0') : v;
  *out = v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
  return true;
}

static inline bool scan_number_after(const char **s, const char *word, uint32_t *out) {
  const char *x = *s;
  if (!scan_word(&x, word) || !scan_number(&x, out)) return false;
  *s = x;
  return true;
}

#endif
