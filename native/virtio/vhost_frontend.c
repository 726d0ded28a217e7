/* vhost_frontend.c: the frontend's side of vhost-user: hands memory and rings to a backend. */
#define _GNU_SOURCE
#include "vhost_user.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { REPLY_SECONDS = 5 };

static int fail(VhostFrontend *f, const char *what, const char *detail) {
  snprintf(f->error, sizeof f->error, "%s%s%s", what, detail ? ": " : "", detail ? detail : "");
  vhost_frontend_close(f);
  return -1;
}

/* A message on its way, with what points into it. */
typedef struct Outgoing {
  VhostUserMessage m;
  struct iovec io;
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * VHOST_USER_FDS)];
  } control;
} Outgoing;

/* Messages that are sent with one system call: a backend that sleeps is woken once. */
typedef struct VhostGathered {
  unsigned count;
  struct mmsghdr headers[16];
  Outgoing list[16];
} VhostGathered;

static int flush(VhostFrontend *f, VhostGathered *g) {
  for (unsigned at = 0; at < g->count;) {
    int n = sendmmsg(f->fd, g->headers + at, g->count - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    const char *why = n < 0 ? strerror(errno) : NULL;
    for (int i = 0; i < n; i++, at++)
      if (g->headers[at].msg_len != g->list[at].io.iov_len) n = -1;
    if (n <= 0) return fail(f, "the vhost-user backend went away", why);
  }
  g->count = 0;
  return 0;
}

static int send_message(VhostFrontend *f, VhostUserMessage *m, const int *fds, unsigned nfds) {
  VhostGathered alone, *g = f->gathered ? f->gathered : &alone;
  if (g == &alone) g->count = 0;
  if (g->count == countof(g->list) && flush(f, g)) return -1;
  Outgoing *o = &g->list[g->count];
  struct msghdr *h = &g->headers[g->count++].msg_hdr;
  m->flags = (m->flags & VHOST_USER_NEED_REPLY) | VHOST_USER_VERSION;
  memcpy(&o->m, m, VHOST_USER_HEADER + m->size);
  o->io = (struct iovec){&o->m, VHOST_USER_HEADER + m->size};
  *h = (struct msghdr){.msg_iov = &o->io, .msg_iovlen = 1};
  if (nfds) {
    h->msg_control = &o->control;
    h->msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
    struct cmsghdr *c = CMSG_FIRSTHDR(h);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * nfds)};
    memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
  }
  return g == &alone ? flush(f, g) : 0;
}

static int receive_reply(VhostFrontend *f, VhostUserMessage *m, uint32_t request, uint32_t size) {
  uint32_t got = 0, whole = VHOST_USER_HEADER + size;
  while (got < whole) {
    ssize_t n = recv(f->fd, (char *)m + got, whole - got, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return fail(f, "the vhost-user backend does not answer", NULL);
    if (n <= 0) return fail(f, "the vhost-user backend closed the connection", NULL);
    got += (uint32_t)n;
    if (got >= VHOST_USER_HEADER &&
        (m->request != request || !(m->flags & VHOST_USER_REPLY) || m->size != size))
      return fail(f, "the vhost-user backend sent a reply that was not expected", NULL);
  }
  return 0;
}

static int set_u64(VhostFrontend *f, uint32_t request, uint64_t v, const int *fd) {
  VhostUserMessage m = {.request = request, .size = 8};
  m.u64 = v;
  return send_message(f, &m, fd, fd != NULL);
}
static int set_state(VhostFrontend *f, uint32_t request, uint32_t index, uint32_t num) {
  VhostUserMessage m = {.request = request, .size = 8};
  m.state.index = index;
  m.state.num = num;
  return send_message(f, &m, NULL, 0);
}
static int set_ring_fd(VhostFrontend *f, uint32_t request, uint32_t index, int fd) {
  return set_u64(f, request, index | (fd < 0 ? VHOST_USER_NO_FD : 0), fd < 0 ? NULL : &fd);
}

int vhost_frontend_begin(VhostFrontend *f, const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  struct timeval limit = {.tv_sec = REPLY_SECONDS};
  memset(f, 0, sizeof *f);
  f->fd = -1;
  if (strlen(path) >= sizeof a.sun_path) return fail(f, path, "the path of the socket is too long");
  strcpy(a.sun_path, path);
  f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (f->fd < 0 || connect(f->fd, (struct sockaddr *)&a, sizeof a)) return fail(f, path, strerror(errno));
  setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(f->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);

  VhostUserMessage ask = {.request = VHOST_USER_GET_FEATURES}, owner = {.request = VHOST_USER_SET_OWNER};
  return send_message(f, &ask, NULL, 0) || send_message(f, &owner, NULL, 0) ? -1 : 0;
}

int vhost_frontend_ask(VhostFrontend *f) {
  VhostUserMessage m = {0}, ask = {.request = VHOST_USER_GET_PROTOCOL_FEATURES};
  if (f->fd < 0 || receive_reply(f, &m, VHOST_USER_GET_FEATURES, 8)) return -1;
  f->protocol = m.u64 & VHOST_USER_F_PROTOCOL_FEATURES;
  f->features = m.u64 & ~VHOST_USER_F_PROTOCOL_FEATURES;
  return f->protocol ? send_message(f, &ask, NULL, 0) : 0;
}

int vhost_frontend_finish(VhostFrontend *f) {
  VhostUserMessage m = {0};
  if (f->fd < 0) return -1;
  if (!f->protocol) return 0;
  if (receive_reply(f, &m, VHOST_USER_GET_PROTOCOL_FEATURES, 8)) return -1;
  f->protocol_features = m.u64 & (VHOST_USER_PROTOCOL_F_MQ | VHOST_USER_PROTOCOL_F_REPLY_ACK);
  return set_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, f->protocol_features, NULL);
}

