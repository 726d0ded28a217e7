/** TimedUnqueue: pulls some packets in every interval and pushes them on.
 *
 * Synopsis: `TimedUnqueue(INTERVAL [, BURST])`
 *
 * Ports: 1 pull input, 1 push output. Sleeps while its upstream is empty; the next packet then starts a new
 * interval.
 *
 * Arguments: INTERVAL (time): required. BURST (int): packets in an interval at most. Default 1.
 *
 * Handlers: `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 10) -> Queue -> TimedUnqueue(10ms) -> Discard;`
 */
#include "timed_unqueue.h"

ELEMENT(TimedUnqueue, TIMED_UNQUEUE_CLASS("1"));
