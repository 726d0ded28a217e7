/* port_tap.c: a port on a TAP interface of the host. The monitor is the device: it copies frames between the
 * interface and the guest's rings, as the vhost-user backend does elsewhere, with the same code
 * (virtio/device.c). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "monitor.h"

enum { BURSTS = 16, BURST = 32 };

typedef struct TapPort {
  Port *port;
  Watch tap, kick[2];
  DeviceQueue rx, tx; /* as the driver names them */
  bool reading;       /* frames of the interface are wanted */
  uint8_t *held;      /* a frame that found no buffer, or NULL */
  uint32_t held_len;
} TapPort;

static void want_frames(TapPort *t, bool on) {
  if (t->reading != on) watch_change(&t->tap, on ? EPOLLIN : 0);
  t->reading = on;
}

static void broken(TapPort *t, const DeviceQueue *q) {
  if (q->error)
    end_with(t->port->monitor, EXIT_FAULT, "port %u: the guest's driver is broken: %s", t->port->index,
             q->error);
}

static bool give(TapPort *t, const void *data, uint32_t len) {
  DeviceBuffer b = {data, len};
  uint64_t dropped = 0;
  if (!device_send(&t->rx, &b, 1, &dropped)) return false;
  t->port->counters.rx_dropped += dropped;
  if (!dropped) t->port->counters.rx_frames++, t->port->counters.rx_bytes += len;
  return true;
}

static void hold(TapPort *t, const uint8_t *frame, uint32_t len) {
  t->held_len = len;
  t->held = malloc(len);
  if (t->held)
    memcpy(t->held, frame, len);
  else
    t->port->counters.rx_dropped++;
}

static void let_go(TapPort *t) {
  free(t->held);
  t->held = NULL;
}

/* From the interface to the guest. */
static void receive(TapPort *t) {
  static uint8_t frame[NET_FRAME_MAX + 1]; /* the last byte shows a longer frame, which would be cut */
  park_wake(t->port->monitor);
  bool full = t->held && !give(t, t->held, t->held_len);
  if (!full) let_go(t);
  for (unsigned i = 0; !full && i < BURSTS * BURST; i++) {
    ssize_t n = read(t->tap.fd, frame, sizeof frame);
    if (n <= 0) break;
    if (n > NET_FRAME_MAX) {
      t->port->counters.rx_dropped++;
      continue;
    }
    full = !give(t, frame, (uint32_t)n);
    if (full) hold(t, frame, (uint32_t)n);
  }
  device_notify(&t->rx);
  broken(t, &t->rx);
  if (full && device_arm(&t->rx, true)) full = false; /* buffers came in between: go on at the next event */
  want_frames(t, t->rx.started && !full);
}

/* From the guest to the interface. */
static void transmit(TapPort *t) {
  DeviceFrame frames[BURST];
  uint8_t whole[NET_FRAME_MAX];
  PortCounters *c = &t->port->counters;
  unsigned bursts = 0;
  park_wake(t->port->monitor);
  do {
    device_arm(&t->tx, false);
    for (unsigned n; bursts < BURSTS && (n = device_receive(&t->tx, frames, BURST)); bursts++) {
      for (unsigned i = 0; i < n; i++) {
        const DeviceFrame *f = &frames[i];
        const uint8_t *data = f->data;
        bool fits = f->total <= NET_FRAME_MAX;
        if (fits && f->more) device_frame_copy(&t->tx, f, whole), data = whole;
        if (fits && write(t->tap.fd, data, f->total) > 0)
          c->tx_frames++, c->tx_bytes += f->total;
        else
          c->tx_dropped++; /* or the interface is down, or its queue full */
      }
      device_receive_done(&t->tx);
      device_notify(&t->tx);
    }
    if (bursts == BURSTS) { /* others' turn; come back at once */
      (void)!write(t->kick[1].fd, &(uint64_t){1}, 8);
      break;
    }
  } while (device_arm(&t->tx, true));
  broken(t, &t->tx);
}

static void tap_readable(Watch *w, uint32_t events) {
  TapPort *t = container_of(w, TapPort, tap);
  if (events & EPOLLERR)
    end_with(t->port->monitor, EXIT_HOST, "the interface %s has gone", t->port->arg);
  else
    receive(t);
}

