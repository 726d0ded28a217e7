/* base.h: what every freestanding source of Clicklet may use. No libc beyond the functions declared here. */
#ifndef CLICKLET_BASE_H
#define CLICKLET_BASE_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define always_inline static inline __attribute__((__always_inline__))
#define countof(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, T, member) ((T *)((char *)(p)-offsetof(T, member)))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define CACHE_LINE 64
#ifdef CLICKLET_GUEST
#define THREAD_LOCAL /* a guest has one engine thread */
#else
#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
#endif

/* Provided by libc on the host and by native/guest/lib.c in the guest. */
void *memcpy(void *restrict, const void *restrict, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
int strcmp(const char *, const char *);
int strncmp(const char *, const char *, size_t);
char *strchr(const char *, int);

/* Unaligned loads and stores; network byte order conversions. */
always_inline uint16_t load16(const void *p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return v;
}
always_inline uint32_t load32(const void *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}
always_inline uint64_t load64(const void *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}
always_inline void store16(void *p, uint16_t v) { memcpy(p, &v, 2); }
always_inline void store32(void *p, uint32_t v) { memcpy(p, &v, 4); }
always_inline void store64(void *p, uint64_t v) { memcpy(p, &v, 8); }
/* Into a packet's bytes, for actions on the usual way of packets: a fused unit takes these for stores that
 * change nothing but such bytes, and so need not load a packet's metadata again behind them. */
#define WIRE_WORD(T)                                                                                         \
  struct {                                                                                                   \
    T v;                                                                                                     \
  } __attribute__((packed)) *
always_inline void wire_store16(uint8_t *p, uint16_t v) { ((WIRE_WORD(uint16_t))p)->v = v; }
always_inline void wire_store32(uint8_t *p, uint32_t v) { ((WIRE_WORD(uint32_t))p)->v = v; }
always_inline void wire_store64(uint8_t *p, uint64_t v) { ((WIRE_WORD(uint64_t))p)->v = v; }
always_inline uint16_t be16(uint16_t v) { return __builtin_bswap16(v); }
always_inline uint32_t be32(uint32_t v) { return __builtin_bswap32(v); }
always_inline uint64_t be64(uint64_t v) { return __builtin_bswap64(v); }

/* Copies CACHE_LINE bytes: in the widest registers there are, which compilers don't do by themselves. */
always_inline void copy_line(void *to, const void *from) {
  typedef uint64_t Half __attribute__((vector_size(32), aligned(1), may_alias));
  Half a = ((const Half *)from)[0], b = ((const Half *)from)[1];
  ((Half *)to)[0] = a;
  ((Half *)to)[1] = b;
}

#define NSEC_PER_SEC INT64_C(1000000000)
#define NSEC_PER_MSEC INT64_C(1000000)
#define NSEC_PER_USEC INT64_C(1000)

#endif
