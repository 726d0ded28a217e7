/* threads_ring.h: packets from one engine thread to another. One writes, one reads. Each line that is written
 * often has one writer: what the other side must know of it is read once for many packets. */
#ifndef CLICKLET_HOST_THREADS_RING_H
#define CLICKLET_HOST_THREADS_RING_H
#include "core/router.h"

typedef struct ThreadGroup ThreadGroup;

#define RING_SLOTS 1024u

typedef struct Slot {
  Packet *packet; /* full on its way there, empty on its way back */
  uint16_t element, port;
} Slot;

/* Slots outside the ring, in order. */
typedef struct Slots {
  Slot *slot;
  unsigned first, count, capacity;
} Slots;

typedef struct Ring {
  _Alignas(CACHE_LINE) uint32_t tail; /* slots published */
  _Alignas(CACHE_LINE) uint32_t head; /* slots taken, empty chunks in them */
  struct {
    _Alignas(CACHE_LINE) uint32_t tail, published, head; /* written, made visible, seen of `head` */
    Slots overflow; /* for which there was no room when the threads were stopped */
    bool overflows;
  } writer;
  struct {
    _Alignas(CACHE_LINE) uint32_t head;
    unsigned from; /* the writing thread */
    Slots aside;   /* taken out of the ring, but not delivered yet */
  } reader;
  _Alignas(CACHE_LINE) Slot slots[RING_SLOTS];
} Ring;

Ring *ring_new(unsigned from);
void ring_free(Ring *r); /* also the packets in it, into this thread's pool */

/* ---- The writer's side */
void ring_look(Ring *r); /* reads `head` */
void ring_put_slow(Ring *r, Packet *p, uint16_t element, uint16_t port);

/* Room for one packet at least. */
always_inline bool ring_room(Ring *r) {
  if (likely(r->writer.tail - r->writer.head < RING_SLOTS)) return true;
  if (r->writer.overflows) return true;
  ring_look(r);
  return r->writer.tail - r->writer.head < RING_SLOTS;
}
always_inline bool ring_room_for(Ring *r, uint32_t n) {
  if (r->writer.overflows) return true;
  ring_look(r);
  return r->writer.tail - r->writer.head <= RING_SLOTS - n;
}
/* There is no room, and nobody to wait for: packets are kept beside the ring until ring_flush. */
always_inline void ring_overflow(Ring *r) { r->writer.overflows = true; }
always_inline bool ring_overflown(const Ring *r) { return r->writer.overflows; }
void ring_flush(Ring *r);
/* Whether anything is under way, when neither side runs. */
always_inline bool ring_holds(const Ring *r) {
  return r->writer.overflows || r->reader.aside.count || r->writer.tail != r->reader.head;
}
/* An empty chunk comes back from the slot that a packet goes into. */
always_inline void ring_fill(Ring *r, Slot slot) {
  Slot *s = &r->slots[r->writer.tail++ % RING_SLOTS];
  Packet *back = s->packet;
  *s = slot;
  if (likely(back != NULL)) packet_free(back);
}
always_inline void ring_put(Ring *r, Packet *p, uint16_t element, uint16_t port) {
  if (unlikely(r->writer.overflows || !packet_is_ordinary(p))) {
    ring_put_slow(r, p, element, port);
    return;
  }
  ring_fill(r, (Slot){p, element, port});
}
always_inline uint32_t ring_unpublished(const Ring *r) { return r->writer.tail - r->writer.published; }
/* True if there was something to publish. */
always_inline bool ring_publish(Ring *r) {
  if (r->writer.published == r->writer.tail) return false;
  r->writer.published = r->writer.tail;
  __atomic_store_n(&r->tail, r->writer.tail, __ATOMIC_RELEASE);
  return true;
}

/* ---- The reader's side */
always_inline bool ring_empty(const Ring *r) {
  return !r->reader.aside.count && __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) == r->reader.head;
}
always_inline bool ring_full(const Ring *r) {
  return __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE) - r->reader.head == RING_SLOTS;
}
/* Takes all out of the ring, to be delivered later. */
void ring_put_aside(Ring *r);
/* Pushes up to `max` packets into the elements they are for; returns how many. */
unsigned ring_deliver(Ring *r, Router *router, unsigned max);

#endif
