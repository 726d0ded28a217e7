/** ChatterSocket: sends copies of the router's messages to other programs.
 *
 * Synopsis: `ChatterSocket(TYPE, PORT | FILENAME [, <keywords> CHANNEL, QUIET_CHANNEL, GREETING, RETRIES,
 * RETRY_WARNINGS])`
 *
 * Whoever connects gets a line `Click::ChatterSocket/1.0` and from then on what the router writes to standard
 * error: messages of Print, of errors while it runs and the like. Nothing is read from clients. One that is
 * more than 500,000 bytes behind is disconnected.
 *
 * Arguments: TYPE: TCP or UNIX. PORT: a TCP port. FILENAME: of a UNIX socket. CHANNEL (word): messages of
 * another channel than `default`, which no element of Clicklet has: such a socket stays silent, and a warning
 * says so. QUIET_CHANNEL (bool): of no effect. GREETING (bool): sends the first line; default true. RETRIES
 * (int): if the socket cannot be opened, tries again each second, so often; then the router stops. Default 0:
 * fails at once. RETRY_WARNINGS (bool): says so each time; default true.
 *
 * A router that takes another's place takes over its socket and its clients if name, TYPE and address are the
 * same.
 *
 * Example: `ChatterSocket(TCP, 7778); InfiniteSource(LIMIT 1) -> Print -> Discard;`
 */
#define _GNU_SOURCE
#include <clicklet/platform.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 500000, CLIENTS = 64 };

typedef struct ChatterClient {
  int fd;
  Text waiting;
  uint32_t sent;
} ChatterClient;

typedef struct ChatterSocket {
  Element base;
  char *type, *address, *channel;
  bool quiet, greeting, retry_warnings, tcp, listed;
  int32_t retries;
  uint16_t port;
  int fd;
  ChatterClient clients[CLIENTS];
  unsigned nclients;
  Timer timer;
  struct ChatterSocket *next;
} ChatterSocket;

static ChatterSocket *listeners; /* that get messages */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void client_close(ChatterSocket *s, unsigned i) {
  select_remove(&s->base, s->clients[i].fd, true, true);
  close(s->clients[i].fd);
  text_free(&s->clients[i].waiting);
  s->clients[i] = s->clients[--s->nclients];
}

/* Sends what waits. False if the client is gone or too far behind. */
static bool client_flush(ChatterSocket *s, ChatterClient *c) {
  while (c->sent < c->waiting.len) {
    ssize_t n = send(c->fd, c->waiting.s + c->sent, c->waiting.len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return false;
    if (n < 0) break;
    c->sent += (uint32_t)n;
  }
  if (c->sent == c->waiting.len) {
    text_clear(&c->waiting);
    c->sent = 0;
    select_remove(&s->base, c->fd, false, true);
    return true;
  }
  select_add(&s->base, c->fd, false, true);
  return c->waiting.len - c->sent <= BACKLOG;
}

static void tap(const char *text, size_t n) {
  pthread_mutex_lock(&lock);
  for (ChatterSocket *s = listeners; s; s = s->next)
    for (unsigned i = s->nclients; i-- > 0;) {
      text_add(&s->clients[i].waiting, text, n);
      if (!client_flush(s, &s->clients[i])) client_close(s, i);
    }
  pthread_mutex_unlock(&lock);
}

static void list(ChatterSocket *s) {
  pthread_mutex_lock(&lock);
  s->listed = true;
  s->next = listeners;
  listeners = s;
  platform_error_tap = tap;
  pthread_mutex_unlock(&lock);
}

static void unlist(ChatterSocket *s) {
  pthread_mutex_lock(&lock);
  for (ChatterSocket **x = &listeners; *x; x = &(*x)->next)
    if (*x == s) {
      *x = s->next;
      break;
    }
  if (!listeners) platform_error_tap = NULL;
  s->listed = false;
  pthread_mutex_unlock(&lock);
}

static int chatter_configure(Element *e, const Args *args, Errors *errs) {
  ChatterSocket *s = (ChatterSocket *)e;
  struct sockaddr_un un;
  (void)args;
  s->fd = -1;
  s->tcp = !compare_ignore_case(s->type, "TCP");
  if (!s->tcp && compare_ignore_case(s->type, "UNIX") != 0)
    return error(errs, "TYPE: expected TCP or UNIX, not '%s'", s->type);
  if (s->tcp && !arg_parse_port(e, 6, s->address, &s->port))
    return error(errs, "PORT: expected a port number, not '%s'", s->address);
  if (!s->tcp && strlen(s->address) >= sizeof un.sun_path) return error(errs, "FILENAME is too long");
  if (s->channel && strcmp(s->channel, "default") != 0)
    warning(errs, "CHANNEL: no element writes to channel '%s'", s->channel);
  return 0;
}

/* Opens the socket. NULL, or what failed. */
static const char *open_socket(ChatterSocket *s) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(s->port)};
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  int one = 1;
  const char *what = NULL;
  s->fd = socket(s->tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (s->fd < 0) return "socket";
  setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (!s->tcp) memcpy(un.sun_path, s->address, strlen(s->address));
  if (s->tcp ? bind(s->fd, (struct sockaddr *)&in, sizeof in) < 0
             : bind(s->fd, (struct sockaddr *)&un, sizeof un) < 0)
    what = "bind";
  else if (listen(s->fd, 2) < 0)
    what = "listen";
  if (!what) {
    select_add(&s->base, s->fd, true, false);
    return NULL;
  }
  int kept = errno;
  close(s->fd);
  s->fd = -1;
  errno = kept;
  return what;
}

