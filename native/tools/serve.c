/* serve.c: serve.h: one thread for all clients, one request at a time. */
#define _GNU_SOURCE
#include "serve.h"
#include "host/platform_host.h"
#include <clicklet/channel.h>
#include <clicklet/netdevice.h>
#include <clicklet/platform.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS = 16, SEND_MS = 1000 };

typedef struct Client {
  ChannelFrame frame;
  uint8_t *payload; /* two bytes longer than frame.length, zeros */
  uint64_t have;    /* bytes of header and payload */
} Client;

static Engine *engine;
static char socket_path[108];
static pthread_t thread;
static int stop_event = -1;
static struct pollfd fds[2 + CLIENTS]; /* the listener, stop_event, clients */
static Client clients[CLIENTS];        /* parallel to fds + 2 */
static int64_t started;

/* ---- A request: the engine's thread ------------------------------------------------------------------- */

static Client *job; /* NULL: none */
static sem_t done;
static uint32_t status;
static Text out;

static void add_errors(const Errors *errs) {
  for (uint32_t i = 0; i < errs->count; i++) {
    const ErrorRecord *r = &errs->records[i];
    const char *message = r->message ? r->message : "out of memory";
    ChannelError e = {
        .warning = r->warning, .element = r->element, .arg = r->arg, .length = (uint32_t)strlen(message)};
    text_add(&out, (const char *)&e, sizeof e);
    text_add(&out, message, e.length);
    while (out.len % 4) text_add_char(&out, 0);
  }
}

static void handler(char *name, uint32_t n, bool write, Errors *errs) {
  size_t length = strlen(name);
  const char *rest = length < n ? name + length + 1 : NULL;
  int rc = write ? engine_write(engine, name, rest ? rest : "", errs)
                 : engine_read(engine, name, rest && *rest ? rest : NULL, &out, errs);
  if (rc) status = CHANNEL_FAILED;
}

/* Devices in the order in which they were opened. */
static void add_ports(NetDevice *d, uint32_t *count) {
  if (!d) return;
  add_ports(d->next, count);
  ChannelPort p = {.link = !d->carrier || d->carrier(d),
                   .open = d->references > 0,
                   .rx_packets = d->rx_packets,
                   .rx_bytes = d->rx_bytes,
                   .rx_dropped = d->rx_dropped,
                   .tx_packets = d->tx_packets,
                   .tx_bytes = d->tx_bytes,
                   .tx_dropped = d->tx_dropped};
  memcpy(p.mac, d->mac, 6);
  text_add(&out, (const char *)&p, sizeof p);
  ++*count;
}

static void stats(void) {
  EngineStats s;
  engine_stats(engine, &s);
  ChannelStats c = {.size = sizeof c,
                    .uptime_ns = (uint64_t)(platform_clock_steady() - started),
                    .pool_total = s.pool_total,
                    .pool_free = s.pool_free,
                    .pool_failures = s.pool_failures,
                    .rounds = s.rounds,
                    .tasks_run = s.tasks_run,
                    .idle_waits = s.idle_waits};
  text_add(&out, (const char *)&c, sizeof c);
  add_ports(*engine_devices(engine), &c.port_count);
  if (out.len >= sizeof c) memcpy(out.s, &c, sizeof c);
}

static void run_job(void *context) {
  (void)context;
  Client *c = __atomic_load_n(&job, __ATOMIC_ACQUIRE);
  if (!c) return;
  Errors errs = {.element = -1};
  uint32_t n = c->frame.length;
  char *payload = (char *)c->payload;
  text_free(&out);
  out = (Text){0};
  status = CHANNEL_OK;
  switch (c->frame.version == CHANNEL_VERSION ? c->frame.type : 0) {
  case CHANNEL_PING:
    text_add(&out, payload, n);
    break;
  case CHANNEL_INSTALL:
    if (engine_install(engine, payload, n, &errs)) status = CHANNEL_FAILED;
    add_errors(&errs);
    errors_clear(&errs);
    break;
  case CHANNEL_READ:
  case CHANNEL_WRITE:
    handler(payload, n, c->frame.type == CHANNEL_WRITE, &errs);
    break;
  case CHANNEL_STATS:
    stats();
    break;
  case CHANNEL_BOOT: {
    ChannelBoot b = {.size = sizeof b, .installed = 1, .tsc_khz = 1};
    text_add(&out, (const char *)&b, sizeof b);
    break;
  }
  case CHANNEL_STOP:
    engine_stop(engine);
    break;
  default:
    status = CHANNEL_MALFORMED;
    error(&errs, "a request that a router in a process does not know");
  }
  if (errs.count) {
    text_free(&out);
    out = (Text){0};
    add_errors(&errs);
  }
  errors_clear(&errs);
  __atomic_store_n(&job, NULL, __ATOMIC_RELEASE);
  sem_post(&done);
}

