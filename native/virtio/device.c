/* device.c: the parts of a virtqueue's device side that split and packed rings share. */
#include "device_rings.h"
#include <unistd.h>

uint8_t *memory_at_user(const MemoryMap *m, uint64_t user, uint64_t len) {
  for (uint32_t i = 0; i < m->count; i++) {
    const MemoryRegion *r = &m->regions[i];
    uint64_t at = user - r->user;
    if (at < r->size && len <= r->size - at) return r->host + at;
  }
  return NULL;
}

static void *area(const MemoryMap *m, const DeviceQueueConfig *c, uint64_t addr, uint64_t len,
                  uint64_t align) {
  uint8_t *p = c->user_addresses ? memory_at_user(m, addr, len) : memory_at(m, addr, len);
  return p && (uintptr_t)p % align == 0 ? p : NULL;
}

const char *device_queue_start(DeviceQueue *q, const MemoryMap *m, const DeviceQueueConfig *c) {
  bool packed = c->features & VIRTIO_F_RING_PACKED;
  q->started = false;
  q->error = NULL;
  if (!c->size || c->size > VIRTQ_SIZE_MAX) return "the queue size is out of range";
  if (!packed && c->size & (c->size - 1)) return "the queue size is not a power of two";

  void *desc = area(m, c, c->desc, virtq_desc_bytes(c->size), 16);
  void *driver =
      area(m, c, c->driver, packed ? sizeof(PackedEvent) : virtq_avail_bytes(c->size), packed ? 4 : 2);
  void *device = area(m, c, c->device, packed ? sizeof(PackedEvent) : virtq_used_bytes(c->size), 4);
  if (!desc) return "the descriptors are not in the driver's memory";
  if (!driver) return "the driver's area is not in its memory";
  if (!device) return "the device's area is not in the driver's memory";

  q->memory = m;
  q->desc = desc;
  q->avail = driver;
  q->used = device;
  q->size = c->size;
  q->mask = c->size - 1;
  q->header = virtio_net_header_bytes(c->features);
  q->packed = packed;
  q->in_order = c->features & VIRTIO_F_IN_ORDER;
  q->event_idx = c->features & VIRTIO_F_EVENT_IDX;
  q->mergeable = c->features & VIRTIO_NET_F_MRG_RXBUF;
  q->call = c->call;
  q->pending = q->pending_descs = 0;
  if (packed) {
    q->avail_idx = c->base & 0x7fff;
    q->avail_wrap = c->base >> 15 & 1;
    /* DPDK knows only the first half: nothing is under way, so both positions are the same. */
    uint32_t used = c->base >> 16 ? c->base >> 16 : c->base;
    q->used_idx = used & 0x7fff;
    q->used_wrap = used >> 15 & 1;
    if (q->avail_idx >= q->size || q->used_idx >= q->size) return "the queue's position is out of range";
  } else {
    q->avail_idx = (uint16_t)c->base;
    q->used_idx = __atomic_load_n(&q->used->idx, __ATOMIC_RELAXED);
  }
  q->notified_idx = q->used_idx;
  q->notified_wrap = q->used_wrap;
  q->started = true;
  device_arm(q, false);
  return NULL;
}

uint32_t device_queue_stop(DeviceQueue *q) {
  q->started = false;
  if (!q->packed) return (uint16_t)(q->avail_idx - q->pending);
  uint32_t avail = q->avail_idx, wrap = q->avail_wrap;
  if (avail < q->pending_descs) avail += q->size, wrap ^= 1;
  avail -= q->pending_descs;
  return avail | wrap << 15 | (uint32_t)q->used_idx << 16 | (uint32_t)q->used_wrap << 31;
}

unsigned device_receive(DeviceQueue *q, DeviceFrame *frames, unsigned max) {
  if (unlikely(!q->started)) return 0;
  if (unlikely(q->pending)) device_receive_done(q);
  if (max > DEVICE_BURST) max = DEVICE_BURST;
  return q->packed ? packed_receive(q, frames, max) : split_receive(q, frames, max);
}

void device_receive_done(DeviceQueue *q) {
  if (!q->pending || !q->started) return;
  if (q->packed)
    packed_receive_done(q);
  else
    split_receive_done(q);
  q->pending = 0;
}

unsigned device_send(DeviceQueue *q, const DeviceBuffer *b, unsigned n, uint64_t *dropped) {
  uint64_t ignored = 0;
  if (unlikely(!q->started)) return 0;
  if (!dropped) dropped = &ignored;
  return q->packed ? packed_send(q, b, n, dropped) : split_send(q, b, n, dropped);
}

