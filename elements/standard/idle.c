/** Idle: never makes a packet and drops what it gets.
 *
 * Synopsis: `Idle`. Any number of inputs and outputs, push or pull.
 *
 * Example: `Idle -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Idle {
  Element base;
  Signal never;
} Idle;

static void idle_push(Element *e, int port, Packet **p, unsigned n) {
  (void)e, (void)port;
  free_batch(p, n);
}

static unsigned idle_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)e, (void)port, (void)p, (void)max;
  return 0;
}

static Signal *idle_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((Idle *)e)->never;
}

static void idle_cleanup(Element *e) { signal_cleanup(&((Idle *)e)->never); }

ELEMENT(Idle, .per_thread = true, .ports = "-/-", .processing = "a/a", .flow = "x/y", .flags = "S0",
        .push = idle_push, .pull = idle_pull, .notifier = idle_notifier, .cleanup = idle_cleanup,
        .args = NO_ARGS);
