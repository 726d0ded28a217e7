/** SimpleQueue: stores packets, first in, first out; notifies nobody.
 *
 * Synopsis: `SimpleQueue([CAPACITY])`
 *
 * Ports: 1 push input; output 0 is pull. Arrivals that find it full leave on output 1 (push) if it is
 * connected. Without notifiers pullers downstream never sleep; Queue is nearly always better.
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 1000.
 *
 * Handlers: `length`, `highwater_length`, `drops` (read). `capacity` (read/write). `reset_counts`, `reset`
 * (write). As of Queue.
 *
 * Example: `InfiniteSource(LIMIT 20) -> SimpleQueue(10) -> Unqueue -> Discard;`
 */
#include "queue.h"

typedef Queue SimpleQueue;

ELEMENT(SimpleQueue, .ports = "1/1-2", .push = queue_push, .pull = queue_pull, .configure = queue_configure,
        QUEUE_CLASS);
