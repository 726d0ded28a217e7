/* trap.c: everything that enters ring 0 after the start: calls of ring 3, interrupts while halted, and
 * faults. A fault ends the guest, after its report: which element, what, where. */
#include <clicklet/element.h>
#include "kernel.h"

/* ---- Output without a monitor of ours: the first serial port, and QEMU's exit device
 * --------------------------------- */

enum {
  SERIAL = 0x3f8,
  SERIAL_FIFO = SERIAL + 2,
  SERIAL_STATUS = SERIAL + 5,
  SERIAL_EMPTY = 0x20,
  FIFO_BYTES = 16
};
enum { EXIT_DEVICE = 0xf4 };

static bool monitored(void) { return guest_boot.flags & GUEST_FLAG_MONITOR; }

static void doorbell64(uint32_t offset, uint64_t v) { *(volatile uint64_t *)(GUEST_DOORBELLS + offset) = v; }

void kernel_write(const char *s, size_t n) {
  if (monitored()) {
    doorbell64(GUEST_DOORBELL_CONSOLE, (uint64_t)s << 32 | n);
    return;
  }
  static bool fifo_on;
  if (!fifo_on) port_write8(SERIAL_FIFO, 1);
  fifo_on = true;
  while (n) {
    for (int tries = 0; tries < 1000 && !(port_read8(SERIAL_STATUS) & SERIAL_EMPTY); tries++) {}
    size_t part = n < FIFO_BYTES ? n : FIFO_BYTES;
    n -= part;
    __asm__ volatile("rep outsb" : "+S"(s), "+c"(part) : "d"(SERIAL) : "memory");
  }
}

void kernel_exit(uint8_t status) {
  if (!monitored()) {
    port_write8(EXIT_DEVICE, status); /* QEMU's isa-debug-exit, where present: exit status 2 * status + 1 */
    struct {
      uint16_t limit;
      uint64_t base;
    } __attribute__((packed)) none = {0, 0};
    __asm__ volatile(
        "lidt %0; ud2" ::"m"(none)); /* a triple fault resets the machine, which -no-reboot ends */
  }
  for (;;) __asm__ volatile("cli; hlt");
}

/* ---- Reporting a fault
 * ------------------------------------------------------------------------------------------------ */

typedef struct Line {
  char *at, *end;
} Line;

static void add(Line *l, const char *s, unsigned max) {
  while (max-- && *s && l->at < l->end) *l->at++ = *s++;
}
static void add_hex(Line *l, uint64_t v) {
  char s[19] = "0x";
  int n = 2, shift = 60;
  while (shift && !(v >> shift)) shift -= 4;
  for (; shift >= 0; shift -= 4) s[n++] = "0123456789abcdef"[v >> shift & 15];
  s[n] = 0;
  add(l, s, sizeof s);
}

/* Whether ring 0 can read there: the running element may itself have been overwritten. */
static bool readable(const void *p, size_t size) {
  uint64_t at = (uint64_t)p, guard = guest_image.stack_guard;
  return at >= 4096 && at < guest_boot.memory && size <= guest_boot.memory - at &&
         (at + size <= guard || at >= guard + 4096);
}

static const char *trap_name(uint64_t vector) {
  switch (vector) {
  case 0:
    return "division by zero or overflow";
  case 3:
    return "breakpoint";
  case 6:
    return "invalid instruction";
  case 13:
    return "general protection fault";
  case 14:
    return "page fault";
  case 16:
  case 19:
    return "floating point exception";
  case 17:
    return "misaligned access";
  }
  return "unexpected trap";
}

static _Noreturn void fault(const TrapFrame *f) {
  static bool reporting;
  GuestReport *r = &guest_boot.report;
  Line line = {r->reason, r->reason + sizeof r->reason - 2};
  uint64_t address = 0;
  if (f->vector == 14) __asm__("mov %%cr2, %0" : "=r"(address));
  const Element *e = running_element;
  r->fault = (GuestFault){f->vector, f->error, address, f->rip, f->rsp, (uint64_t)e};
  add(&line, f->cs & 3 ? "fault in " : "fault in the kernel, while in ", 64);
  if (reporting || !readable(e, sizeof *e) || !readable(e->class, sizeof *e->class)) {
    add(&line, "the engine", 64);
  } else {
    reporting = true;
    add(&line, "element '", 16);
    if (readable(e->name, 64)) add(&line, e->name, 64);
    add(&line, "' :: ", 8);
    if (readable(e->class->name, 64)) add(&line, e->class->name, 64);
  }
  add(&line, ": ", 2);
  if (f->vector == 14 && address - guest_image.stack_guard < 4096) add(&line, "stack overflow, ", 32);
  add(&line, trap_name(f->vector), 64);
  if (f->vector == 14) {
    add(&line, f->error & 16 ? " executing" : f->error & 2 ? " writing" : " reading", 16);
    add(&line, " at address ", 16);
    add_hex(&line, address);
  } else if (f->vector != 6 && f->error) {
    add(&line, " error ", 16);
    add_hex(&line, f->error);
  }
  add(&line, ", rip ", 8);
  add_hex(&line, f->rip);
  *line.at++ = '\n';
  *line.at = 0;
  kernel_write(r->reason, (size_t)(line.at - r->reason));
  line.at[-1] = 0;
  r->state = GUEST_FAULTED;
  if (monitored()) mmio_write32(GUEST_DOORBELLS + GUEST_DOORBELL_STATE, GUEST_FAULTED);
  kernel_exit(70);
}

/* ---- The one entry
 * ---------------------------------------------------------------------------------------------------- */

static bool kernel_call(TrapFrame *f) {
  static const uint8_t ud2[2] = {0x0f, 0x0b};
  const uint8_t *at = (const uint8_t *)f->rip;
  if (at[0] != ud2[0] || at[1] != ud2[1] || f->rax != KERNEL_CALL) return false;
  switch (f->rdi) {
  case KERNEL_WRITE:
    if (!readable((const void *)f->rsi, f->rdx)) return false;
    kernel_write((const char *)f->rsi, f->rdx);
    break;
  case KERNEL_HALT:
    __asm__ volatile("sti; hlt; cli");
    break;
  case KERNEL_EXIT:
    kernel_exit((uint8_t)f->rsi);
  default:
    return false;
  }
  f->rip += 2;
  return true;
}

void kernel_trap(TrapFrame *f) {
  if (f->vector == 6 && f->cs & 3 && kernel_call(f)) return;
  if (f->vector < VECTOR_TIMER) fault(f);
  if (f->vector != VECTOR_SPURIOUS) mmio_write32(LAPIC + LAPIC_EOI, 0);
}
