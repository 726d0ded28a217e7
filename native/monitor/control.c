/* control.c: the control socket: any number of clients, whose requests go to the guest one behind the other
 * (channel.h) with ids of our own, and come back as theirs. Neither a client nor the guest can make another
 * one wait for ever or make the monitor's memory grow beyond bounds. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "control.h"

enum { HEADER = sizeof(ChannelFrame), WAITING_MAX = 1 << 20, OUT_MAX = 80 << 20, REQUESTS = 256 };

typedef struct Client {
  Watch watch; /* first */
  Bytes in, out;
  bool closing; /* when everything is sent */
  uint32_t events;
} Client;

typedef struct Request { /* sent to the guest, not answered */
  uint32_t id, client_id;
  Client *client; /* NULL: the monitor's own, or the client has gone */
} Request;

static Watch listener = {.fd = -1};
static Client *clients[CLIENTS_MAX];
static Request requests[REQUESTS];
static unsigned request_count;
static uint32_t last_id;
static Bytes to_guest, from_guest;

/* ---- Bytes
 * ----------------------------------------------------------------------------------------------------------
 */

bool bytes_add(Bytes *b, const void *data, uint32_t n) {
  if (n > b->capacity - b->len) {
    uint32_t capacity = b->len + n + (b->len + n) / 2 + 256;
    uint8_t *p = capacity > n ? realloc(b->data, capacity) : NULL;
    if (!p) return false;
    b->data = p;
    b->capacity = capacity;
  }
  if (n) memcpy(b->data + b->len, data, n);
  b->len += n;
  return true;
}

void bytes_free(Bytes *b) {
  free(b->data);
  *b = (Bytes){0};
}

void bytes_done(Bytes *b, uint32_t n) {
  b->at += n;
  if (b->at == b->len) bytes_free(b);
}

static void bytes_shift(Bytes *b, uint32_t n) { /* drops the first n bytes */
  memmove(b->data, b->data + n, b->len - n);
  b->len -= n;
  if (!b->len) bytes_free(b);
}

/* ---- Clients
 * -------------------------------------------------------------------------------------------------------- */

static void watch_listener(void) { /* while there is room; who comes then waits in line */
  bool room = false;
  for (unsigned i = 0; i < CLIENTS_MAX; i++) room |= !clients[i];
  if (listener.fd >= 0) watch_change(&listener, room ? EPOLLIN : 0);
}

static void client_drop(Client *c) {
  for (unsigned i = 0; i < request_count; i++)
    if (requests[i].client == c) requests[i].client = NULL;
  for (unsigned i = 0; i < CLIENTS_MAX; i++)
    if (clients[i] == c) clients[i] = NULL;
  status_forget(c);
  watch_remove(&c->watch);
  close(c->watch.fd);
  bytes_free(&c->in);
  bytes_free(&c->out);
  free(c);
  watch_listener();
}

static void client_watch(Client *c) {
  bool busy = to_guest.len - to_guest.at > WAITING_MAX || c->out.len - c->out.at > WAITING_MAX || c->closing;
  uint32_t events = (busy ? 0 : EPOLLIN) | (c->out.len ? EPOLLOUT : 0);
  if (events != c->events) watch_change(&c->watch, events);
  c->events = events;
}

/* False: the client is gone. */
static bool client_flush(Client *c) {
  while (c->out.at < c->out.len) {
    ssize_t n =
        send(c->watch.fd, c->out.data + c->out.at, c->out.len - c->out.at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      client_drop(c);
      return false;
    }
    bytes_done(&c->out, (uint32_t)n);
  }
  if (c->closing && !c->out.len) {
    client_drop(c);
    return false;
  }
  client_watch(c);
  return true;
}

static bool client_send(Client *c, const ChannelFrame *f, const void *payload) {
  if (c->out.len > OUT_MAX || !bytes_add(&c->out, f, HEADER) || !bytes_add(&c->out, payload, f->length)) {
    client_drop(c); /* it does not read what it asked for */
    return false;
  }
  return client_flush(c);
}

static bool client_respond(Client *c, const ChannelFrame *f, uint32_t status, const void *payload,
                           uint32_t n) {
  ChannelFrame r = {CHANNEL_MAGIC, CHANNEL_VERSION, f->type | CHANNEL_RESPONSE, n, f->id, status, 0};
  return client_send(c, &r, payload);
}

