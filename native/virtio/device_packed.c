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

enum {
  DESC_KIND = VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE | VIRTQ_DESC_INDIRECT,
  DESC_STATE = DESC_KIND | PACKED_DESC_AVAIL | PACKED_DESC_USED
};

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

/* The usual frames, each in one descriptor, up to the end of the ring: number i to `max` at most. Returns
 * what comes behind them. */
static unsigned receive_plain(DeviceQueue *q, Place place, DeviceFrame *frames, unsigned i, unsigned max) {
  const Window window = window_of(q->memory);
  const PackedDesc *d = &q->packed_desc[place.at];
  const uint16_t state = packed_avail_bits(place.wrap);
  const uint32_t header = q->header;
  const bool in_order = q->in_order;
  uint64_t word = 0;
  if (max - i > q->size - place.at) max = i + q->size - place.at;
  for (; i < max; i++, d++) {
    uint64_t next = packed_word(d);
    if ((next >> 48 & DESC_STATE) != state) break;
    uint32_t len = (uint32_t)next - header;
    uint64_t at = __atomic_load_n(&d->addr, __ATOMIC_RELAXED) - window.guest;
    if (unlikely(len - 1 >= WINDOW_BUFFER - header || at >= window.bytes)) break;
    const uint8_t *data = window.host + at + header;
    prefetch_frame(data, len);
    frames[i] = (DeviceFrame){data, len, len, 0, 0};
    word = next;
    if (in_order) continue;
    q->ids[i] = (uint16_t)(word >> 32);
    q->chain[i] = 1;
  }
  if (word) q->ids[i - 1] = (uint16_t)(word >> 32); /* in order, only the last one of a burst is named */
  return i;
}

unsigned packed_receive(DeviceQueue *q, DeviceFrame *frames, unsigned max) {
  Place place = {q->avail_idx, q->avail_wrap};
  unsigned i = 0, segments = 0, descs = 0;
  const char *error = NULL;
  if (max > q->size) max = q->size;
  i = receive_plain(q, place, frames, 0, max);
  place = advance(q, place, i);
  if (i && !place.at) {
    i = receive_plain(q, place, frames, i, max);
    place.at = (uint16_t)(i - (q->size - q->avail_idx));
  }
  descs = i;
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
    *drop = n && (!q->mergeable || n == DEVICE_BURST || descs == q->size || b->len > NET_FRAME_MAX);
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

/* The usual frames, each into one descriptor's buffer, up to the end of the ring. Returns how many were sent
 * before something else. */
static unsigned send_plain(DeviceQueue *q, const DeviceBuffer *b, unsigned n) {
  const Window window = window_of(q->memory);
  const bool wrap = q->avail_wrap;
  const uint16_t state = packed_avail_bits(wrap) | VIRTQ_DESC_WRITE;
  const uint16_t used = packed_used_bits(wrap) | VIRTQ_DESC_WRITE;
  const uint32_t header = q->header;
  PackedDesc *d = &q->packed_desc[q->avail_idx];
  uint8_t *room[DEVICE_BURST];
  unsigned count = 0;
  if (n > q->size - q->avail_idx) n = q->size - q->avail_idx;
  for (; count < n; count++) { /* look where they go, and fetch the lines */
    uint64_t word = packed_word(&d[count]), need = (uint64_t)header + b[count].len;
    if ((word >> 48 & DESC_STATE) != state) break;
    uint64_t at = __atomic_load_n(&d[count].addr, __ATOMIC_RELAXED) - window.guest;
    if (unlikely((uint32_t)word < need || need > WINDOW_BUFFER || at >= window.bytes)) break;
    room[count] = window.host + at;
    prefetch_room(room[count], header, b[count].len);
  }
  for (unsigned k = 0; k < count; k++) { /* used where it was available, so the id stays */
    put_header(room[k], header);
    copy_frame(room[k] + header, b[k].data, b[k].len);
    d[k].len = header + b[k].len;
    if (k) __atomic_store_n(&d[k].flags, used, __ATOMIC_RELEASE);
  }
  if (!count) return 0;
  __atomic_store_n(&d->flags, used, __ATOMIC_RELEASE);
  Place next = advance(q, (Place){q->avail_idx, wrap}, count);
  q->avail_idx = q->used_idx = next.at;
  q->avail_wrap = q->used_wrap = next.wrap;
  return count;
}

unsigned packed_send(DeviceQueue *q, const DeviceBuffer *b, unsigned n, uint64_t *dropped) {
  unsigned sent = 0;
  while (sent < n && q->started) {
    unsigned burst = n - sent < DEVICE_BURST ? n - sent : DEVICE_BURST;
    /* Nothing is pending in this direction: buffers are used where they were made available. */
    bool together = q->avail_idx == q->used_idx && q->avail_wrap == q->used_wrap;
    unsigned plain = likely(together) ? send_plain(q, b + sent, burst) : 0;
    sent += plain;
    if (likely(plain)) continue;
    bool drop = false;
    if (!send_slowly(q, &b[sent], &drop) && !drop) break;
    if (drop) ++*dropped;
    sent++;
  }
  return sent;
}
