/** FrontDropQueue: a queue that drops the oldest packet when it is full.
 *
 * Synopsis: `FrontDropQueue([CAPACITY])`
 *
 * Ports: 1 push input; output 0 is pull. When it is full, an arrival replaces the packet at the front, which
 * leaves on output 1 (push) if it is connected. Tells pullers when it is empty, as NotifierQueue.
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 1000.
 *
 * Handlers: `length`, `highwater_length`, `drops` (read). `capacity` (read/write): writing keeps the newest
 * packets. `reset_counts`, `reset` (write). As of Queue.
 *
 * Example: `InfiniteSource(LIMIT 20) -> FrontDropQueue(10) -> Unqueue -> Discard;`
 */
#include "queue.h"

typedef Queue FrontDropQueue;

static void front_drop_queue_push(Element *e, int port, Packet **p, unsigned n) {
  Queue *q = (Queue *)e;
  if (!q->capacity) {
    queue_push(e, port, p, n);
    return;
  }
  for (unsigned i = 0; i < n; i++) {
    if (q->length == q->capacity) {
      Packet *oldest = queue_take(q);
      queue_overflow(q, &oldest, 1);
    }
    *queue_at(q, q->length++) = p[i];
    queue_note_length(q);
    signal_set(&q->not_empty, true);
  }
}

static int front_drop_queue_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  return queue_resize((Queue *)e, ((Queue *)e)->capacity, true, errs);
}

ELEMENT(FrontDropQueue, .ports = "1/1-2", .push = front_drop_queue_push, .pull = queue_pull,
        .configure = front_drop_queue_configure, .notifier = queue_empty_notifier, QUEUE_CLASS);
