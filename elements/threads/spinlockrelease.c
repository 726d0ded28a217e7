/** SpinlockRelease: releases a lock for each packet.
 *
 * Synopsis: `SpinlockRelease(LOCK)`
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

typedef Spinlock SpinlockRelease;

static inline int spinlockrelease_action(Spinlock *e, Packet *p) { return spinlock_action(e, p); }

ACTION(Spinlock, spinlockrelease_action)

ELEMENT(SpinlockRelease, USE_ACTION(Spinlock, spinlockrelease_action), SPINLOCK_CLASS);
