/** QuickNoteQueue: stores packets, first in, first out; says at once that it is empty.
 *
 * Synopsis: `QuickNoteQueue([CAPACITY])`
 *
 * Ports: 1 push input; output 0 is pull. Arrivals that find it full leave on output 1 (push) if it is
 * connected. A Queue, but for this: its empty notifier goes off with the last packet that is pulled, not with
 * the first pull that finds no packet.
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 1000.
 *
 * Handlers: `length`, `highwater_length`, `drops` (read). `capacity` (read/write). `reset_counts`, `reset`
 * (write). As of Queue.
 *
 * Example: `InfiniteSource(LIMIT 20) -> QuickNoteQueue(10) -> Unqueue -> Discard;`
 */
#include "queue.h"

typedef Queue QuickNoteQueue;

static unsigned quick_note_queue_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = queue_pull(e, port, p, max);
  Queue *q = (Queue *)e;
  if (!q->length) signal_set(&q->not_empty, false);
  return n;
}

ELEMENT(QuickNoteQueue, .ports = "1/1-2", .push = queue_push, .pull = quick_note_queue_pull,
        .configure = queue_configure, .initialize = queue_initialize, .notifier = queue_both_notifiers,
        QUEUE_CLASS);
