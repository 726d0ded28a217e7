/** SimpleIdle: neither gives nor takes packets, and says nothing about it.
 *
 * Synopsis: `SimpleIdle`
 *
 * Ports: any number. As Idle, but without a notifier: pullers downstream do not sleep. Packets pushed in are
 * dropped.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `SimpleIdle -> Discard;`
 */
#include <clicklet/element.h>

typedef struct SimpleIdle {
  Element base;
} SimpleIdle;

static void simple_idle_push(Element *e, int port, Packet **p, unsigned n) {
  (void)e, (void)port;
  free_batch(p, n);
}

static unsigned simple_idle_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)e, (void)port, (void)p, (void)max;
  return 0;
}

ELEMENT(SimpleIdle, .ports = "-/-", .flow = "x/y", .push = simple_idle_push, .pull = simple_idle_pull,
        .args = NO_ARGS);
