/** MixedQueue: a queue with a second input for packets that go to its front.
 *
 * Synopsis: `MixedQueue([CAPACITY])`
 *
 * Ports: 2 push inputs; output 0 is pull. Packets on input 0 join the end, those on input 1 the front. When
 * it is full, an arrival on input 0 is given away, an arrival on input 1 replaces the packet at the end; what
 * is given away leaves on output 1 (push) if it is connected. Tells pullers when it is empty, as
 * NotifierQueue.
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 1000.
 *
 * Handlers: `length`, `highwater_length`, `drops` (read). `capacity` (read/write). `reset_counts`, `reset`
 * (write). As of Queue.
 *
 * Example: `InfiniteSource(LIMIT 5) -> q :: MixedQueue -> Unqueue -> Discard; InfiniteSource(LIMIT 5) -> [1]
 * q;`
 */
#include "queue.h"

typedef Queue MixedQueue;

static void mixed_queue_push(Element *e, int port, Packet **p, unsigned n) {
  Queue *q = (Queue *)e;
  if (port == 0 || !q->capacity) {
    queue_push(e, port, p, n);
    return;
  }
  for (unsigned i = 0; i < n; i++) {
    Packet *last = q->length == q->capacity ? *queue_at(q, --q->length) : NULL;
    q->head = (q->head - 1) & q->mask;
    *queue_at(q, 0) = p[i];
    q->length++;
    queue_note_length(q);
    signal_set(&q->not_empty, true);
    if (last) queue_overflow(q, &last, 1);
  }
}

ELEMENT(MixedQueue, .ports = "2/1-2", .push = mixed_queue_push, .pull = queue_pull,
        .configure = queue_configure, .notifier = queue_empty_notifier, QUEUE_CLASS);
