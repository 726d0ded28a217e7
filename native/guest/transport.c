/* transport.c: finding and starting virtio devices: on the monitor's shared page, or behind virtio-mmio
 * registers (virtio 1.2, 4.2). Register accesses are exits, dear on some hosts, so only what is needed is
 * read. */
#include "guest.h"
#include "kernel/kernel.h"

VirtioDevice virtio_devices[GUEST_DEVICES];
unsigned virtio_device_count;

enum { /* 4.2.2 */
       MMIO_MAGIC = 0x00,
       MMIO_VERSION = 0x04,
       MMIO_DEVICE = 0x08,
       MMIO_OFFERED = 0x10,
       MMIO_OFFERED_SELECT = 0x14,
       MMIO_ACCEPTED = 0x20,
       MMIO_ACCEPTED_SELECT = 0x24,
       MMIO_QUEUE_SELECT = 0x30,
       MMIO_QUEUE_LIMIT = 0x34,
       MMIO_QUEUE_SIZE = 0x38,
       MMIO_QUEUE_READY = 0x44,
       MMIO_NOTIFY = 0x50,
       MMIO_INTERRUPTS = 0x60,
       MMIO_INTERRUPT_ACK = 0x64,
       MMIO_STATUS = 0x70,
       MMIO_DESC = 0x80,
       MMIO_DRIVER = 0x90,
       MMIO_AREA = 0xa0,
       MMIO_CONFIG = 0x100,
};
enum { VIRTIO_MAGIC = 0x74726976, ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 }; /* 2.1 */

void virtio_probe_shared(void) {
  for (unsigned i = 0; i < guest_boot.device_count && i < GUEST_DEVICES; i++) {
    GuestDevice *s = &guest_boot.devices[i];
    VirtioDevice *d = &virtio_devices[virtio_device_count++];
    *d = (VirtioDevice){.type = s->type,
                        .queue_limit = s->queue_limit,
                        .offered = s->offered,
                        .mtu = s->mtu,
                        .shared = s,
                        .generation = s->generation};
    memcpy(d->mac, s->mac, 6);
  }
}

static uint32_t get(const VirtioDevice *d, uint32_t reg) { return mmio_read32(d->registers + reg); }
static void set(const VirtioDevice *d, uint32_t reg, uint32_t v) { mmio_write32(d->registers + reg, v); }
static void set64(const VirtioDevice *d, uint32_t reg, const void *v) {
  set(d, reg, (uint32_t)(uint64_t)v);
  set(d, reg + 4, (uint32_t)((uint64_t)v >> 32));
}

bool virtio_probe_mmio(uint64_t registers, uint32_t interrupt) {
  VirtioDevice v = {.registers = registers, .interrupt = interrupt, .queue_limit = 1024, .mtu = 1500},
               *d = &v;
  if (virtio_device_count == GUEST_DEVICES || get(d, MMIO_MAGIC) != VIRTIO_MAGIC ||
      !(d->type = get(d, MMIO_DEVICE)))
    return false;
  if (get(d, MMIO_VERSION) != 2) {
    console_printf(
        "virtio device at 0x%lx is a legacy one: start QEMU with -global virtio-mmio.force-legacy=false\n",
        registers);
    return false;
  }
  set(d, MMIO_STATUS, 0);
  set(d, MMIO_STATUS, ACKNOWLEDGE | DRIVER);
  for (uint32_t half = 0; half < 2; half++) {
    set(d, MMIO_OFFERED_SELECT, half);
    d->offered |= (uint64_t)get(d, MMIO_OFFERED) << 32 * half;
  }
  if (d->type == VIRTIO_ID_NET) {
    for (unsigned i = 0; i < 6 && d->offered & VIRTIO_NET_F_MAC; i++)
      d->mac[i] = *(volatile uint8_t *)(registers + MMIO_CONFIG + i);
    if (d->offered & VIRTIO_NET_F_MTU)
      d->mtu = *(volatile uint16_t *)(registers + MMIO_CONFIG + offsetof(VirtioNetConfig, mtu));
  }
  virtio_devices[virtio_device_count++] = v;
  return true;
}

