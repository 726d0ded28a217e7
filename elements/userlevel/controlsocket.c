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
#include "../standard/script.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 16, DATA_MAX = 1 << 26 };

typedef struct Client {
  int fd;
  Text in, out;
  uint32_t sent;
  bool eof, quit;
  struct Client *next;
} Client;

typedef struct ControlSocket {
  Element base;
  char *type, *address, *proxy;
  bool readonly, verbose, localhost, retry_warnings;
  enum { TCP, UNIX, SOCKET } kind;
  int32_t retries;
  int fd;
  uint16_t port;
  Client *clients;
  Timer timer;
} ControlSocket;

/* ---- Answers
 * ---------------------------------------------------------------------------------------------------------
 */

static int answer(Client *c, int code, const char *format, ...) {
  va_list args;
  text_printf(&c->out, "%d ", code);
  va_start(args, format);
  text_vprintf(&c->out, format, args);
  va_end(args);
  text_add_string(&c->out, "\r\n");
  return 0;
}

/* A heading and the messages of a handler, a line each; the last line has no hyphen. */
static int answer_errors(Client *c, int code, const char *heading, const char *handler, Errors *errs) {
  Text t = {0};
  text_printf(&t, heading, handler);
  for (uint32_t i = 0; i < errs->count; i++) text_printf(&t, "\n%s", errs->records[i].message);
  while (t.len && t.s[t.len - 1] == '\n') t.len--; /* or no line would be the last */
  for (const char *s = text_cstr(&t); *s;) {
    const char *end = strchrnul(s, '\n');
    text_printf(&c->out, "%d%c%.*s\r\n", code, *end ? '-' : ' ', (int)(end - s), s);
    s = *end ? end + 1 : end;
  }
  text_free(&t);
  return 0;
}

/* ---- Handlers by name
 * ------------------------------------------------------------------------------------------------- */

typedef struct Target {
  Element *e;
  const Handler *h; /* NULL: one of the router's own */
} Target;

/* 0, or an answer was given. */
static int find_target(ControlSocket *s, Client *c, const char *asked, bool write, bool check, Target *t) {
  Router *r = s->base.router;
  Text name = {0};
  text_printf(&name, "%s%s%s", s->proxy ? s->proxy : "", s->proxy ? "." : "", asked);
  *t = (Target){0};
  t->h = handler_find(r, NULL, text_cstr(&name), &t->e);
  const char *root = *text_cstr(&name) == '.' ? text_cstr(&name) + 1 : text_cstr(&name),
             *dot = strchr(root, '.');
  bool readable = t->h ? t->h->flags & HANDLER_READ : !t->e && script_router_has(r, root, false);
  bool writable = t->h ? t->h->flags & HANDLER_WRITE : !t->e && script_router_has(r, root, true);
  bool exists = (readable || writable) && !(t->h && (t->h->flags & HANDLER_PRIVATE)),
       good = write ? writable : readable;
  text_free(&name);
  if (!exists && !t->e && dot)
    answer(c, 510, "No element named '%.*s'", (int)(strchr(asked, '.') - asked), asked);
  else if (!exists)
    answer(c, 511, "No handler named '%s'", asked);
  else if (!good && check)
    answer(c, 511, "Handler '%s' not %s", asked, write ? "writable" : "readable");
  else if (!good)
    answer(c, 530, "Handler '%s' %s", asked, write ? "read-only" : "write-only");
  else if (write && s->readonly)
    answer(c, 530, "Permission denied for '%s'", asked);
  else
    return 0;
  return -1;
}

static int do_read(ControlSocket *s, Client *c, const char *name, const char *param) {
  Target t;
  Text value = {0};
  Errors errs = {.element = -1};
  if (find_target(s, c, name, false, false, &t)) return 0;
  int rc;
  if (*param && !(t.h && (t.h->flags & HANDLER_PARAM)))
    rc = error(&errs, "read handler '%s' does not take parameters", name);
  else if (t.h) {
    rc = handler_read(t.e, t.h, param, &value, &errs);
  } else
    rc = handler_call_read(s->base.router, NULL, name + (*name == '.'), param, &value, &errs);
  if (rc < 0 || errs.errors)
    answer_errors(c, 590, "Read handler '%s' error:", name, &errs);
  else {
    answer(c, 200, "Read handler '%s' OK", name);
    text_printf(&c->out, "DATA %u\r\n", value.len);
    text_add(&c->out, text_cstr(&value), value.len);
  }
  errors_clear(&errs);
  text_free(&value);
  return 0;
}