static bool client_refuse(Client *c, const ChannelFrame *f, uint32_t status, const char *message) {
  uint8_t record[sizeof(ChannelError) + 256] = {0};
  ChannelError e = {.element = -1, .arg = -1, .length = (uint32_t)strnlen(message, 255)};
  memcpy(record, &e, sizeof e);
  memcpy(record + sizeof e, message, e.length);
  return client_respond(c, f, status, record, (uint32_t)sizeof e + ((e.length + 3) & ~3u));
}

/* One whole frame of a client. False: the client is gone. */
static bool client_frame(Client *c, const ChannelFrame *f, const uint8_t *payload) {
  if (f->version != CHANNEL_VERSION || f->type & CHANNEL_RESPONSE)
    return client_refuse(c, f, CHANNEL_MALFORMED, "not a request of this version");
  if (f->type >= CHANNEL_MONITOR_STATS) {
    Bytes answer = {0};
    uint32_t status = monitor_request(c, f->type, payload, f->length, &answer);
    bool alive = status && bytes_add(&answer, "", 1) ? client_refuse(c, f, status, (const char *)answer.data)
                                                     : client_respond(c, f, status, answer.data, answer.len);
    bytes_free(&answer);
    return alive;
  }
  if (monitor.pause || monitor.vcpu_ended)
    return client_refuse(c, f, CHANNEL_GONE,
                         monitor.pause ? "the guest is paused: resume it first" : "the guest has ended");
  if (f->length > monitor.memory)
    return client_refuse(c, f, CHANNEL_TOO_LARGE, "larger than the guest's memory");
  if (request_count == REQUESTS) return client_refuse(c, f, CHANNEL_FAILED, "too many requests at once");
  ChannelFrame g = *f;
  while (!(g.id = ++last_id)) {}
  if (!bytes_add(&to_guest, &g, HEADER) || !bytes_add(&to_guest, payload, g.length))
    return client_refuse(c, f, CHANNEL_FAILED, "the monitor is out of memory");
  requests[request_count++] = (Request){g.id, f->id, c};
  control_to_guest();
  return true;
}

static void client_ready(Watch *w, uint32_t events) {
  Client *c = (Client *)w;
  if (events & EPOLLOUT && !client_flush(c)) return;
  if (!(events & ~(uint32_t)EPOLLOUT)) return;
  uint8_t part[16384];
  ssize_t n = recv(w->fd, part, sizeof part, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0 || !bytes_add(&c->in, part, (uint32_t)n)) {
    client_drop(c);
    return;
  }
  uint32_t at = 0;
  while (c->in.len - at >= HEADER) {
    ChannelFrame f;
    memcpy(&f, c->in.data + at, HEADER);
    if (f.magic != CHANNEL_MAGIC ||
        f.length > CHANNEL_PAYLOAD_MAX) { /* no telling where the next frame begins */
      c->closing = true;
      client_refuse(c, &f, CHANNEL_MALFORMED, "not a frame of the control protocol");
      return;
    }
    if (c->in.len - at - HEADER < f.length) break;
    if (!client_frame(c, &f, c->in.data + at + HEADER)) return;
    at += HEADER + f.length;
  }
  bytes_shift(&c->in, at);
  client_watch(c);
}

static void client_arrived(Watch *w, uint32_t events) {
  (void)events;
  int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  for (unsigned i = 0; i < CLIENTS_MAX; i++) {
    if (clients[i]) continue;
    Client *c = calloc(1, sizeof *c);
    if (!c) break;
    *c = (Client){.watch = {fd, client_ready}, .events = EPOLLIN};
    clients[i] = c;
    watch_add(&c->watch, EPOLLIN);
    watch_listener();
    return;
  }
  close(fd);
}

/* ---- The guest
 * ------------------------------------------------------------------------------------------------------ */

void control_to_guest(void) {
  bool was_busy = to_guest.len - to_guest.at > WAITING_MAX;
  if (to_guest.len)
    bytes_done(&to_guest, console_send(to_guest.data + to_guest.at, to_guest.len - to_guest.at));
  for (unsigned i = 0; was_busy && i < CLIENTS_MAX; i++)
    if (clients[i]) client_watch(clients[i]);
}