const char *frame_add(DeviceQueue *q, DeviceFrame *f, unsigned *segments, uint32_t *skip, uint64_t addr,
                      uint32_t len) {
  uint8_t *p = memory_at(q->memory, addr, len);
  if (!p) return "a frame is not in the driver's memory";
  uint32_t hidden = len < *skip ? len : *skip;
  *skip -= hidden;
  p += hidden;
  len -= hidden;
  if (!len) return NULL;
  if (len > FRAME_BYTES_MAX - f->total) return "a frame is too long";
  f->total += len;
  if (!f->data) {
    f->data = p;
    f->len = len;
    return NULL;
  }
  if (*segments == DEVICE_SEGMENTS) return "a frame has too many pieces";
  q->segments[(*segments)++] = (DeviceSegment){p, len};
  f->more++;
  return NULL;
}

void device_frame_copy(const DeviceQueue *q, const DeviceFrame *f, uint8_t *to) {
  copy_frame(to, f->data, f->len);
  for (unsigned i = 0; i < f->more; i++) {
    to += i ? q->segments[f->next + i - 1].len : f->len;
    memcpy(to, q->segments[f->next + i].data, q->segments[f->next + i].len);
  }
}

void scatter_frame(const DeviceSegment *s, unsigned n, uint32_t header, uint16_t num_buffers,
                   const DeviceBuffer *b) {
  VirtioNetHeader h = {.num_buffers = num_buffers};
  const uint8_t *from[2] = {(const uint8_t *)&h, b->data};
  uint32_t left[2] = {header, b->len};
  uint32_t at = 0;
  for (unsigned part = 0; part < 2; part++)
    while (left[part] && n) {
      uint32_t room = s->len - at, len = left[part] < room ? left[part] : room;
      memcpy(s->data + at, from[part], len);
      from[part] += len;
      left[part] -= len;
      at += len;
      if (at == s->len) s++, n--, at = 0;
    }
}

/* ---- Notifications: 2.7.7, 2.7.10 and 2.8.10 ---------------------------------------------------------- */

static bool interrupt_wanted(const DeviceQueue *q) {
  if (!q->packed) {
    if (!q->event_idx)
      return !(__atomic_load_n(&q->avail->flags, __ATOMIC_RELAXED) & VIRTQ_AVAIL_NO_INTERRUPT);
    uint16_t event = __atomic_load_n(virtq_used_event(q->avail, q->size), __ATOMIC_RELAXED);
    return virtq_need_event(event, q->used_idx, q->notified_idx);
  }
  uint16_t flags = __atomic_load_n(&q->driver_event->flags, __ATOMIC_ACQUIRE);
  if (flags != PACKED_EVENT_DESC || !q->event_idx) return flags != PACKED_EVENT_DISABLE;
  uint16_t event = __atomic_load_n(&q->driver_event->off_wrap, __ATOMIC_RELAXED);
  uint16_t at = event & 0x7fff, old = q->notified_idx;
  if (event >> 15 != q->used_wrap) at = (uint16_t)(at - q->size);
  if (q->notified_wrap != q->used_wrap) old = (uint16_t)(old - q->size);
  return virtq_need_event(at, q->used_idx, old);
}

void device_notify(DeviceQueue *q) {
  if (q->call < 0 || !q->started || (q->notified_idx == q->used_idx && q->notified_wrap == q->used_wrap))
    return;
  /* What we published must be visible before we look whether the driver sleeps: it does the same the other
   * way. */
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  bool wanted = interrupt_wanted(q);
  q->notified_idx = q->used_idx;
  q->notified_wrap = q->used_wrap;
  if (!wanted) return;
  uint64_t one = 1;
  ssize_t written = write(q->call, &one, sizeof one);
  (void)written; /* a full counter means that the driver has an interrupt waiting already */
}

bool device_has_buffers(const DeviceQueue *q) {
  if (!q->started) return false;
  if (!q->packed) return __atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) != q->avail_idx;
  return packed_is_avail(__atomic_load_n(&q->packed_desc[q->avail_idx].flags, __ATOMIC_ACQUIRE),
                         q->avail_wrap);
}

bool device_arm(DeviceQueue *q, bool on) {
  q->armed = on;
  if (!q->started) return false;
  if (!q->packed) {
    if (!q->event_idx)
      __atomic_store_n(&q->used->flags, on ? 0 : VIRTQ_USED_NO_NOTIFY, __ATOMIC_RELAXED);
    else if (on)
      __atomic_store_n(virtq_avail_event(q->used, q->size), q->avail_idx, __ATOMIC_RELAXED);
    /* Off, with EVENT_IDX: an index that stays behind makes the driver kick once in 65,536 buffers. */
  } else {
    uint16_t flags = !on ? PACKED_EVENT_DISABLE : q->event_idx ? PACKED_EVENT_DESC : PACKED_EVENT_ENABLE;
    if (flags == PACKED_EVENT_DESC)
      __atomic_store_n(&q->device_event->off_wrap, (uint16_t)(q->avail_idx | q->avail_wrap << 15),
                       __ATOMIC_RELAXED);
    __atomic_store_n(&q->device_event->flags, flags, __ATOMIC_RELEASE);
  }
  if (!on) return false;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return device_has_buffers(q);
}
