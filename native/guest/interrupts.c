/* interrupts.c: idle without a monitor of ours: the local APIC's timer and the devices' interrupts end a
 * halt. Interrupts are off at all other times, so none ever arrives in the middle of ring 3. */
#include "guest.h"
#include "kernel/kernel.h"

enum { IOAPIC_SELECT = 0x00, IOAPIC_DATA = 0x10, IOAPIC_PIN = 0x10 /* + 2 * pin */ };
enum { VIRTIO_INTERRUPTS = 0x60, VIRTIO_ACK = 0x64 };

void interrupts_init(void) {
  mmio_write32(LAPIC + LAPIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
  mmio_write32(LAPIC + LAPIC_DIVIDE, 0xb);         /* by 1: nanoseconds */
  mmio_write32(LAPIC + LAPIC_TIMER, VECTOR_TIMER); /* one shot */
}

/* Edge-triggered, to this CPU (APIC id 0): the device raises it again after an acknowledgement. */
void interrupts_route(uint32_t pin) {
  mmio_write32(IOAPIC + IOAPIC_SELECT, IOAPIC_PIN + 2 * pin + 1);
  mmio_write32(IOAPIC + IOAPIC_DATA, 0);
  mmio_write32(IOAPIC + IOAPIC_SELECT, IOAPIC_PIN + 2 * pin);
  mmio_write32(IOAPIC + IOAPIC_DATA, VECTOR_DEVICE);
}

void interrupts_halt(uint64_t ns) {
  if (!ns) ns = 1;
  mmio_write32(LAPIC + LAPIC_COUNT,
               ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns); /* at the latest after 4.3 s */
  kernel_call(KERNEL_HALT, 0, 0);
  mmio_write32(LAPIC + LAPIC_COUNT, 0);
  for (unsigned i = 0; i < virtio_device_count; i++) { /* so that the next interrupt is an edge again */
    uint64_t r = virtio_devices[i].registers;
    uint32_t pending = r ? mmio_read32(r + VIRTIO_INTERRUPTS) : 0;
    if (pending) mmio_write32(r + VIRTIO_ACK, pending);
  }
}
