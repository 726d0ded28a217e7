/* platform.c: the Linux side of platform.h: memory, clocks, descriptors, commands. */
#define _GNU_SOURCE
#include "platform_host.h"
#include "threads.h"
#include <clicklet/platform.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void *platform_alloc(size_t size) {
  if (size < 64) return malloc(size ? size : 1);
  void *p;
  return posix_memalign(&p, 64, size) ? NULL : p;
}

void *platform_realloc(void *p, size_t old_size, size_t size) {
  if (size < 64 && old_size < 64) return realloc(p, size ? size : 1);
  void *q = platform_alloc(size); /* realloc does not keep the alignment */
  if (!q) return NULL;
  if (p) memcpy(q, p, old_size < size ? old_size : size);
  free(p);
  return q;
}

void platform_free(void *p) { free(p); }

void *platform_alloc_pages(size_t size) {
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return NULL;
  if (size >= 2u << 20) madvise(p, size, MADV_HUGEPAGE);
  return p;
}

void platform_free_pages(void *p, size_t size) {
  if (p) munmap(p, size);
}

bool platform_can_spare(size_t size) {
  (void)size;
  return true;
}

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

int64_t platform_clock_realtime(void) { return clock_ns(CLOCK_REALTIME); }
int64_t platform_clock_steady(void) { return clock_ns(CLOCK_MONOTONIC); }

uint64_t platform_entropy(void) {
  uint64_t v = 0;
  if (getrandom(&v, sizeof v, 0) != sizeof v) v = (uint64_t)clock_ns(CLOCK_REALTIME);
  return v;
}

void (*platform_error_tap)(const char *s, size_t n);

void platform_write(int stream, const char *s, size_t n) {
  if (stream == 2 && platform_error_tap) platform_error_tap(s, n);
  while (n) {
    ssize_t k = write(stream, s, n);
    if (k < 0 && errno == EAGAIN) {
      struct pollfd p = {.fd = stream, .events = POLLOUT};
      poll(&p, 1, 1000);
      continue;
    }
    if (k < 0 && errno != EINTR) return;
    if (k > 0) s += k, n -= (size_t)k;
  }
}

_Noreturn void platform_panic(const char *message) {
  fprintf(stderr, "clicklet: %s\n", message);
  abort();
}

/* ---- Descriptors
 * -------------------------------------------------------------------------------------------------- */

typedef struct Watch {
  Element *element;
  short events;
} Watch;

typedef struct HostLoop {
  struct pollfd *fds; /* fds[0] is the wake descriptor, fds[1] `devices` */
  Watch *watches;     /* parallel; element NULL for those two */
  unsigned count, capacity, device_count;
  int wake,
      devices; /* devices: epoll, so that a port without traffic costs nothing; there may be thousands */
  volatile bool pending;
  void (*commands)(void *context);
  void *context;
} HostLoop;

enum { FIXED = 2, DEVICE_EVENTS = 64 };

static HostLoop *loop_of(Engine *e) { return *engine_platform(e); }

static void loop_set(HostLoop *l, int fd, Element *element, short events) {
  unsigned i = FIXED;
  while (i < l->count && !(l->fds[i].fd == fd && l->watches[i].element == element)) i++;
  if (!events) {
    if (i < l->count) {
      l->count--;
      l->fds[i] = l->fds[l->count];
      l->watches[i] = l->watches[l->count];
    }
    return;
  }
  if (i == l->count) {
    if (l->count == l->capacity) {
      l->capacity = l->capacity ? 2 * l->capacity : 16;
      l->fds = realloc(l->fds, l->capacity * sizeof *l->fds);
      l->watches = realloc(l->watches, l->capacity * sizeof *l->watches);
      if (!l->fds || !l->watches) platform_panic("out of memory");
    }
    l->count++;
  }
  l->fds[i] = (struct pollfd){.fd = fd, .events = events};
  l->watches[i] = (Watch){element, events};
}

void platform_engine_init(Engine *e) {
  HostLoop *l = calloc(1, sizeof *l);
  if (!l) platform_panic("out of memory");
  l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  l->devices = epoll_create1(EPOLL_CLOEXEC);
  l->capacity = 16;
  l->fds = calloc(l->capacity, sizeof *l->fds);
  l->watches = calloc(l->capacity, sizeof *l->watches);
  if (!l->fds || !l->watches) platform_panic("out of memory");
  l->fds[0] = (struct pollfd){.fd = l->wake, .events = POLLIN};
  l->fds[1] = (struct pollfd){.fd = l->devices, .events = POLLIN};
  l->count = FIXED;
  *engine_platform(e) = l;
}

