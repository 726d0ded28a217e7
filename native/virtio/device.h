/* device.h: the device side of a network virtqueue, split or packed, over shared memory. It knows nothing of
 * packets, elements or the engine: frames come and go as pointers and lengths. Used by the vhost-user backend
 * and by the TAP ports of the KVM monitor.
 *
 * The driver is hostile until proven otherwise: every address, length, index and chain it writes is checked,
 * each field is read once, and a queue in which something is wrong stops (`error` says why) until it is
 * started again.
 *
 * A queue belongs to one thread at a time. Receiving:
 *
 *   n = device_receive(q, frames, 64);      the frames' bytes are in the driver's memory: copy them out
 *   device_receive_done(q);                 gives the buffers back
 *   device_notify(q);                       interrupts the driver if it asked for that
 *
 * Sending: device_send(q, buffers, n) copies frames into the driver's buffers and shows them; then
 * device_notify(q).
 */
#ifndef CLICKLET_VIRTIO_DEVICE_H
#define CLICKLET_VIRTIO_DEVICE_H
#include "ring.h"

/* ---- The driver's memory ------------------------------------------------------------------------------ */

enum { MEMORY_REGIONS = 32 };

typedef struct MemoryRegion {
  uint64_t guest; /* guest-physical address */
  uint64_t user;  /* address in the frontend's process (vhost-user ring addresses count in it); else same as
                     guest */
  uint64_t size;
  uint8_t *host; /* where it is mapped here */
} MemoryRegion;

typedef struct MemoryMap {
  uint32_t count;
  uint32_t largest; /* where buffers are looked for first; only a hint, but below MEMORY_REGIONS */
  MemoryRegion regions[MEMORY_REGIONS];
} MemoryMap;

/* `len` bytes at a guest-physical address, wholly inside one region; NULL if they are not. */
always_inline uint8_t *memory_at(const MemoryMap *m, uint64_t guest, uint64_t len) {
  for (uint32_t i = 0; i < m->count; i++) {
    const MemoryRegion *r = &m->regions[i];
    uint64_t at = guest - r->guest;
    if (likely(at < r->size && len <= r->size - at)) return r->host + at;
  }
  return NULL;
}
/* The same for an address of the frontend's process. */
uint8_t *memory_at_user(const MemoryMap *m, uint64_t user, uint64_t len);

/* ---- Queues ------------------------------------------------------------------------------------------- */

/* What this device side can do, for feature negotiation. Transport bits only; CSUM, GSO and such are not
 * among them. */
#define DEVICE_FEATURES                                                                                      \
  (VIRTIO_F_VERSION_1 | VIRTIO_F_ANY_LAYOUT | VIRTIO_F_EVENT_IDX | VIRTIO_F_RING_PACKED |                    \
   VIRTIO_F_IN_ORDER | VIRTIO_NET_F_MRG_RXBUF)

enum { DEVICE_BURST = 64, DEVICE_SEGMENTS = 256 };

typedef struct DeviceQueueConfig {
  uint64_t features; /* as negotiated */
  uint32_t size;     /* entries; a power of two unless packed */
  uint64_t desc, driver,
      device;          /* the areas: descriptors, available ring (driver events), used ring (device events) */
  bool user_addresses; /* those count in the frontend's address space, not in guest-physical memory */
  uint32_t base;       /* where to go on, as device_queue_stop returned it; for a fresh queue
                        * device_queue_fresh(features) */
  int call;            /* eventfd that interrupts the driver, or -1; stays the caller's */
} DeviceQueueConfig;

/* Bytes at a place in the driver's memory. */
typedef struct DeviceSegment {
  uint8_t *data;
  uint32_t len;
} DeviceSegment;

/* A frame from the driver, without its net header. Nearly always one segment. */
typedef struct DeviceFrame {
  const uint8_t *data; /* of the first segment */
  uint32_t len;        /* bytes there */
  uint32_t total;      /* bytes in all */
  uint16_t more;       /* segments behind the first */
  uint16_t next;       /* the first of them in the queue's `segments` */
} DeviceFrame;

/* A frame for the driver. */
typedef struct DeviceBuffer {
  const void *data;
  uint32_t len;
} DeviceBuffer;

