/** ChangeUID: gives up the rights of the superuser once devices are open.
 *
 * Synopsis: `ChangeUID()`
 *
 * When all elements in front of it are initialised, the process takes its real user and group for its
 * effective ones. For programs that are installed set-user-id.
 *
 * Example: `ChangeUID(); Idle -> Discard;`
 */
#define _GNU_SOURCE
#include <clicklet/element.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct ChangeUID {
  Element base;
} ChangeUID;

static int change_initialize(Element *e, Errors *errs) {
  (void)e;
  gid_t group = getgid();
  uid_t user = getuid();
  if (setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)
    return error(errs, "cannot change the user: %s", strerror(errno));
  return 0;
}

ELEMENT(ChangeUID, .ports = "0/0", .targets = TARGET_HOST, .phase = PHASE_PRIVILEGED,
        .initialize = change_initialize, .args = NO_ARGS);
