/* console.c: the device side of the control channel: a virtio-console's two queues (virtio 1.2, 5.3), split,
 * in order, bytes without any header. Every index and address is the guest's and is checked. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "control.h"

typedef struct Ring {
  VirtqDesc *desc;
  VirtqAvail *avail;
  VirtqUsed *used;
  uint32_t size;
  uint16_t seen; /* available buffers taken; as many are used */
} Ring;

static Ring to_guest, from_guest;
static Watch kicks[2];
static bool started;

static void broken(const char *why) {
  end_with(&monitor, EXIT_FAULT, "the guest's control channel is broken: %s", why);
}

static bool ring_start(Monitor *m, Ring *r, const GuestQueue *q) {
  r->size = q->size;
  if (!r->size || r->size > 256 || r->size & (r->size - 1) || (q->descriptors | q->driver | q->device) % 16)
    return false;
  r->desc = (VirtqDesc *)memory_at(&m->map, q->descriptors, virtq_desc_bytes(r->size));
  r->avail = (VirtqAvail *)memory_at(&m->map, q->driver, virtq_avail_bytes(r->size));
  r->used = (VirtqUsed *)memory_at(&m->map, q->device, virtq_used_bytes(r->size));
  r->seen = 0;
  return r->desc && r->avail && r->used;
}

/* The next available buffer, or NULL. */
static uint8_t *ring_next(Ring *r, bool device_writes, uint32_t *len, uint16_t *id) {
  uint16_t n = (uint16_t)(__atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE) - r->seen);
  if (!n) return NULL;
  *id = __atomic_load_n(&r->avail->ring[r->seen & (r->size - 1)], __ATOMIC_RELAXED);
  if (n > r->size || *id >= r->size) {
    broken("an index is out of range");
    return NULL;
  }
  VirtqDesc d;
  memcpy(&d, (const void *)&r->desc[*id], sizeof d);
  uint8_t *p = d.len ? memory_at(&monitor.map, d.addr, d.len) : NULL;
  if (!p || d.flags != (device_writes ? VIRTQ_DESC_WRITE : 0)) {
    broken("a buffer is wrong");
    return NULL;
  }
  *len = d.len;
  return p;
}

static void ring_use(Ring *r, uint16_t id, uint32_t len) {
  r->used->ring[r->seen & (r->size - 1)] = (VirtqUsedElem){id, len};
  __atomic_store_n(&r->used->idx, ++r->seen, __ATOMIC_RELEASE);
}

static void call(Ring *r) {
  __atomic_store_n(&monitor.asked, true, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (!(__atomic_load_n(&r->avail->flags, __ATOMIC_RELAXED) & VIRTQ_AVAIL_NO_INTERRUPT))
    (void)!write(monitor.wake, &(uint64_t){1}, 8);
}

uint32_t console_send(const uint8_t *p, uint32_t n) {
  uint32_t sent = 0, room;
  uint16_t id;
  uint8_t *to;
  if (n) park_wake(&monitor);
  while (started && sent < n && !monitor.ending && (to = ring_next(&to_guest, true, &room, &id))) {
    uint32_t part = n - sent < room ? n - sent : room;
    memcpy(to, p + sent, part);
    sent += part;
    ring_use(&to_guest, id, part);
  }
  if (sent) call(&to_guest);
  return sent;
}

void control_poll(void) {
  if (!started && monitor.boot->devices[monitor.options.port_count].ready) control_device_ready(&monitor);
  if (!started) return;
  park_wake(&monitor);
  uint32_t len;
  uint16_t id;
  const uint8_t *from;
  bool any = false;
  while (!monitor.ending && (from = ring_next(&from_guest, false, &len, &id))) {
    control_from_guest(from, len);
    ring_use(&from_guest, id, 0);
    any = true;
  }
  if (any) call(&from_guest);
  control_to_guest();
}

static void kicked(Watch *w, uint32_t events) {
  (void)events;
  uint64_t count;
  (void)!read(w->fd, &count, sizeof count);
  control_poll();
}

void console_open(void) {
  for (unsigned q = 0; q < 2; q++) {
    kicks[q] = (Watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = kicked};
    watch_add(&kicks[q], EPOLLIN);
  }
}

const int *control_kicks(void) {
  static int fds[2];
  for (unsigned q = 0; q < 2; q++) fds[q] = kicks[q].fd;
  return fds;
}

static bool rings_start(Monitor *m, const DriverSetup *s) {
  started = ring_start(m, &to_guest, &s->queues[0]) && ring_start(m, &from_guest, &s->queues[1]);
  return started;
}

void control_device_ready(Monitor *m) {
  DriverSetup s;
  const char *error;
  started = false;
  if (!driver_setup(m, m->options.port_count, &s, &error)) {
    broken(error);
    return;
  }
  if (!s.ready) return;
  if (!rings_start(m, &s))
    broken("its queues are not in the guest's memory");
  else
    control_poll();
}

void console_save(ConsoleState *out) {
  *out = (ConsoleState){.started = started, .seen = {to_guest.seen, from_guest.seen}};
}

bool console_restore(const ConsoleState *from) {
  DriverSetup s;
  const char *error;
  if (!from->started) return true;
  if (!driver_setup(&monitor, monitor.options.port_count, &s, &error) || !s.ready ||
      !rings_start(&monitor, &s))
    return false;
  to_guest.seen = from->seen[0];
  from_guest.seen = from->seen[1];
  return true;
}
