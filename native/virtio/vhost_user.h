/* vhost_user.h: the vhost-user protocol, both ends. The backend (the engine's packet port) listens on a Unix
 * socket and serves one network device with one queue pair; the frontend (the KVM monitor, tests) connects
 * and hands over memory and rings. Message numbers and payloads are those of the "Vhost-user Protocol" text
 * in QEMU's documentation. Neither end needs the engine. */
#ifndef CLICKLET_VIRTIO_VHOST_USER_H
#define CLICKLET_VIRTIO_VHOST_USER_H
#include "device.h"

/* ---- Messages ----------------------------------------------------------------------------------------- */

enum {
  VHOST_USER_GET_FEATURES = 1,
  VHOST_USER_SET_FEATURES = 2,
  VHOST_USER_SET_OWNER = 3,
  VHOST_USER_RESET_OWNER = 4,
  VHOST_USER_SET_MEM_TABLE = 5,
  VHOST_USER_SET_LOG_BASE = 6,
  VHOST_USER_SET_LOG_FD = 7,
  VHOST_USER_SET_VRING_NUM = 8,
  VHOST_USER_SET_VRING_ADDR = 9,
  VHOST_USER_SET_VRING_BASE = 10,
  VHOST_USER_GET_VRING_BASE = 11,
  VHOST_USER_SET_VRING_KICK = 12,
  VHOST_USER_SET_VRING_CALL = 13,
  VHOST_USER_SET_VRING_ERR = 14,
  VHOST_USER_GET_PROTOCOL_FEATURES = 15,
  VHOST_USER_SET_PROTOCOL_FEATURES = 16,
  VHOST_USER_GET_QUEUE_NUM = 17,
  VHOST_USER_SET_VRING_ENABLE = 18,
  VHOST_USER_SEND_RARP = 19,
  VHOST_USER_NET_SET_MTU = 20,
  VHOST_USER_SET_BACKEND_REQ_FD = 21,
  VHOST_USER_IOTLB_MSG = 22,
  VHOST_USER_SET_VRING_ENDIAN = 23,
  VHOST_USER_GET_CONFIG = 24,
  VHOST_USER_SET_CONFIG = 25,
  VHOST_USER_RESET_DEVICE = 34,
};
enum { VHOST_USER_VERSION = 1, VHOST_USER_REPLY = 4, VHOST_USER_NEED_REPLY = 8 }; /* flags */
enum { VHOST_USER_RING_INDEX = 0xff, VHOST_USER_NO_FD = 0x100 }; /* KICK, CALL, ERR payloads */
enum { VHOST_USER_HEADER = 12, VHOST_USER_REGIONS = 8, VHOST_USER_FDS = 8 };

/* Protocol features */
#define VHOST_USER_PROTOCOL_F_MQ FEATURE(0)
#define VHOST_USER_PROTOCOL_F_REPLY_ACK FEATURE(3)
#define VHOST_USER_PROTOCOL_F_NET_MTU FEATURE(4)
#define VHOST_USER_PROTOCOL_F_CONFIG FEATURE(9)
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE FEATURE(13)

typedef struct VhostUserMemory {
  uint32_t count, padding;
  struct {
    uint64_t guest, size, user, offset;
  } regions[VHOST_USER_REGIONS];
} VhostUserMemory;

typedef struct VhostUserMessage {
  uint32_t request, flags, size; /* size: of the payload */
  union {
    uint64_t u64;
    struct {
      uint32_t index, num;
    } state;
    struct {
      uint32_t index, flags;
      uint64_t desc, used, avail, log;
    } addr;
    VhostUserMemory memory;
    uint8_t bytes[272];
  };
} __attribute__((packed)) VhostUserMessage;

_Static_assert(offsetof(VhostUserMessage, u64) == VHOST_USER_HEADER, "vhost-user header");
_Static_assert(sizeof(VhostUserMemory) == 8 + 32 * VHOST_USER_REGIONS, "vhost-user memory table");

/* ---- Backend ------------------------------------------------------------------------------------------- */

/* Two threads may take part. The control side calls vhost_backend_run whenever `control` is readable. The
 * data side brackets each burst by vhost_ring_enter and vhost_ring_leave; while it is inside, the control
 * side does not touch the ring or its memory. Both may be the same thread. */

enum { VHOST_RINGS = 2 }; /* indexes as in 5.1.2: VIRTIO_NET_RX is what the driver receives */

typedef struct VhostRing {
  uint32_t lock, running; /* running: the queue is started and enabled */
  DeviceQueue queue;
  /* The control side's: */
  uint32_t size, base;
  uint64_t desc, driver, device; /* addresses in the frontend's process */
  int kick, call, err;
  bool have_addr, have_kick, enabled;
} VhostRing;

typedef struct VhostBackendOptions {
  const char *path;                            /* of the socket; a stale socket there is replaced */
  uint64_t features;                           /* offered; 0: all of DEVICE_FEATURES */
  void (*report)(void *arg, const char *line); /* one line for people, without newline; may be NULL */
  void (*changed)(
      void *arg); /* the link went up or down or the MTU changed; on the control side; may be NULL */
  void *arg;
} VhostBackendOptions;

