/* kernel.c: how ring 3 reaches what is outside of it: ring 0 by ud2, the monitor by its doorbells. */
#include "guest.h"
#include "kernel/kernel.h"

void kernel_call(uint64_t which, uint64_t a, uint64_t b) {
  __asm__ volatile("ud2" ::"a"(KERNEL_CALL), "D"(which), "S"(a), "d"(b) : "memory");
}

void doorbell_state(uint32_t state) {
  guest_boot.report.state = state;
  if (monitored()) mmio_write32(GUEST_DOORBELLS + GUEST_DOORBELL_STATE, state);
}

void guest_exit(uint8_t status) {
  if (!monitored()) kernel_call(KERNEL_EXIT, status, 0);
  for (;;) cpu_pause(); /* the monitor does not let a stopped guest run on */
}

void console_write(const char *s, size_t n) {
  if (!monitored()) {
    kernel_call(KERNEL_WRITE, (uint64_t)s, n);
    return;
  }
  while (n) {
    size_t part = n < GUEST_TEXT_MAX ? n : GUEST_TEXT_MAX;
    *(volatile uint64_t *)(GUEST_DOORBELLS + GUEST_DOORBELL_CONSOLE) = (uint64_t)s << 32 | part;
    s += part, n -= part;
  }
}

void console_printf(const char *format, ...) {
  char text[256];
  Text t = {.s = text, .capacity = sizeof text};
  va_list args;
  va_start(args, format);
  text_vprintf(&t, format, args);
  va_end(args);
  console_write(text_cstr(&t), t.len);
  if (t.s != text) text_free(&t);
}

void platform_write(int stream, const char *s, size_t n) {
  (void)stream;
  console_write(s, n);
}

void platform_panic(const char *message) {
  GuestReport *r = &guest_boot.report;
  const Element *e = running_element;
  format_into(r->reason, sizeof r->reason, "panic in %s: %s", e ? e->name : "the engine", message);
  console_write(r->reason, strlen(r->reason));
  console_write("\n", 1);
  doorbell_state(GUEST_FAULTED);
  guest_exit(70);
}
