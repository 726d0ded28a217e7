/** SpinlockPush: holds a lock while a packet is pushed on.
 *
 * Synopsis: `SpinlockPush(LOCK)`
 *
 * Ports: 1 push input, 1 push output. A router runs on one thread, so packets just pass.
 *
 * Arguments: LOCK (word): a name that SpinlockInfo gave. Required.
 *
 * Handlers: none.
 *
 * Example: `SpinlockInfo(l) InfiniteSource(LIMIT 3) -> SpinlockPush(l) -> Discard;`
 */
#include "spinlock.h"

typedef Spinlock SpinlockPush;

static inline int spinlockpush_action(Spinlock *e, Packet *p) { return spinlock_action(e, p); }

ACTION(Spinlock, spinlockpush_action)

ELEMENT(SpinlockPush, USE_ACTION(Spinlock, spinlockpush_action), SPINLOCK_CLASS, .processing = "h/h");