static int do_write(ControlSocket *s, Client *c, const char *name, const char *value) {
  Target t;
  Errors errs = {.element = -1};
  if (find_target(s, c, name, true, false, &t)) return -1;
  int rc = t.h ? handler_write(t.e, t.h, value, &errs)
               : handler_call_write(s->base.router, NULL, name + (*name == '.'), value, &errs);
  if (rc < 0 || errs.errors)
    answer_errors(c, 520, "Write handler '%s' error:", name, &errs);
  else if (errs.count)
    answer_errors(c, 220, "Write handler '%s' OK, with warnings:", name, &errs);
  else
    answer(c, 200, "Write handler '%s' OK", name);
  bool done = rc >= 0 && !errs.errors;
  errors_clear(&errs);
  return done ? 0 : -1;
}

/* ---- Commands
 * ----------------------------------------------------------------------------------------------------------
 */

static const char help[] =
    "200-Commands:\r\n"
    "200-READ handler [arg...]    read a handler\r\n"
    "200-READDATA handler n       read a handler; the n bytes behind the line are its parameter\r\n"
    "200-READUNTIL handler [end]  read a handler; the lines up to END, or an empty one, are its parameter\r\n"
    "200-WRITE handler [arg...]   write a handler\r\n"
    "200-WRITEDATA handler n      write a handler; the value follows as n bytes\r\n"
    "200-WRITEUNTIL handler [end] write a handler; the value follows as lines up to END, or an empty one\r\n"
    "200-CHECKREAD handler        whether a handler can be read\r\n"
    "200-CHECKWRITE handler       whether a handler can be written\r\n"
    "200 QUIT                     end the connection\r\n";

/* The first line of s[0, n): its length, and in *next where the one behind it begins; -1 if it is not whole.
 */
static bool is_hotconfig(const char *name) { return !strcmp(*name == '.' ? name + 1 : name, "hotconfig"); }

/* ---- LLRPC
 * --------------------------------------------------------------------------------------------------------------
 */

/* A call's number has its direction, the size of its data in bits 16 to 27, and its kind in the last 8 bits.
 * Here each one is a handler of the element; the number that stands in the data may choose which. */
enum { LLRPC_OUT = 0x40000000, LLRPC_IN = INT32_MIN, LLRPC_FLAT = 0x4000 };
static const struct Llrpc {
  uint32_t number;
  const char *handlers[2];
} llrpcs[] = {{0xc004c001, {"rate"}},
              {0xc004c003, {"count", "byte_count"}},
              {0x4004c005, {"switch"}},
              {0x80044006, {"switch"}}};

