/** Burster: pulls a burst of packets in every interval and pushes them on.
 *
 * Synopsis: `Burster(INTERVAL [, BURST])`
 *
 * Ports: 1 pull input, 1 push output. TimedUnqueue with another default.
 *
 * Arguments: INTERVAL (time): required. BURST (int): packets in an interval at most. Default 8.
 *
 * Handlers: `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 20) -> Queue -> Burster(10ms) -> Discard;`
 */
#include "timed_unqueue.h"

typedef TimedUnqueue Burster;

ELEMENT(Burster, TIMED_UNQUEUE_CLASS("8"));