static const char *start_mmio(VirtioDevice *d, uint64_t features, DriverQueue *const *queues, unsigned n) {
  if (!(get(d, MMIO_STATUS) & DRIVER)) set(d, MMIO_STATUS, ACKNOWLEDGE | DRIVER); /* it was reset */
  for (uint32_t half = 0; half < 2; half++) {
    set(d, MMIO_ACCEPTED_SELECT, half);
    set(d, MMIO_ACCEPTED, (uint32_t)(features >> 32 * half));
  }
  set(d, MMIO_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
  if (!(get(d, MMIO_STATUS) & FEATURES_OK)) return "it does not accept the features";
  for (unsigned i = 0; i < n; i++) {
    const DriverQueue *q = queues[i];
    set(d, MMIO_QUEUE_SELECT, i);
    if (get(d, MMIO_QUEUE_LIMIT) < q->size) return "its queues are too small";
    set(d, MMIO_QUEUE_SIZE, q->size);
    set64(d, MMIO_DESC, q->desc);
    set64(d, MMIO_DRIVER, q->avail);
    set64(d, MMIO_AREA, q->used);
    set(d, MMIO_QUEUE_READY, 1);
  }
  set(d, MMIO_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
  set(d, MMIO_NOTIFY,
      0); /* receive buffers may be there already; the shared page's devices look by themselves */
  return NULL;
}

void virtio_refresh(VirtioDevice *d) {
  if (!d->shared) return;
  d->generation =
      __atomic_load_n(&d->shared->generation, __ATOMIC_ACQUIRE); /* first: a change from here on is seen */
  d->offered = d->shared->offered;
  memcpy(d->mac, d->shared->mac, 6);
}

void *virtio_prepared(const VirtioDevice *d, uint32_t *size, uint64_t *features) {
  if (!d->shared || !d->shared->queues[0].size) return NULL;
  *size = d->shared->queues[0].size;
  *features = d->shared->ready && !d->generation ? d->shared->accepted : 0;
  return (void *)d->shared->queues[0].descriptors;
}

static void ring_device(const VirtioDevice *d) {
  mmio_write32(GUEST_DOORBELLS + GUEST_DOORBELL_DEVICE, (uint32_t)(d->shared - guest_boot.devices));
}

const char *virtio_start(VirtioDevice *d, uint64_t features, DriverQueue *const *queues, unsigned n) {
  if (d->registers) return start_mmio(d, features, queues, n);
  GuestDevice *s = d->shared;
  s->accepted = features;
  s->queue_count = n;
  for (unsigned i = 0; i < n; i++)
    s->queues[i] = (GuestQueue){.size = queues[i]->size,
                                .descriptors = (uint64_t)queues[i]->desc,
                                .driver = (uint64_t)queues[i]->avail,
                                .device = (uint64_t)queues[i]->used};
  __atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
  if (s->type == VIRTIO_ID_NET) ring_device(d); /* for the control channel the monitor looks by itself */
  return NULL;
}

void virtio_stop(VirtioDevice *d) {
  if (d->registers) {
    set(d, MMIO_STATUS, 0);
    while (get(d, MMIO_STATUS)) cpu_pause();
    return;
  }
  __atomic_store_n(&d->shared->ready, 0, __ATOMIC_RELEASE);
  ring_device(d);
}

bool virtio_lost(VirtioDevice *d) {
  return d->shared && __atomic_load_n(&d->shared->generation, __ATOMIC_RELAXED) != d->generation;
}

bool virtio_link(const VirtioDevice *d) { return d->shared ? d->shared->link : true; }

void virtio_notify(const VirtioDevice *d, unsigned queue) {
  if (d->registers)
    set(d, MMIO_NOTIFY, queue);
  else
    mmio_write32(GUEST_DOORBELLS + GUEST_DOORBELL_NOTIFY((uint32_t)(d->shared - guest_boot.devices), queue),
                 queue);
}
