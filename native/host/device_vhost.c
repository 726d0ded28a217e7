/* device_vhost.c: "vhost-user:SOCKET": a packet port whose other side is the driver of a virtual machine (or
 * any vhost-user frontend). We listen at SOCKET; one helper thread serves the protocol for all such ports,
 * the engine's thread moves packets. */
#define _GNU_SOURCE
#include "../virtio/vhost_user.h"
#include "device.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct VhostDevice {
  HostDevice h;
  VhostBackend backend;
} VhostDevice;

/* ---- The data side: the engine's thread --------------------------------------------------------------- */

/* The queue stopped by itself. No burst tries it again; the control side ends the connection. */
__attribute__((cold, noinline)) static void broken(VhostDevice *v, VhostRing *r) {
  __atomic_store_n(&r->running, 0, __ATOMIC_RELAXED);
  vhost_backend_broken(&v->backend);
}

static Packet *slow_packet(const DeviceQueue *q, const DeviceFrame *f) {
  if (f->total < 14) return NULL;
  Packet *p = packet_make(PACKET_HEADROOM, NULL, 0, f->total); /* empty: nothing is zeroed */
  if (!p) return NULL;
  p->len = f->total;
  device_frame_copy(q, f, p->data);
  return p;
}

static unsigned vhost_receive(NetDevice *d, Packet **p, unsigned max) {
  VhostDevice *v = (VhostDevice *)d;
  VhostRing *r = &v->backend.rings[VIRTIO_NET_TX];
  DeviceFrame frames[DEVICE_BURST];
  unsigned n = 0;
  uint64_t bytes = 0;
  if (!vhost_ring_enter(r)) return 0;
  unsigned got = device_receive(&r->queue, frames, max);
  Packet **chunks;
  unsigned have = got ? packet_alloc_raw_batch(got, &chunks) : 0;
  PacketStart start = packet_start(0, 0);
  for (unsigned i = 0; i < got; i++) {
    const DeviceFrame *f = &frames[i];
    Packet *q;
    if (likely(f->len - 14 <= PACKET_ROOM - 14 && !f->more && have)) {
      q = chunks[--have];
      packet_begin(q, &start);
      uint8_t *data = q->buffer + PACKET_HEADROOM;
      copy_frame(data, f->data, f->len);
      q->len = f->len;
      q->type = link_packet_type(data);
      q->mac = data;
    } else {
      packet_pool->count += have; /* untouched so far, and slow_packet may grow the stack */
      q = slow_packet(&r->queue, f);
      have = packet_alloc_raw_batch(got - i - 1, &chunks);
      if (!q) {
        d->rx_dropped++;
        continue;
      }
      q->mac = q->data;
      q->type = link_packet_type(q->data);
    }
    bytes += f->total;
    p[n++] = q;
  }
  if (got) {
    device_receive_done(&r->queue);
    device_notify(&r->queue);
  } else if (unlikely(r->queue.error)) {
    broken(v, r);
  }
  vhost_ring_leave(r);
  d->rx_packets += n;
  d->rx_bytes += bytes;
  return n;
}

static unsigned vhost_send(NetDevice *d, Packet **p, unsigned n) {
  VhostDevice *v = (VhostDevice *)d;
  VhostRing *r = &v->backend.rings[VIRTIO_NET_RX];
  DeviceBuffer b[BATCH_MAX];
  uint64_t dropped = 0, bytes = 0;
  if (!vhost_ring_enter(r)) return 0;
  if (n > BATCH_MAX) n = BATCH_MAX;
  for (unsigned i = 0; i < n; i++) b[i] = (DeviceBuffer){p[i]->data, p[i]->len};
  unsigned sent = device_send(&r->queue, b, n, &dropped);
  if (unlikely(r->queue.error)) broken(v, r);
  vhost_ring_leave(r);
  for (unsigned i = 0; i < sent; i++) bytes += b[i].len;
  free_batch(p, sent);
  d->tx_dropped += dropped;
  d->tx_packets += sent - dropped;
  d->tx_bytes += bytes;
  return sent;
}

/* What was sent is visible to the driver already; this wakes a driver that sleeps. */
static void vhost_flush(NetDevice *d) {
  VhostRing *r = &((VhostDevice *)d)->backend.rings[VIRTIO_NET_RX];
  if (!vhost_ring_enter(r)) return;
  device_notify(&r->queue);
  vhost_ring_leave(r);
}

