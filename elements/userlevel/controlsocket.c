/** ControlSocket: lets other programs read and write handlers.
 *
 * Synopsis: `ControlSocket(TYPE, PORT | FILENAME | FD [, <keywords> READONLY, PROXY, VERBOSE, LOCALHOST,
 * RETRIES, RETRY_WARNINGS])`
 *
 * Speaks version 1.3 of the reference's protocol: lines of commands, each answered by lines that begin with a
 * code, as in FTP (2xx: done, 5xx: not), and for what is read `DATA n` and n bytes. Commands: READ handler
 * [parameter], READDATA handler n, READUNTIL handler [terminator], WRITE, WRITEDATA, WRITEUNTIL, CHECKREAD,
 * CHECKWRITE, HELP, QUIT; GET and SET are READ and WRITE. LLRPC knows the calls of the reference
 * for counts, rates and switches.
 *
 * Arguments: TYPE: TCP, UNIX or SOCKET. PORT: a number, or `N+`: the first free one from N on. FILENAME. FD:
 * of a stream socket that the process was started with, for SOCKET. READONLY (bool): no writing; default
 * false. PROXY (element): asks for PROXY.E.H instead of E.H. VERBOSE (bool): says when clients come and go;
 * default false. LOCALHOST (bool): only this host; default false. RETRIES (int): tries again each second, so
 * often; default 0. RETRY_WARNINGS (bool): says so; default true.
 *
 * Handlers: `port`, `filename` (read).
 *
 * A router that takes another's place takes over its socket and its clients if name, TYPE and address are the
 * same.
 *
 * Example: `ControlSocket(TCP, 7777); InfiniteSource -> c :: Counter -> Discard;`
 */
#define _GNU_SOURCE
#include "controlsocket.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { UNREAD_MAX = 1 << 20 };

/* ---- Connections
 * -------------------------------------------------------------------------------------------------------- */

static void drop_client(ControlSocket *s, ControlClient *c) {
  for (ControlClient **p = &s->clients; *p; p = &(*p)->next)
    if (*p == c) {
      *p = c->next;
      break;
    }
  if (s->verbose) chatter(&s->base, "closed connection %d", c->fd);
  select_remove(&s->base, c->fd, true, true);
  close(c->fd);
  text_free(&c->in);
  text_free(&c->out);
  mem_free(c);
}

