/* units.h: times and bandwidths as handlers print them. */
#ifndef CLICKLET_STANDARD_UNITS_H
#define CLICKLET_STANDARD_UNITS_H
#include <clicklet/element.h>

/* "500ms", "20us", "7ns"; from a second on "1.500000s". */
static inline void text_interval(Text *out, int64_t ns) {
  if (ns < 0 || ns >= NSEC_PER_SEC)
    text_printf(out, "%pTs", &ns);
  else if (ns % NSEC_PER_MSEC == 0)
    text_printf(out, "%dms", (int)(ns / NSEC_PER_MSEC));
  else if (ns % NSEC_PER_USEC == 0)
    text_printf(out, "%dus", (int)(ns / NSEC_PER_USEC));
  else
    text_printf(out, "%dns", (int)ns);
}

/* value / 10^digits, without needless digits. */
static inline void text_decimal(Text *out, uint64_t value, int digits) {
  uint64_t unit = 1;
  for (int i = 0; i < digits; i++) unit *= 10;
  uint64_t fraction = value % unit;
  text_printf(out, "%llu", (unsigned long long)(value / unit));
  while (fraction && fraction % 10 == 0) {
    fraction /= 10;
    digits--;
  }
  if (fraction) text_printf(out, ".%0*llu", digits, (unsigned long long)fraction);
}

/* Bytes a second as "8kbps", "10Mbps", "1Gbps", "600MBps". */
static inline void text_bandwidth(Text *out, uint64_t rate) {
  bool bytes = rate >= 0x20000000;
  int digits = bytes ? 6 : rate >= 125000000 ? 9 : rate >= 125000 ? 6 : 3;
  text_decimal(out, bytes ? rate : rate * 8, digits);
  text_add_string(out, bytes ? "MBps" : digits == 9 ? "Gbps" : digits == 6 ? "Mbps" : "kbps");
}

/* value / 2^bits with just as many digits as it takes to tell it from its neighbours. */
static inline void text_fixed(Text *out, uint32_t value, int bits) {
  uint64_t one = UINT64_C(1) << bits, power = 1;
  for (int digits = 0;; digits++, power *= 10) {
    uint64_t decimal = ((uint64_t)value * power + one / 2) >> bits;
    if (digits < 9 && ((decimal << bits) + power / 2) / power != value) continue;
    text_decimal(out, decimal, digits);
    return;
  }
}

#endif
