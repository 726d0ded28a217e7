/* virtio_vhost.c: the vhost-user frontend against the backend in one process: handshake, frames both ways,
 * stop and start, reconnection, frontends that send nonsense, sockets that cannot be had. Prints SUCCESS. */
#define _GNU_SOURCE
#include "virtio_model.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <virtio/vhost_user.h>

enum { HALF = 1 << 18, SIZE = 64 };

static VhostBackend backend;
static char socket_path[64], lines[16][256];
static volatile unsigned line_count;
static volatile bool stop;

static void report(void *arg, const char *line) {
  (void)arg;
  snprintf(lines[line_count % 16], sizeof lines[0], "%s", line);
  __atomic_fetch_add(&line_count, 1, __ATOMIC_RELEASE);
}

static void *control(void *arg) {
  struct pollfd p = {.fd = backend.control, .events = POLLIN};
  (void)arg;
  while (!stop)
    if (poll(&p, 1, 20) > 0) vhost_backend_run(&backend);
  return NULL;
}

static bool wait_link(bool up) {
  for (int i = 0; i < 2000 && vhost_backend_link(&backend) != up; i++) usleep(1000);
  return vhost_backend_link(&backend) == up;
}

static bool readable(int fd, int ms) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, ms) == 1;
}

/* The driver's machine: two queues, each in a half of one shared memory. */
typedef struct Machine {
  int fd, kick[2], call[2];
  uint8_t *memory;
  Model queue[2];
  VhostRegion region;
  VhostRingSetup rings[2];
} Machine;

