/* threads_ring.c: see threads_ring.h. */
#include "threads_pace.h"
#include <stdlib.h>

Ring *ring_new(unsigned from) {
  Ring *r;
  if (posix_memalign((void **)&r, CACHE_LINE, sizeof *r)) return NULL;
  memset(r, 0, sizeof *r);
  r->reader.from = from;
  return r;
}

static void slots_add(Slots *s, const Slot *more) {
  if (s->first && !s->count) s->first = 0;
  if (s->first + s->count == s->capacity) {
    unsigned capacity = s->capacity ? 2 * s->capacity : RING_SLOTS;
    Slot *slot = mem_resize(s->slot, s->capacity * sizeof *slot, capacity * sizeof *slot);
    if (!slot) { /* what cannot be kept is dropped, as where a pool is empty */
      packet_free(more->packet);
      return;
    }
    s->slot = slot;
    s->capacity = capacity;
  }
  s->slot[s->first + s->count++] = *more;
}

static void slots_free(Slots *s) {
  for (unsigned i = 0; i < s->count; i++) packet_free(s->slot[s->first + i].packet);
  mem_free(s->slot);
}

void ring_free(Ring *r) {
  if (!r) return;
  for (unsigned i = 0; i < RING_SLOTS; i++)
    if (r->slots[i].packet) packet_free(r->slots[i].packet);
  slots_free(&r->writer.overflow);
  slots_free(&r->reader.aside);
  free(r);
}

void ring_look(Ring *r) { r->writer.head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE); }

/* A packet whose data others see, or that lies elsewhere, goes over as a copy: reference counts stay within a
 * thread. */
static Packet *alone(Packet *p) {
  if (packet_is_ordinary(p)) return p;
  uint32_t before = packet_headroom(p);
  Packet *q = packet_make(0, p->head, before + p->len, packet_tailroom(p));
  if (q) {
    packet_copy_annotations(q, p);
    ptrdiff_t moved = q->data - p->head;
    q->data += before;
    q->len = p->len;
    q->network = p->network ? p->network + moved : NULL;
    q->transport = p->transport ? p->transport + moved : NULL;
    q->mac = p->mac ? p->mac + moved : NULL;
  }
  packet_free(p);
  return q;
}

void ring_put_slow(Ring *r, Packet *p, uint16_t element, uint16_t port) {
  if (!(p = alone(p))) return;
  Slot s = {p, element, port};
  if (r->writer.overflows)
    slots_add(&r->writer.overflow, &s);
  else
    ring_fill(r, s);
}

void ring_flush(Ring *r) {
  Slots *o = &r->writer.overflow;
  if (likely(!r->writer.overflows)) return;
  ring_look(r);
  for (; o->count && r->writer.tail - r->writer.head < RING_SLOTS; o->first++, o->count--)
    ring_fill(r, o->slot[o->first]);
  r->writer.overflows = o->count > 0;
}

/* The next packet, for which an empty chunk goes back. */
static Slot take(Ring *r) {
  Slot *s = &r->slots[r->reader.head++ % RING_SLOTS], slot = *s;
  s->packet = packet_alloc_raw();
  return slot;
}

void ring_put_aside(Ring *r) {
  uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
  while (r->reader.head != tail) {
    Slot s = take(r);
    slots_add(&r->reader.aside, &s);
  }
  __atomic_store_n(&r->head, r->reader.head, __ATOMIC_RELEASE);
}

#define AHEAD 8 /* packets that are fetched before their turn comes */

static void push(Router *r, unsigned from, const Slot *to, Packet **batch, unsigned n) {
  Element *e = to->element < r->count ? r->elements[to->element] : NULL;
  if (!e || to->port >= e->ninputs || e->flags & ELEMENT_REMOTE || e->input_pull[to->port]) {
    free_batch(batch, n); /* sent by a configuration that never ran */
    return;
  }
  if (unlikely(r->receives != NULL)) pace_received(r, from, to->element, to->port, n);
  e->inputs[to->port].push(e, to->port, batch, n);
}

unsigned ring_deliver(Ring *r, Router *router, unsigned max) {
  Slots *aside = &r->reader.aside;
  Packet *batch[BATCH_MAX];
  unsigned n = 0, limit = router->batch, delivered = 0;
  uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
  Slot last = {0};
  while (delivered + n < max && (aside->count || r->reader.head != tail)) {
    Slot s;
    if (unlikely(aside->count > 0)) {
      s = aside->slot[aside->first++];
      aside->count--;
    } else {
      if (tail - r->reader.head > AHEAD) {
        Packet *p = r->slots[(r->reader.head + AHEAD) % RING_SLOTS].packet;
        __builtin_prefetch(p, 1);
        __builtin_prefetch(p->buffer + PACKET_HEADROOM);
      }
      s = take(r);
    }
    if (n && (n == limit || s.element != last.element || s.port != last.port)) {
      __atomic_store_n(&r->head, r->reader.head, __ATOMIC_RELEASE);
      push(router, r->reader.from, &last, batch, n);
      delivered += n;
      n = 0;
      tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE); /* it may have been put aside meanwhile */
    }
    last = s;
    batch[n++] = s.packet;
  }
  __atomic_store_n(&r->head, r->reader.head, __ATOMIC_RELEASE);
  if (n) push(router, r->reader.from, &last, batch, n);
  return delivered + n;
}
