/* threads_pace.h: sources that wait for room in a queue wait for another thread's queue, too.
 *
 * The reading thread grants: so many packets may ever have been sent along this connection. It grants what it
 * has received and the queues behind have room for. The writing thread compares that with what it has sent;
 * the difference is the room of a full notifier that stands for theirs. Writers that share a queue are
 * granted its room each: together they may overrun it, but none waits for what another one never sends.
 */
#ifndef CLICKLET_HOST_THREADS_PACE_H
#define CLICKLET_HOST_THREADS_PACE_H
#include "threads_ring.h"

typedef struct Pace Pace;
struct Pace {
  /* The writer's. */
  Signal room;
  uint64_t sent, seen; /* packets; the grant as it was last seen */
  Pace *next_sent;
  uint16_t element, port, from;
  /* The reader's. */
  _Alignas(CACHE_LINE) uint64_t granted;
  uint64_t received;
  SignalSet queues;
  Router *writer, *reader;
  Pace *next_received;
};

Signal *pace_room(Element *x, int input);
void pace_free(Router *r); /* its ends of all */

/* ---- The writer */
always_inline bool pace_granted(const Pace *p) {
  return __atomic_load_n(&p->granted, __ATOMIC_ACQUIRE) != p->seen;
}
static inline void pace_look(Pace *p) {
  p->seen = __atomic_load_n(&p->granted, __ATOMIC_ACQUIRE);
  p->room.room = p->seen > p->sent ? (uint32_t)(p->seen - p->sent) : 0;
  signal_set(&p->room, p->room.room > 0);
}
static inline void pace_sent(Router *r, unsigned element, int port, unsigned n) {
  for (Pace *p = r->sends; p; p = p->next_sent)
    if (p->element == element && p->port == port) {
      p->sent += n;
      p->room.room = p->room.room > n ? p->room.room - n : 0;
      if (!p->room.room) p->room.active = false;
    }
}

/* ---- The reader */
static inline void pace_received(Router *r, unsigned from, unsigned element, unsigned port, unsigned n) {
  for (Pace *p = r->receives; p; p = p->next_received)
    if (p->element == element && p->port == port && p->from == from) p->received += n;
}
/* True if more may be sent than before. */
static inline bool pace_grant(Pace *p) {
  uint32_t room = signals_active(&p->queues) ? RING_SLOTS : 0;
  for (unsigned i = 0; room && i < p->queues.n; i++) {
    const Signal *s = p->queues.signals[i];
    uint32_t most = s->room ? s->room : p->reader->batch; /* batches fit into the shortest queue */
    if (s->active && most < room) room = most;
  }
  if (p->received + room <= p->granted) return false;
  __atomic_store_n(&p->granted, p->received + room, __ATOMIC_RELEASE);
  return true;
}

#endif
