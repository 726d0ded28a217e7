/* clock.c: time from the TSC. The monitor says how fast it runs; elsewhere CPUID may, and else the local
 * APIC's timer, which KVM and QEMU run at 1 GHz, is the measure. */
#include "guest.h"
#include "kernel/kernel.h"

enum { CALIBRATION_NS = 2000000, TSC_LEAF = 0x15, HYPERVISOR_LEAF = 0x40000000, TIMING_LEAF = 0x40000010 };

static uint64_t mult; /* ns = (tsc - base) * mult >> 32 */

static void cpuid(uint32_t leaf, uint32_t out[4]) {
  __asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(0));
}

static uint64_t khz_from_cpuid(void) {
  uint32_t r[4];
  cpuid(0, r);
  uint32_t max = r[0];
  cpuid(1, r);
  if (r[2] >> 31) {
    cpuid(HYPERVISOR_LEAF, r);
    if (r[0] >= TIMING_LEAF && r[0] < HYPERVISOR_LEAF + 0x1000) {
      cpuid(TIMING_LEAF, r);
      if (r[0] > 100000) return r[0];
    }
  }
  if (max < TSC_LEAF) return 0;
  cpuid(TSC_LEAF, r);
  return r[0] && r[1] && r[2] ? (uint64_t)r[2] * r[1] / r[0] / 1000 : 0;
}

static uint64_t khz_from_apic(void) {
  mmio_write32(LAPIC + LAPIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
  mmio_write32(LAPIC + LAPIC_DIVIDE, 0xb);                    /* by 1 */
  mmio_write32(LAPIC + LAPIC_TIMER, 1u << 16 | VECTOR_TIMER); /* masked */
  mmio_write32(LAPIC + LAPIC_COUNT, UINT32_MAX);
  uint32_t c0 = mmio_read32(LAPIC + LAPIC_CURRENT), c1;
  uint64_t t0 = cpu_tsc(), t1;
  do c1 = mmio_read32(LAPIC + LAPIC_CURRENT), t1 = cpu_tsc();
  while (c0 - c1 < CALIBRATION_NS);
  mmio_write32(LAPIC + LAPIC_COUNT, 0);
  return (t1 - t0) * 1000000 / (c0 - c1);
}

void clock_init(void) {
  uint64_t khz = guest_boot.tsc_khz;
  if (!khz) khz = khz_from_cpuid();
  if (!khz) khz = khz_from_apic();
  guest_boot.tsc_khz = khz;
  mult = (UINT64_C(1000000) << 32) / khz;
}

/* A guest that is restored from a snapshot finds another TSC and with it another base, at any instruction:
 * only a TSC read between two equal bases belongs to them. */
int64_t platform_clock_steady(void) {
  volatile uint64_t *base = &guest_boot.tsc_base;
  uint64_t from, tsc;
  do from = *base, tsc = cpu_tsc();
  while (unlikely(from != *base));
  return (int64_t)((unsigned __int128)(tsc - from) * mult >> 32) + NSEC_PER_SEC; /* never 0, that is "now" */
}

int64_t platform_clock_realtime(void) {
  int64_t epoch = *(volatile int64_t *)&guest_boot.epoch_base;
  return epoch + platform_clock_steady() - NSEC_PER_SEC;
}

uint64_t ns_to_tsc(uint64_t ns) { return (uint64_t)((unsigned __int128)ns * guest_boot.tsc_khz / 1000000); }

uint64_t platform_entropy(void) {
  static uint64_t state;
  for (unsigned i = 0; i < countof(guest_boot.entropy); i++)
    state = (state ^ guest_boot.entropy[i]) * UINT64_C(0x9e3779b97f4a7c15);
  state ^= cpu_tsc();
  state = (state ^ state >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
  return state ^ state >> 32;
}