typedef struct DeviceQueue {
  const MemoryMap *memory; /* must stay in place while the queue is started */
  union {
    VirtqDesc *desc;
    PackedDesc *packed_desc;
  };
  union {
    VirtqAvail *avail;
    PackedEvent *driver_event;
  };
  union {
    VirtqUsed *used;
    PackedEvent *device_event;
  };
  uint32_t size, mask, header; /* mask: of split rings */
  bool started, packed, in_order, event_idx, mergeable, armed;
  int call;
  uint16_t avail_idx, used_idx; /* free running (split) or ring positions (packed) */
  bool avail_wrap, used_wrap;   /* packed: wrap counters */
  uint16_t notified_idx;        /* used_idx when the driver was last considered for an interrupt */
  bool notified_wrap;
  uint16_t pending;             /* received, not given back yet: buffers ... */
  uint16_t pending_descs;       /* ... and (packed) the descriptors they take */
  const char *error;            /* why the queue stopped by itself; a string constant */
  uint16_t ids[DEVICE_BURST];   /* of the pending buffers, in order */
  uint16_t chain[DEVICE_BURST]; /* packed: descriptors of each */
  DeviceSegment segments[DEVICE_SEGMENTS];
} DeviceQueue;

/* Starts or restarts a queue. NULL if all is well, else what is wrong with the configuration. */
const char *device_queue_start(DeviceQueue *q, const MemoryMap *m, const DeviceQueueConfig *c);
/* Stops it and returns where it stood. Frames received but not given back will be received again. */
uint32_t device_queue_stop(DeviceQueue *q);
always_inline uint32_t device_queue_fresh(uint64_t features) {
  return features & VIRTIO_F_RING_PACKED ? UINT32_C(0x80008000) : 0;
}

/* Up to max (at most DEVICE_BURST) frames. Call device_receive_done before the next device_receive. */
unsigned device_receive(DeviceQueue *q, DeviceFrame *frames, unsigned max);
void device_receive_done(DeviceQueue *q);
/* Copies a whole frame (its `total` bytes) out. */
void device_frame_copy(const DeviceQueue *q, const DeviceFrame *f, uint8_t *to);

/* Sends the first of n frames and returns how many were taken: fewer when the driver has no buffers. A frame
 * that cannot fit in the driver's buffers at all counts as taken and is dropped (*dropped, if given, is
 * increased), and so does one longer than NET_FRAME_MAX for which there is no room now: a driver need not
 * have that many buffers ever. */
unsigned device_send(DeviceQueue *q, const DeviceBuffer *b, unsigned n, uint64_t *dropped);

/* Interrupts the driver if it wants to hear of what happened since the last call. */
void device_notify(DeviceQueue *q);

/* Asks the driver to kick when it makes buffers available, or to leave that. With `on`, true if some are
 * available already: then do not wait for a kick. Queues start with kicks off. */
bool device_arm(DeviceQueue *q, bool on);
bool device_has_buffers(const DeviceQueue *q);

/* ---- Copying frames: exact, straight-line up to 128 bytes --------------------------------------------- */

typedef long long Vector16 __attribute__((vector_size(16), aligned(1), may_alias));

always_inline void copy64(uint8_t *to, const uint8_t *from) {
  Vector16 a = *(const Vector16 *)from, b = *(const Vector16 *)(from + 16);
  Vector16 c = *(const Vector16 *)(from + 32), d = *(const Vector16 *)(from + 48);
  *(Vector16 *)to = a, *(Vector16 *)(to + 16) = b, *(Vector16 *)(to + 32) = c, *(Vector16 *)(to + 48) = d;
}
/* Two overlapping halves: no byte outside is read or written. */
always_inline void copy_frame(uint8_t *to, const uint8_t *from, uint32_t len) {
  if (likely(len - 32 <= 32)) {
    Vector16 a = *(const Vector16 *)from, b = *(const Vector16 *)(from + 16);
    Vector16 c = *(const Vector16 *)(from + len - 32), d = *(const Vector16 *)(from + len - 16);
    *(Vector16 *)to = a, *(Vector16 *)(to + 16) = b, *(Vector16 *)(to + len - 32) = c,
               *(Vector16 *)(to + len - 16) = d;
  } else if (len > 64 && len <= 2048) {
    uint32_t at = 0;
    for (; at + 64 < len; at += 64) copy64(to + at, from + at);
    copy64(to + len - 64, from + len - 64);
  } else {
    memcpy(to, from, len);
  }
}

#endif
