/** Queue: stores packets, first in, first out; drops arrivals when full.
 *
 * Synopsis: `Queue([CAPACITY])`. FullNoteQueue, ThreadSafeQueue and MSQueue are other names of it.
 *
 * Ports: 1 push input; output 0 is pull. Arrivals that find it full leave on output 1 (push) if it is
 * connected.
 *
 * The border between push and pull. Tells pullers downstream when it becomes non-empty (empty notifier) and
 * sources upstream when it has room (full notifier).
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 1000.
 *
 * Handlers: `length`, `highwater_length`, `drops` (read). `capacity` (read/write): writing keeps the packets
 * that fit. `reset_counts` (write): drops to zero, high-water mark to the present length. `reset` (write):
 * empties the queue.
 *
 * Example: `InfiniteSource(LIMIT 20) -> q :: Queue(10) -> Unqueue -> Discard;`
 */
#include "queue.h"

ELEMENT(Queue, .ports = "1/1-2", .aliases = "FullNoteQueue ThreadSafeQueue MSQueue", .push = queue_push,
        .pull = queue_pull, .configure = queue_configure, .initialize = queue_initialize,
        .notifier = queue_both_notifiers, QUEUE_CLASS);
