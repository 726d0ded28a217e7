/* device_packet.c: network interfaces of the host, by packet sockets (packet(7)). The kernel sees the packets
 * too. */
#define _GNU_SOURCE
#include "device.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

/* Element code names the types as <linux/if_packet.h> does, which defines them as macros with the same
 * values. */
enum { IF_BURST = 32, IF_RECEIVE_BUFFER = 4 << 20 };

typedef struct PacketDevice {
  HostDevice h;
  int index; /* of the interface */
  bool receiving, outbound;
} PacketDevice;

typedef union Control {
  struct cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata)) + CMSG_SPACE(sizeof(struct timespec)) +
             CMSG_SPACE(sizeof(uint32_t))];
} Control;

/* Puts back the VLAN tag that the kernel took out of the frame, from its auxiliary data. */
static bool restore_tag(Packet *p, const struct tpacket_auxdata *a) {
  if (!(a->tp_status & TP_STATUS_VLAN_VALID) || p->len < 12 || !packet_push(p, 4)) return p->len >= 12;
  uint16_t tpid = a->tp_status & TP_STATUS_VLAN_TPID_VALID ? a->tp_vlan_tpid : ETH_P_8021Q;
  memmove(p->data, p->data + 4, 12);
  store16(p->data + 12, htons(tpid));
  store16(p->data + 14, htons(a->tp_vlan_tci));
  p->mac = p->data;
  return true;
}

static bool finish(NetDevice *d, Packet *p, struct msghdr *m) {
  const struct tpacket_auxdata *aux = NULL;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
    if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) aux = (const void *)CMSG_DATA(c);
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) d->rx_dropped = load32(CMSG_DATA(c));
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      struct timespec t;
      memcpy(&t, CMSG_DATA(c), sizeof t);
      p->timestamp = t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
    }
  }
  return !aux || restore_tag(p, aux);
}

static unsigned packet_receive(NetDevice *d, Packet **p, unsigned max) {
  PacketDevice *x = (PacketDevice *)d;
  struct mmsghdr m[IF_BURST] = {0};
  struct iovec io[IF_BURST][2];
  struct sockaddr_ll from[IF_BURST];
  Control control[IF_BURST];
  unsigned want = 0, n = 0;
  if (!x->receiving) return 0;
  if (max > IF_BURST) max = IF_BURST;
  for (; want < max && (p[want] = packet_alloc(0)); want++) {
    io[want][0] = (struct iovec){p[want]->data, PACKET_ROOM};
    io[want][1] = (struct iovec){x->h.excess + (size_t)want * FRAME_MAX, FRAME_MAX};
    m[want].msg_hdr = (struct msghdr){.msg_name = &from[want],
                                      .msg_namelen = sizeof from[want],
                                      .msg_iov = io[want],
                                      .msg_iovlen = 2,
                                      .msg_control = &control[want],
                                      .msg_controllen = sizeof control[want]};
  }
  int got = want ? recvmmsg(x->h.fd, m, want, MSG_DONTWAIT, NULL) : 0;
  if (got < 0) got = 0;
  for (unsigned i = (unsigned)got; i < want; i++) packet_free(p[i]);
  for (unsigned i = 0; i < (unsigned)got; i++) {
    if (from[i].sll_pkttype == PACKET_OUTGOING && !x->outbound) {
      packet_free(p[i]);
      continue;
    }
    Packet *q = host_packet_finish(p[i], m[i].msg_len, x->h.excess + (size_t)i * FRAME_MAX);
    if (!q || !finish(d, q, &m[i].msg_hdr)) {
      if (q) packet_free(q);
      d->rx_dropped++;
      continue;
    }
    q->type = from[i].sll_pkttype;
    d->rx_packets++;
    d->rx_bytes += q->len;
    p[n++] = q;
  }
  return n;
}

static unsigned packet_send(NetDevice *d, Packet **p, unsigned n) {
  PacketDevice *x = (PacketDevice *)d;
  struct mmsghdr m[BATCH_MAX] = {0};
  struct iovec io[BATCH_MAX];
  unsigned done = 0;
  if (n > BATCH_MAX) n = BATCH_MAX;
  for (unsigned i = 0; i < n; i++) {
    io[i] = (struct iovec){p[i]->data, p[i]->len};
    m[i].msg_hdr = (struct msghdr){.msg_iov = &io[i], .msg_iovlen = 1};
  }
  while (done < n) {
    int sent = sendmmsg(x->h.fd, m + done, n - done, MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) break;
    if (sent < 0) { /* this one never goes: too long, or the interface is down */
      d->tx_dropped++;
      packet_free(p[done++]);
      continue;
    }
    for (int i = 0; i < sent; i++) {
      d->tx_packets++;
      d->tx_bytes += p[done]->len;
      packet_free(p[done++]);
    }
  }
  return done;
}

static void packet_device_close(NetDevice *d) { host_device_free((HostDevice *)d); }

/* The socket receives from here on. */
int packet_device_options(HostDevice *h, const NetDeviceOptions *o, Errors *errs) {
  PacketDevice *x = (PacketDevice *)h;
  struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = x->index};
  struct packet_mreq promiscuous = {.mr_ifindex = x->index, .mr_type = PACKET_MR_PROMISC};
  int one = 1, buffer = IF_RECEIVE_BUFFER, ignore = !o->outbound;
  x->outbound = o->outbound;
  if (!o->sniffer)
    warning(errs, "SNIFFER false has no effect: the host's kernel handles the packets of %s too", h->spec);
  /* All but the binding are improvements: a kernel without them still delivers packets. */
  (void)setsockopt(h->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &ignore, sizeof ignore);
  (void)setsockopt(h->fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one);
  (void)setsockopt(h->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
  (void)setsockopt(h->fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof one);
  if (setsockopt(h->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer))
    (void)setsockopt(h->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(h->fd, (struct sockaddr *)&a, sizeof a)) return error(errs, "%s: %s", h->spec, strerror(errno));
  x->receiving = true;
  if (o->promiscuous &&
      setsockopt(h->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous))
    warning(errs, "%s: cannot set promiscuous mode: %s", h->spec, strerror(errno));
  return 0;
}

HostDevice *packet_device_open(Element *e, const char *spec, const char *name, Errors *errs) {
  struct ifreq r = {0};
  struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
  if (!a.sll_ifindex) return error(errs, "%s: there is no such interface", spec), NULL;
  PacketDevice *x = (PacketDevice *)host_device_new(e, spec, sizeof *x);
  if (!x) return error(errs, "%s: out of memory", spec), NULL;
  HostDevice *h = &x->h;
  x->index = a.sll_ifindex;
  h->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* protocol 0: sends only, so far */
  if (h->fd < 0 && (errno == EPERM || errno == EACCES)) {
    error(errs, "%s: no permission: packet sockets need CAP_NET_RAW (run as root)", spec);
  } else if (h->fd < 0 || bind(h->fd, (struct sockaddr *)&a, sizeof a) || !host_device_watch(h)) {
    error(errs, "%s: %s", spec, strerror(errno));
  } else {
    strncpy(r.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(h->fd, SIOCGIFHWADDR, &r) == 0) memcpy(h->d.mac, r.ifr_hwaddr.sa_data, 6);
    if (ioctl(h->fd, SIOCGIFMTU, &r) == 0) h->d.mtu = (uint32_t)r.ifr_mtu;
    h->d.receive = packet_receive;
    h->d.send = packet_send;
    h->d.close = packet_device_close;
    return h;
  }
  host_device_free(h);
  return NULL;
}