static void clear(Watch *w) {
  uint64_t count;
  (void)!read(w->fd, &count, sizeof count);
}
static void rx_kicked(Watch *w, uint32_t events) {
  (void)events;
  TapPort *t = container_of(w, TapPort, kick[0]);
  clear(w);
  if (!t->rx.started) return;
  park_wake(t->port->monitor);
  device_arm(&t->rx, false);
  receive(t);
}
static void tx_kicked(Watch *w, uint32_t events) {
  (void)events;
  TapPort *t = container_of(w, TapPort, kick[1]);
  clear(w);
  if (t->tx.started) transmit(t);
}

static bool tap_open(Port *p) {
  if (strlen(p->arg) >= IFNAMSIZ || !if_nametoindex(p->arg))
    fail(EXIT_HOST,
         "there is no interface %s: make it with 'ip tuntap add dev %s mode tap' and 'ip link set %s up'",
         p->arg, p->arg, p->arg);
  TapPort *t = p->tap = calloc(1, sizeof *t);
  if (!t) fail(EXIT_HOST, "out of memory");
  t->port = p;
  t->tap = (Watch){.fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), .ready = tap_readable};
  if (t->tap.fd < 0)
    fail(EXIT_HOST, "/dev/net/tun: %m: TAP ports need the tun module and permission for that device");
  struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strcpy(r.ifr_name, p->arg);
  if (ioctl(t->tap.fd, TUNSETIFF, &r))
    fail(EXIT_HOST, "cannot attach to the interface %s: %s", p->arg,
         errno == EBUSY    ? "it is in use"
         : errno == EINVAL ? "it is no TAP interface"
                           : strerror(errno));
  t->kick[0] = (Watch){.fd = p->kick[0], .ready = rx_kicked};
  t->kick[1] = (Watch){.fd = p->kick[1], .ready = tx_kicked};
  watch_add(&t->tap, 0);
  watch_add(&t->kick[0], EPOLLIN);
  watch_add(&t->kick[1], EPOLLIN);
  port_offer(p, PORT_FEATURES);
  return true;
}

/* Takes the queues up as the driver has set them up, `bases` far along or, without, from the beginning. */
static void start_queues(Port *p, const uint32_t *bases) {
  TapPort *t = p->tap;
  Monitor *m = p->monitor;
  DriverSetup s;
  const char *error;
  device_queue_stop(&t->rx);
  device_queue_stop(&t->tx);
  if (!driver_setup(m, p->index, &s, &error)) {
    end_with(m, EXIT_FAULT, "port %u: %s", p->index, error);
    return;
  }
  want_frames(t, false);
  port_link(p, s.ready, false);
  if (!s.ready) return;
  DeviceQueue *queues[] = {&t->rx, &t->tx};
  for (unsigned i = 0; i < 2; i++) {
    DeviceQueueConfig c = {.features = s.features,
                           .size = s.queues[i].size,
                           .desc = s.queues[i].descriptors,
                           .driver = s.queues[i].driver,
                           .device = s.queues[i].device,
                           .base = bases ? bases[i] : device_queue_fresh(s.features),
                           .call = m->wake};
    if ((error = device_queue_start(queues[i], &m->map, &c))) {
      end_with(m, EXIT_FAULT, "port %u: %s", p->index, error);
      return;
    }
  }
  receive(t);
  transmit(t);
}

static void tap_device_ready(Port *p) { start_queues(p, NULL); }

static void tap_halt(Port *p, PortState *out) {
  TapPort *t = p->tap;
  port_name_state(p, out);
  out->ready = t->rx.started && t->tx.started;
  out->bases[0] = device_queue_stop(&t->rx);
  out->bases[1] = device_queue_stop(&t->tx);
  out->held_bytes = t->held ? t->held_len : 0;
  if (t->held) memcpy(out->held, t->held, t->held_len);
  want_frames(t, false);
}

static void tap_go_on(Port *p, const PortState *from) {
  TapPort *t = p->tap;
  let_go(t);
  if (from->held_bytes && from->held_bytes <= sizeof from->held) hold(t, from->held, from->held_bytes);
  if (from->ready)
    start_queues(p, from->bases);
  else
    port_link(p, false, true);
}

static void tap_close(Port *p) { close(p->tap->tap.fd); }

const Port tap_port = {.kind = "tap",
                       .open = tap_open,
                       .device_ready = tap_device_ready,
                       .halt = tap_halt,
                       .go_on = tap_go_on,
                       .close = tap_close};
