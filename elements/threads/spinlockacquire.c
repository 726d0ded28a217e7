/** SpinlockAcquire: takes a lock for each packet.
 *
 * Synopsis: `SpinlockAcquire(LOCK)`
 *
 * Ports: 1 input, 1 output. A router runs on one thread, so packets just pass.
 *
 * Arguments: LOCK (word): a name that SpinlockInfo gave. Required.
 *
 * Handlers: none.
 *
 * Example: `SpinlockInfo(l) InfiniteSource(LIMIT 3) -> SpinlockAcquire(l) -> SpinlockRelease(l) -> Discard;`
 */
#include "spinlock.h"

typedef Spinlock SpinlockAcquire;

static inline int spinlockacquire_action(Spinlock *e, Packet *p) { return spinlock_action(e, p); }

ACTION(Spinlock, spinlockacquire_action)

ELEMENT(SpinlockAcquire, USE_ACTION(Spinlock, spinlockacquire_action), SPINLOCK_CLASS);
