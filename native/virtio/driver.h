/* driver.h: the driver side of a virtqueue, split (virtio 1.2, 2.7) or packed (2.8). Every buffer is one
 * descriptor. The device may be a stranger: ids, counts and lengths it writes are checked, and a queue in
 * which something is wrong stops
 * (`broken` says why) until it is initialised again.
 *
 * With IN_ORDER the buffers' ids are their places in the ring, so that the available ring of a split queue
 * never changes; without it ids come from a stack, because the device may use buffers in any order.
 */
#ifndef CLICKLET_VIRTIO_DRIVER_H
#define CLICKLET_VIRTIO_DRIVER_H
#include "ring.h"

/* What a driver of network queues can use. Who accepts MRG_RXBUF joins the pieces of received frames
 * (5.1.6.4). */
#define DRIVER_FEATURES                                                                                      \
  (VIRTIO_F_VERSION_1 | VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER | VIRTIO_NET_F_MRG_RXBUF)

typedef struct DriverQueue {
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
  void **tokens;  /* by id: the caller's; without IN_ORDER NULL where the device has no buffer of that id */
  uint32_t *room; /* by id: bytes of the buffer, what the device may write at most */
  uint16_t *ids;  /* stack of free ids, without IN_ORDER */
  uint32_t size, mask;
  uint32_t added, taken;      /* buffers, free running */
  uint32_t shown;             /* `added` as the device knows it */
  uint16_t place, used_place; /* packed: where the next one goes, where the next one is used */
  bool wrap, used_wrap;       /* packed */
  bool packed, in_order, device_writes;
  uint16_t held_place; /* packed: the first descriptor of a burst, of which ... */
  uint64_t held_word;  /* ... len, id and flags are written last */
  const char *broken;
} DriverQueue;

/* The memory of a queue, for either layout: descriptors, the second and the third area, then what is only the
 * driver's. */
always_inline size_t cache_lines(size_t n) { return (n + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1); }
always_inline size_t driver_area_offset(uint32_t size) { return cache_lines(virtq_desc_bytes(size)); }
always_inline size_t device_area_offset(uint32_t size) {
  return driver_area_offset(size) + cache_lines(virtq_avail_bytes(size));
}
always_inline size_t driver_queue_bytes(uint32_t size) {
  return device_area_offset(size) + cache_lines(virtq_used_bytes(size)) + cache_lines(size * sizeof(void *)) +
         cache_lines(size * sizeof(uint32_t)) + cache_lines(size * sizeof(uint16_t));
}
/* Lays the queue out in zeroed, 64-byte aligned memory. size: a power of two. device_writes: a receive queue.
 */
void driver_queue_init(DriverQueue *q, void *memory, uint32_t size, uint64_t features, bool device_writes);
/* Takes back one buffer that the device still holds, when the device is reset; NULL when there are no more.
 */
void *driver_reclaim(DriverQueue *q);
/* Asks for (or ends) an interrupt when buffers are used. With `on`, true if some are used already. */
bool driver_arm(DriverQueue *q, bool on);

always_inline uint32_t driver_outstanding(const DriverQueue *q) { return q->added - q->taken; }
always_inline uint32_t driver_free(const DriverQueue *q) { return q->size - (q->added - q->taken); }

/* Adds a buffer; there must be a free place. The device sees it at the next driver_show. Where many are added
 * in a row, do it in a local copy of the queue: the compiler then keeps the positions in registers. */
always_inline void driver_add(DriverQueue *q, const void *data, uint32_t len, void *token) {
  uint16_t flags = q->device_writes ? VIRTQ_DESC_WRITE : 0;
  uint16_t id = q->in_order ? (uint16_t)(q->added & q->mask) : q->ids[driver_free(q) - 1];
  q->tokens[id] = token;
  if (q->device_writes) q->room[id] = len;
  if (!q->packed) {
    VirtqDesc *d = &q->desc[id];
    d->addr = (uint64_t)(uintptr_t)data;
    d->len = len;
    uint16_t *slot = &q->avail->ring[q->added & q->mask];
    if (*slot != id) *slot = id;
  } else {
    PackedDesc *d = &q->packed_desc[q->place];
    uint64_t word = len | (uint64_t)id << 32 | (uint64_t)(flags | packed_avail_bits(q->wrap)) << 48;
    d->addr = (uint64_t)(uintptr_t)data;
    if (q->added == q->shown)
      q->held_word = word, q->held_place = q->place;
    else
      packed_set_word(d, word);
    if (++q->place == q->size) q->place = 0, q->wrap = !q->wrap;
  }
  q->added++;
}

/* Shows the device what was added. */
always_inline void driver_show(DriverQueue *q) {
  if (q->added == q->shown) return;
  if (q->packed)
    packed_set_word(&q->packed_desc[q->held_place], q->held_word);
  else
    __atomic_store_n(&q->avail->idx, (uint16_t)q->added, __ATOMIC_RELEASE);
  q->shown = q->added;
}

/* Whether the device asked to be told of what was shown. */
always_inline bool driver_must_notify(const DriverQueue *q) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST); /* 2.7.13.3.1: the index before the flags */
  if (q->packed) return __atomic_load_n(&q->device_event->flags, __ATOMIC_RELAXED) != PACKED_EVENT_DISABLE;
  return !(__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED) & VIRTQ_USED_NO_NOTIFY);
}

always_inline bool driver_has_used(const DriverQueue *q) {
  if (unlikely(q->broken)) return false;
  if (q->packed)
    return packed_is_used(__atomic_load_n(&q->packed_desc[q->used_place].flags, __ATOMIC_ACQUIRE),
                          q->used_wrap);
  return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != (uint16_t)q->taken;
}

/* Takes up to max used buffers: their tokens and, unless lengths is NULL, the bytes the device wrote to each.
 */
unsigned driver_take(DriverQueue *q, void **tokens, uint32_t *lengths, unsigned max);

#endif
