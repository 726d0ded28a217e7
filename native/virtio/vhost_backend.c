/* vhost_backend.c: the backend's side of vhost-user: what the messages do. The socket is in vhost_socket.c.
 */
#include "vhost_backend.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROTOCOL_FEATURES                                                                                    \
  (VHOST_USER_PROTOCOL_F_MQ | VHOST_USER_PROTOCOL_F_REPLY_ACK | VHOST_USER_PROTOCOL_F_NET_MTU |              \
   VHOST_USER_PROTOCOL_F_RESET_DEVICE)

/* ---- Rings -------------------------------------------------------------------------------------------- */

static void ring_lock(VhostRing *r) {
  while (__atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE)) sched_yield(); /* for a burst at most */
}

static void ring_unlock(VhostRing *r) { __atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE); }

static uint64_t offered(const VhostBackend *b) {
  return b->options.features ? b->options.features : DEVICE_FEATURES;
}

/* Starts or stops the queue as its settings allow. Called with the ring locked. */
static const char *ring_update(VhostBackend *b, VhostRing *r) {
  bool ready = b->features_set && r->size && r->have_addr && r->have_kick && b->memory.count;
  const char *error = NULL;
  __atomic_store_n(&r->running, 0, __ATOMIC_RELAXED);
  if (r->queue.started) r->base = device_queue_stop(&r->queue);
  if (ready) {
    DeviceQueueConfig c = {.features = b->features,
                           .size = r->size,
                           .desc = r->desc,
                           .driver = r->driver,
                           .device = r->device,
                           .user_addresses = true,
                           .base = r->base,
                           .call = r->call};
    bool armed = r->queue.armed;
    error = device_queue_start(&r->queue, &b->memory, &c);
    if (!error && armed) device_arm(&r->queue, true); /* the data side sleeps and is woken by the change */
  }
  __atomic_store_n(&r->running, r->queue.started && r->enabled, __ATOMIC_RELEASE);
  return error;
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void set_kick(VhostBackend *b, VhostRing *r, int fd) {
  /* Removed by hand: the other side has the same eventfd open, so closing it here would leave it watched. */
  if (r->kick >= 0) epoll_ctl(b->wake, EPOLL_CTL_DEL, r->kick, NULL);
  close_fd(&r->kick);
  r->kick = fd;
  /* Edge-triggered: each write wakes, and nothing ever needs to be read, which could block. */
  struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
  if (fd >= 0) epoll_ctl(b->wake, EPOLL_CTL_ADD, fd, &ev);
}

void vhost_rings_reset(VhostBackend *b) {
  for (unsigned i = 0; i < VHOST_RINGS; i++) {
    VhostRing *r = &b->rings[i];
    ring_lock(r);
    __atomic_store_n(&r->running, 0, __ATOMIC_RELAXED);
    device_queue_stop(&r->queue);
    set_kick(b, r, -1);
    close_fd(&r->call);
    close_fd(&r->err);
    r->size = r->base = 0;
    r->have_addr = r->have_kick = r->enabled = false;
    r->queue.error = NULL;
    ring_unlock(r);
  }
}

/* ---- Memory ------------------------------------------------------------------------------------------- */

void vhost_memory_unmap(VhostBackend *b) {
  for (uint32_t i = 0; i < b->memory.count; i++) {
    vhost_unguard(b->memory.regions[i].host - b->offset[i]);
    munmap(b->memory.regions[i].host - b->offset[i], b->mapped[i]);
  }
  b->memory.count = b->memory.largest = 0;
  b->memory_lost = 0;
}

static const char *set_memory(VhostBackend *b) {
  VhostUserMemory table = b->in.memory, *t = &table;
  if (b->in.size < 8 || t->count > VHOST_USER_REGIONS || b->in.size < 8 + t->count * sizeof t->regions[0])
    return "a memory table of the wrong size";
  if (b->in_fds != t->count) return "a memory table whose descriptors do not match its regions";

  const char *error = NULL;
  for (unsigned i = 0; i < VHOST_RINGS; i++) { /* nobody looks into the old memory from here on */
    ring_lock(&b->rings[i]);
    if (b->rings[i].queue.started) b->rings[i].base = device_queue_stop(&b->rings[i].queue);
    __atomic_store_n(&b->rings[i].running, 0, __ATOMIC_RELAXED);
  }
  vhost_memory_unmap(b);
  for (uint32_t i = 0; i < t->count && !error; i++) {
    uint64_t size = t->regions[i].size, offset = t->regions[i].offset;
    struct stat st;
    if (!size || size + offset < size || t->regions[i].guest + size < size ||
        t->regions[i].user + size < size)
      error = "a memory region that cannot be";
    else if (fstat(b->fds[i], &st) || (S_ISREG(st.st_mode) && size + offset > (uint64_t)st.st_size))
      error = "a memory region beyond the end of its file"; /* touching it would be a bus error */
    else {
      void *p = mmap(NULL, size + offset, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, b->fds[i], 0);
      if (p == MAP_FAILED)
        error = "a memory region that cannot be mapped";
      else {
        madvise(p, size + offset, MADV_DONTDUMP);
        b->memory.regions[i] =
            (MemoryRegion){t->regions[i].guest, t->regions[i].user, size, (uint8_t *)p + offset};
        uint64_t unit =
            st.st_blksize > 4096 ? (uint64_t)st.st_blksize : 4096; /* huge pages are unmapped whole */
        b->mapped[i] = (size + offset + unit - 1) / unit * unit;
        b->offset[i] = offset;
        b->memory.count = i + 1;
        if (size > b->memory.regions[b->memory.largest].size) b->memory.largest = i;
        if (!vhost_guard(p, size + offset, &b->memory_lost, b->broken)) error = "one memory region too many";
      }
    }
  }
  for (unsigned i = 0; i < VHOST_RINGS; i++) {
    if (!error) error = ring_update(b, &b->rings[i]);
    ring_unlock(&b->rings[i]);
  }
  return error;
}

/* ---- Messages ----------------------------------------------------------------------------------------- */

static int take_fd(VhostBackend *b) {
  int fd = b->in_fds ? b->fds[0] : -1;
  b->fds[0] = -1;
  return fd;
}

/* Linux peers send eventfds. Anything else could block the data path when written to. */
static bool is_eventfd(int fd) {
  char path[40], target[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) return true; /* no /proc here */
  target[n] = 0;
  return strcmp(target, "anon_inode:[eventfd]") == 0;
}

/* KICK, CALL and ERR: the ring's number with a flag, and a descriptor unless the flag is set. */
static const char *set_ring_fd(VhostBackend *b, VhostRing *r) {
  bool none = b->in.u64 & VHOST_USER_NO_FD;
  if (b->in_fds != !none) return "a ring's descriptor is missing";
  int fd = take_fd(b);
  if (fd >= 0 && !is_eventfd(fd)) {
    close(fd);
    return "a ring's descriptor is not an eventfd";
  }
  if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const char *error = NULL;
  ring_lock(r);
  if (b->in.request == VHOST_USER_SET_VRING_KICK) {
    set_kick(b, r, fd);
    r->have_kick = true;
    /* Without the vhost-user feature a ring starts enabled. */
    if (!(b->features & VHOST_USER_F_PROTOCOL_FEATURES)) r->enabled = true;
    error = ring_update(b, r);
  } else if (b->in.request == VHOST_USER_SET_VRING_CALL) {
    close_fd(&r->call);
    r->queue.call = r->call = fd;
    uint64_t one = 1;
    /* The new descriptor may have missed an interrupt meant for the old one. */
    if (fd >= 0 && r->queue.started && write(fd, &one, sizeof one) < 0) errno = 0;
  } else {
    close_fd(&r->err);
    r->err = fd;
  }
  ring_unlock(r);
  return error;
}

static const char *ring_message(VhostBackend *b, VhostRing *r) {
  const VhostUserMessage *m = &b->in;
  const char *error = NULL;
  ring_lock(r);
  switch (m->request) {
  case VHOST_USER_SET_VRING_NUM:
    if (!m->state.num || m->state.num > VIRTQ_SIZE_MAX)
      error = "a ring size out of range";
    else if (r->queue.started)
      error = "a ring size while the ring runs";
    else
      r->size = m->state.num;
    break;
  case VHOST_USER_SET_VRING_BASE:
    if (r->queue.started)
      error = "a ring position while the ring runs";
    else
      r->base = m->state.num;
    break;
  case VHOST_USER_SET_VRING_ADDR:
    r->desc = m->addr.desc;
    r->driver = m->addr.avail;
    r->device = m->addr.used;
    r->have_addr = true;
    if (r->queue.started) error = ring_update(b, r);
    break;
  case VHOST_USER_SET_VRING_ENABLE:
    r->enabled = m->state.num;
    __atomic_store_n(&r->running, r->queue.started && r->enabled, __ATOMIC_RELEASE);
    break;
  case VHOST_USER_GET_VRING_BASE: /* stops the ring until the next kick descriptor */
    r->have_kick = false;
    error = ring_update(b, r);
    set_kick(b, r, -1);
    break;
  }
  ring_unlock(r);
  return error;
}

static void reply(VhostBackend *b, uint32_t size) {
  b->in.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
  b->in.size = size;
}
static void reply_u64(VhostBackend *b, uint64_t v) {
  b->in.u64 = v;
  reply(b, 8);
}

static bool needs(const VhostBackend *b, uint32_t size) { return b->in.size >= size; }

/* Does what the message in b->in asks; leaves a reply in it where there is one. NULL if all is well. */
const char *vhost_message(VhostBackend *b) {
  const char *error = NULL;
  VhostUserMessage *m = &b->in;
  switch (m->request) {
  case VHOST_USER_GET_FEATURES:
    reply_u64(b, offered(b) | VHOST_USER_F_PROTOCOL_FEATURES);
    return NULL;
  case VHOST_USER_GET_PROTOCOL_FEATURES:
    reply_u64(b, PROTOCOL_FEATURES);
    return NULL;
  case VHOST_USER_GET_QUEUE_NUM:
    reply_u64(b, 1);
    return NULL;
  case VHOST_USER_SET_FEATURES: {
    if (!needs(b, 8)) return "a short message";
    uint64_t unknown = m->u64 & ~(offered(b) | VHOST_USER_F_PROTOCOL_FEATURES | VHOST_F_LOG_ALL);
    if (unknown) return "features that were not offered";
    b->features = m->u64;
    b->features_set = true;
    break;
  }
  case VHOST_USER_SET_PROTOCOL_FEATURES:
    if (!needs(b, 8)) return "a short message";
    if (m->u64 & ~PROTOCOL_FEATURES) return "protocol features that were not offered";
    b->protocol_features = m->u64;
    break;
  case VHOST_USER_SET_OWNER:
  case VHOST_USER_SEND_RARP:
  case VHOST_USER_SET_LOG_FD:
    break;
  case VHOST_USER_RESET_OWNER:
    for (unsigned i = 0; i < VHOST_RINGS; i++) {
      ring_lock(&b->rings[i]);
      b->rings[i].enabled = false;
      __atomic_store_n(&b->rings[i].running, 0, __ATOMIC_RELEASE);
      ring_unlock(&b->rings[i]);
    }
    break;
  case VHOST_USER_RESET_DEVICE:
    vhost_rings_reset(b);
    break;
  case VHOST_USER_SET_MEM_TABLE:
    error = set_memory(b);
    break;
  case VHOST_USER_SET_VRING_NUM:
  case VHOST_USER_SET_VRING_BASE:
  case VHOST_USER_SET_VRING_ENABLE:
  case VHOST_USER_GET_VRING_BASE:
  case VHOST_USER_SET_VRING_ADDR:
    if (!needs(b, m->request == VHOST_USER_SET_VRING_ADDR ? 40 : 8)) return "a short message";
    if (m->state.index >= VHOST_RINGS) return "a ring that does not exist";
    error = ring_message(b, &b->rings[m->state.index]);
    if (m->request == VHOST_USER_GET_VRING_BASE && !error) {
      m->state.num = b->rings[m->state.index].base;
      reply(b, 8);
      return NULL;
    }
    break;
  case VHOST_USER_SET_VRING_KICK:
  case VHOST_USER_SET_VRING_CALL:
  case VHOST_USER_SET_VRING_ERR:
    if (!needs(b, 8)) return "a short message";
    if ((m->u64 & VHOST_USER_RING_INDEX) >= VHOST_RINGS) return "a ring that does not exist";
    error = set_ring_fd(b, &b->rings[m->u64 & VHOST_USER_RING_INDEX]);
    break;
  case VHOST_USER_NET_SET_MTU:
    if (!needs(b, 8)) return "a short message";
    b->mtu = m->u64 > 65535 ? 65535 : (uint32_t)m->u64;
    break;
  default:
    return "a request that is not known or was not negotiated";
  }
  if (error) return error;
  if (b->protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK && m->flags & VHOST_USER_NEED_REPLY)
    reply_u64(b, 0);
  else
    m->size = 0, m->flags = 0; /* nothing to send */
  return NULL;
}
