/* port_vhost.c: a port that a vhost-user backend serves: the backend works on the guest's memory and rings by
 * itself; the monitor only introduces them. A backend that goes away leaves the guest running with its link
 * down; when one listens there again, the guest's driver is told to set up its rings anew. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "../virtio/driver.h"
#include "../virtio/vhost_user.h"
#include "monitor.h"

#define RETRY_NS (20 * NSEC_PER_MSEC)
#define GIVE_UP_NS (5 * NSEC_PER_SEC) /* when nobody ever listened */

typedef struct VhostPort {
  Watch watch; /* first */
  Port *port;
  VhostFrontend frontend;
  Alarm retry;
  int64_t first_try;
  bool was_connected;
  DriverSetup setup; /* setup.ready: of rings the backend may use */
  bool rewound;      /* they go on at `bases`, else they are fresh */
  uint32_t bases[VHOST_RINGS];
} VhostPort;

static void vhost_drop(Port *p, bool told) {
  VhostPort *v = p->vhost;
  if (v->frontend.fd >= 0) watch_remove(&v->watch);
  if (!told)
    fprintf(stderr, "clicklet-monitor: port %u (%s): %s; waiting for it\n", p->index, p->arg,
            v->frontend.error);
  vhost_frontend_close(&v->frontend);
  event(p->monitor, "link", "\"port\":%u,\"up\":false", p->index);
  bool used = v->setup.ready;
  v->setup.ready = false;
  port_link(p, false, used);
  alarm_set(&v->retry, clock_ns() + RETRY_NS);
}

static void vhost_up(Port *p) {
  event(p->monitor, "link", "\"port\":%u,\"up\":true", p->index);
  port_link(p, true, false);
}

/* fresh: the rings are empty. */
static void vhost_start(Port *p, bool fresh) {
  VhostPort *v = p->vhost;
  Monitor *m = p->monitor;
  if (!v->setup.ready || v->frontend.fd < 0) return;
  if (v->setup.features & ~v->frontend.features) { /* negotiated before this backend was there */
    v->setup.ready = false;
    port_link(p, false, true);
    return;
  }
  VhostRingSetup rings[VHOST_RINGS];
  bool packed = v->setup.features & VIRTIO_F_RING_PACKED;
  for (unsigned i = 0; i < VHOST_RINGS; i++) {
    const GuestQueue *q = &v->setup.queues[i];
    uint64_t driver = packed ? sizeof(PackedEvent) : virtq_avail_bytes(q->size),
             device = packed ? sizeof(PackedEvent) : virtq_used_bytes(q->size);
    rings[i] = (VhostRingSetup){.size = q->size,
                                .base = v->rewound ? v->bases[i] : device_queue_fresh(v->setup.features),
                                .desc = memory_at(&m->map, q->descriptors, virtq_desc_bytes(q->size)),
                                .driver = memory_at(&m->map, q->driver, driver),
                                .device = memory_at(&m->map, q->device, device),
                                .kick = p->kick[i],
                                .call = m->calls[p->index]};
    if (q->size > 1024 || !rings[i].desc || !rings[i].driver || !rings[i].device) {
      end_with(m, EXIT_FAULT, "the guest set up a queue of port %u outside of its memory", p->index);
      return;
    }
  }
  if (v->frontend.started && vhost_frontend_stop(&v->frontend, NULL)) {
    vhost_drop(p, false);
    return;
  }
  if (vhost_frontend_post(&v->frontend, v->setup.features, NULL, 0, rings)) {
    vhost_drop(p, false);
    return;
  }
  for (unsigned i = 0; i < VHOST_RINGS && !fresh; i++)
    (void)!write(p->kick[i], &(uint64_t){1}, 8); /* there may be something already */
  if (!v->frontend.answer_due) vhost_up(p);
}

static bool vhost_connected(Port *p) {
  VhostPort *v = p->vhost;
  v->was_connected = true;
  v->watch.fd = v->frontend.fd;
  watch_add(&v->watch, EPOLLIN | EPOLLRDHUP);
  VhostRegion region = {.size = p->monitor->memory, .host = p->monitor->ram, .fd = p->monitor->memory_fd};
  if (vhost_frontend_memory(&v->frontend, &region, 1)) return false;
  port_offer(p, PORT_FEATURES & v->frontend.features);
  return true;
}

