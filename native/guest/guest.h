/* guest.h: the ring-3 part of the guest: from user_start to the engine's loop, and what platform.h asks for.
 */
#ifndef CLICKLET_GUEST_H
#define CLICKLET_GUEST_H
#include <clicklet/engine.h>
#include <clicklet/guest_abi.h>
#include <clicklet/netdevice.h>
#include <clicklet/platform.h>
#include "../virtio/driver.h"

extern GuestBoot guest_boot;
extern const GuestImage guest_image;

always_inline bool monitored(void) { return guest_boot.flags & GUEST_FLAG_MONITOR; }
always_inline void cpu_pause(void) { __asm__ volatile("pause"); }
always_inline uint64_t cpu_tsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

/* kernel.c: calls of ring 0 (without a monitor) and doorbells (with one). */
void kernel_call(uint64_t which, uint64_t a, uint64_t b);
void doorbell_state(uint32_t state);
_Noreturn void guest_exit(uint8_t status);
void console_write(const char *s, size_t n);
void console_printf(const char *format, ...) printf_like(1, 2);

/* pages.c: all free memory, in pages of 4 KB. */
enum { PAGE_BYTES = 4096 };
void pages_init(void);
void pages_release(uint64_t from, uint64_t to); /* memory that was reserved at first: the boot plan */
uint64_t pages_free(void);                      /* bytes */
uint64_t memory_refused(
    void); /* bytes that were missing when an allocation failed, since the last call; 0: none failed */

/* clock.c */
void clock_init(void);
uint64_t ns_to_tsc(uint64_t ns);

/* pvh.c: boot block, memory map and devices where no monitor of ours prepared them. */
void pvh_init(void);
typedef struct MemoryRange {
  uint64_t from, to;
} MemoryRange;
enum { MEMORY_RANGES = 16 };
extern MemoryRange memory_ranges[MEMORY_RANGES]; /* RAM */
extern unsigned memory_range_count;

/* transport.c: virtio devices, however they are reached. */
typedef struct VirtioDevice {
  uint32_t type;        /* virtio device id */
  uint32_t queue_limit; /* descriptors */
  uint64_t offered;
  uint8_t mac[6];
  uint16_t mtu;
  uint64_t registers; /* virtio-mmio, 0: the shared page */
  GuestDevice *shared;
  uint32_t generation; /* of the shared device, as last seen */
  uint32_t interrupt;  /* virtio-mmio */
} VirtioDevice;
extern VirtioDevice virtio_devices[GUEST_DEVICES];
extern unsigned virtio_device_count;
void virtio_probe_shared(void);
bool virtio_probe_mmio(uint64_t registers, uint32_t interrupt);
void virtio_refresh(VirtioDevice *d); /* before a start: what it offers now */
/* Memory that the monitor has set aside for the device's two queues of *size descriptors, or NULL. *features:
 * what they run with already, 0 if they do not run. */
void *virtio_prepared(const VirtioDevice *d, uint32_t *size, uint64_t *features);
/* Gives the device its queues and lets it go. NULL, or why it refused. */
const char *virtio_start(VirtioDevice *d, uint64_t features, DriverQueue *const *queues, unsigned n);
void virtio_stop(VirtioDevice *d); /* the device forgets its queues */
bool virtio_lost(VirtioDevice *d); /* its rings must be set up anew */
bool virtio_link(const VirtioDevice *d);
void virtio_notify(const VirtioDevice *d, unsigned queue);

/* net.c */
void net_init(uint32_t pool_packets);
bool net_deliver(Engine *e); /* calls ready() where something waits; true if it did */
bool net_arm(Engine *e,
             bool on);       /* interrupts of the devices that elements wait for; true: something is there */
void net_reclaim(void);      /* takes back packets that were sent */
uint64_t net_activity(void); /* frames moved so far */
NetDevice *net_device(unsigned n); /* the n-th NIC or NULL */

/* main.c */
void image_fuse(
    Engine *e); /* binds the image's fused unit, if it has one and it was made for what is installed */

/* channel.c */
void channel_init(Engine *e);
bool channel_pending(void);
void channel_run(Engine *e);
bool channel_arm(bool on);
void channel_flush(void); /* sends what is left, within half a second */
void channel_boot_event(int status, const Errors *errs);
extern bool guest_stop; /* a STOP was acknowledged */

/* interrupts.c: idle where there is no monitor. */
void interrupts_init(void);
void interrupts_route(uint32_t pin);
void interrupts_halt(uint64_t ns);

#endif
