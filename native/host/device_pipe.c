/* device_pipe.c: "pipe:NAME/a" and "pipe:NAME/b": the two ends of a link inside this process, for routers in
 * different engines (or in one). Frames are copied through two rings, as over a shared-memory port of a
 * virtual machine. */
#define _GNU_SOURCE
#include "device.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
  PIPE_SLOTS = 512,
  PIPE_SLOT = 33 * CACHE_LINE, /* bytes: an odd number of lines, so that slots spread over all cache sets */
  PIPE_FRAME = 16384,          /* the longest frame; it lies in as many slots as it needs */
};

/* One direction: one producer, one consumer. Each side keeps a copy of the other's position and looks at the
 * original only when the copy says that the ring is empty or full. */
typedef struct PipeRing {
  _Atomic uint32_t tail __attribute__((aligned(CACHE_LINE))); /* the producer's */
  uint32_t head_seen;
  _Atomic uint32_t head __attribute__((aligned(CACHE_LINE))); /* the consumer's */
  uint32_t tail_seen;
  _Atomic uint32_t receiver_waits __attribute__((aligned(CACHE_LINE)));
  _Atomic uint32_t sender_waits;
  /* Lengths apart from the bytes, so that a small frame costs one cache line on its way to the other core. */
  uint16_t lens[PIPE_SLOTS] __attribute__((aligned(CACHE_LINE))); /* in the first slot of each frame */
  uint8_t slots[PIPE_SLOTS][PIPE_SLOT] __attribute__((aligned(CACHE_LINE)));
} PipeRing;

typedef struct Pipe {
  struct Pipe *next;
  char *name;
  int references;
  bool taken[2];
  int wake[2];     /* eventfd of each end */
  PipeRing *rings; /* ring n goes to end n */
} Pipe;

typedef struct PipeDevice {
  HostDevice h;
  Pipe *pipe;
  int end;
} PipeDevice;

static pthread_mutex_t pipes_lock = PTHREAD_MUTEX_INITIALIZER;
static Pipe *pipes;

/* ---- The data side
 * ----------------------------------------------------------------------------------------------- */

static void pipe_wake(Pipe *pipe, int end) {
  uint64_t one = 1;
  (void)!write(pipe->wake[end], &one, sizeof one);
}

always_inline uint32_t pipe_slots(uint32_t len) {
  return likely(len <= PIPE_SLOT) ? 1 : (len + PIPE_SLOT - 1) / PIPE_SLOT;
}

/* Frames of more than one slot, which may begin again at the first. */
__attribute__((noinline)) static void pipe_copy(PipeRing *r, uint32_t at, uint8_t *data, uint32_t len,
                                                bool in) {
  for (uint32_t done = 0; done < len; done += PIPE_SLOT, at++) {
    uint32_t n = len - done < PIPE_SLOT ? len - done : PIPE_SLOT;
    uint8_t *slot = r->slots[at % PIPE_SLOTS];
    memcpy(in ? slot : data + done, in ? data + done : slot, n);
  }
}

/* The bytes of up to 64 slots are asked for at once, as each may lie in the other core's cache. */
always_inline void pipe_prefetch(PipeRing *r, uint32_t at, uint32_t n, int to_write) {
  for (uint32_t i = 0; i < n; i++) {
    if (to_write)
      __builtin_prefetch(r->slots[(at + i) % PIPE_SLOTS], 1);
    else
      __builtin_prefetch(r->slots[(at + i) % PIPE_SLOTS], 0);
  }
}

