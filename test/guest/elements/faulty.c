/** Faulty: does what no element should, when the AT-th packet comes. Only in the tests' image.
 *
 * Synopsis: `Faulty(HOW, AT)`: HOW is null (writes through a null pointer), kernel (writes to the kernel's
 * memory), execute (calls what is no code) or privileged (executes an instruction of ring 0).
 *
 * Example: none: this element is in no class table.
 */
#include <clicklet/element.h>

typedef struct Faulty {
  Element base;
  int how;
  uint32_t at, count;
} Faulty;

static inline int faulty(Faulty *e, Packet *p) {
  (void)p;
  if (++e->count != e->at) return 0;
  switch (e->how) {
  case 0:
    *(volatile int *)16 = 1;
    break;
  case 1: {
    struct __attribute__((packed)) {
      uint16_t limit;
      uint64_t base;
    } idt;
    __asm__ volatile("sidt %0" : "=m"(idt));
    *(volatile uint64_t *)idt.base = 0;
    break;
  }
  case 2:
    ((void (*)(void))(uintptr_t)0x7000000000)();
    break;
  case 3:
    __asm__ volatile("mov %0, %%cr3" ::"r"(0ul));
    break;
  }
  return 0;
}

ACTION(Faulty, faulty)

static const char *const ways[] = {"null", "kernel", "execute", "privileged", NULL};

ELEMENT(Faulty, .ports = "1/1", USE_ACTION(Faulty, faulty),
        .args = ARGS(ARG_MUST(Faulty, CHOICE, "HOW", how, .choices = ways), ARG_MUST(Faulty, U32, "AT", at)));
