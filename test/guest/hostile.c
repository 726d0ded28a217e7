/* hostile.c: a guest that attacks its monitor: random boot blocks, queues, descriptors, doorbells and control
 * frames. It is linked with the guest's kernel in place of everything else. The seed comes in as the plan (8
 * bytes). What the monitor must do: end with one of its documented exit statuses, whatever happens here. */
#include <clicklet/channel.h>
#include <clicklet/element.h>
#include "../../native/guest/kernel/kernel.h"
#include "../../native/virtio/ring.h"

GuestBoot guest_boot __attribute__((aligned(4096)));
const Element *volatile running_element;

__asm__(".globl user_start\nuser_start:\n  and $-16, %rsp\n  call guest_main\n  ud2\n");

static uint64_t state;
static uint64_t any(void) { /* xorshift64* */
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return state * UINT64_C(0x2545f4914f6cdd1d);
}
static uint64_t below(uint64_t n) { return any() % n; }

/* Values near what is valid are the dangerous ones. */
static uint64_t address(void) {
  switch (below(6)) {
  case 0:
    return any();
  case 1:
    return guest_boot.memory - below(64);
  case 2:
    return guest_boot.memory + below(4096);
  case 3:
    return below(guest_boot.memory);
  default:
    return (below(guest_boot.memory) & ~UINT64_C(4095)) + below(2) * below(64);
  }
}
static uint64_t length(void) {
  static const uint32_t usual[] = {0, 1, 11, 12, 13, 60, 64, 1500, 2048, 4096, 65535, 0x7fffffff, 0xffffffff};
  return below(3) ? usual[below(countof(usual))] : any();
}

static void doorbell(uint32_t offset, uint64_t v, unsigned size) {
  if (size == 8)
    *(volatile uint64_t *)(GUEST_DOORBELLS + offset) = v;
  else
    *(volatile uint32_t *)(GUEST_DOORBELLS + offset) = (uint32_t)v;
}

static uint8_t area[8][16384] __attribute__((aligned(4096)));

/* A queue that is right, or nearly. */
static void good_queue(GuestQueue *q, unsigned n, uint32_t size, bool receive) {
  uint8_t *a = area[n];
  *q = (GuestQueue){.size = size,
                    .descriptors = (uint64_t)a,
                    .driver = (uint64_t)(a + 8192),
                    .device = (uint64_t)(a + 12288)};
  VirtqDesc *d = (VirtqDesc *)a;
  VirtqAvail *v = (VirtqAvail *)(a + 8192);
  for (uint32_t i = 0; i < size; i++) {
    d[i] = (VirtqDesc){below(8) ? (uint64_t)area[7] + below(8192) : address(),
                       below(4) ? 64 + (uint32_t)below(2000) : (uint32_t)length(),
                       (uint16_t)(below(8) ? (receive ? VIRTQ_DESC_WRITE : 0) : any()),
                       (uint16_t)below(size + 2)};
    v->ring[i] = (uint16_t)(below(16) ? i : any());
  }
  v->idx = (uint16_t)(below(8) ? below(size + 1) : any());
}

static void device(void) {
  uint32_t n = (uint32_t)below(guest_boot.device_count + 1);
  GuestDevice *d = &guest_boot.devices[n];
  static const uint32_t sizes[] = {0, 1, 4, 16, 64, 128, 256, 3, 1024, 2048, 32768, 65536};
  d->accepted = below(4) ? d->offered & any() : any();
  if (below(2)) d->accepted &= ~VIRTIO_F_RING_PACKED;
  d->queue_count = (uint32_t)below(5);
  for (unsigned q = 0; q < 2; q++) {
    uint32_t size = sizes[below(countof(sizes))];
    if (below(4) && size <= 256)
      good_queue(&d->queues[q], (n * 2 + q) % 7, size, q == 0);
    else
      d->queues[q] =
          (GuestQueue){.size = size, .descriptors = address(), .driver = address(), .device = address()};
  }
  d->ready = below(8) != 0;
  doorbell(GUEST_DOORBELL_DEVICE, below(16) ? n : any(), 4);
}

static void control_frame(void) { /* into the buffers that may be queued */
  ChannelFrame *f = (ChannelFrame *)(area[7] + below(64) * 24);
  *f = (ChannelFrame){below(8) ? CHANNEL_MAGIC : (uint32_t)any(),
                      CHANNEL_VERSION,
                      (uint16_t)(below(2) ? CHANNEL_BOOT : any()),
                      (uint32_t)length(),
                      (uint32_t)below(4),
                      (uint32_t)below(3),
                      0};
}

void guest_main(void);
void guest_main(void) {
  state = *(const uint64_t *)guest_boot.plan * UINT64_C(0x9e3779b97f4a7c15) | 1;
  for (unsigned step = 0; step < 300; step++) {
    switch (below(12)) {
    case 0:
      doorbell(GUEST_DOORBELL_CONSOLE, address() << 32 | (length() & 0xffffffff), 8);
      break;
    case 1:
      doorbell(GUEST_DOORBELL_WAIT, below(1000000), 8);
      break;
    case 2:
      if (!below(40)) doorbell(GUEST_DOORBELL_STATE, below(4) ? below(12) : any(), 4);
      break;
    case 3:
      ((uint8_t *)&guest_boot.report)[below(sizeof guest_boot.report)] = (uint8_t)any();
      break;
    case 4:
    case 5:
      device();
      break;
    case 6:
      control_frame();
      break;
    case 7:
      area[below(7)][below(16384)] = (uint8_t)any();
      break;
    case 8:
      if (!below(60)) doorbell((uint32_t)below(4096) & ~3u, any(), 4);
      break;
    case 9:
      ((uint8_t *)&guest_boot)[below(sizeof guest_boot)] = (uint8_t)(below(10) ? 0 : any());
      break;
    default:
      doorbell(GUEST_DOORBELL_NOTIFY(below(4), below(2)), any(), 4);
    }
  }
  doorbell(GUEST_DOORBELL_STATE, GUEST_STOPPED, 4);
  for (;;) {}
}