int vhost_frontend_connect(VhostFrontend *f, const char *path) {
  return vhost_frontend_begin(f, path) || vhost_frontend_ask(f) || vhost_frontend_finish(f) ? -1 : 0;
}

int vhost_frontend_memory(VhostFrontend *f, const VhostRegion *regions, unsigned nregions) {
  if (f->fd < 0) return fail(f, "not connected to a vhost-user backend", NULL);
  if (nregions > VHOST_USER_REGIONS) return fail(f, "too many memory regions for vhost-user", NULL);
  VhostUserMessage m = {.request = VHOST_USER_SET_MEM_TABLE, .size = 8 + 32 * nregions};
  int fds[VHOST_USER_REGIONS];
  m.memory.count = nregions;
  for (unsigned i = 0; i < nregions; i++) {
    m.memory.regions[i].guest = regions[i].guest;
    m.memory.regions[i].size = regions[i].size;
    m.memory.regions[i].user = (uintptr_t)regions[i].host;
    m.memory.regions[i].offset = regions[i].offset;
    fds[i] = regions[i].fd;
  }
  f->memory_set = true;
  return send_message(f, &m, fds, nregions);
}

static int post(VhostFrontend *f, uint64_t features, const VhostRegion *regions, unsigned nregions,
                const VhostRingSetup rings[VHOST_RINGS]) {
  if (f->fd < 0) return fail(f, "not connected to a vhost-user backend", NULL);
  if (set_u64(f, VHOST_USER_SET_FEATURES, features | (f->protocol ? VHOST_USER_F_PROTOCOL_FEATURES : 0),
              NULL))
    return -1;

  if (!f->memory_set && vhost_frontend_memory(f, regions, nregions)) return -1;

  for (uint32_t i = 0; i < VHOST_RINGS; i++) {
    const VhostRingSetup *r = &rings[i];
    VhostUserMessage addr = {.request = VHOST_USER_SET_VRING_ADDR, .size = 40};
    addr.addr.index = i;
    addr.addr.desc = (uintptr_t)r->desc;
    addr.addr.avail = (uintptr_t)r->driver;
    addr.addr.used = (uintptr_t)r->device;
    if (set_state(f, VHOST_USER_SET_VRING_NUM, i, r->size) ||
        set_state(f, VHOST_USER_SET_VRING_BASE, i, r->base) || send_message(f, &addr, NULL, 0) ||
        set_ring_fd(f, VHOST_USER_SET_VRING_CALL, i, r->call) ||
        set_ring_fd(f, VHOST_USER_SET_VRING_KICK, i, r->kick))
      return -1;
    if (!f->protocol) continue;
    VhostUserMessage enable = {.request = VHOST_USER_SET_VRING_ENABLE, .size = 8};
    enable.state.index = i;
    enable.state.num = 1;
    bool last = i + 1 == VHOST_RINGS; /* its acknowledgement speaks for all, where there are any */
    f->answer_due = last && f->protocol_features & VHOST_USER_PROTOCOL_F_REPLY_ACK;
    if (f->answer_due) enable.flags |= VHOST_USER_NEED_REPLY;
    if (send_message(f, &enable, NULL, 0)) return -1;
  }
  f->started = true;
  return 0;
}

int vhost_frontend_post(VhostFrontend *f, uint64_t features, const VhostRegion *regions, unsigned nregions,
                        const VhostRingSetup rings[VHOST_RINGS]) {
  VhostGathered g;
  g.count = 0;
  f->gathered = &g;
  int failed = post(f, features, regions, nregions, rings);
  f->gathered = NULL;
  return failed ? -1 : flush(f, &g);
}

int vhost_frontend_answer(VhostFrontend *f) {
  VhostUserMessage m = {0};
  if (!f->answer_due) return 0;
  f->answer_due = false;
  if (receive_reply(f, &m, VHOST_USER_SET_VRING_ENABLE, 8)) return -1;
  return m.u64 ? fail(f, "the vhost-user backend refused a request", NULL) : 0;
}

int vhost_frontend_start(VhostFrontend *f, uint64_t features, const VhostRegion *regions, unsigned nregions,
                         const VhostRingSetup rings[VHOST_RINGS]) {
  return vhost_frontend_post(f, features, regions, nregions, rings) || vhost_frontend_answer(f) ? -1 : 0;
}

int vhost_frontend_stop(VhostFrontend *f, uint32_t bases[VHOST_RINGS]) {
  if (f->fd < 0) return fail(f, "not connected to a vhost-user backend", NULL);
  if (vhost_frontend_answer(f)) return -1;
  for (uint32_t i = 0; f->started && i < VHOST_RINGS; i++) {
    VhostUserMessage m = {.request = VHOST_USER_GET_VRING_BASE, .size = 8};
    m.state.index = i;
    m.state.num = 0;
    if (send_message(f, &m, NULL, 0) || receive_reply(f, &m, VHOST_USER_GET_VRING_BASE, 8)) return -1;
    if (bases) bases[i] = m.state.num;
  }
  f->started = false;
  return 0;
}

void vhost_frontend_close(VhostFrontend *f) {
  if (f->fd >= 0) close(f->fd);
  f->fd = -1;
  f->started = false;
}