/* ---- Clients: the serving thread ---------------------------------------------------------------------- */

static bool send_all(int fd, const void *data, size_t n) {
  const uint8_t *p = data;
  while (n) {
    ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    if (k < 0 && errno == EAGAIN && poll(&room, 1, SEND_MS) > 0) continue;
    if (k <= 0) return false; /* it does not read what it asked for, or is gone */
    p += k, n -= (size_t)k;
  }
  return true;
}

static bool answer(int fd, Client *c) {
  __atomic_store_n(&job, c, __ATOMIC_RELEASE);
  platform_wake(engine);
  while (sem_wait(&done) && errno == EINTR) {}
  ChannelFrame f = {.magic = CHANNEL_MAGIC,
                    .version = CHANNEL_VERSION,
                    .type = c->frame.type | CHANNEL_RESPONSE,
                    .length = out.len,
                    .id = c->frame.id,
                    .status = status};
  free(c->payload);
  *c = (Client){0};
  return send_all(fd, &f, sizeof f) && send_all(fd, out.s, out.len);
}

/* Reads what is there. False: the connection is over. */
static bool client_read(int fd, Client *c) {
  const uint64_t header = sizeof c->frame;
  for (;;) {
    bool head = c->have < header;
    uint8_t *to = head ? (uint8_t *)&c->frame + c->have : c->payload + (c->have - header);
    uint64_t want = head ? header - c->have : header + c->frame.length - c->have;
    ssize_t n = want ? recv(fd, to, want, MSG_DONTWAIT) : 0;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (want && n == 0) return false;
    c->have += (uint64_t)n;
    if (c->have < header) continue;
    if (!c->payload) {
      if (c->frame.magic != CHANNEL_MAGIC || c->frame.length > CHANNEL_PAYLOAD_MAX) return false;
      if (!(c->payload = calloc(1, (size_t)c->frame.length + 2))) return false;
    }
    if (c->have == header + c->frame.length && !answer(fd, c)) return false;
  }
}

static void client_drop(unsigned i) {
  close(fds[2 + i].fd);
  fds[2 + i].fd = -1;
  free(clients[i].payload);
  clients[i] = (Client){0};
}

static void accept_client(void) {
  int fd = accept4(fds[0].fd, NULL, NULL, SOCK_CLOEXEC);
  for (unsigned i = 0; fd >= 0 && i < CLIENTS; i++)
    if (fds[2 + i].fd < 0) {
      fds[2 + i] = (struct pollfd){.fd = fd, .events = POLLIN};
      return;
    }
  if (fd >= 0) close(fd);
}

static void *serve(void *arg) {
  (void)arg;
  while (!fds[1].revents) {
    if (poll(fds, 2 + CLIENTS, -1) < 0 && errno != EINTR) break;
    for (unsigned i = 0; i < CLIENTS; i++)
      if (fds[2 + i].fd >= 0 && fds[2 + i].revents && !client_read(fds[2 + i].fd, &clients[i]))
        client_drop(i);
    if (fds[0].revents) accept_client();
  }
  return NULL;
}

int serve_start(Engine *e, const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  engine = e;
  started = platform_clock_steady();
  if (strlen(path) >= sizeof a.sun_path) {
    fprintf(stderr, "clicklet-engine: the path of the control socket is too long: %s\n", path);
    return -1;
  }
  strcpy(a.sun_path, path);
  strcpy(socket_path, path);
  unlink(path); /* the folder is this router's alone */
  for (unsigned i = 0; i < CLIENTS; i++) fds[2 + i].fd = -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  stop_event = eventfd(0, EFD_CLOEXEC);
  if (fd < 0 || stop_event < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, CLIENTS)) {
    fprintf(stderr, "clicklet-engine: cannot listen at %s: %s\n", path, strerror(errno));
    return -1;
  }
  fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
  fds[1] = (struct pollfd){.fd = stop_event, .events = POLLIN};
  sem_init(&done, 0, 0);
  platform_set_commands(e, run_job, NULL);
  int failed = pthread_create(&thread, NULL, serve, NULL);
  if (failed) fprintf(stderr, "clicklet-engine: no thread for the control socket: %s\n", strerror(failed));
  return failed ? -1 : 0;
}

void serve_stop(void) {
  if (!thread) return;
  (void)!write(stop_event, &(uint64_t){1}, 8);
  struct timespec pause = {.tv_nsec = NSEC_PER_MSEC};
  while (pthread_tryjoin_np(thread, NULL)) { /* a request may have come in after the last round */
    run_job(NULL);
    nanosleep(&pause, NULL);
  }
  for (unsigned i = 0; i < CLIENTS; i++)
    if (fds[2 + i].fd >= 0) client_drop(i);
  close(fds[0].fd);
  close(stop_event);
  unlink(socket_path);
  text_free(&out);
}