static void do_llrpc(ControlSocket *s, Client *c, const char *name, Text *data) {
  const char *sharp = strchr(name, '#');
  Text element = {0}, out = {0};
  Errors errs = {.element = -1};
  char *end = NULL;
  uint32_t number = sharp ? (uint32_t)strtoul(sharp + 1, &end, 16) : 0, size = number >> 16 & 0xfff, v = 0;
  const struct Llrpc *known = NULL;
  bool in = number & (uint32_t)LLRPC_IN, get = number & LLRPC_OUT;
  for (unsigned i = 0; i < countof(llrpcs); i++)
    if (llrpcs[i].number == number) known = &llrpcs[i];
  if (sharp) text_add(&element, name, (size_t)(sharp - name));
  Target t;
  Text target = {0};
  text_printf(&target, "%s.name", text_cstr(&element));
  if (!sharp || end == sharp + 1 || *end) {
    answer(c, 500, "Syntax error in LLRPC name '%s'", name);
  } else if (find_target(s, c, text_cstr(&target), false, true, &t)) { /* it answered */
  } else if (!size || !(in || get) || !(number & LLRPC_FLAT)) {
    answer(c, 501, "Cannot call LLRPC '%s' remotely", name);
  } else if (s->readonly) {
    answer(c, 530, "Permission denied for '%s'", name);
  } else if (in && data->len != size) {
    answer(c, 522, "LLRPC '%s' requires %u bytes input data", name, size);
  } else {
    if (in) memcpy(&v, data->s, sizeof v);
    const char *handler = !known ? NULL : !get ? known->handlers[0] : v < 2 ? known->handlers[v] : NULL;
    int rc = -1;
    text_printf(&element, ".%s", handler ? handler : "");
    if (handler && get) {
      uint64_t value = 0;
      int64_t whole = 0;
      rc = handler_call_read(s->base.router, NULL, text_cstr(&element), "", &out, &errs);
      if (!rc && parse_i64(text_cstr(&out), &whole))
        v = (uint32_t)whole;
      else if (!rc && parse_u64(text_cstr(&out), &value))
        v = (uint32_t)value;
    } else if (handler) {
      text_printf(&out, "%d", (int)v);
      rc = handler_call_write(s->base.router, NULL, text_cstr(&element), text_cstr(&out), &errs);
    }
    if (rc < 0) {
      answer(c, 522, "LLRPC '%s' error: Invalid argument", name);
    } else {
      answer(c, 200, "LLRPC '%s' OK", name);
      text_printf(&c->out, "DATA %u\r\n", get ? 4 : 0);
      if (get) text_add(&c->out, (const char *)&v, sizeof v);
    }
  }
  errors_clear(&errs);
  text_free(&element);
  text_free(&target);
  text_free(&out);
}

