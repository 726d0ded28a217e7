/* socket.h: Socket, FromSocket and ToSocket are one thing with other ports. */
#ifndef CLICKLET_SOCKET_H
#define CLICKLET_SOCKET_H
#include <clicklet/element.h>

typedef struct Socket {
  Element base;
  char *type, *allow, *deny;
  bool client, has_client, nodelay, timestamp, verbose, proper;
  uint32_t snaplen, sndbuf, rcvbuf, headroom;
  bool stream, local;                   /* local: UNIX */
  void *remote_address, *local_address; /* struct sockaddr_storage */
  uint32_t remote_size, local_size;
  int listener, fd; /* fd: the connection, or the datagram socket */
  bool peer_known, has_local, writing;
  uint64_t received, sent, dropped;
  Packet *pending; /* not yet all sent */
  uint32_t pending_at;
  Task task;
  SignalSet signals;
} Socket;
typedef Socket FromSocket;
typedef Socket ToSocket;

void socket_push(Element *e, int port, Packet **p, unsigned n);
bool socket_task(Element *e, Task *t);
int socket_configure(Element *e, const Args *args, Errors *errs);
int socket_initialize(Element *e, Errors *errs);
void socket_cleanup(Element *e);
void socket_selected(Element *e, int fd, bool readable, bool writable);

#define SOCKET_MEMBERS                                                                                       \
  .flow = "x/y", .targets = TARGET_HOST, .push = socket_push, .run_task = socket_task,                       \
  .configure = socket_configure, .initialize = socket_initialize, .cleanup = socket_cleanup,                 \
  .selected = socket_selected,                                                                               \
  .args = ARGS(ARG_MUST(Socket, WORD, "TYPE", type), ARG_ALL_REST("ADDRESS"),                                \
               ARG(Socket, U32, "SNAPLEN", snaplen, "2048", .min = 1, .max = 65536),                         \
               ARG(Socket, BOOL, "NODELAY", nodelay, "true"),                                                \
               ARG(Socket, BOOL, "CLIENT", client, "false", GIVEN(Socket, has_client)),                      \
               ARG(Socket, U32, "SNDBUF", sndbuf, NULL), ARG(Socket, U32, "RCVBUF", rcvbuf, NULL),           \
               ARG(Socket, BOOL, "TIMESTAMP", timestamp, "true"), ARG(Socket, WORD, "ALLOW", allow, NULL),   \
               ARG(Socket, WORD, "DENY", deny, NULL), ARG(Socket, BOOL, "VERBOSE", verbose, "false"),        \
               ARG(Socket, BOOL, "PROPER", proper, "false"),                                                 \
               ARG(Socket, U32, "HEADROOM", headroom, "28", .min = 0, .max = 8192)),                         \
  .handlers = HANDLERS(READ_FIELD(Socket, U64, "received", received), READ_FIELD(Socket, U64, "sent", sent), \
                       READ_FIELD(Socket, U64, "dropped", dropped), TASK_HANDLERS(Socket, task))

#endif
