/** RawSocket: sends and receives IPv4 packets of one protocol through a raw socket of the host.
 *
 * Synopsis: `RawSocket(TYPE [, PORT, <keywords> SNAPLEN, HEADROOM])`
 *
 * Packets that come in, IP packets with their headers, are sent to their destination by the host's routing;
 * what the host receives of that protocol goes out, with network header, destination annotation and timestamp
 * set. The host's own stack sees the packets too. Packets too short for an IP header are dropped with a
 * message. Needs the right to open raw sockets (root or CAP_NET_RAW).
 *
 * Arguments: TYPE (IP protocol, name or number: TCP, UDP, GRE, ICMP ...). PORT (TCP or UDP port): is kept
 * from other programs by a socket of its own; with other protocols a number of no effect. SNAPLEN (bytes):
 * longest packet received; default 2048. HEADROOM (bytes): default 28.
 *
 * Handlers: with an input `scheduled`, `tickets`.
 *
 * Example: `RawSocket(UDP, 9053) -> IPPrint -> Discard;`
 */
#define _GNU_SOURCE
#include "rawsocket.h"
#include "dumpfile.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int rawsocket_configure(Element *e, const Args *args, Errors *errs) {
  RawSocket *s = (RawSocket *)e;
  uint16_t port;
  uint64_t number;
  (void)args;
  s->fd = s->reserved = -1;
  bool has_ports = s->proto == IPPROTO_TCP || s->proto == IPPROTO_UDP;
  if (!s->port_text || (has_ports ? arg_parse_port(e, s->proto, s->port_text, &port)
                                  : parse_u64(s->port_text, &number) && number <= 65535))
    return 0;
  return error(errs, "PORT: expected a port number, not '%s'", s->port_text);
}

/* Binds the port to a socket that is never read. */
static int reserve(RawSocket *s, Errors *errs) {
  uint16_t port = 0;
  if (!s->port_text || (s->proto != IPPROTO_TCP && s->proto != IPPROTO_UDP)) return 0;
  if (!arg_parse_port(&s->base, s->proto, s->port_text, &port) || !port) return 0;
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
  s->reserved =
      socket(AF_INET, (s->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, s->proto);
  if (s->reserved < 0 || bind(s->reserved, (struct sockaddr *)&in, sizeof in) < 0)
    return error(errs, "port %u cannot be reserved: %s", port, strerror(errno));
  return 0;
}

int rawsocket_initialize(Element *e, Errors *errs) {
  RawSocket *s = (RawSocket *)e;
  int one = 1;
  s->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, s->proto);
  if (s->fd < 0)
    return error(errs, errno == EPERM ? "socket: %s (raw sockets need root or CAP_NET_RAW)" : "socket: %s",
                 strerror(errno));
  if (setsockopt(s->fd, IPPROTO_IP, IP_HDRINCL, &one, sizeof one) < 0)
    return error(errs, "IP_HDRINCL: %s", strerror(errno));
  if (setsockopt(s->fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) < 0)
    return error(errs, "SO_BROADCAST: %s", strerror(errno));
  if (reserve(s, errs) < 0) return -1;
  if (e->noutputs) select_add(e, s->fd, true, false);
  if (e->ninputs) {
    task_init(&s->task, e, true);
    upstream_signals(e, 0, &s->task, &s->signals);
  }
  return 0;
}

void rawsocket_cleanup(Element *e) {
  RawSocket *s = (RawSocket *)e;
  if (s->fd > 0) {
    select_remove(e, s->fd, true, true);
    close(s->fd);
  }
  if (s->reserved > 0) close(s->reserved);
  if (s->pending) packet_free(s->pending);
  mem_free(s->port_text);
  signals_cleanup(&s->signals);
}

static void receive(RawSocket *s) {
  for (int i = 0; i < 16; i++) {
    Packet *p = packet_make(s->headroom, NULL, s->snaplen, 0);
    if (!p) return;
    ssize_t n = recv(s->fd, p->data, s->snaplen, MSG_DONTWAIT | MSG_TRUNC);
    if (n <= 0) {
      packet_free(p);
      if (n < 0 && errno != EAGAIN && errno != EINTR) chatter(&s->base, "recv: %s", strerror(errno));
      return;
    }
    if ((uint64_t)n > s->snaplen)
      set_anno_u32(p, ANNO_EXTRA_LENGTH, (uint32_t)n - s->snaplen);
    else
      packet_take(p, s->snaplen - (uint32_t)n);
    p->timestamp = time_now(&s->base);
    if (link_find_ip(p, LINK_RAW))
      output_push(&s->base, 0, p);
    else
      packet_free(p);
  }
}

/* Sends s->pending. False if the socket takes no more now. */
static bool flush(RawSocket *s) {
  Packet *p = s->pending;
  if (!p) return true;
  if (p->len < 20) {
    chatter(&s->base, "runt IP packet (%u bytes)", p->len);
  } else {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = load32(p->data + 16)};
    ssize_t n;
    do n = sendto(s->fd, p->data, p->len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) return false;
    if (n < 0) chatter(&s->base, "sendto: %s", strerror(errno));
  }
  s->pending = NULL;
  packet_free(p);
  return true;
}

static bool wait_for_room(RawSocket *s) {
  s->writing = true;
  select_add(&s->base, s->fd, false, true);
  return true;
}

bool rawsocket_task(Element *e, Task *t) {
  RawSocket *s = (RawSocket *)e;
  if (s->writing) return false;
  if (!flush(s)) return wait_for_room(s);
  Packet *p = s->pending = input_pull(e, 0);
  if (!flush(s)) return wait_for_room(s);
  if (p || signals_active(&s->signals)) task_schedule(t);
  return p != NULL;
}

void rawsocket_selected(Element *e, int fd, bool readable, bool writable) {
  RawSocket *s = (RawSocket *)e;
  (void)fd;
  if (readable && e->noutputs) receive(s);
  if (!writable || !s->writing || !flush(s)) return;
  s->writing = false;
  select_remove(e, s->fd, false, true);
  task_schedule(&s->task);
}

ELEMENT(RawSocket, .ports = "0-1/0-1", .processing = "l/h", RAWSOCKET_MEMBERS);
