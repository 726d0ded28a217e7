/** CPUQueue: a queue for each CPU; on one thread, a queue that several pull outputs share.
 *
 * Synopsis: `CPUQueue([CAPACITY])`
 *
 * Ports: 1 push input, 1 or more pull outputs, any of which gives the oldest packet. Arrivals that find it
 * full are dropped. Tells pullers when it is empty.
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 128.
 *
 * Handlers: `capacity`, `drops` (read).
 *
 * Example: `InfiniteSource(LIMIT 20) -> CPUQueue -> Unqueue -> Discard;`
 */
#include "queue.h"

typedef Queue CPUQueue;

static void cpu_queue_push(Element *e, int port, Packet **p, unsigned n) {
  Queue *q = (Queue *)e;
  uint32_t room = q->capacity - q->length, take = n < room ? n : room;
  if (take) queue_push(e, port, p, take);
  q->drops += n - take;
  free_batch(p + take, n - take);
}

ELEMENT(CPUQueue, .ports = "1/1-", .processing = "h/l", .push = cpu_queue_push, .pull = queue_pull,
        .configure = queue_configure, .cleanup = queue_cleanup, .notifier = queue_empty_notifier,
        .batch_cap = queue_batch_cap,
        .args = ARGS(ARG_POS(Queue, U32, "CAPACITY", capacity, "128", .min = 0, .max = 1 << 30)),
        .handlers = HANDLERS(READ_FIELD(Queue, U32, "capacity", capacity),
                             READ_FIELD(Queue, U64, "drops", drops)));