static void guest_frame(ChannelFrame *f, const uint8_t *payload) {
  if (f->type == CHANNEL_BOOT && !f->id) {
    if (f->status) report_boot_errors(payload, f->length);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
      if (clients[i]) client_send(clients[i], f, payload);
    return;
  }
  for (unsigned i = 0; i < request_count; i++) {
    if (requests[i].id != f->id) continue;
    Request r = requests[i];
    if (f->type == (CHANNEL_INSTALL | CHANNEL_RESPONSE))
      event(&monitor, f->status ? "swapRefused" : "swapped", NULL);
    memmove(&requests[i], &requests[i + 1], (--request_count - i) * sizeof r);
    f->id = r.client_id;
    if (r.client) client_send(r.client, f, payload);
    return;
  }
}

void control_from_guest(const uint8_t *p, uint32_t n) {
  if (!bytes_add(&from_guest, p, n)) {
    end_with(&monitor, EXIT_HOST, "the monitor is out of memory");
    return;
  }
  uint32_t at = 0;
  while (from_guest.len - at >= HEADER) {
    ChannelFrame f;
    memcpy(&f, from_guest.data + at, HEADER);
    if (f.magic != CHANNEL_MAGIC || f.length > CHANNEL_PAYLOAD_MAX) {
      end_with(&monitor, EXIT_FAULT, "the guest sent no frame of the control protocol");
      return;
    }
    if (from_guest.len - at - HEADER < f.length) break;
    guest_frame(&f, from_guest.data + at + HEADER);
    at += HEADER + f.length;
  }
  if (at) bytes_shift(&from_guest, at);
}

bool control_stop_guest(Monitor *m) {
  if (m->pause || m->vcpu_ended || request_count == REQUESTS) return false;
  ChannelFrame f = {CHANNEL_MAGIC, CHANNEL_VERSION, CHANNEL_STOP, 0, 0, 0, 0};
  while (!(f.id = ++last_id)) {}
  if (!bytes_add(&to_guest, &f, HEADER)) return false;
  requests[request_count++] = (Request){.id = f.id};
  control_to_guest();
  return true;
}

void control_save(ControlState *out) {
  *out = (ControlState){.to_guest = to_guest.data + to_guest.at,
                        .from_guest = from_guest.data,
                        .to_bytes = to_guest.len - to_guest.at,
                        .from_bytes = from_guest.len,
                        .last_id = last_id};
}

bool control_restore(const ControlState *from) {
  last_id = from->last_id;
  return bytes_add(&to_guest, from->to_guest, from->to_bytes) &&
         bytes_add(&from_guest, from->from_guest, from->from_bytes);
}

/* ---- Opening and closing
 * -------------------------------------------------------------------------------------------- */

void control_open(void) {
  console_open();
  status_open();
}

void control_listen(Monitor *m) {
  const char *path = m->options.control;
  if (!path) return;
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  struct stat s;
  if (strlen(path) >= sizeof a.sun_path)
    fail(EXIT_BAD_USAGE, "the path of the control socket is too long: %s", path);
  strcpy(a.sun_path, path);
  listener = (Watch){socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), client_arrived};
  if (connect(listener.fd, (struct sockaddr *)&a, sizeof a) == 0)
    fail(EXIT_HOST, "another monitor serves the control socket %s", path);
  if (stat(path, &s) == 0 && S_ISSOCK(s.st_mode)) unlink(path); /* nobody listens there any more */
  mode_t mask = umask(0077);
  bool bound = bind(listener.fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener.fd, SOMAXCONN) == 0;
  umask(mask);
  if (!bound) {
    m->options.control = NULL;
    fail(EXIT_HOST, "cannot make the control socket %s: %m", path);
  }
  watch_add(&listener, EPOLLIN);
}

void control_close(Monitor *m) {
  for (unsigned i = 0; i < CLIENTS_MAX; i++)
    if (clients[i]) client_flush(clients[i]);
  if (listener.fd >= 0 && m->options.control) unlink(m->options.control);
  listener.fd = -1;
}