static void vhost_retry(Alarm *a) {
  VhostPort *v = container_of(a, VhostPort, retry);
  Port *p = v->port;
  if (!vhost_frontend_connect(&v->frontend, p->arg) && vhost_connected(p)) {
    /* What the guest has negotiated may be less than what is possible now. */
    if (v->setup.ready && v->setup.features != (PORT_FEATURES & v->frontend.features))
      v->setup.ready = false, port_link(p, false, true);
    vhost_start(p, false);
    return;
  }
  if (!v->was_connected && clock_ns() - v->first_try > GIVE_UP_NS) {
    end_with(p->monitor, EXIT_HOST, "no vhost-user backend listens at %s (%s)", p->arg, v->frontend.error);
    return;
  }
  alarm_set(a, clock_ns() + RETRY_NS);
}

/* The answer to a start, or the end of the connection. */
static void vhost_readable(Watch *w, uint32_t events) {
  VhostPort *v = (VhostPort *)w;
  if (v->frontend.answer_due && events & EPOLLIN) {
    if (vhost_frontend_answer(&v->frontend))
      vhost_drop(v->port, false);
    else
      vhost_up(v->port);
    return;
  }
  snprintf(v->frontend.error, sizeof v->frontend.error, "the backend has gone");
  vhost_drop(v->port, false);
}

static void vhost_begin(Port *p) {
  VhostPort *v = p->vhost = calloc(1, sizeof *v);
  if (!v) fail(EXIT_HOST, "out of memory");
  *v = (VhostPort){
      .watch.ready = vhost_readable, .port = p, .retry.fire = vhost_retry, .first_try = clock_ns()};
  p->monitor->calls[p->index] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  vhost_frontend_begin(&v->frontend, p->arg);
}

static void vhost_ask(Port *p) { vhost_frontend_ask(&p->vhost->frontend); }

/* The backend gets the rings where the guest's driver will find them, so that nothing is left to negotiate
 * once the guest runs. */
static void vhost_prepare(Port *p) {
  GuestDevice *d = &p->monitor->boot->devices[p->index];
  const char *error;
  if (p->monitor->options.restore || !d->queues[0].size) return;
  d->accepted = p->monitor->offered[p->index] & DRIVER_FEATURES;
  d->queue_count = VHOST_RINGS;
  d->ready = 1;
  driver_setup(p->monitor, p->index, &p->vhost->setup, &error);
  vhost_start(p, true);
}

static bool vhost_open(Port *p) {
  VhostPort *v = p->vhost;
  port_offer(p, VIRTIO_F_VERSION_1);
  if (vhost_frontend_finish(&v->frontend) || !vhost_connected(p))
    alarm_set(&v->retry, clock_ns() + NSEC_PER_MSEC);
  else
    vhost_prepare(p);
  return true;
}

static void vhost_device_ready(Port *p) {
  VhostPort *v = p->vhost;
  const char *error;
  if (!driver_setup(p->monitor, p->index, &v->setup, &error)) {
    end_with(p->monitor, EXIT_FAULT, "port %u: %s", p->index, error);
    return;
  }
  v->rewound = false;
  if (v->setup.ready)
    vhost_start(p, false);
  else if (v->frontend.started && vhost_frontend_stop(&v->frontend, NULL))
    vhost_drop(p, false);
}

static void vhost_halt(Port *p, PortState *out) {
  VhostPort *v = p->vhost;
  port_name_state(p, out);
  if (v->setup.ready && v->frontend.started) {
    if (vhost_frontend_stop(&v->frontend, v->bases))
      vhost_drop(p, false);
    else
      v->rewound = true;
  }
  out->ready = v->setup.ready;
  for (unsigned i = 0; i < VHOST_RINGS; i++)
    out->bases[i] = v->rewound ? v->bases[i] : device_queue_fresh(v->setup.features);
}

/* Where the backend is not there yet, vhost_retry does the rest. */
static void vhost_go_on(Port *p, const PortState *from) {
  VhostPort *v = p->vhost;
  const char *error;
  if (!driver_setup(p->monitor, p->index, &v->setup, &error)) {
    end_with(p->monitor, EXIT_FAULT, "port %u: %s", p->index, error);
    return;
  }
  v->setup.ready = v->setup.ready && from->ready;
  v->rewound = true;
  memcpy(v->bases, from->bases, sizeof v->bases);
  if (v->setup.ready)
    vhost_start(p, false);
  else
    port_link(p, false, true);
}

static void vhost_close(Port *p) {
  if (p->vhost->frontend.started) vhost_frontend_stop(&p->vhost->frontend, NULL);
  vhost_frontend_close(&p->vhost->frontend);
}

const Port vhost_port = {.kind = "vhost-user",
                         .begin = vhost_begin,
                         .ask = vhost_ask,
                         .open = vhost_open,
                         .device_ready = vhost_device_ready,
                         .halt = vhost_halt,
                         .go_on = vhost_go_on,
                         .close = vhost_close};
