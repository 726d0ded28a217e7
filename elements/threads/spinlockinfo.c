/** SpinlockInfo: names locks.
 *
 * Synopsis: `SpinlockInfo(NAME, ...)`
 *
 * Ports: none. SpinlockAcquire, SpinlockRelease and SpinlockPush of the same compound refer to the names. A
 * router runs on one thread, so there is nothing to lock; uses of names that do not exist are errors all the
 * same.
 *
 * Arguments: NAME (word): one or more.
 *
 * Handlers: none.
 *
 * Example: `SpinlockInfo(l) InfiniteSource(LIMIT 3) -> SpinlockAcquire(l) -> SpinlockRelease(l) -> Discard;`
 */
#include "spinlock.h"

typedef struct SpinlockInfo {
  Element base;
} SpinlockInfo;

static int spinlock_info_configure(Element *e, const Args *args, Errors *errs) {
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++)
    if (!is_word(args_text(args, i)))
      rc = arg_error(errs, args_index(args, i), "expected a name, not '%s'", args_text(args, i));
    else if (!name_define(e, NAME_SPINLOCK, args_text(args, i), "", 1))
      rc = arg_error(errs, args_index(args, i), "out of memory");
  return rc;
}

ELEMENT(SpinlockInfo, .ports = "0/0", .phase = PHASE_INFO, .configure = spinlock_info_configure,
        .args = ARGS(ARG_ALL_REST("NAME")));
