/** Socket: sends packets over a socket and receives them.
 *
 * Synopsis: `Socket(TCP|UDP, IP, PORT [, LOCALIP, LOCALPORT, <keywords>])`, `Socket(UNIX|UNIX_DGRAM, FILENAME
 * [, LOCALFILENAME, <keywords>])`
 *
 * Packets that come in are sent; what is received goes out. A server waits for connections, one at a time,
 * and sends to the last that sent something; a client connects. It is a client if CLIENT says so, if it has
 * no output, or if a local address is given; else a server. A UDP client with IP 0.0.0.0 sends to each
 * packet's destination annotation. Over TCP and UNIX one read, of at most SNAPLEN bytes, is one packet.
 *
 * Arguments: SNAPLEN (bytes): longest packet received; default 2048. NODELAY (bool): TCP sends at once;
 * default true. CLIENT (bool). SNDBUF, RCVBUF (bytes): of the host's buffers. TIMESTAMP (bool): sets
 * timestamps; default true. VERBOSE (bool): says when connections come and go; default false. HEADROOM
 * (bytes): default 28. PROPER: of no effect. ALLOW, DENY (IP lookup elements): of a server; addresses that
 * ALLOW has a route for may connect or send, else those that DENY has a route for may not, else all may.
 *
 * Handlers: `received`, `sent`, `dropped` (read). On a pull input `scheduled`, `tickets`.
 *
 * Example: `Socket(UDP, 127.0.0.1, 9000) -> Print -> Discard;`
 */
#define _GNU_SOURCE
#include "socket.h"
#include <clicklet/engine.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Addresses
 * -------------------------------------------------------------------------------------------------------- */

static int internet_address(Socket *s, const Args *args, unsigned at, void *to, uint32_t *size,
                            Errors *errs) {
  struct sockaddr_in *in = to;
  uint16_t port = 0;
  if (!arg_parse_ip(&s->base, args_text(args, at), &in->sin_addr.s_addr))
    return arg_error(errs, args_index(args, at), "expected an IP address, not '%s'", args_text(args, at));
  if (at + 1 < args_count(args) &&
      !arg_parse_port(&s->base, s->stream ? 6 : 17, args_text(args, at + 1), &port))
    return arg_error(errs, args_index(args, at + 1), "expected a port number, not '%s'",
                     args_text(args, at + 1));
  in->sin_family = AF_INET;
  in->sin_port = htons(port);
  *size = sizeof *in;
  return 0;
}

static int local_address(const Args *args, unsigned at, void *to, uint32_t *size, Errors *errs) {
  struct sockaddr_un *un = to;
  Text name = {0};
  unquote(args_text(args, at), &name);
  int rc = !name.len || name.len >= sizeof un->sun_path
               ? arg_error(errs, args_index(args, at), "'%s' is no name of a socket, or too long",
                           args_text(args, at))
               : 0;
  un->sun_family = AF_UNIX;
  if (!rc) strcpy(un->sun_path, name.s);
  *size = sizeof *un;
  text_free(&name);
  return rc;
}

/* A routing table is what answers an address with an output. */
static int check_table(const Socket *s, const char *key, const char *name, Errors *errs) {
  Element *x = name ? router_find(s->base.router, &s->base, name) : NULL;
  if (!name || (x && strstr(x->class->name, "IPLookup"))) return 0;
  return error(errs, "%s: '%s' is not an IP lookup element", key, name);
}

static bool in_table(const Socket *s, const char *name, uint32_t ip) {
  Text address = {0}, handler = {0}, out = {0};
  Errors errs = {.element = -1};
  text_printf(&address, "%pI", (const void *)&ip);
  text_printf(&handler, "%s.lookup", name);
  bool found =
      !handler_call_read(s->base.router, &s->base, text_cstr(&handler), text_cstr(&address), &out, &errs) &&
      out.len && out.s[0] != '-';
  text_free(&address);
  text_free(&handler);
  text_free(&out);
  errors_clear(&errs);
  return found;
}

static bool allowed(const Socket *s, const struct sockaddr_storage *from) {
  if (s->local || (!s->allow && !s->deny)) return true;
  struct sockaddr_in in;
  memcpy(&in, from, sizeof in);
  return (s->allow && in_table(s, s->allow, in.sin_addr.s_addr)) ||
         !(s->deny && in_table(s, s->deny, in.sin_addr.s_addr));
}