static bool is_same(const ChatterSocket *a, const ChatterSocket *b) {
  return a->tcp == b->tcp && !strcmp(a->address, b->address);
}

static int chatter_initialize(Element *e, Errors *errs) {
  ChatterSocket *s = (ChatterSocket *)e;
  const ChatterSocket *old = (const ChatterSocket *)element_replaced(e);
  timer_init(&s->timer, e);
  if (!s->channel || !strcmp(s->channel, "default")) list(s);
  if (old && old->fd >= 0 && is_same(s, old)) return 0; /* take_state brings the socket */
  const char *what = open_socket(s);
  if (!what) return 0;
  if (s->retries <= 0) return error(errs, "%s: %s", what, strerror(errno));
  if (s->retry_warnings) warning(errs, "%s: %s (%d more tries)", what, strerror(errno), (int)s->retries);
  timer_at(&s->timer, time_steady(e) + NSEC_PER_SEC);
  return 0;
}

static void chatter_timer(Element *e, Timer *t) {
  ChatterSocket *s = (ChatterSocket *)e;
  if (s->fd >= 0) return;
  const char *what = open_socket(s);
  if (!what) return;
  s->retries--;
  if (s->retry_warnings || s->retries <= 0)
    chatter(e, "%s: %s (%d more tries)", what, strerror(errno), (int)s->retries);
  if (s->retries <= 0)
    router_stop(e->router);
  else
    timer_at(t, time_steady(e) + NSEC_PER_SEC);
}

static void chatter_selected(Element *e, int fd, bool readable, bool writable) {
  ChatterSocket *s = (ChatterSocket *)e;
  char ignored[256];
  pthread_mutex_lock(&lock);
  if (fd == s->fd && readable) {
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0 && s->nclients == CLIENTS) {
      close(client);
    } else if (client >= 0) {
      ChatterClient *c = &s->clients[s->nclients++];
      *c = (ChatterClient){.fd = client};
      select_add(e, client, true, false);
      if (s->greeting) text_add_string(&c->waiting, "Click::ChatterSocket/1.0\r\n");
      if (!client_flush(s, c)) client_close(s, s->nclients - 1);
    }
  }
  for (unsigned i = s->nclients; i-- > 0;) {
    if (s->clients[i].fd != fd) continue;
    ssize_t n = readable ? recv(fd, ignored, sizeof ignored, MSG_DONTWAIT) : 1;
    bool gone = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    if (gone || (writable && !client_flush(s, &s->clients[i]))) client_close(s, i);
  }
  pthread_mutex_unlock(&lock);
}

static void chatter_take_state(Element *e, Element *from) {
  ChatterSocket *s = (ChatterSocket *)e, *old = (ChatterSocket *)from;
  if (s->fd >= 0 || old->fd < 0 || !is_same(s, old)) return;
  pthread_mutex_lock(&lock);
  select_remove(from, old->fd, true, true);
  s->fd = old->fd;
  old->fd = -1;
  select_add(e, s->fd, true, false);
  for (unsigned i = 0; i < old->nclients; i++) {
    select_remove(from, old->clients[i].fd, true, true);
    s->clients[i] = old->clients[i];
    select_add(e, s->clients[i].fd, true, s->clients[i].waiting.len > 0);
  }
  s->nclients = old->nclients;
  old->nclients = 0;
  pthread_mutex_unlock(&lock);
}

static void chatter_cleanup(Element *e) {
  ChatterSocket *s = (ChatterSocket *)e;
  if (s->listed) unlist(s);
  timer_cancel(&s->timer);
  while (s->nclients) client_close(s, s->nclients - 1);
  if (s->fd > 0) {
    select_remove(e, s->fd, true, false);
    close(s->fd);
    if (!s->tcp) unlink(s->address);
  }
  mem_free(s->type);
  mem_free(s->address);
  mem_free(s->channel);
}

ELEMENT(ChatterSocket, .ports = "0/0", .targets = TARGET_HOST, .configure = chatter_configure,
        .initialize = chatter_initialize, .cleanup = chatter_cleanup, .take_state = chatter_take_state,
        .run_timer = chatter_timer, .selected = chatter_selected,
        .args = ARGS(ARG_MUST(ChatterSocket, WORD, "TYPE", type),
                     ARG_MUST(ChatterSocket, STRING, "ADDRESS", address),
                     ARG(ChatterSocket, WORD, "CHANNEL", channel, NULL),
                     ARG(ChatterSocket, BOOL, "QUIET_CHANNEL", quiet, "true"),
                     ARG(ChatterSocket, BOOL, "GREETING", greeting, "true"),
                     ARG(ChatterSocket, I32, "RETRIES", retries, "0"),
                     ARG(ChatterSocket, BOOL, "RETRY_WARNINGS", retry_warnings, "true")));
