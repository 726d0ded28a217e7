/* vhost_socket.c: the backend's socket: listening, one connection at a time, whole messages with their
 * descriptors. */
#define _GNU_SOURCE
#include "vhost_backend.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void report(VhostBackend *b, const char *what, const char *detail) {
  char line[256];
  if (!b->options.report) return;
  snprintf(line, sizeof line, "vhost-user:%s: %s%s", b->options.path, what, detail);
  b->options.report(b->options.arg, line);
}

static void watch(VhostBackend *b, int fd) {
  struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(b->control, EPOLL_CTL_ADD, fd, &ev);
}

/* Tells the data side, which may sleep, and the owner. */
static void tell_change(VhostBackend *b) {
  uint64_t one = 1;
  if (write(b->changed, &one, sizeof one) < 0) errno = 0;
  if (b->options.changed) b->options.changed(b->options.arg);
}

bool vhost_backend_link(const VhostBackend *b) {
  for (unsigned i = 0; i < VHOST_RINGS; i++)
    if (!__atomic_load_n(&b->rings[i].running, __ATOMIC_ACQUIRE)) return false;
  return true;
}

bool vhost_backend_woken(VhostBackend *b) {
  struct epoll_event ev[VHOST_RINGS + 1];
  return epoll_wait(b->wake, ev, VHOST_RINGS + 1, 0) > 0;
}

void vhost_backend_broken(VhostBackend *b) {
  uint64_t one = 1;
  if (write(b->broken, &one, sizeof one) < 0) errno = 0;
}

/* ---- The connection ----------------------------------------------------------------------------------- */

static void drop_fds(VhostBackend *b) {
  for (uint32_t i = 0; i < b->in_fds; i++)
    if (b->fds[i] >= 0) close(b->fds[i]);
  b->in_fds = 0;
}

static void disconnect(VhostBackend *b, const char *why) {
  if (b->connection < 0) return;
  bool had_link = vhost_backend_link(b);
  vhost_rings_reset(b);
  vhost_memory_unmap(b);
  drop_fds(b);
  close(b->connection); /* ours alone, so no longer watched */
  b->connection = -1;
  b->peer = 0;
  b->features = b->protocol_features = 0;
  b->features_set = false;
  b->in_bytes = 0;
  b->mtu = 0;
  if (why) report(b, "connection closed: the frontend sent ", why);
  if (had_link) tell_change(b);
}

static void disconnect_broken(VhostBackend *b, const char *why) {
  report(b, "connection closed: the driver broke a queue: ", why);
  disconnect(b, NULL);
}

/* Reads what is missing of the header or of the payload. 1: progress; 0: nothing there; -1: the connection is
 * over. */
static int read_some(VhostBackend *b) {
  bool header = b->in_bytes < VHOST_USER_HEADER;
  uint32_t whole = header ? VHOST_USER_HEADER : VHOST_USER_HEADER + b->in.size;
  struct iovec io = {(char *)&b->in + b->in_bytes, whole - b->in_bytes};
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * VHOST_USER_FDS)];
  } control;
  struct msghdr h = {
      .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t n = recvmsg(b->connection, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  bool too_many = h.msg_flags & MSG_CTRUNC;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    unsigned count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (unsigned i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      if (b->in_fds < VHOST_USER_FDS)
        b->fds[b->in_fds++] = fd;
      else
        close(fd), too_many = true;
    }
  }
  if (n == 0) return -1;
  b->in_bytes += (uint32_t)n;
  if (too_many) return disconnect(b, "too many descriptors"), -1;
  if (b->in_bytes == VHOST_USER_HEADER && header) {
    if ((b->in.flags & 3) != VHOST_USER_VERSION || b->in.flags & VHOST_USER_REPLY)
      return disconnect(b, "something that is not vhost-user"), -1;
    if (b->in.size > sizeof b->in - VHOST_USER_HEADER) return disconnect(b, "a message that is too long"), -1;
  }
  return 1;
}

static void serve(VhostBackend *b) {
  while (b->connection >= 0) {
    int got = read_some(b);
    if (got < 0) disconnect(b, NULL);
    if (got <= 0) return;
    if (b->in_bytes < VHOST_USER_HEADER || b->in_bytes < VHOST_USER_HEADER + b->in.size) continue;

    bool had_link = vhost_backend_link(b);
    uint32_t request = b->in.request;
    const char *error = vhost_message(b);
    if (error) {
      char line[128];
      snprintf(line, sizeof line, "%s (request %u)", error, request);
      disconnect(b, line);
      return;
    }
    if (had_link != vhost_backend_link(b) || request == VHOST_USER_NET_SET_MTU) tell_change(b);
    uint32_t size = VHOST_USER_HEADER + b->in.size;
    /* A frontend that waits for a reply has room for it: a full socket means that it is not one. */
    if (b->in.flags & VHOST_USER_REPLY &&
        send(b->connection, &b->in, size, MSG_DONTWAIT | MSG_NOSIGNAL) != size) {
      disconnect(b, NULL);
      return;
    }
    drop_fds(b);
    b->in_bytes = 0;
  }
}

