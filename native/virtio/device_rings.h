/* device_rings.h: what device.c shares with the split and the packed half of the device side. */
#ifndef CLICKLET_VIRTIO_DEVICE_RINGS_H
#define CLICKLET_VIRTIO_DEVICE_RINGS_H
#include "device.h"

enum { FRAME_BYTES_MAX = 1 << 18 }; /* no net driver sends longer ones */

unsigned split_receive(DeviceQueue *q, DeviceFrame *frames, unsigned max);
void split_receive_done(DeviceQueue *q);
unsigned split_send(DeviceQueue *q, const DeviceBuffer *b, unsigned n, uint64_t *dropped);
unsigned packed_receive(DeviceQueue *q, DeviceFrame *frames, unsigned max);
void packed_receive_done(DeviceQueue *q);
unsigned packed_send(DeviceQueue *q, const DeviceBuffer *b, unsigned n, uint64_t *dropped);

/* Stops the queue for a violation by the driver. */
__attribute__((cold)) static inline void device_broken(DeviceQueue *q, const char *why) {
  __atomic_store_n(&q->error, why, __ATOMIC_RELAXED); /* the control side of vhost-user looks at it */
  q->started = false;
}

/* A descriptor, read once: the driver may change it at any time. */
typedef struct DescCopy {
  uint64_t addr;
  uint32_t len;
  uint16_t id_or_next, flags;
} DescCopy;

always_inline void prefetch_frame(const uint8_t *data, uint32_t len) {
  __builtin_prefetch(data);
  if (((uintptr_t)data & 63) + len > 64) __builtin_prefetch(data + 64);
}

/* The largest region, where nearly every buffer of at most WINDOW_BUFFER bytes starts: one comparison instead
 * of memory_at. */
enum { WINDOW_BUFFER = 2048 };
typedef struct Window {
  uint8_t *host;
  uint64_t guest, bytes; /* where such a buffer may start */
} Window;
always_inline Window window_of(const MemoryMap *m) {
  const MemoryRegion *r = &m->regions[m->largest];
  if (unlikely(m->largest >= m->count || r->size < WINDOW_BUFFER)) return (Window){NULL, 0, 0};
  return (Window){r->host, r->guest, r->size - WINDOW_BUFFER};
}

/* Adds a piece of a frame, of which the first `*skip` bytes are net header. NULL if all is well. */
const char *frame_add(DeviceQueue *q, DeviceFrame *f, unsigned *segments, uint32_t *skip, uint64_t addr,
                      uint32_t len);

/* Copies header and frame over pieces of driver memory, which have room for them. */
void scatter_frame(const DeviceSegment *s, unsigned n, uint32_t header, uint16_t num_buffers,
                   const DeviceBuffer *b);

/* The header in front of a frame in one buffer: 5.1.6, all zero but num_buffers. Where it has a cache line
 * apart from the frame's, that line stays shared between the two sides as long as nobody changes it, so look
 * before writing. */
always_inline void put_header(uint8_t *to, uint32_t header) {
  if (likely(header == 12)) {
    if (((uintptr_t)to & 63) == 52 && load64(to) == 0 && load32(to + 8) == 1u << 16) return;
    store64(to, 0);
    store32(to + 8, 1u << 16);
  } else {
    memset(to, 0, 10);
  }
}

always_inline void prefetch_room(const uint8_t *to, uint32_t header, uint32_t frame) {
  if (((uintptr_t)to & 63) == 64 - header) {
    __builtin_prefetch(to);
    prefetch_write(to + header);
    if (frame > 64) prefetch_write(to + header + 64);
  } else {
    prefetch_write(to);
    if (((uintptr_t)to & 63) + header + frame > 64) prefetch_write(to + 64);
  }
}

#endif
