/** ToHost: hands Ethernet frames to the host, through the interface of a FromHost.
 *
 * Synopsis: `ToHost(DEVNAME)`
 *
 * Arguments: DEVNAME: that of a FromHost in the same router. The host takes frames to the interface's
 * Ethernet address and to all.
 *
 * Handlers: `dev_name`, `drops` (read).
 *
 * Example: `FromHost(fake, 10.99.0.1/24) -> Discard; Idle -> ToHost(fake);`
 */
#include <clicklet/element.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct ToHost {
  Element base;
  char *name;
  const int *fd;
  uint64_t drops;
  bool complained;
} ToHost;

static void tohost_push(Element *e, int port, Packet **p, unsigned n) {
  ToHost *t = (ToHost *)e;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    if (p[i]->len < 14 || write(*t->fd, p[i]->data, p[i]->len) != (ssize_t)p[i]->len) {
      if (!t->complained)
        chatter(e, "%s: %s", t->name,
                p[i]->len < 14 ? "a packet is too short for Ethernet" : strerror(errno));
      t->complained = true;
      t->drops++;
    }
    packet_free(p[i]);
  }
}

static int tohost_initialize(Element *e, Errors *errs) {
  ToHost *t = (ToHost *)e;
  char service[64];
  snprintf(service, sizeof service, "fd %s", t->name);
  for (unsigned i = 0; i < router_count(e->router) && !t->fd; i++)
    t->fd = element_cast(router_element(e->router, i), service);
  return t->fd ? 0 : error(errs, "there is no FromHost(%s), or it could not be opened", t->name);
}

static void tohost_cleanup(Element *e) { mem_free(((ToHost *)e)->name); }

ELEMENT(ToHost, .ports = "1/0", .processing = "h/", .targets = TARGET_HOST, .phase = PHASE_PRIVILEGED,
        .push = tohost_push, .initialize = tohost_initialize, .cleanup = tohost_cleanup,
        .args = ARGS(ARG_MUST(ToHost, WORD, "DEVNAME", name)),
        .handlers = HANDLERS(READ_FIELD(ToHost, WORD, "dev_name", name),
                             READ_FIELD(ToHost, U64, "drops", drops)));