static int64_t line_length(const char *s, uint32_t n, uint32_t *next) {
  for (uint32_t i = 0; i < n; i++)
    if (s[i] == '\n' || s[i] == '\r') {
      *next = i + 1 + (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n');
      return i;
    }
  return -1;
}

static bool is(const char *word, const char *a, const char *b) {
  return !compare_ignore_case(word, a) || (b && !compare_ignore_case(word, b));
}

static void trim_end(Text *t) {
  while (t->len && is_space(t->s[t->len - 1])) t->s[--t->len] = 0;
}

/* Carries out the command at the beginning of c->in. Returns the bytes it took, 0 if it is not whole. */
/* Runs the first command of what came in; returns its bytes, 0 if it is not whole. */
static uint32_t run_command(ControlSocket *s, Client *c, bool *swapped) {
  const char *in = text_cstr(&c->in);
  uint32_t n = c->in.len, used;
  int64_t length = line_length(in, n, &used);
  if (length < 0) {
    if (n > LINE_MAX_BYTES)
      c->quit = true, answer(c, 500, "Line too long");
    else if (c->eof && n)
      used = n, length = n;
    if (length < 0) return 0;
  }
  Text line = {0}, command = {0}, name = {0}, value = {0};
  text_add(&line, in, (size_t)length);
  const char *rest = text_cstr(&line);
  script_word(&rest, &command);
  const char *word = text_cstr(&command);
  bool read = is(word, "READ", "GET"), write = is(word, "WRITE", "SET");
  bool read_data = is(word, "READDATA", NULL), write_data = is(word, "WRITEDATA", "SETDATA");
  bool read_until = is(word, "READUNTIL", NULL), write_until = is(word, "WRITEUNTIL", NULL);
  bool check_read = is(word, "CHECKREAD", NULL), check_write = is(word, "CHECKWRITE", NULL),
       llrpc = is(word, "LLRPC", NULL);
  uint64_t bytes = 0;
  if (!command.len) { /* an empty line */
  } else if (is(word, "QUIT", "CLOSE")) {
    answer(c, 200, "Goodbye!");
    c->quit = true;
  } else if (is(word, "HELP", NULL)) {
    text_add_string(&c->out, help);
  } else if (!read && !write && !read_data && !write_data && !read_until && !write_until && !check_read &&
             !check_write && !llrpc) {
    answer(c, 501, "Command '%s' unimplemented", word);
  } else if (!script_word(&rest, &name) || ((read_data || write_data) && !*rest)) {
    answer(c, 500, "Wrong number of arguments");
  } else if (read) {
    do_read(s, c, text_cstr(&name), rest);
  } else if (write) {
    *swapped = !do_write(s, c, text_cstr(&name), rest) && is_hotconfig(text_cstr(&name));
  } else if (check_read || check_write) {
    Target t;
    if (!find_target(s, c, text_cstr(&name), check_write, true, &t))
      answer(c, 200, "%s handler '%s' OK", check_write ? "Write" : "Read", text_cstr(&name));
  } else if (read_until || write_until) {
    uint32_t at = used, next, found = 0;
    Text terminator = {0}, one = {0};
    text_add_string(&terminator, rest);
    trim_end(&terminator);
    for (int64_t k; (k = line_length(in + at, n - at, &next)) >= 0 && !found; at += next) {
      text_clear(&one);
      text_add(&one, in + at, (size_t)k);
      trim_end(&one);
      if (!strcmp(text_cstr(&one), text_cstr(&terminator)))
        found = at + next;
      else
        text_add(&value, in + at, next);
    }
    text_free(&terminator);
    text_free(&one);
    if (!found && (c->eof || n > DATA_MAX)) found = n;
    if (found && read_until)
      do_read(s, c, text_cstr(&name), text_cstr(&value));
    else if (found)
      do_write(s, c, text_cstr(&name), text_cstr(&value));
    used = found;
  } else if ((*rest && !parse_u64(rest, &bytes)) || bytes > DATA_MAX) {
    answer(c, 500, "Syntax error in '%s'", word);
  } else if (n - used < bytes) {
    used = c->eof ? n : 0; /* not all there yet */
  } else {
    text_add(&value, in + used, (size_t)bytes);
    used += (uint32_t)bytes;
    if (read_data)
      do_read(s, c, text_cstr(&name), text_cstr(&value));
    else if (write_data)
      do_write(s, c, text_cstr(&name), text_cstr(&value));
    else
      do_llrpc(s, c, text_cstr(&name), &value);
  }
  text_free(&line);
  text_free(&command);
  text_free(&name);
  text_free(&value);
  return used;
}

/* ---- Connections
 * -------------------------------------------------------------------------------------------------------- */

static void drop_client(ControlSocket *s, Client *c) {
  for (Client **p = &s->clients; *p; p = &(*p)->next)
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

static void send_out(ControlSocket *s, Client *c) {
  while (c->sent < c->out.len) {
    ssize_t k = send(c->fd, c->out.s + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      select_add(&s->base, c->fd, false, true);
      return;
    }
    if (k < 0) {
      drop_client(s, c);
      return;
    }
    c->sent += (uint32_t)k;
  }
  c->sent = 0;
  text_clear(&c->out);
  select_remove(&s->base, c->fd, false, true);
  if (c->quit || c->eof) drop_client(s, c);
}

/* What follows a new configuration is for that one: the rest is left to the socket that takes over. */
static void run_commands(ControlSocket *s, Client *c) {
  bool swapped = false;
  while (c->in.len && !c->quit && !swapped) {
    uint32_t used = run_command(s, c, &swapped);
    if (!used) break;
    memmove(c->in.s, c->in.s + used, c->in.len - used + 1);
    c->in.len -= used;
  }
  if (swapped && c->in.len) timer_after(&s->timer, NSEC_PER_MSEC); /* in case nothing takes over */
  send_out(s, c);
}

static void receive(ControlSocket *s, Client *c) {
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
  Client *c = foreign ? NULL : mem_alloc(sizeof *c);
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
  send_out(s, c);
}

static void control_selected(Element *e, int fd, bool readable, bool writable) {
  ControlSocket *s = (ControlSocket *)e;
  if (fd == s->fd) {
    accept_client(s);
    return;
  }
  for (Client *c = s->clients, *next; c; c = next) {
    next = c->next;
    if (c->fd != fd) continue;
    if (readable)
      receive(s, c);
    else if (writable)
      send_out(s, c);
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
  for (Client *c = s->clients, *next; c; c = next) {
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
    Client *c = s->clients;
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
  for (Client *c = s->clients; c; c = c->next) {
    select_remove(old, c->fd, true, true);
    select_add(e, c->fd, true, c->sent < c->out.len);
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