static unsigned pipe_receive(NetDevice *d, Packet **p, unsigned max) {
  PipeDevice *v = (PipeDevice *)d;
  PipeRing *r = &v->pipe->rings[v->end];
  uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
  if (r->tail_seen - head < max) r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
  uint32_t there = r->tail_seen - head, n = 0, taken = 0;
  uint64_t bytes = 0;
  if (max > there) max = there;
  if (!max) return 0;
  pipe_prefetch(r, head, max, 0);
  while (taken < max) { /* whole frames only are there */
    uint32_t at = head + taken, len = r->lens[at % PIPE_SLOTS];
    const uint8_t *data = r->slots[at % PIPE_SLOTS];
    taken += pipe_slots(len);
    Packet *q = likely(len <= PACKET_ROOM) ? packet_alloc(len) : packet_make(PACKET_HEADROOM, NULL, len, 0);
    if (unlikely(!q)) {
      d->rx_dropped++;
      continue;
    }
    if (likely(len <= 64))
      copy_line(q->data, data);
    else if (likely(len <= PIPE_SLOT))
      memcpy(q->data, data, len);
    else
      pipe_copy(r, at, q->data, len, false);
    q->mac = q->data;
    q->type = link_packet_type(data);
    bytes += len;
    p[n++] = q;
  }
  atomic_store_explicit(&r->head, head + taken, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
  if (unlikely(atomic_load_explicit(&r->sender_waits, memory_order_relaxed)) &&
      atomic_exchange(&r->sender_waits, 0))
    pipe_wake(v->pipe, !v->end);
  d->rx_packets += n;
  d->rx_bytes += bytes;
  return n;
}

static unsigned pipe_send(NetDevice *d, Packet **p, unsigned n) {
  PipeDevice *v = (PipeDevice *)d;
  PipeRing *r = &v->pipe->rings[!v->end];
  uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
  if (PIPE_SLOTS - (tail - r->head_seen) < n + PIPE_FRAME / PIPE_SLOT)
    r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
  uint32_t room = PIPE_SLOTS - (tail - r->head_seen), filled = 0;
  uint64_t bytes = 0;
  unsigned done = 0, sent = 0;
  for (; done < n; done++) {
    uint32_t len = p[done]->len, at = tail + filled, slots = pipe_slots(len);
    if (unlikely(len > PIPE_FRAME || len < 14)) {
      d->tx_dropped++;
      packet_free(p[done]);
      continue;
    }
    if (unlikely(filled + slots > room)) break;
    uint8_t *data = r->slots[at % PIPE_SLOTS];
    r->lens[at % PIPE_SLOTS] = (uint16_t)len;
    if (likely(len <= 64 && packet_tailroom(p[done]) >= 64))
      copy_line(data, p[done]->data);
    else if (likely(slots == 1))
      memcpy(data, p[done]->data, len);
    else
      pipe_copy(r, at, p[done]->data, len, true);
    filled += slots;
    sent++;
    bytes += len;
    packet_free(p[done]);
  }
  atomic_store_explicit(&r->tail, tail + filled, memory_order_release);
  /* The slots of the next batch are asked for while it is made. */
  room -= filled;
  pipe_prefetch(r, tail + filled, n < room ? n : room, 1);
  d->tx_packets += sent;
  d->tx_bytes += bytes;
  return done;
}

static void pipe_flush(NetDevice *d) {
  PipeDevice *v = (PipeDevice *)d;
  PipeRing *r = &v->pipe->rings[!v->end];
  atomic_thread_fence(memory_order_seq_cst);
  if (unlikely(atomic_load_explicit(&r->receiver_waits, memory_order_relaxed)) &&
      atomic_exchange(&r->receiver_waits, 0))
    pipe_wake(v->pipe, !v->end);
}

static bool pipe_arm(NetDevice *d, bool receive, bool on) {
  PipeDevice *v = (PipeDevice *)d;
  PipeRing *r = &v->pipe->rings[receive ? v->end : !v->end];
  atomic_store(receive ? &r->receiver_waits : &r->sender_waits, on);
  uint32_t used = atomic_load(&r->tail) - atomic_load(&r->head);
  if (on) return receive ? used > 0 : used < PIPE_SLOTS;
  /* The event that woke us may have been meant for the other direction: let both look. */
  uint64_t events;
  if (read(v->pipe->wake[v->end], &events, sizeof events) > 0 && d->ready) d->ready(d);
  return false;
}

static bool pipe_carrier(NetDevice *d) {
  PipeDevice *v = (PipeDevice *)d;
  return v->pipe->taken[!v->end];
}

/* ---- Opening and closing
 * ----------------------------------------------------------------------------------------- */

static void pipe_release(Pipe *pipe) {
  if (--pipe->references) return;
  Pipe **at = &pipes;
  while (*at != pipe) at = &(*at)->next;
  *at = pipe->next;
  for (int i = 0; i < 2; i++)
    if (pipe->wake[i] >= 0) close(pipe->wake[i]);
  if (pipe->rings) munmap(pipe->rings, 2 * sizeof *pipe->rings);
  free(pipe->name);
  free(pipe);
}

/* The pipe of that name, with a reference. NULL when memory or descriptors are out. */
static Pipe *pipe_find(const char *name, size_t len) {
  for (Pipe *x = pipes; x; x = x->next)
    if (strlen(x->name) == len && !memcmp(x->name, name, len)) return x->references++, x;
  Pipe *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->next = pipes;
  pipes = x;
  x->references = 1;
  x->name = strndup(name, len);
  for (int i = 0; i < 2; i++) x->wake[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  void *memory = mmap(NULL, 2 * sizeof *x->rings, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  x->rings = memory == MAP_FAILED ? NULL : memory;
  if (x->rings && x->name && x->wake[0] >= 0 && x->wake[1] >= 0) return x;
  pipe_release(x);
  return NULL;
}

static void pipe_close(NetDevice *d) {
  PipeDevice *v = (PipeDevice *)d;
  pthread_mutex_lock(&pipes_lock);
  v->pipe->taken[v->end] = false;
  pipe_release(v->pipe);
  pthread_mutex_unlock(&pipes_lock);
  d->fd = -1; /* was the pipe's */
  host_device_free(&v->h);
}

HostDevice *pipe_device_open(Element *e, const char *spec, const char *name, Errors *errs) {
  size_t len = strlen(name);
  if (len < 3 || name[len - 2] != '/' || (name[len - 1] != 'a' && name[len - 1] != 'b'))
    return error(errs, "%s: expected pipe:NAME/a or pipe:NAME/b, the two ends of a link in this process",
                 spec),
           NULL;
  int end = name[len - 1] == 'b';
  PipeDevice *v = (PipeDevice *)host_device_new(e, spec, sizeof *v);
  if (!v) return error(errs, "%s: out of memory", spec), NULL;
  pthread_mutex_lock(&pipes_lock);
  Pipe *pipe = pipe_find(name, len - 2);
  bool busy = pipe && pipe->taken[end];
  if (busy)
    pipe_release(pipe);
  else if (pipe)
    pipe->taken[end] = true;
  pthread_mutex_unlock(&pipes_lock);
  if (!pipe || busy) {
    error(errs, busy ? "%s: this end is in use by another router" : "%s: out of memory", spec);
    host_device_free(&v->h);
    return NULL;
  }
  v->pipe = pipe;
  v->end = end;
  v->h.d.fd = pipe->wake[end];
  v->h.d.receive = pipe_receive;
  v->h.d.send = pipe_send;
  v->h.d.flush = pipe_flush;
  v->h.d.arm = pipe_arm;
  v->h.d.carrier = pipe_carrier;
  v->h.d.close = pipe_close;
  return &v->h;
}