int socket_configure(Element *e, const Args *args, Errors *errs) {
  Socket *s = (Socket *)e;
  static const char *const types[] = {"TCP", "UDP", "UNIX", "UNIX_DGRAM"};
  unsigned k = 0, n = args_count(args);
  s->fd = s->listener = -1;
  while (k < 4 && compare_ignore_case(types[k], s->type)) k++;
  if (k == 4) return error(errs, "TYPE: expected TCP, UDP, UNIX or UNIX_DGRAM, not '%s'", s->type);
  s->stream = k % 2 == 0;
  s->local = k >= 2;
  s->remote_address = mem_alloc(sizeof(struct sockaddr_storage));
  s->local_address = mem_alloc(sizeof(struct sockaddr_storage));
  if (!s->remote_address || !s->local_address) return error(errs, "out of memory");
  unsigned least = s->local ? 1 : 2, most = 2 * least;
  if (n < least || n > most)
    return error(errs, s->local ? "expected FILENAME [, LOCALFILENAME]"
                                : "expected IP, PORT [, LOCALIP, LOCALPORT]");
  int rc = s->local ? local_address(args, 0, s->remote_address, &s->remote_size, errs)
                    : internet_address(s, args, 0, s->remote_address, &s->remote_size, errs);
  s->has_local = n > least;
  if (s->has_local)
    rc |= s->local ? local_address(args, least, s->local_address, &s->local_size, errs)
                   : internet_address(s, args, least, s->local_address, &s->local_size, errs);
  if (!s->has_client) s->client = !e->noutputs || s->has_local;
  return rc | check_table(s, "ALLOW", s->allow, errs) | check_table(s, "DENY", s->deny, errs);
  return rc;
}

/* ---- Opening
 * -------------------------------------------------------------------------------------------------------------
 */

static void set_options(const Socket *s, int fd) {
  int one = 1, snd = (int)s->sndbuf, rcv = (int)s->rcvbuf;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (s->stream && !s->local && s->nodelay) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (snd) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &snd, sizeof snd);
  if (rcv) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcv, sizeof rcv);
}

static int bind_to(const Socket *s, int fd, const void *address, uint32_t size) {
  struct stat st;
  const struct sockaddr_un *un = address;
  if (s->local && !lstat(un->sun_path, &st) && S_ISSOCK(st.st_mode)) unlink(un->sun_path);
  return bind(fd, address, size);
}

static bool open_target(const Socket *s) { /* a UDP client that sends where each packet says */
  return !s->stream && !s->local && !((struct sockaddr_in *)s->remote_address)->sin_addr.s_addr;
}

