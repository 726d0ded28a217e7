/* device_packed.c: the device side of packed virtqueues (2.8). Buffers are used in the order in which they
 * were made available, so used descriptors follow the available ones through the ring at a distance of what
 * is pending. */
#include "device_rings.h"

/* A place in the ring: its index and the wrap counter of its round. */
typedef struct Place {
  uint16_t at;
  bool wrap;
} Place;

always_inline Place advance(const DeviceQueue *q, Place p, uint32_t n) {
  uint32_t at = p.at + n;
  if (at < q->size) return (Place){(uint16_t)at, p.wrap};
  return (Place){(uint16_t)(at - q->size), !p.wrap};
}

/* The descriptor there; false if the driver has not made it available (in that round). */
always_inline bool desc_at(const DeviceQueue *q, Place p, DescCopy *d) {
  const PackedDesc *from = &q->packed_desc[p.at];
  d->flags = __atomic_load_n(&from->flags, __ATOMIC_ACQUIRE);
  if (!packed_is_avail(d->flags, p.wrap)) return false;
  d->addr = __atomic_load_n(&from->addr, __ATOMIC_RELAXED);
  d->len = __atomic_load_n(&from->len, __ATOMIC_RELAXED);
  d->id_or_next = __atomic_load_n(&from->id, __ATOMIC_RELAXED);
  return true;
}

enum { DESC_KIND = VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE | VIRTQ_DESC_INDIRECT };

/* The descriptors behind the first in a chain were written before the first one's flags, so all must be
 * there. */
static const char *receive_chain(DeviceQueue *q, Place *place, DescCopy d, DeviceFrame *f, unsigned *segments,
                                 unsigned i, unsigned room) {
  uint32_t skip = q->header, length = 1;
  *f = (DeviceFrame){.next = (uint16_t)*segments};
  for (;; length++) {
    if (d.flags & (VIRTQ_DESC_WRITE | VIRTQ_DESC_INDIRECT))
      return "a frame's descriptor has flags that were not negotiated";
    const char *error = frame_add(q, f, segments, &skip, d.addr, d.len);
    if (error) return error;
    *place = advance(q, *place, 1);
    if (!(d.flags & VIRTQ_DESC_NEXT)) break;
    if (length >= room) return "a chain of descriptors is longer than the queue";
    if (!desc_at(q, *place, &d)) return "a chain of descriptors ends early";
  }
  q->ids[i] = d.id_or_next; /* 2.8.6: of the last one in the chain */
  q->chain[i] = (uint16_t)length;
  return skip || !f->total ? "a frame is shorter than its header" : NULL;
}

unsigned packed_receive(DeviceQueue *q, DeviceFrame *frames, unsigned max) {
  Place place = {q->avail_idx, q->avail_wrap};
  unsigned i = 0, segments = 0, descs = 0;
  const char *error = NULL;
  for (; i < max && descs < q->size; i++) {
    DescCopy d;
    DeviceFrame *f = &frames[i];
    if (!desc_at(q, place, &d)) break;
    if (likely(!(d.flags & DESC_KIND) && d.len - q->header - 1 < FRAME_BYTES_MAX)) {
      uint8_t *p = memory_at(q->memory, d.addr, d.len);
      if (unlikely(!p)) {
        error = "a frame is not in the driver's memory";
        break;
      }
      f->data = p + q->header;
      f->len = f->total = d.len - q->header;
      f->more = f->next = 0;
      q->ids[i] = d.id_or_next;
      q->chain[i] = 1;
      prefetch_frame(f->data, f->len);
      place = advance(q, place, 1);
    } else {
      Place start = place;
      if ((error = receive_chain(q, &place, d, f, &segments, i, q->size - descs))) {
        place = start;
        break;
      }
    }
    descs += q->chain[i];
  }
  if (unlikely(error && !i)) device_broken(q, error);
  q->avail_idx = place.at;
  q->avail_wrap = place.wrap;
  q->pending = (uint16_t)i;
  q->pending_descs = (uint16_t)descs;
  return i;
}

/* Writes a used descriptor; its flags too unless they are held back. */
always_inline uint16_t put_used(DeviceQueue *q, Place p, uint16_t id, uint32_t len, bool written, bool hold) {
  PackedDesc *d = &q->packed_desc[p.at];
  uint16_t flags = packed_used_bits(p.wrap) | (written ? VIRTQ_DESC_WRITE : 0);
  d->id = id;
  d->len = len;
  if (!hold) __atomic_store_n(&d->flags, flags, __ATOMIC_RELEASE);
  return flags;
}

void packed_receive_done(DeviceQueue *q) {
  Place first = {q->used_idx, q->used_wrap}, place = first;
  if (q->in_order) { /* 2.8.12: one descriptor, in the first place, names the last buffer of the batch */
    put_used(q, first, q->ids[q->pending - 1], 0, false, false);
    place = advance(q, place, q->pending_descs);
  } else { /* the first one's flags go last: the driver sees all or none */
    for (unsigned i = 0; i < q->pending; i++) {
      put_used(q, place, q->ids[i], 0, false, i == 0);
      place = advance(q, place, q->chain[i]);
    }
    __atomic_store_n(&q->packed_desc[first.at].flags, packed_used_bits(first.wrap), __ATOMIC_RELEASE);
  }
  q->used_idx = place.at;
  q->used_wrap = place.wrap;
  q->pending_descs = 0;
}

