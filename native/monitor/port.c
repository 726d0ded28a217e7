/* port.c: what all ports share: reading what the guest's driver asks for, and telling it about the link. */
#include <stdio.h>
#include "monitor.h"

bool driver_setup(Monitor *m, unsigned index, DriverSetup *out, const char **error) {
  const GuestDevice *d = &m->boot->devices[index];
  memset(out, 0, sizeof *out);
  out->ready = __atomic_load_n(&d->ready, __ATOMIC_ACQUIRE) == 1;
  out->features = d->accepted;
  for (unsigned i = 0; i < 2; i++) memcpy(&out->queues[i], &d->queues[i], sizeof out->queues[i]);
  if (!out->ready) return true;
  *error = "the guest accepted features that it was not offered";
  if (out->features & ~PORT_FEATURES) return false;
  *error = "the guest did not set up its queues";
  return out->queues[0].size && out->queues[1].size;
}

void port_link(Port *p, bool up, bool lost) {
  GuestDevice *d = &p->monitor->boot->devices[p->index];
  d->link = up;
  if (lost) __atomic_store_n(&d->generation, ++p->generation, __ATOMIC_RELEASE);
  (void)!write(p->monitor->wake, &(uint64_t){1}, 8);
}

void port_offer(Port *p, uint64_t features) {
  p->monitor->offered[p->index] = features;
  p->monitor->boot->devices[p->index].offered = features;
}

void port_name_state(const Port *p, PortState *s) {
  memset(s, 0, sizeof *s);
  snprintf(s->kind, sizeof s->kind, "%s", p->kind);
  snprintf(s->arg, sizeof s->arg, "%s", p->arg);
  memcpy(s->mac, p->mac, 6);
  s->generation = p->generation;
  s->counters = p->counters;
}
