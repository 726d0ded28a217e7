/* lib.c: the few functions of libc that base.h promises (and that the compiler calls by itself). */
#include <clicklet/base.h>

typedef long long Vector __attribute__((vector_size(16), aligned(1), may_alias));

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if (n >= 16) {
    if (n > 512) {
      void *d = to;
      __asm__ volatile("rep movsb" : "+D"(d), "+S"(f), "+c"(n)::"memory");
      return to;
    }
    Vector last = *(const Vector *)(f + n - 16); /* the end, overlapping what the loop did */
    uint8_t *end = t + n - 16;
    for (; t < end; t += 16, f += 16) *(Vector *)t = *(const Vector *)f;
    *(Vector *)end = last;
  } else if (n >= 8) {
    uint64_t a = *(const uint64_t *)f, b = *(const uint64_t *)(f + n - 8);
    *(uint64_t *)t = a, *(uint64_t *)(t + n - 8) = b;
  } else if (n >= 4) {
    uint32_t a = *(const uint32_t *)f, b = *(const uint32_t *)(f + n - 4);
    *(uint32_t *)t = a, *(uint32_t *)(t + n - 4) = b;
  } else {
    for (size_t i = 0; i < n; i++) t[i] = f[i];
  }
  return to;
}

void *memmove(void *to, const void *from, size_t n) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if (t == f) return to;
  if (t < f || t >= f + n) {
    for (; n >= 16 && (t + 16 <= f || t >= f + n); n -= 16, t += 16, f += 16)
      *(Vector *)t = *(const Vector *)f;
    for (; n >= 8; n -= 8, t += 8, f += 8) *(uint64_t *)t = *(const uint64_t *)f;
    while (n--) *t++ = *f++;
  } else {
    for (; n >= 8; n -= 8) *(uint64_t *)(t + n - 8) = *(const uint64_t *)(f + n - 8);
    while (n) n--, t[n] = f[n];
  }
  return to;
}

void *memset(void *to, int c, size_t n) {
  uint8_t *t = to;
  if (n > 256) {
    void *d = to;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return to;
  }
  uint64_t v = (uint8_t)c * UINT64_C(0x0101010101010101);
  if (n >= 8) {
    for (size_t i = 0; i + 8 <= n; i += 8) *(uint64_t *)(t + i) = v;
    *(uint64_t *)(t + n - 8) = v;
  } else {
    for (size_t i = 0; i < n; i++) t[i] = (uint8_t)c;
  }
  return to;
}

int memcmp(const void *a, const void *b, size_t n) {
  const uint8_t *x = a, *y = b;
  for (; n >= 8 && *(const uint64_t *)x == *(const uint64_t *)y; n -= 8) x += 8, y += 8;
  for (; n; n--, x++, y++)
    if (*x != *y) return *x - *y;
  return 0;
}

size_t strlen(const char *s) {
  size_t n = 0;
  while (s[n]) n++;
  return n;
}

int strcmp(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n) {
  for (; n; n--, a++, b++)
    if (*a != *b || !*a) return (uint8_t)*a - (uint8_t)*b;
  return 0;
}

char *strchr(const char *s, int c) {
  for (;; s++) {
    if (*s == (char)c) return (char *)s;
    if (!*s) return NULL;
  }
}
