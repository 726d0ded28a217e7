/** Error: keeps the router from starting, with a message.
 *
 * Synopsis: `Error([MESSAGE])`
 *
 * Ports: any number; for use in the branches of a configuration that must not be reached.
 *
 * Arguments: MESSAGE (string): what to say. Default "unspecified error".
 *
 * Handlers: none.
 *
 * Example: `elementclass NeedsTwo { $a, $b | Idle -> Discard; || $a | Error("two arguments are needed") }
 * Idle -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Error {
  Element base;
  char *message;
} Error;

static int error_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  return error(errs, "%s", ((Error *)e)->message);
}

static void error_cleanup(Element *e) { mem_free(((Error *)e)->message); }

ELEMENT(Error, .ports = "-/-", .configure = error_configure, .cleanup = error_cleanup,
        .args = ARGS(ARG_POS(Error, STRING, "MESSAGE", message, "\"unspecified error\"")));