/* ---- Sending ------------------------------------------------------------------------------------------ */

/* Adds the room of the chain at *place. 1: done; 0: not available; -1: broken. */
static int room_chain(DeviceQueue *q, Place *place, unsigned *segments, uint64_t *room, unsigned n,
                      uint32_t *descs) {
  DescCopy d;
  if (*descs >= q->size || !desc_at(q, *place, &d)) return 0;
  for (uint32_t length = 1;; length++) {
    const char *error = NULL;
    uint8_t *p = memory_at(q->memory, d.addr, d.len);
    if (!(d.flags & VIRTQ_DESC_WRITE) || d.flags & VIRTQ_DESC_INDIRECT)
      error = "a receive buffer is not writable";
    else if (!p)
      error = "a receive buffer is not in the driver's memory";
    else if (*segments == DEVICE_SEGMENTS)
      error = "a receive buffer has too many pieces";
    if (!error) {
      if (d.len) q->segments[(*segments)++] = (DeviceSegment){p, d.len};
      *room += d.len;
      *place = advance(q, *place, 1);
      ++*descs;
      if (!(d.flags & VIRTQ_DESC_NEXT)) {
        q->ids[n] = d.id_or_next;
        q->chain[n] = (uint16_t)length;
        return 1;
      }
      if (*descs >= q->size)
        error = "a chain of descriptors is longer than the queue";
      else if (!desc_at(q, *place, &d))
        error = "a chain of descriptors ends early";
    }
    if (error) {
      device_broken(q, error);
      return -1;
    }
  }
}

/* A frame that does not fit in the first piece of the next buffer. Returns whether it was sent; *drop when it
 * will never fit. Used descriptors are published here, the first one last. */
static bool send_slowly(DeviceQueue *q, const DeviceBuffer *b, bool *drop) {
  uint64_t need = (uint64_t)q->header + b->len, rooms[DEVICE_BURST], room = 0;
  unsigned segments = 0, n = 0;
  uint32_t descs = 0;
  Place avail = {q->avail_idx, q->avail_wrap}, first = {q->used_idx, q->used_wrap}, used = first;
  while (room < need && n < (q->mergeable ? DEVICE_BURST : 1)) {
    uint64_t before = room;
    int got = room_chain(q, &avail, &segments, &room, n, &descs);
    if (got < 0) return false;
    if (!got) break;
    rooms[n++] = room - before;
  }
  if (room < need) {
    *drop = n && (!q->mergeable || n == DEVICE_BURST || descs == q->size);
    return false;
  }
  scatter_frame(q->segments, segments, q->header, (uint16_t)n, b);
  uint16_t flags = 0;
  for (unsigned i = 0; i < n; i++) {
    uint32_t len = (uint32_t)(rooms[i] < need ? rooms[i] : need);
    uint16_t f = put_used(q, used, q->ids[i], len, true, i == 0);
    if (!i) flags = f;
    used = advance(q, used, q->chain[i]);
    need -= len;
  }
  __atomic_store_n(&q->packed_desc[first.at].flags, flags, __ATOMIC_RELEASE);
  q->avail_idx = avail.at, q->avail_wrap = avail.wrap;
  q->used_idx = used.at, q->used_wrap = used.wrap;
  return true;
}

unsigned packed_send(DeviceQueue *q, const DeviceBuffer *b, unsigned n, uint64_t *dropped) {
  uint8_t *room[DEVICE_BURST];
  unsigned sent = 0;
  while (sent < n && q->started) {
    unsigned burst = n - sent < DEVICE_BURST ? n - sent : DEVICE_BURST, i = 0;
    if (burst > q->size) burst = q->size;
    Place avail = {q->avail_idx, q->avail_wrap}, used = {q->used_idx, q->used_wrap}, first = used;
    for (; i < burst; i++) { /* look where they go, and fetch the lines */
      DescCopy d;
      if (!desc_at(q, avail, &d)) break;
      uint64_t need = (uint64_t)q->header + b[sent + i].len;
      if (unlikely((d.flags & DESC_KIND) != VIRTQ_DESC_WRITE || d.len < need)) break;
      if (unlikely(!(room[i] = memory_at(q->memory, d.addr, d.len)))) break;
      prefetch_room(room[i], q->header, b[sent + i].len);
      q->ids[i] = d.id_or_next;
      avail = advance(q, avail, 1);
    }
    if (likely(i)) {
      for (unsigned k = 0; k < i; k++) {
        put_header(room[k], q->header);
        copy_frame(room[k] + q->header, b[sent + k].data, b[sent + k].len);
      }
      for (unsigned k = 0; k < i; k++) {
        put_used(q, used, q->ids[k], q->header + b[sent + k].len, true, k == 0);
        used = advance(q, used, 1);
      }
      __atomic_store_n(&q->packed_desc[first.at].flags, packed_used_bits(first.wrap) | VIRTQ_DESC_WRITE,
                       __ATOMIC_RELEASE);
      q->avail_idx = avail.at, q->avail_wrap = avail.wrap;
      q->used_idx = used.at, q->used_wrap = used.wrap;
      sent += i;
      if (i == burst) continue;
    }
    bool drop = false;
    if (!send_slowly(q, &b[sent], &drop) && !drop) break;
    if (drop) ++*dropped;
    sent++;
  }
  return sent;
}