typedef struct VhostBackend {
  VhostBackendOptions options;
  int control; /* readable when vhost_backend_run is due */
  int wake; /* for the data side: readable after a kick or a change of the link; vhost_backend_woken clears it
             */
  int listener, connection, changed, broken; /* the last two: eventfds in `wake` and in `control` */
  int peer;                             /* process that connected, 0 if there is none or it is not known */
  uint64_t socket_dev, socket_ino;      /* so that only our own socket is removed */
  uint64_t features, protocol_features; /* as negotiated */
  bool features_set;
  uint32_t mtu; /* as the frontend set it, or 0 */
  MemoryMap memory;
  uint32_t memory_lost;                /* its file was shortened */
  uint64_t mapped[VHOST_USER_REGIONS]; /* bytes to unmap, from host - offset */
  uint64_t offset[VHOST_USER_REGIONS];
  VhostRing rings[VHOST_RINGS];
  /* The message being read: */
  VhostUserMessage in;
  uint32_t in_bytes, in_fds;
  int fds[VHOST_USER_FDS];
} VhostBackend;

/* Returns 0, or -1 with one line in error. */
int vhost_backend_open(VhostBackend *b, const VhostBackendOptions *o, char *error, size_t error_size);
void vhost_backend_run(VhostBackend *b); /* never blocks */
void vhost_backend_close(VhostBackend *b);
bool vhost_backend_link(const VhostBackend *b); /* both rings run */
bool vhost_backend_woken(VhostBackend *b);      /* whether there was something */
/* The data side saw a queue's `error`: the control side reports it and drops the connection. */
void vhost_backend_broken(VhostBackend *b);

/* False: the ring does not run now or is being changed. */
always_inline bool vhost_ring_enter(VhostRing *r) {
  if (!__atomic_load_n(&r->running, __ATOMIC_RELAXED)) return false;
  if (__atomic_exchange_n(&r->lock, 1, __ATOMIC_ACQUIRE)) return false;
  if (likely(__atomic_load_n(&r->running, __ATOMIC_RELAXED))) return true;
  __atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE);
  return false;
}
always_inline void vhost_ring_leave(VhostRing *r) { __atomic_store_n(&r->lock, 0, __ATOMIC_RELEASE); }

/* ---- Frontend ------------------------------------------------------------------------------------------ */

/* Calls block for at most a few seconds and return 0, or -1 with one line in `error`; the connection is then
 * closed.
 *
 *   vhost_frontend_connect(f, path)        f->features: offer the driver those it can use. In three steps,
 * with other work between them: _begin, _ask, _finish vhost_frontend_start(f, ...)           when the driver
 * has set up its queues (DRIVER_OK) In two: _post, and _answer when f->fd is readable and answer_due
 *   vhost_frontend_stop(f, bases)          when it resets the device
 */

typedef struct VhostRegion {
  uint64_t guest, size;
  void *host;      /* where the frontend has it mapped */
  int fd;          /* of the shared memory */
  uint64_t offset; /* of the region in it */
} VhostRegion;

typedef struct VhostRingSetup {
  uint32_t size, base; /* base: device_queue_fresh(features), or as vhost_frontend_stop returned it */
  void *desc, *driver, *device; /* where the frontend has the areas mapped */
  int kick, call;               /* eventfds; -1: the other side polls */
} VhostRingSetup;

typedef struct VhostFrontend {
  int fd; /* -1: not connected. Readable while no call is under way: the backend has gone */
  uint64_t features, protocol_features; /* features: what the backend offers, without the vhost-user bit */
  bool protocol;                        /* the backend has protocol features, and rings must be enabled */
  bool started, answer_due, memory_set;
  struct VhostGathered *gathered; /* while messages are gathered */
  char error[160];
} VhostFrontend;

int vhost_frontend_begin(VhostFrontend *f, const char *path);
int vhost_frontend_ask(VhostFrontend *f);
int vhost_frontend_finish(VhostFrontend *f);
int vhost_frontend_connect(VhostFrontend *f, const char *path);
int vhost_frontend_start(VhostFrontend *f, uint64_t features, const VhostRegion *regions, unsigned nregions,
                         const VhostRingSetup rings[VHOST_RINGS]);
/* Where the memory is known before the rings are; _start has no use for its regions then. */
int vhost_frontend_memory(VhostFrontend *f, const VhostRegion *regions, unsigned nregions);
int vhost_frontend_post(VhostFrontend *f, uint64_t features, const VhostRegion *regions, unsigned nregions,
                        const VhostRingSetup rings[VHOST_RINGS]);
int vhost_frontend_answer(VhostFrontend *f);
int vhost_frontend_stop(VhostFrontend *f, uint32_t bases[VHOST_RINGS]); /* bases may be NULL */
void vhost_frontend_close(VhostFrontend *f);

#endif