/* Sends what there is room for. False: the client has gone. */
static bool send_out(ControlSocket *s, ControlClient *c) {
  while (c->sent < c->out.len) {
    ssize_t k = send(c->fd, c->out.s + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (k < 0) {
      drop_client(s, c);
      return false;
    }
    c->sent += (uint32_t)k;
  }
  c->sent = 0;
  text_clear(&c->out);
  return true;
}

/* What follows a new configuration is for that one: the rest is left to the socket that takes over. What
 * follows answers that nobody reads waits as well, so that those do not pile up. */
static void run_commands(ControlSocket *s, ControlClient *c) {
  bool swapped = false, unread;
  do {
    unread = false;
    while (c->in.len && !c->quit && !swapped) {
      if ((unread = c->out.len - c->sent > UNREAD_MAX)) break;
      uint32_t used = control_run_command(s, c, &swapped);
      if (!used) break;
      memmove(c->in.s, c->in.s + used, c->in.len - used + 1);
      c->in.len -= used;
    }
    if (!send_out(s, c)) return;
  } while (unread && !c->out.len);
  if (swapped && c->in.len) timer_after(&s->timer, NSEC_PER_MSEC); /* in case nothing takes over */
  bool read = !unread && !c->eof, write = c->out.len > 0;
  if (!write && (c->quit || c->eof)) {
    drop_client(s, c);
    return;
  }
  select_remove(&s->base, c->fd, !read, !write);
  select_add(&s->base, c->fd, read, write);
}

static void receive(ControlSocket *s, ControlClient *c) {
  char buf[16384];
  ssize_t k = recv(c->fd, buf, sizeof buf, 0);
  if (k < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (k <= 0)
    c->eof = true;
  else
    text_add(&c->in, buf, (size_t)k);
  run_commands(s, c);
}

static void accept_client(ControlSocket *s) {
  struct sockaddr_storage from;
  socklen_t size = sizeof from;
  int fd = accept4(s->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  struct sockaddr_in *in = (struct sockaddr_in *)&from;
  bool foreign = s->kind == TCP && s->localhost && in->sin_addr.s_addr != htonl(INADDR_LOOPBACK);
  ControlClient *c = foreign ? NULL : mem_alloc(sizeof *c);
  if (!c) {
    close(fd);
    return;
  }
  c->fd = fd;
  c->next = s->clients;
  s->clients = c;
  if (s->verbose) chatter(&s->base, "opened connection %d", fd);
  select_add(&s->base, fd, true, false);
  text_add_string(&c->out, "Click::ControlSocket/1.3\r\n");
  run_commands(s, c);
}

static void control_selected(Element *e, int fd, bool readable, bool writable) {
  ControlSocket *s = (ControlSocket *)e;
  if (fd == s->fd) {
    accept_client(s);
    return;
  }
  for (ControlClient *c = s->clients, *next; c; c = next) {
    next = c->next;
    if (c->fd != fd) continue;
    if (readable)
      receive(s, c);
    else if (writable)
      run_commands(s, c);
    return;
  }
}

/* ---- Opening
 * ------------------------------------------------------------------------------------------------------------
 */

static int open_tcp(ControlSocket *s) {
  struct sockaddr_in in = {.sin_family = AF_INET};
  bool any = strchr(s->address, '+') != NULL;
  int one = 1, rc = -1;
  in.sin_addr.s_addr = htonl(s->localhost ? INADDR_LOOPBACK : INADDR_ANY);
  if ((s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0) return -1;
  setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  for (unsigned port = s->port, tries = any ? 100 : 1; tries-- && port < 65536; port++) {
    in.sin_port = htons((uint16_t)port);
    if (!(rc = bind(s->fd, (struct sockaddr *)&in, sizeof in)) || errno != EADDRINUSE) break;
  }
  socklen_t size = sizeof in;
  if (!rc && !getsockname(s->fd, (struct sockaddr *)&in, &size)) s->port = ntohs(in.sin_port);
  return rc;
}

static int open_unix(ControlSocket *s) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  struct stat st;
  if (strlen(s->address) >= sizeof un.sun_path) return errno = ENAMETOOLONG, -1;
  strcpy(un.sun_path, s->address);
  if (!lstat(s->address, &st) && S_ISSOCK(st.st_mode)) unlink(s->address); /* what an earlier run left */
  if ((s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0) return -1;
  return bind(s->fd, (struct sockaddr *)&un, sizeof un);
}

/* A descriptor that this process was started with. */
static int take_socket(ControlSocket *s) {
  int type;
  socklen_t size = sizeof type;
  if (getsockopt(s->port, SOL_SOCKET, SO_TYPE, &type, &size)) return -1;
  if (type != SOCK_STREAM) return errno = EPROTOTYPE, -1;
  s->fd = s->port;
  return fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
}

static int open_socket(ControlSocket *s) {
  int rc = s->kind == TCP ? open_tcp(s) : s->kind == UNIX ? open_unix(s) : take_socket(s);
  if (!rc && !listen(s->fd, 16)) {
    select_add(&s->base, s->fd, true, false);
    return 0;
  }
  int saved = errno;
  if (s->fd >= 0) close(s->fd);
  s->fd = -1;
  errno = saved;
  return -1;
}

static bool same_address(const ControlSocket *a, const ControlSocket *b) {
  return a->kind == b->kind && !strcmp(a->address, b->address);
}

static int control_configure(Element *e, const Args *args, Errors *errs) {
  ControlSocket *s = (ControlSocket *)e;
  (void)args;
  s->fd = -1;
  s->kind = !compare_ignore_case(s->type, "TCP")    ? TCP
            : !compare_ignore_case(s->type, "UNIX") ? UNIX
                                                    : SOCKET;
  if (s->kind == SOCKET && compare_ignore_case(s->type, "SOCKET"))
    return error(errs, "TYPE: expected TCP, UNIX or SOCKET, not '%s'", s->type);
  if (s->kind == UNIX) return 0;
  Text digits = {0};
  uint64_t port;
  size_t n = strlen(s->address);
  text_add(&digits, s->address, n && s->address[n - 1] == '+' ? n - 1 : n);
  bool ok = parse_u64(text_cstr(&digits), &port) && port < 65536;
  text_free(&digits);
  if (!ok)
    return error(errs, "PORT: expected a %s, not '%s'", s->kind == TCP ? "port number" : "file descriptor",
                 s->address);
  s->port = (uint16_t)port;
  return 0;
}

static int control_initialize(Element *e, Errors *errs) {
  ControlSocket *s = (ControlSocket *)e;
  timer_init(&s->timer, e);
  ControlSocket *old = (ControlSocket *)element_replaced(e);
  if (old && old->fd >= 0 && same_address(s, old)) return 0; /* take_state brings it */
  if (!open_socket(s)) return 0;
  if (s->retries <= 0) return error(errs, "%s: %s", s->address, strerror(errno));
  if (s->retry_warnings) warning(errs, "%s: %s; trying again", s->address, strerror(errno));
  timer_after(&s->timer, NSEC_PER_SEC);
  return 0;
}

static void control_timer(Element *e, Timer *t) {
  ControlSocket *s = (ControlSocket *)e;
  for (ControlClient *c = s->clients, *next; c; c = next) {
    next = c->next;
    if (c->in.len) run_commands(s, c);
  }
  if (s->fd >= 0 || !open_socket(s)) return;
  if (--s->retries > 0) {
    if (s->retry_warnings) chatter(e, "%s: %s; trying again", s->address, strerror(errno));
    timer_after(t, NSEC_PER_SEC);
    return;
  }
  chatter(e, "%s: %s", s->address, strerror(errno));
  router_stop(e->router);
}

static void control_cleanup(Element *e) {
  ControlSocket *s = (ControlSocket *)e;
  timer_cancel(&s->timer);
  while (s->clients) {
    ControlClient *c = s->clients;
    if (c->sent < c->out.len)
      (void)!send(c->fd, c->out.s + c->sent, c->out.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    drop_client(s, c);
  }
  if (s->fd >= 0) {
    select_remove(e, s->fd, true, false);
    close(s->fd);
    if (s->kind == UNIX) unlink(s->address);
  }
  mem_free(s->type);
  mem_free(s->address);
  mem_free(s->proxy);
}

static void control_take_state(Element *e, Element *old) {
  ControlSocket *s = (ControlSocket *)e, *o = (ControlSocket *)old;
  if (s->fd >= 0 || o->fd < 0 || !same_address(s, o)) return;
  s->fd = o->fd;
  s->port = o->port;
  s->clients = o->clients;
  o->fd = -1;
  o->clients = NULL;
  timer_cancel(&s->timer);
  select_remove(old, s->fd, true, false);
  select_add(e, s->fd, true, false);
  for (ControlClient *c = s->clients; c; c = c->next) {
    select_remove(old, c->fd, true, true);
    select_add(e, c->fd, !c->eof, c->sent < c->out.len);
    if (c->in.len) timer_after(&s->timer, 0);
  }
}

static int control_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  ControlSocket *s = (ControlSocket *)e;
  (void)param;
  if (s->kind != (h->data == 1 ? UNIX : TCP))
    return error(errs, "a %s socket has no %s", s->type, h->data == 1 ? "file name" : "port");
  if (s->kind == TCP)
    text_printf(out, "%u", s->port);
  else
    text_add_string(out, s->address);
  return 0;
}

ELEMENT(ControlSocket, .ports = "0/0", .targets = TARGET_HOST, .configure = control_configure,
        .initialize = control_initialize, .cleanup = control_cleanup, .take_state = control_take_state,
        .run_timer = control_timer, .selected = control_selected,
        .args = ARGS(ARG_MUST(ControlSocket, WORD, "TYPE", type),
                     ARG_MUST(ControlSocket, FILENAME, "PORT", address),
                     ARG(ControlSocket, BOOL, "READONLY", readonly, "false"),
                     ARG(ControlSocket, WORD, "PROXY", proxy, NULL),
                     ARG(ControlSocket, BOOL, "VERBOSE", verbose, "false"),
                     ARG(ControlSocket, BOOL, "LOCALHOST", localhost, "false"),
                     ARG(ControlSocket, I32, "RETRIES", retries, "0"),
                     ARG(ControlSocket, BOOL, "RETRY_WARNINGS", retry_warnings, "true")),
        .handlers = HANDLERS(READ_FN("port", control_read), READ_FN("filename", control_read, .data = 1)));