static bool vhost_arm(NetDevice *d, bool receive, bool on) {
  VhostDevice *v = (VhostDevice *)d;
  VhostRing *r = &v->backend.rings[receive ? VIRTIO_NET_TX : VIRTIO_NET_RX];
  bool something = false;
  /* The lock, not vhost_ring_enter: `armed` must hold also for a ring that starts later. It is free but for
   * moments. */
  while (__atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE)) sched_yield();
  something = device_arm(&r->queue, on) && __atomic_load_n(&r->running, __ATOMIC_RELAXED);
  vhost_ring_leave(r);
  /* Takes the events that woke us. One may have been meant for the other direction: let both look. */
  if (!on && vhost_backend_woken(&v->backend) && d->ready) d->ready(d);
  return something;
}

static bool vhost_carrier(NetDevice *d) {
  VhostDevice *v = (VhostDevice *)d;
  d->mtu = v->backend.mtu ? v->backend.mtu : 1500;
  d->peer = v->backend.peer;
  return vhost_backend_link(&v->backend);
}

/* ---- The control side: a helper thread for all ports, ended with the last of them ---------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held while a port is served, opened or closed */
static pthread_t helper;
static unsigned served;
static int polled = -1; /* epoll: the ports' control descriptors, and an eventfd that ends the thread */
static int ended = -1;

static void report(void *arg, const char *line) {
  (void)arg;
  fprintf(stderr, "%s\n", line);
}

static void *serve(void *arg) {
  int fd = (int)(intptr_t)arg;
  for (;;) {
    /* One at a time, and looked at again under the lock: the port may just have been closed. */
    struct epoll_event e = {0};
    struct pollfd any = {.fd = fd, .events = POLLIN};
    if (poll(&any, 1, -1) < 0 && errno != EINTR) return NULL;
    pthread_mutex_lock(&lock);
    int n = epoll_wait(fd, &e, 1, 0);
    VhostDevice *v = n > 0 ? e.data.ptr : NULL;
    if (v) vhost_backend_run(&v->backend);
    pthread_mutex_unlock(&lock);
    if (n > 0 && !v) return NULL;
  }
}

/* With the lock held. Returns an errno. */
static int helper_add(VhostDevice *v) {
  struct epoll_event port = {.events = EPOLLIN, .data.ptr = v}, end = {.events = EPOLLIN};
  if (!served) {
    polled = epoll_create1(EPOLL_CLOEXEC);
    ended = eventfd(0, EFD_CLOEXEC);
    if (polled < 0 || ended < 0 || epoll_ctl(polled, EPOLL_CTL_ADD, ended, &end)) return errno;
    int failed = pthread_create(&helper, NULL, serve, (void *)(intptr_t)polled);
    if (failed) return failed;
  }
  if (epoll_ctl(polled, EPOLL_CTL_ADD, v->backend.control, &port)) return errno;
  served++;
  return 0;
}

/* Without the lock. */
static void helper_remove(VhostDevice *v) {
  pthread_mutex_lock(&lock);
  epoll_ctl(polled, EPOLL_CTL_DEL, v->backend.control, NULL);
  bool last = !--served;
  pthread_t thread = helper;
  int fds[2] = {polled, ended};
  pthread_mutex_unlock(&lock);
  if (!last) return;
  uint64_t one = 1;
  (void)!write(fds[1], &one, sizeof one);
  pthread_join(thread, NULL);
  close(fds[0]);
  close(fds[1]);
}

static void vhost_close(NetDevice *d) {
  VhostDevice *v = (VhostDevice *)d;
  helper_remove(v);
  vhost_backend_close(&v->backend);
  v->h.d.fd = -1; /* was the backend's */
  host_device_free(&v->h);
}

HostDevice *vhost_device_open(Element *e, const char *spec, const char *name, Errors *errs) {
  char text[200] = "out of memory";
  VhostDevice *v = (VhostDevice *)host_device_new(e, spec, sizeof *v);
  if (!v) return error(errs, "%s: %s", spec, text), NULL;
  VhostBackendOptions o = {.path = v->h.spec + (name - spec), .report = report};
  if (vhost_backend_open(&v->backend, &o, text, sizeof text) == 0) {
    v->h.d.fd = v->backend.wake;
    v->h.d.receive = vhost_receive;
    v->h.d.send = vhost_send;
    v->h.d.flush = vhost_flush;
    v->h.d.arm = vhost_arm;
    v->h.d.carrier = vhost_carrier;
    v->h.d.close = vhost_close;
    pthread_mutex_lock(&lock);
    int failed = helper_add(v);
    pthread_mutex_unlock(&lock);
    if (!failed) return &v->h;
    snprintf(text, sizeof text, "no helper thread: %s", strerror(failed));
    vhost_backend_close(&v->backend);
    v->h.d.fd = -1;
  }
  error(errs, "%s: %s", spec, text);
  host_device_free(&v->h);
  return NULL;
}
