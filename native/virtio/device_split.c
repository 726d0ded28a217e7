/* device_split.c: the device side of split virtqueues (2.7). Buffers are used in the order in which they were
 * made available, whether or not IN_ORDER was negotiated. */
#include "device_rings.h"

always_inline DescCopy desc_at(const DeviceQueue *q, uint16_t index) {
  DescCopy d;
  d.addr = __atomic_load_n(&q->desc[index].addr, __ATOMIC_RELAXED);
  uint64_t rest = __atomic_load_n((const uint64_t *)&q->desc[index].len, __ATOMIC_RELAXED);
  d.len = (uint32_t)rest;
  d.flags = (uint16_t)(rest >> 32);
  d.id_or_next = (uint16_t)(rest >> 48);
  return d;
}

/* Buffers made available and not taken; -1 if the index cannot be right. One acquire a burst. */
always_inline int available(const DeviceQueue *q) {
  uint16_t n = (uint16_t)(__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) - q->avail_idx);
  return likely(n <= q->size) ? n : -1;
}

always_inline uint16_t head_at(const DeviceQueue *q, uint16_t index) {
  return __atomic_load_n(&q->avail->ring[index & q->mask], __ATOMIC_RELAXED);
}

always_inline void put_used(DeviceQueue *q, uint16_t index, uint32_t id, uint32_t len) {
  __atomic_store_n((uint64_t *)&q->used->ring[index & q->mask], id | (uint64_t)len << 32, __ATOMIC_RELAXED);
}

/* The frame in the chain at `head`. NULL if all is well. */
static const char *receive_chain(DeviceQueue *q, uint16_t head, DeviceFrame *f, unsigned *segments) {
  uint32_t skip = q->header;
  *f = (DeviceFrame){.next = (uint16_t)*segments};
  for (uint32_t length = 1;; length++) {
    DescCopy d = desc_at(q, head);
    if (d.flags & (VIRTQ_DESC_WRITE | VIRTQ_DESC_INDIRECT))
      return "a frame's descriptor has flags that were not negotiated";
    const char *error = frame_add(q, f, segments, &skip, d.addr, d.len);
    if (error) return error;
    if (!(d.flags & VIRTQ_DESC_NEXT)) break;
    head = d.id_or_next;
    if (head >= q->size) return "a descriptor is out of range";
    if (length == q->size) return "a chain of descriptors has a loop";
  }
  return skip || !f->total ? "a frame is shorter than its header" : NULL;
}

unsigned split_receive(DeviceQueue *q, DeviceFrame *frames, unsigned max) {
  int ready = available(q);
  if (ready <= 0) {
    if (ready < 0) device_broken(q, "the available index is out of range");
    return 0;
  }
  unsigned n = (unsigned)ready < max ? (unsigned)ready : max, i = 0, segments = 0;
  const char *error = NULL;
  for (; i < n; i++) {
    uint16_t head = head_at(q, (uint16_t)(q->avail_idx + i));
    if (unlikely(head >= q->size)) {
      error = "a descriptor is out of range";
      break;
    }
    DescCopy d = desc_at(q, head);
    DeviceFrame *f = &frames[i];
    q->ids[i] = head;
    if (likely(!d.flags && d.len - q->header - 1 < FRAME_BYTES_MAX)) {
      uint8_t *p = memory_at(q->memory, d.addr, d.len);
      if (unlikely(!p)) {
        error = "a frame is not in the driver's memory";
        break;
      }
      f->data = p + q->header;
      f->len = f->total = d.len - q->header;
      f->more = f->next = 0;
      prefetch_frame(f->data, f->len);
    } else if ((error = receive_chain(q, head, f, &segments))) {
      break;
    }
  }
  /* What came before a bad one is still good; the bad one comes first in the next burst. */
  if (unlikely(!i)) device_broken(q, error);
  q->avail_idx = (uint16_t)(q->avail_idx + i);
  q->pending = (uint16_t)i;
  return i;
}

void split_receive_done(DeviceQueue *q) {
  if (q->in_order) { /* 2.7.9: one entry, in the first place, names the last buffer of the batch */
    put_used(q, q->used_idx, q->ids[q->pending - 1], 0);
  } else {
    for (unsigned i = 0; i < q->pending; i++) put_used(q, (uint16_t)(q->used_idx + i), q->ids[i], 0);
  }
  q->used_idx = (uint16_t)(q->used_idx + q->pending);
  __atomic_store_n(&q->used->idx, q->used_idx, __ATOMIC_RELEASE);
}

/* ---- Sending ------------------------------------------------------------------------------------------ */

