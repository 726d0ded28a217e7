/** McastSocket: sends packets to an IP multicast group and receives what others send to it.
 *
 * Synopsis: `McastSocket(MCASTIP, MCASTPORT [, SOURCEIP, SOURCEPORT, <keywords> LOOP, SNAPLEN, SNDBUF,
 * RCVBUF, TIMESTAMP, HEADROOM])`
 *
 * Each packet is the payload of one UDP packet. What comes back from its own address and port is not received
 * if SOURCEIP is given.
 *
 * Ports: 0 or 1 input (sent), 0 or 1 output (received).
 *
 * Arguments: MCASTIP, MCASTPORT: the group. SOURCEIP, SOURCEPORT: where packets come from and which interface
 * is used; default: what the host chooses. LOOP (bool): this host's programs get what is sent, too; default
 * true. SNAPLEN (bytes): longest packet received; default 2048. SNDBUF, RCVBUF (bytes): of the host's
 * buffers. TIMESTAMP (bool): sets timestamps; default true. HEADROOM (bytes): default 28.
 *
 * Handlers: on a pull input `scheduled`, `tickets`.
 *
 * Example: `McastSocket(233.252.0.1, 9000, 127.0.0.1) -> Print -> Discard;`
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <clicklet/element.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct McastSocket {
  Element base;
  uint32_t group, source;
  uint16_t port, source_port;
  bool loop, timestamp;
  uint32_t snaplen, sndbuf, rcvbuf, headroom;
  int in, out; /* descriptors + 1, 0: not open */
  struct sockaddr_in from;
  Packet *pending; /* the host takes no more now */
  Task task;
  SignalSet signals;
} McastSocket;

static int mcast_fail(Errors *errs, const char *what) { return error(errs, "%s: %s", what, strerror(errno)); }

static int mcast_open_input(McastSocket *s, Errors *errs) {
  int fd = s->in - 1, one = 1, rcv = (int)s->rcvbuf;
  struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = s->group};
  struct ip_mreqn join = {.imr_multiaddr.s_addr = s->group, .imr_address.s_addr = s->source};
  if (rcv) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcv, sizeof rcv);
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) return mcast_fail(errs, "SO_REUSEADDR");
  if (bind(fd, (struct sockaddr *)&group, sizeof group) < 0) return mcast_fail(errs, "bind");
  if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) < 0)
    return mcast_fail(errs, "IP_ADD_MEMBERSHIP");
  return 0;
}

static int mcast_open_output(McastSocket *s, Errors *errs) {
  int fd = s->out - 1, one = 1, snd = (int)s->sndbuf, loop = s->loop;
  struct ip_mreqn interface = {.imr_address.s_addr = s->source};
  if (snd) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &snd, sizeof snd);
  if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof loop) < 0)
    return mcast_fail(errs, "IP_MULTICAST_LOOP");
  if (!s->source) return 0;
  struct sockaddr_in from = {
      .sin_family = AF_INET, .sin_port = htons(s->source_port), .sin_addr.s_addr = s->source};
  socklen_t size = sizeof s->from;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0) return mcast_fail(errs, "bind");
  if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface) < 0)
    return mcast_fail(errs, "IP_MULTICAST_IF");
  return getsockname(fd, (struct sockaddr *)&s->from, &size) < 0 ? mcast_fail(errs, "getsockname") : 0;
}

static int mcast_initialize(Element *e, Errors *errs) {
  McastSocket *s = (McastSocket *)e;
  s->in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) + 1;
  s->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) + 1;
  if (!s->in || !s->out) return mcast_fail(errs, "socket");
  if (e->noutputs && mcast_open_input(s, errs) < 0) return -1;
  if (mcast_open_output(s, errs) < 0) return -1;
  if (e->noutputs) select_add(e, s->in - 1, true, false);
  if (e->ninputs && input_is_pull(e, 0)) {
    task_init(&s->task, e, true);
    upstream_signals(e, 0, &s->task, &s->signals);
  }
  return 0;
}