void platform_engine_cleanup(Engine *e) {
  HostLoop *l = loop_of(e);
  if (!l) return;
  close(l->wake);
  close(l->devices);
  free(l->fds);
  free(l->watches);
  free(l);
  *engine_platform(e) = NULL;
}

void platform_select(Engine *e, Element *element, int fd, bool read, bool write) {
  loop_set(loop_of(e), fd, element, (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0)));
}

void platform_forget(Engine *e, Element *element) {
  HostLoop *l = loop_of(e);
  for (unsigned i = FIXED; i < l->count;)
    if (l->watches[i].element == element)
      loop_set(l, l->fds[i].fd, element, 0);
    else
      i++;
}

void platform_watch_device(Engine *e, NetDevice *d, bool on) {
  HostLoop *l = loop_of(e);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = d};
  if (d->fd < 0) return;
  if (epoll_ctl(l->devices, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, d->fd, &ev))
    platform_panic("out of memory for watching a port");
  l->device_count += on ? 1u : -1u;
}

void select_add(Element *x, int fd, bool read, bool write) {
  HostLoop *l = loop_of(element_engine(x));
  short events = (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0));
  for (unsigned i = FIXED; i < l->count; i++)
    if (l->fds[i].fd == fd && l->watches[i].element == x) events |= l->watches[i].events;
  loop_set(l, fd, x, events);
}

void select_remove(Element *x, int fd, bool read, bool write) {
  HostLoop *l = loop_of(element_engine(x));
  for (unsigned i = FIXED; i < l->count; i++)
    if (l->fds[i].fd == fd && l->watches[i].element == x) {
      loop_set(l, fd, x, (short)(l->watches[i].events & ~((read ? POLLIN : 0) | (write ? POLLOUT : 0))));
      return;
    }
}

/* The ports that have something to do. None is closed here: ready() only schedules tasks. */
static void devices_ready(const HostLoop *l) {
  struct epoll_event ev[DEVICE_EVENTS];
  int n = epoll_wait(l->devices, ev, DEVICE_EVENTS, 0);
  for (int i = 0; i < n; i++) {
    NetDevice *d = ev[i].data.ptr;
    if (d->ready) d->ready(d);
  }
}

void platform_wait(Engine *e, int64_t deadline) {
  HostLoop *l = loop_of(e);
  struct timespec timeout = {0}, *t = &timeout;
  if (deadline == INT64_MAX)
    t = NULL;
  else if (deadline > 0) {
    int64_t left = deadline - platform_clock_steady();
    if (left > 0) timeout = (struct timespec){left / NSEC_PER_SEC, left % NSEC_PER_SEC};
  } else if (l->count == FIXED && !l->device_count)
    return; /* only a look, and nothing but the wake descriptor to look at: commands are seen without it */
  int n = ppoll(l->fds, l->count, t, NULL);
  if (n <= 0) return;
  if (l->fds[0].revents) {
    uint64_t v;
    (void)!read(l->wake, &v, sizeof v);
  }
  if (l->fds[1].revents) devices_ready(l);
  for (unsigned i = FIXED; i < l->count; i++) {
    short r = l->fds[i].revents;
    if (!r) continue;
    l->fds[i].revents = 0;
    int fd = l->fds[i].fd;
    Element *x = l->watches[i].element;
    x->class->selected(x, fd, (r & (POLLIN | POLLHUP | POLLERR)) != 0, (r & POLLOUT) != 0);
    if (i < l->count && l->fds[i].fd != fd) i--; /* the list changed under the callback */
  }
}

/* ---- Commands
 * ------------------------------------------------------------------------------------------------------ */

void platform_set_commands(Engine *e, void (*run)(void *context), void *context) {
  loop_of(e)->commands = run;
  loop_of(e)->context = context;
}

void platform_wake(Engine *e) {
  HostLoop *l = loop_of(e);
  uint64_t one = 1;
  __atomic_store_n(&l->pending, true, __ATOMIC_RELEASE);
  (void)!write(l->wake, &one, sizeof one);
}

bool platform_commands_pending(Engine *e) { return __atomic_load_n(&loop_of(e)->pending, __ATOMIC_RELAXED); }

void platform_run_commands(Engine *e) {
  HostLoop *l = loop_of(e);
  __atomic_store_n(&l->pending, false, __ATOMIC_SEQ_CST);
  threads_stand(e);
  if (l->commands) l->commands(l->context);
}