/* Adds the room of the chain at `head` to the segments. NULL if all is well. */
static const char *room_chain(DeviceQueue *q, uint16_t head, unsigned *segments, uint64_t *room) {
  for (uint32_t length = 1;; length++) {
    if (head >= q->size) return "a descriptor is out of range";
    DescCopy d = desc_at(q, head);
    if (!(d.flags & VIRTQ_DESC_WRITE) || d.flags & VIRTQ_DESC_INDIRECT)
      return "a receive buffer is not writable";
    uint8_t *p = memory_at(q->memory, d.addr, d.len);
    if (!p) return "a receive buffer is not in the driver's memory";
    if (*segments == DEVICE_SEGMENTS) return "a receive buffer has too many pieces";
    if (d.len) q->segments[(*segments)++] = (DeviceSegment){p, d.len};
    *room += d.len;
    if (!(d.flags & VIRTQ_DESC_NEXT)) return NULL;
    if (length == q->size) return "a chain of descriptors has a loop";
    head = d.id_or_next;
  }
}

/* A frame that does not fit in the first piece of the next buffer. Returns the buffers it took: 0 when it
 * must wait for more, or when the queue is broken; *drop when it will never fit. */
static unsigned send_slowly(DeviceQueue *q, const DeviceBuffer *b, unsigned ready, bool *drop) {
  uint64_t need = (uint64_t)q->header + b->len, rooms[DEVICE_BURST];
  uint64_t room = 0;
  unsigned segments = 0, n = 0;
  while (room < need && n < ready && n < (q->mergeable ? DEVICE_BURST : 1)) {
    uint16_t head = head_at(q, (uint16_t)(q->avail_idx + n));
    rooms[n] = room;
    const char *error = room_chain(q, head, &segments, &room);
    if (error) {
      device_broken(q, error);
      return 0;
    }
    rooms[n] = room - rooms[n];
    q->ids[n++] = head;
  }
  if (room < need) {
    *drop = !q->mergeable || n == DEVICE_BURST || ready == q->size || b->len > NET_FRAME_MAX;
    return 0;
  }
  scatter_frame(q->segments, segments, q->header, (uint16_t)n, b);
  for (unsigned i = 0; i < n; i++) {
    uint32_t len = (uint32_t)(rooms[i] < need ? rooms[i] : need);
    put_used(q, (uint16_t)(q->used_idx + i), q->ids[i], len);
    need -= len;
  }
  return n;
}

unsigned split_send(DeviceQueue *q, const DeviceBuffer *b, unsigned n, uint64_t *dropped) {
  uint8_t *room[DEVICE_BURST];
  unsigned sent = 0;
  uint16_t first_used = q->used_idx;
  while (sent < n && q->started) {
    int ready = available(q);
    if (ready <= 0) {
      if (ready < 0) device_broken(q, "the available index is out of range");
      break;
    }
    unsigned burst = n - sent < DEVICE_BURST ? n - sent : DEVICE_BURST, i = 0;
    if (burst > (unsigned)ready) burst = (unsigned)ready;
    for (; i < burst; i++) { /* look where they go, and fetch the lines */
      uint16_t head = head_at(q, (uint16_t)(q->avail_idx + i));
      if (unlikely(head >= q->size)) break;
      DescCopy d = desc_at(q, head);
      uint64_t need = (uint64_t)q->header + b[sent + i].len;
      if (unlikely(d.flags != VIRTQ_DESC_WRITE || d.len < need)) break;
      if (unlikely(!(room[i] = memory_at(q->memory, d.addr, d.len)))) break;
      prefetch_room(room[i], q->header, b[sent + i].len);
      put_used(q, (uint16_t)(q->used_idx + i), head, (uint32_t)need);
    }
    for (unsigned k = 0; k < i; k++) {
      put_header(room[k], q->header);
      copy_frame(room[k] + q->header, b[sent + k].data, b[sent + k].len);
    }
    sent += i;
    q->avail_idx = (uint16_t)(q->avail_idx + i);
    q->used_idx = (uint16_t)(q->used_idx + i);
    if (likely(i == burst)) continue;

    bool drop = false;
    unsigned taken = send_slowly(q, &b[sent], (unsigned)ready - i, &drop);
    if (drop) ++*dropped;
    if (taken || drop)
      sent++;
    else
      break;
    q->avail_idx = (uint16_t)(q->avail_idx + taken);
    q->used_idx = (uint16_t)(q->used_idx + taken);
  }
  if (q->used_idx != first_used) __atomic_store_n(&q->used->idx, q->used_idx, __ATOMIC_RELEASE);
  return sent;
}
