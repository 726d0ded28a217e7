/* port.h: what FromDevice and ToDevice share: sleeping until their packet port has something to do. */
#ifndef CLICKLET_ELEMENTS_DEVICE_PORT_H
#define CLICKLET_ELEMENTS_DEVICE_PORT_H
#include <clicklet/engine.h>
#include <clicklet/netdevice.h>

enum { PORT_PATIENCE = 1500, PORT_FEW = 4 };

/* How often a port is found empty (or full) before its element sleeps. Ports that gather what is sent are
 * rings in memory: looking there takes nanoseconds and being woken microseconds, so look for some 50 us.
 * Where a router has many ports its turns take longer, and fewer make that time. Other ports cost a system
 * call each time. */
static inline unsigned port_patience(const NetDevice *d, const Element *e) {
  if (!d->flush) return 1;
  unsigned ports = 0;
  for (const NetDevice *x = *engine_devices(element_engine(e)); x; x = x->next) ports++;
  return ports <= PORT_FEW ? PORT_PATIENCE : PORT_PATIENCE * PORT_FEW / ports + 1;
}

/* NetDevice.ready: both elements look; each arms the port again before it sleeps. */
static void port_ready(NetDevice *d) {
  Element *receiver = d->receiver, *sender = d->sender;
  if (receiver) receiver->class->selected(receiver, d->fd, true, false);
  if (sender) sender->class->selected(sender, d->fd, false, true);
}

/* Before a task sleeps. The element becomes the one that is woken only now, when it is certain to be of the
 * running router. True: do not sleep. */
static inline bool port_sleep(NetDevice *d, Element *e, bool receive) {
  if (receive)
    d->receiver = e;
  else
    d->sender = e;
  d->ready = port_ready;
  return d->arm && d->arm(d, receive, true);
}

static inline void port_awake(NetDevice *d, bool receive) {
  if (d->arm) d->arm(d, receive, false);
}

static inline void port_forget(NetDevice *d, Element *e) {
  if (d->receiver == e) d->receiver = NULL;
  if (d->sender == e) d->sender = NULL;
}

#endif
