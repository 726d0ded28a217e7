/** NotifierQueue: stores packets, first in, first out; tells pullers when it is empty.
 *
 * Synopsis: `NotifierQueue([CAPACITY])`
 *
 * Ports: 1 push input; output 0 is pull. Arrivals that find it full leave on output 1 (push) if it is
 * connected. Unlike Queue it does not tell sources upstream that it is full, so they overrun it.
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 1000.
 *
 * Handlers: `length`, `highwater_length`, `drops` (read). `capacity` (read/write). `reset_counts`, `reset`
 * (write). As of Queue.
 *
 * Example: `InfiniteSource(LIMIT 20) -> NotifierQueue(10) -> Unqueue -> Discard;`
 */
#include "queue.h"

typedef Queue NotifierQueue;

ELEMENT(NotifierQueue, .ports = "1/1-2", .push = queue_push, .pull = queue_pull, .configure = queue_configure,
        .notifier = queue_empty_notifier, QUEUE_CLASS);