static void machine_init(Machine *m, uint64_t features) {
  m->fd = memfd_create("machine", MFD_CLOEXEC);
  CHECK(ftruncate(m->fd, 4096 + 2 * HALF) == 0);
  uint8_t *all = mmap(NULL, 4096 + 2 * HALF, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
  CHECK(all != MAP_FAILED);
  m->memory = all + 4096; /* the region starts at an offset in the file */
  m->region = (VhostRegion){MODEL_GUEST, 2 * HALF, m->memory, m->fd, 4096};
  for (int i = 0; i < 2; i++) {
    Model *q = &m->queue[i];
    model_init(q, m->memory + i * HALF, HALF, SIZE, features);
    m->kick[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    m->call[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    m->rings[i] = (VhostRingSetup){
        SIZE, device_queue_fresh(features), q->desc, q->avail, q->used, m->kick[i], m->call[i]};
  }
}

static void machine_free(Machine *m) {
  for (int i = 0; i < 2; i++) {
    model_free(&m->queue[i]);
    close(m->kick[i]);
    close(m->call[i]);
  }
  munmap(m->memory - 4096, 4096 + 2 * HALF);
  close(m->fd);
}

static void kick(int fd) {
  uint64_t one = 1;
  CHECK(write(fd, &one, sizeof one) == sizeof one);
}

/* The backend's data side sends back what it receives; the driver checks it. */
static void exchange(Machine *m, unsigned rounds) {
  Model *rx = &m->queue[VIRTIO_NET_RX], *tx = &m->queue[VIRTIO_NET_TX];
  VhostRing *in = &backend.rings[VIRTIO_NET_TX], *out = &backend.rings[VIRTIO_NET_RX];
  uint64_t tx_at = MODEL_GUEST + HALF + ((tx->heap + 4095) & ~4095ull),
           rx_at = MODEL_GUEST + ((rx->heap + 4095) & ~4095ull);
  uint8_t *base = m->memory - MODEL_GUEST;
  for (unsigned r = 0; r < rounds; r++) {
    uint32_t len = 14 + rnd(1500), token, got;
    Piece t = {tx_at, 12 + len}, v = {rx_at, 2048};
    memset(base + tx_at, 0, 12);
    for (uint32_t i = 0; i < len; i++) base[tx_at + 12 + i] = (uint8_t)(i + r);
    CHECK(model_post(rx, &v, 1, true, r) && model_post(tx, &t, 1, false, r));
    if (!rx->packed && rx->features & VIRTIO_F_EVENT_IDX) *virtq_used_event(rx->avail, SIZE) = rx->next_used;
    vhost_backend_woken(&backend);
    kick(m->kick[VIRTIO_NET_TX]);
    CHECK(readable(backend.wake, 1000) && vhost_backend_woken(&backend) && !readable(backend.wake, 0));

    DeviceFrame f[2];
    uint8_t copy[2048];
    CHECK(vhost_ring_enter(in));
    CHECK(device_receive(&in->queue, f, 2) == 1 && f[0].total == len);
    device_frame_copy(&in->queue, f, copy);
    device_receive_done(&in->queue);
    device_notify(&in->queue);
    vhost_ring_leave(in);
    DeviceBuffer b = {copy, len};
    CHECK(vhost_ring_enter(out));
    CHECK(device_send(&out->queue, &b, 1, NULL) == 1);
    device_notify(&out->queue);
    vhost_ring_leave(out);

    CHECK(readable(m->call[VIRTIO_NET_RX], 1000));
    uint64_t count;
    CHECK(read(m->call[VIRTIO_NET_RX], &count, sizeof count) == sizeof count);
    CHECK(model_take(tx, &token, &got) && token == r);
    CHECK(model_take(rx, &token, &got) && token == r && got == 12 + len);
    CHECK(load16(base + rx_at + 10) == 1);
    CHECK(!memcmp(base + rx_at + 12, base + tx_at + 12, len));
  }
}

static void test_frames(uint64_t features) {
  Machine m;
  VhostFrontend f;
  features |= VIRTIO_F_VERSION_1;
  machine_init(&m, features);
  CHECK(!vhost_frontend_connect(&f, socket_path));
  CHECK((f.features & features) == features && f.protocol);
  CHECK(f.protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK);
  for (unsigned again = 0; again < 3; again++) {
    uint32_t bases[2];
    CHECK(!vhost_frontend_start(&f, features, &m.region, 1, m.rings));
    CHECK(vhost_backend_link(&backend)); /* the start was acknowledged */
    exchange(&m, 100);
    CHECK(!vhost_frontend_stop(&f, bases) && !vhost_backend_link(&backend));
    if (!(features & VIRTIO_F_RING_PACKED)) CHECK(bases[0] == 100 * (again + 1));
    for (int i = 0; i < 2; i++) m.rings[i].base = bases[i];
  }
  CHECK(!vhost_frontend_start(&f, features, &m.region, 1, m.rings));
  Machine other;
  machine_init(&other, features);
  VhostFrontend second;
  CHECK(vhost_frontend_connect(&second, socket_path) == -1 && second.error[0]); /* one at a time */
  vhost_backend_woken(&backend);
  vhost_frontend_close(&f);
  CHECK(wait_link(false) && readable(backend.wake, 1000)); /* whoever sleeps hears that the link is down */
  CHECK(!vhost_frontend_connect(&second, socket_path));
  CHECK(!vhost_frontend_start(&second, features, &other.region, 1, other.rings));
  exchange(&other, 20);

  /* A driver that breaks a queue loses the connection. */
  Piece bad = {0x10, 100};
  line_count = 0;
  CHECK(model_post(&other.queue[VIRTIO_NET_TX], &bad, 1, false, 0));
  VhostRing *in = &backend.rings[VIRTIO_NET_TX];
  DeviceFrame frame;
  CHECK(vhost_ring_enter(in) && device_receive(&in->queue, &frame, 1) == 0 && in->queue.error);
  vhost_ring_leave(in);
  vhost_backend_broken(&backend);
  CHECK(readable(second.fd, 1000) && wait_link(false));
  for (int i = 0; i < 1000 && !line_count; i++) usleep(1000);
  CHECK(line_count == 1 && strstr(lines[0], "a frame is not in the driver's memory"));
  vhost_frontend_close(&second);
  machine_free(&other);
  machine_free(&m);
}

static int raw_connect(void) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strcpy(a.sun_path, socket_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
  return fd;
}

static void raw_send(int s, const VhostUserMessage *m, uint32_t bytes, const int *fds, unsigned nfds) {
  struct iovec io = {(void *)m, bytes};
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(16 * sizeof(int))];
  } c = {0};
  struct msghdr h = {.msg_iov = &io, .msg_iovlen = 1};
  if (nfds) {
    h.msg_control = &c;
    h.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
    struct cmsghdr *x = CMSG_FIRSTHDR(&h);
    x->cmsg_level = SOL_SOCKET, x->cmsg_type = SCM_RIGHTS, x->cmsg_len = CMSG_LEN(nfds * sizeof(int));
    memcpy(CMSG_DATA(x), fds, nfds * sizeof(int));
  }
  (void)!sendmsg(s, &h, MSG_NOSIGNAL);
}

/* Sends one message; the backend must close the connection and say `expected`. */
static void refused(const VhostUserMessage *m, const int *fds, unsigned nfds, const char *expected) {
  int s = raw_connect();
  line_count = 0;
  raw_send(s, m, VHOST_USER_HEADER + (m->size < 200 ? m->size : 200), fds, nfds);
  char c;
  CHECK(readable(s, 2000) && recv(s, &c, 1, 0) <= 0);
  for (int i = 0; i < 1000 && !line_count; i++) usleep(1000);
  CHECK(line_count == 1);
  if (!strstr(lines[0], expected)) fprintf(stderr, "expected '%s', got '%s'\n", expected, lines[0]);
  CHECK(strstr(lines[0], expected));
  close(s);
}

static unsigned open_fds(void) {
  unsigned n = 0;
  for (int i = 0; i < 256; i++) n += fcntl(i, F_GETFD) >= 0;
  return n;
}

static void test_nonsense(void) {
  int file = memfd_create("small", MFD_CLOEXEC), many[9];
  CHECK(ftruncate(file, 8192) == 0);
  for (int i = 0; i < 9; i++) many[i] = file;
  VhostUserMessage m = {.request = VHOST_USER_GET_FEATURES, .flags = 2};
  refused(&m, NULL, 0, "something that is not vhost-user");
  m.flags = 1, m.request = 99;
  refused(&m, NULL, 0, "not known or was not negotiated (request 99)");
  m.request = VHOST_USER_SET_FEATURES, m.size = 4;
  refused(&m, NULL, 0, "a short message");
  m.size = 8, m.u64 = UINT64_C(1) << 60;
  refused(&m, NULL, 0, "features that were not offered");
  m.size = 100000;
  refused(&m, NULL, 0, "a message that is too long");
  m.request = VHOST_USER_SET_VRING_NUM, m.size = 8, m.state.index = 2, m.state.num = 64;
  refused(&m, NULL, 0, "a ring that does not exist");
  m.state.index = 0, m.state.num = 0;
  refused(&m, NULL, 0, "a ring size out of range");
  m.request = VHOST_USER_SET_VRING_KICK, m.u64 = 0;
  refused(&m, NULL, 0, "a ring's descriptor is missing");
  refused(&m, &file, 1, "not an eventfd");
  m.request = VHOST_USER_SET_MEM_TABLE, m.size = 40;
  memset(m.bytes, 0, sizeof m.bytes);
  m.memory.count = 1;
  m.memory.regions[0].size = 8192;
  refused(&m, NULL, 0, "descriptors do not match");
  m.memory.regions[0].offset = 1;
  refused(&m, &file, 1, "beyond the end of its file");
  m.memory.regions[0].offset = UINT64_MAX - 100;
  refused(&m, &file, 1, "a memory region that cannot be");
  m.memory.count = 9;
  refused(&m, &file, 1, "a memory table of the wrong size");
  refused(&m, many, 9, "too many descriptors");

  usleep(50000);
  unsigned before = open_fds();
  for (unsigned i = 0; i < 300; i++) { /* noise: survive, and leak nothing */
    int s = raw_connect();
    for (unsigned k = rnd(12); k; k--) {
      VhostUserMessage x = {.request = 1 + rnd(26),
                            .flags = 1 | (rnd(2) ? VHOST_USER_NEED_REPLY : 0),
                            .size = rnd(10) ? 8 : rnd(272)};
      if (x.request == VHOST_USER_SET_VRING_ADDR) x.size = 40;
      for (unsigned b = 0; b < sizeof x.bytes; b++) x.bytes[b] = (uint8_t)(rnd(3) ? rnd(2) : rnd(256));
      if (rnd(2)) memset(x.bytes + 1, 0, 7);
      raw_send(s, &x, VHOST_USER_HEADER + (rnd(20) ? x.size : rnd(x.size + 1)), many, rnd(3) ? 0 : rnd(9));
    }
    close(s);
  }
  usleep(50000);
  for (int i = 0; i < 2000 && open_fds() != before; i++) usleep(1000);
  CHECK(open_fds() == before);
  close(file);
}

/* A frontend that takes its memory away loses its connection; this process lives on. */
static void test_shrink(uint64_t features) {
  Machine m;
  VhostFrontend f;
  features |= VIRTIO_F_VERSION_1;
  machine_init(&m, features);
  CHECK(!vhost_frontend_connect(&f, socket_path));
  CHECK(!vhost_frontend_start(&f, features, &m.region, 1, m.rings));
  exchange(&m, 5);
  line_count = 0;
  CHECK(ftruncate(m.fd, 0) == 0);
  DeviceFrame frames[4];
  uint8_t text[64] = {0};
  DeviceBuffer b = {text, sizeof text};
  for (unsigned i = 0; i < VHOST_RINGS; i++) {
    VhostRing *r = &backend.rings[i];
    if (!vhost_ring_enter(r)) continue; /* already closed, for the other one's sake */
    if (i == VIRTIO_NET_TX)
      device_receive(&r->queue, frames, 4);
    else
      device_send(&r->queue, &b, 1, NULL);
    vhost_ring_leave(r);
  }
  CHECK(readable(f.fd, 1000) && wait_link(false));
  for (int i = 0; i < 1000 && !line_count; i++) usleep(1000);
  CHECK(line_count == 1 && strstr(lines[0], "its memory has become smaller"));
  vhost_frontend_close(&f);
  machine_free(&m);
}

static void test_paths(void) {
  VhostBackend b;
  char error[200], path[80];
  VhostBackendOptions o = {.path = socket_path};
  CHECK(vhost_backend_open(&b, &o, error, sizeof error) == -1 &&
        strstr(error, "is in use by another process"));
  o.path = "/nonexistent/socket";
  CHECK(vhost_backend_open(&b, &o, error, sizeof error) == -1 &&
        strstr(error, "cannot listen at /nonexistent/socket: No such"));
  o.path = "";
  CHECK(vhost_backend_open(&b, &o, error, sizeof error) == -1 && strstr(error, "missing"));
  char deep[200];
  memset(deep, 'x', sizeof deep - 1);
  deep[sizeof deep - 1] = 0;
  o.path = deep;
  CHECK(vhost_backend_open(&b, &o, error, sizeof error) == -1 && strstr(error, "longer than"));
  snprintf(path, sizeof path, "%s.file", socket_path);
  close(open(path, O_CREAT | O_WRONLY, 0600));
  o.path = path;
  CHECK(vhost_backend_open(&b, &o, error, sizeof error) == -1 && strstr(error, "exists and is not a socket"));
  unlink(path);
  struct sockaddr_un a = {.sun_family = AF_UNIX}; /* left behind by a process that died */
  strcpy(a.sun_path, path);
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(s, (struct sockaddr *)&a, sizeof a) == 0);
  close(s);
  CHECK(vhost_backend_open(&b, &o, error, sizeof error) == 0);
  vhost_backend_close(&b);
  CHECK(access(path, F_OK) != 0);
}

int main(void) {
  char error[200], dir[] = "/tmp/clicklet-vhost-XXXXXX";
  pthread_t thread;
  CHECK(mkdtemp(dir));
  snprintf(socket_path, sizeof socket_path, "%s/port", dir);
  VhostBackendOptions o = {.path = socket_path, .report = report};
  CHECK(!vhost_backend_open(&backend, &o, error, sizeof error));
  CHECK(!pthread_create(&thread, NULL, control, NULL));
  test_frames(0);
  test_frames(VIRTIO_F_IN_ORDER | VIRTIO_F_EVENT_IDX);
  test_frames(VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER);
  test_shrink(0);
  test_shrink(VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER);
  test_paths();
  test_nonsense();
  test_frames(VIRTIO_F_RING_PACKED | VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_MRG_RXBUF);
  stop = true;
  pthread_join(thread, NULL);
  vhost_backend_close(&backend);
  CHECK(rmdir(dir) == 0); /* the socket is gone */
  printf("SUCCESS\n");
  return 0;
}