int socket_initialize(Element *e, Errors *errs) {
  Socket *s = (Socket *)e;
  int fd = socket(s->local ? AF_UNIX : AF_INET, (s->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return error(errs, "socket: %s", strerror(errno));
  set_options(s, fd);
  const char *what = NULL;
  if (s->client) {
    if (s->has_local && bind_to(s, fd, s->local_address, s->local_size) < 0)
      what = "bind";
    else if (s->stream && connect(fd, s->remote_address, s->remote_size) < 0)
      what = "connect";
    s->fd = fd;
    s->peer_known = true;
  } else {
    if (bind_to(s, fd, s->remote_address, s->remote_size) < 0)
      what = "bind";
    else if (s->stream && listen(fd, 2) < 0)
      what = "listen";
    if (s->stream)
      s->listener = fd;
    else
      s->fd = fd;
  }
  if (what) return error(errs, "%s: %s", what, strerror(errno));
  select_add(e, fd, true, false);
  if (e->ninputs && input_is_pull(e, 0)) {
    task_init(&s->task, e, true);
    upstream_signals(e, 0, &s->task, &s->signals);
  }
  return 0;
}

static void close_connection(Socket *s) {
  if (s->fd < 0) return;
  if (s->verbose) chatter(&s->base, "connection closed");
  select_remove(&s->base, s->fd, true, true);
  close(s->fd);
  s->fd = -1;
  s->writing = false;
  if (s->pending) packet_free(s->pending);
  s->pending = NULL;
}

void socket_cleanup(Element *e) {
  Socket *s = (Socket *)e;
  if (s->remote_address) {
    bool bound = s->listener >= 0 || (!s->stream && s->fd >= 0 && !s->client);
    s->verbose = false;
    close_connection(s);
    if (s->listener >= 0) {
      select_remove(e, s->listener, true, false);
      close(s->listener);
    }
    if (s->local && bound) unlink(((struct sockaddr_un *)s->remote_address)->sun_path);
  }
  mem_free(s->remote_address);
  mem_free(s->local_address);
  mem_free(s->type);
  mem_free(s->allow);
  mem_free(s->deny);
  signals_cleanup(&s->signals);
}

/* ---- Receiving
 * ---------------------------------------------------------------------------------------------------------------
 */

static void accept_connection(Socket *s) {
  struct sockaddr_storage from = {0};
  socklen_t size = sizeof from;
  int fd = accept4(s->listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
  if (fd < 0) return;
  bool welcome = allowed(s, &from);
  if (!welcome && s->verbose) chatter(&s->base, "connection denied");
  if (s->fd >= 0 || !welcome) { /* one at a time */
    close(fd);
    return;
  }
  set_options(s, fd);
  s->fd = fd;
  s->peer_known = true;
  if (s->verbose) chatter(&s->base, "connection opened");
  select_add(&s->base, fd, true, false);
  if (s->task.element) task_schedule(&s->task);
}

static void receive(Socket *s) {
  for (int i = 0; i < 16 && s->fd >= 0; i++) {
    Packet *p = packet_make(s->headroom, NULL, s->snaplen, 0);
    if (!p) return;
    bool remember = !s->stream && !s->client;
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    ssize_t n = s->stream ? recv(s->fd, p->data, s->snaplen, MSG_DONTWAIT)
                          : recvfrom(s->fd, p->data, s->snaplen, MSG_DONTWAIT | MSG_TRUNC,
                                     remember ? (struct sockaddr *)&from : NULL, remember ? &size : NULL);
    if (n <= 0 && (s->stream || n < 0)) {
      packet_free(p);
      if (n < 0 && (errno == EAGAIN || errno == EINTR || !s->stream)) return;
      bool client = s->client;
      close_connection(s);
      if (client && s->verbose) chatter(&s->base, "the server went away");
      return;
    }
    if (remember && !allowed(s, &from)) {
      if (s->verbose) chatter(&s->base, "datagram denied");
      packet_free(p);
      continue;
    }
    if (remember) {
      memcpy(s->local_address, &from, sizeof from);
      s->local_size = size;
      s->peer_known = true;
    }
    packet_take(p, s->snaplen - ((uint32_t)n < s->snaplen ? (uint32_t)n : s->snaplen));
    if ((uint32_t)n > s->snaplen) set_anno_u32(p, ANNO_EXTRA_LENGTH, (uint32_t)n - s->snaplen);
    if (s->timestamp) p->timestamp = time_now(&s->base);
    s->received++;
    if (s->base.noutputs)
      output_push(&s->base, 0, p);
    else
      packet_free(p);
  }
}

/* ---- Sending
 * -------------------------------------------------------------------------------------------------------------------
 */

/* Sends s->pending. False if the socket takes no more now. */
static bool flush(Socket *s) {
  while (s->pending) {
    Packet *p = s->pending;
    ssize_t n;
    if (s->stream) {
      n = send(s->fd, p->data + s->pending_at, p->len - s->pending_at, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else {
      struct sockaddr_in to;
      const void *address = s->client ? s->remote_address : s->local_address;
      socklen_t size = s->client ? s->remote_size : s->local_size;
      if (s->client && open_target(s)) {
        memcpy(&to, s->remote_address, sizeof to);
        to.sin_addr.s_addr = packet_dst_ip(p);
        address = &to;
      }
      n = sendto(s->fd, p->data, p->len, MSG_DONTWAIT | MSG_NOSIGNAL, address, size);
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) return false;
    if (n < 0 && s->stream) {
      close_connection(s);
      s->dropped++;
      return true;
    }
    if (n < 0) s->dropped++;
    s->pending_at += n > 0 ? (uint32_t)n : 0;
    if (s->stream && s->pending_at < p->len) continue;
    s->sent += n >= 0;
    s->pending = NULL;
    packet_free(p);
  }
  return true;
}

static void want_write(Socket *s, bool on) {
  if (s->writing == on || s->fd < 0) return;
  s->writing = on;
  if (on)
    select_add(&s->base, s->fd, false, true);
  else
    select_remove(&s->base, s->fd, false, true);
}

void socket_push(Element *e, int port, Packet **p, unsigned n) {
  Socket *s = (Socket *)e;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    if (s->fd < 0 || !s->peer_known || !flush(s)) { /* nobody is there, or the socket is full */
      packet_free(p[i]);
      s->dropped++;
      continue;
    }
    s->pending = p[i];
    s->pending_at = 0;
    if (!flush(s)) want_write(s, true);
  }
}

bool socket_task(Element *e, Task *t) {
  Socket *s = (Socket *)e;
  if (s->fd < 0 || !s->peer_known) return false; /* scheduled again with the connection */
  if (!flush(s)) {
    want_write(s, true);
    return false;
  }
  Packet *p = input_pull(e, 0);
  if (p) {
    s->pending = p;
    s->pending_at = 0;
    if (!flush(s)) {
      want_write(s, true);
      return true;
    }
  }
  if (p || signals_active(&s->signals)) task_schedule(t);
  return p != NULL;
}

void socket_selected(Element *e, int fd, bool readable, bool writable) {
  Socket *s = (Socket *)e;
  if (fd == s->listener) {
    accept_connection(s);
    return;
  }
  if (readable && fd == s->fd) receive(s);
  if (writable && fd == s->fd && flush(s)) want_write(s, false);
  if (s->task.element && !s->writing && s->fd >= 0) task_schedule(&s->task);
}

ELEMENT(Socket, .names_elements = true, .ports = "0-1/0-1", .processing = "a/h", .flags = "S3",
        SOCKET_MEMBERS);