static void mcast_cleanup(Element *e) {
  McastSocket *s = (McastSocket *)e;
  if (s->in) {
    select_remove(e, s->in - 1, true, false);
    close(s->in - 1);
  }
  if (s->out) {
    select_remove(e, s->out - 1, false, true);
    close(s->out - 1);
  }
  if (s->pending) packet_free(s->pending);
  signals_cleanup(&s->signals);
}

static void mcast_receive(McastSocket *s) {
  for (int i = 0; i < 16; i++) {
    struct sockaddr_in from = {0};
    socklen_t size = sizeof from;
    Packet *p = packet_make(s->headroom, NULL, s->snaplen, 0);
    if (!p) return;
    ssize_t n =
        recvfrom(s->in - 1, p->data, s->snaplen, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &size);
    bool own = s->source && from.sin_addr.s_addr == s->source && from.sin_port == s->from.sin_port;
    if (n < 0 || own) packet_free(p);
    if (n < 0) return;
    if (own) continue;
    packet_take(p, s->snaplen - ((uint32_t)n < s->snaplen ? (uint32_t)n : s->snaplen));
    if ((uint32_t)n > s->snaplen) set_anno_u32(p, ANNO_EXTRA_LENGTH, (uint32_t)n - s->snaplen);
    if (s->timestamp) p->timestamp = time_now(&s->base);
    output_push(&s->base, 0, p);
  }
}

/* False if the host takes no more now; p is then kept. */
static bool mcast_send(McastSocket *s, Packet *p) {
  struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = s->group};
  ssize_t n;
  do n = sendto(s->out - 1, p->data, p->len, MSG_DONTWAIT, (struct sockaddr *)&group, sizeof group);
  while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
    s->pending = p;
    select_add(&s->base, s->out - 1, false, true);
    return false;
  }
  if (n < 0) chatter(&s->base, "%s", strerror(errno));
  packet_free(p);
  return true;
}

static void mcast_push(Element *e, int port, Packet **p, unsigned n) {
  McastSocket *s = (McastSocket *)e;
  (void)port;
  for (unsigned i = 0; i < n; i++)
    if (s->pending)
      packet_free(p[i]);
    else
      mcast_send(s, p[i]);
}

static bool mcast_task(Element *e, Task *t) {
  McastSocket *s = (McastSocket *)e;
  if (s->pending) return false; /* scheduled again when there is room */
  Packet *p = input_pull(e, 0);
  if (p && !mcast_send(s, p)) return true;
  if (p || signals_active(&s->signals)) task_schedule(t);
  return p != NULL;
}

static void mcast_selected(Element *e, int fd, bool readable, bool writable) {
  McastSocket *s = (McastSocket *)e;
  if (readable && fd == s->in - 1) mcast_receive(s);
  if (!writable || fd != s->out - 1 || !s->pending) return;
  Packet *p = s->pending;
  s->pending = NULL;
  select_remove(e, fd, false, true);
  if (mcast_send(s, p) && s->task.element) task_schedule(&s->task);
}

ELEMENT(McastSocket, .ports = "0-1/0-1", .processing = "a/h", .flow = "x/y", .flags = "S3",
        .targets = TARGET_HOST, .push = mcast_push, .run_task = mcast_task, .initialize = mcast_initialize,
        .cleanup = mcast_cleanup, .selected = mcast_selected,
        .args = ARGS(ARG_MUST(McastSocket, IP, "MCASTIP", group),
                     ARG_MUST(McastSocket, PORT_NUMBER, "MCASTPORT", port),
                     ARG_POS(McastSocket, IP, "SOURCEIP", source, NULL),
                     ARG_POS(McastSocket, PORT_NUMBER, "SOURCEPORT", source_port, NULL),
                     ARG(McastSocket, U32, "SNAPLEN", snaplen, "2048", .min = 1, .max = 65536),
                     ARG(McastSocket, U32, "HEADROOM", headroom, "28", .min = 0, .max = 8192),
                     ARG(McastSocket, BOOL, "TIMESTAMP", timestamp, "true"),
                     ARG(McastSocket, U32, "RCVBUF", rcvbuf, NULL),
                     ARG(McastSocket, U32, "SNDBUF", sndbuf, NULL),
                     ARG(McastSocket, BOOL, "LOOP", loop, "true")),
        .handlers = HANDLERS(TASK_HANDLERS(McastSocket, task)));
