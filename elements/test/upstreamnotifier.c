/** UpstreamNotifier: a full signal that is set by hand.
 *
 * Synopsis: `UpstreamNotifier([<keyword> SIGNAL])`. Packets pass unchanged.
 *
 * Arguments: SIGNAL (bool): whether sources upstream may send. Default true.
 *
 * Handlers: `signal` (read/write): the same.
 *
 * Example: `InfiniteSource(LIMIT 5) -> u :: UpstreamNotifier(SIGNAL false) -> Discard; Script(wait 1, write
 * u.signal true);`
 */
#include <clicklet/element.h>

typedef struct UpstreamNotifier {
  Element base;
  bool active;
  Signal signal;
} UpstreamNotifier;

static inline int notifier_pass(UpstreamNotifier *u, Packet *p) {
  (void)u, (void)p;
  return 0;
}

ACTION(UpstreamNotifier, notifier_pass)

static int notifier_initialize(Element *e, Errors *errs) {
  (void)errs;
  ((UpstreamNotifier *)e)->signal.active = ((UpstreamNotifier *)e)->active;
  return 0;
}

static Signal *notifier_signal(Element *e, bool full, int port) {
  (void)port;
  return full ? &((UpstreamNotifier *)e)->signal : NULL;
}

static int notifier_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  UpstreamNotifier *u = (UpstreamNotifier *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  signal_set(&u->signal, u->active);
  return 0;
}

static void notifier_cleanup(Element *e) { signal_cleanup(&((UpstreamNotifier *)e)->signal); }

ELEMENT(UpstreamNotifier, .ports = "1/1", .processing = "h/h", USE_ACTION(UpstreamNotifier, notifier_pass),
        .initialize = notifier_initialize, .cleanup = notifier_cleanup, .notifier = notifier_signal,
        .args = ARGS(ARG(UpstreamNotifier, BOOL, "SIGNAL", active, "true")),
        .handlers = HANDLERS(RW_FIELD(UpstreamNotifier, BOOL, "signal", active, .write = notifier_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX)));
