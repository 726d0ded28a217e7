/* kernel.h: the ring-0 kernel: about 300 lines that start ring 3 (PVH only), catch its faults and, where
 * there is no monitor of ours, write to the serial port, halt and power off for it. Nothing here runs per
 * packet. It uses no SSE, so that ring 3's registers stay what they are. */
#ifndef CLICKLET_GUEST_KERNEL_H
#define CLICKLET_GUEST_KERNEL_H
#include <clicklet/base.h>
#include <clicklet/guest_abi.h>

/* Ring 3 asks with ud2: some nested hosts pass on neither `int n` nor `syscall`. rax: KERNEL_CALL, rdi:
 * which, rsi and rdx: arguments. */
#define KERNEL_CALL UINT64_C(0x6c61636b6e6c6b63)
enum KernelCall {
  KERNEL_WRITE, /* rsi text, rdx length: to the serial port */
  KERNEL_HALT,  /* until an interrupt; the only place where interrupts are taken */
  KERNEL_EXIT,  /* rsi exit status; does not return */
};

/* Interrupt vectors. */
enum { VECTOR_TIMER = 32, VECTOR_DEVICE = 33, VECTOR_SPURIOUS = 47 };
#define LAPIC UINT64_C(0xfee00000)
#define IOAPIC UINT64_C(0xfec00000)
enum {
  LAPIC_EOI = 0xb0,
  LAPIC_SPURIOUS = 0xf0,
  LAPIC_TIMER = 0x320,
  LAPIC_COUNT = 0x380,
  LAPIC_CURRENT = 0x390,
  LAPIC_DIVIDE = 0x3e0
};

typedef struct TrapFrame {
  uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax, vector, error, rip, cs, rflags, rsp, ss;
} TrapFrame;

extern GuestBoot guest_boot;
extern const GuestImage guest_image;

void kernel_write(const char *s, size_t n);
_Noreturn void kernel_exit(uint8_t status);

always_inline void port_write8(uint16_t port, uint8_t v) {
  __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}
always_inline uint8_t port_read8(uint16_t port) {
  uint8_t v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}
always_inline uint64_t read_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}
always_inline void mmio_write32(uint64_t at, uint32_t v) { *(volatile uint32_t *)at = v; }
always_inline uint32_t mmio_read32(uint64_t at) { return *(volatile uint32_t *)at; }

#endif