static void accept_frontend(VhostBackend *b) {
  int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  if (b->connection >= 0) {
    close(fd);
    report(b, "a second frontend was turned away", "");
    return;
  }
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  b->peer = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
  b->connection = fd;
  watch(b, fd);
}

void vhost_backend_run(VhostBackend *b) {
  struct epoll_event ev[4];
  int n = epoll_wait(b->control, ev, 4, 0);
  for (int i = 0; i < n; i++) /* a frontend that left makes place for one that waits */
    if (ev[i].data.fd == b->connection) serve(b);
  for (int i = 0; i < n; i++)
    if (ev[i].data.fd == b->listener) accept_frontend(b);
  uint64_t count;
  if (read(b->broken, &count, sizeof count) < 0) errno = 0;
  if (__atomic_load_n(&b->memory_lost, __ATOMIC_ACQUIRE))
    disconnect_broken(b, "its memory has become smaller");
  for (unsigned i = 0; i < VHOST_RINGS && b->connection >= 0; i++) { /* queues that stopped by themselves */
    const char *error = __atomic_load_n(&b->rings[i].queue.error, __ATOMIC_RELAXED);
    if (error) disconnect_broken(b, error);
  }
}

/* ---- Opening and closing ------------------------------------------------------------------------------ */

/* True if somebody listens at the address. */
static bool in_use(const struct sockaddr_un *a) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool answered = fd >= 0 && (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN);
  if (fd >= 0) close(fd);
  return answered;
}

static int listen_at(VhostBackend *b, char *error, size_t size) {
  const char *path = b->options.path;
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  struct stat st;
  if (strlen(path) >= sizeof a.sun_path)
    return snprintf(error, size, "the path of the socket is longer than %zu bytes", sizeof a.sun_path - 1),
           -1;
  strcpy(a.sun_path, path);
  if (!*path) return snprintf(error, size, "the path of the socket is missing"), -1;
  if (lstat(path, &st) == 0) {
    if (!S_ISSOCK(st.st_mode)) return snprintf(error, size, "%s exists and is not a socket", path), -1;
    if (in_use(&a)) return snprintf(error, size, "%s is in use by another process", path), -1;
    unlink(path);
  }
  b->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (b->listener < 0 || bind(b->listener, (struct sockaddr *)&a, sizeof a) || listen(b->listener, 4))
    return snprintf(error, size, "cannot listen at %s: %s", path, strerror(errno)), -1;
  if (stat(path, &st) == 0) b->socket_dev = st.st_dev, b->socket_ino = st.st_ino;
  return 0;
}

int vhost_backend_open(VhostBackend *b, const VhostBackendOptions *o, char *error, size_t error_size) {
  memset(b, 0, sizeof *b);
  b->options = *o;
  b->listener = b->connection = -1;
  for (unsigned i = 0; i < VHOST_RINGS; i++) b->rings[i].kick = b->rings[i].call = b->rings[i].err = -1;
  b->control = epoll_create1(EPOLL_CLOEXEC);
  b->wake = epoll_create1(EPOLL_CLOEXEC);
  b->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  b->broken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
  if (b->control < 0 || b->wake < 0 || b->changed < 0 || b->broken < 0 ||
      epoll_ctl(b->wake, EPOLL_CTL_ADD, b->changed, &ev))
    snprintf(error, error_size, "no descriptors left (a port takes a dozen; 'ulimit -n' is the limit): %s",
             strerror(errno));
  else if (listen_at(b, error, error_size) == 0) {
    watch(b, b->listener);
    watch(b, b->broken);
    return 0;
  }
  vhost_backend_close(b);
  return -1;
}

void vhost_backend_close(VhostBackend *b) {
  struct stat st;
  disconnect(b, NULL);
  if (b->socket_ino && stat(b->options.path, &st) == 0 && st.st_dev == b->socket_dev &&
      st.st_ino == b->socket_ino)
    unlink(b->options.path);
  if (b->listener >= 0) close(b->listener);
  if (b->changed >= 0) close(b->changed);
  if (b->broken >= 0) close(b->broken);
  if (b->wake >= 0) close(b->wake);
  if (b->control >= 0) close(b->control);
  b->listener = b->changed = b->broken = b->wake = b->control = -1;
}
