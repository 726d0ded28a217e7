/* device_tap.c: "tap:NAME": a TAP interface of the host, made if it does not exist. */
#define _GNU_SOURCE
#include "device.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The interface was deleted under us: a descriptor that always reports an error must not be watched. */
static void tap_gone(HostDevice *h) {
  epoll_ctl(h->d.fd, EPOLL_CTL_DEL, h->fd, NULL);
  close(h->fd);
  h->fd = -1;
}

static unsigned tap_receive(NetDevice *d, Packet **p, unsigned max) {
  HostDevice *h = (HostDevice *)d;
  unsigned n = 0;
  while (n < max && h->fd >= 0) {
    Packet *q = packet_alloc(0);
    if (!q) break;
    struct iovec io[2] = {{q->data, PACKET_ROOM}, {h->excess, FRAME_MAX}};
    ssize_t len = readv(h->fd, io, 2);
    if (len <= 0) {
      if (len < 0 && errno == EBADFD) tap_gone(h);
      packet_free(q);
      break;
    }
    if (len < 14 || !(q = host_packet_finish(q, (uint32_t)len, h->excess))) {
      if (q) packet_free(q);
      d->rx_dropped++;
      continue;
    }
    q->type = link_packet_type(q->data);
    d->rx_packets++;
    d->rx_bytes += q->len;
    p[n++] = q;
  }
  return n;
}

static unsigned tap_send(NetDevice *d, Packet **p, unsigned n) {
  HostDevice *h = (HostDevice *)d;
  for (unsigned i = 0; i < n; i++) {
    ssize_t sent = h->fd < 0 ? 0 : write(h->fd, p[i]->data, p[i]->len);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return i;
    if (sent > 0)
      d->tx_packets++, d->tx_bytes += p[i]->len;
    else
      d->tx_dropped++; /* EIO: the interface is down */
    packet_free(p[i]);
  }
  return n;
}

static bool tap_carrier(NetDevice *d) { return ((HostDevice *)d)->fd >= 0; }

static void tap_close(NetDevice *d) { host_device_free((HostDevice *)d); }

/* Reads the MTU and brings a new interface up. */
static void tap_settings(HostDevice *h, struct ifreq *r, bool is_new) {
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (s < 0) return;
  if (is_new && ioctl(s, SIOCGIFFLAGS, r) == 0) {
    r->ifr_flags |= IFF_UP;
    (void)!ioctl(s, SIOCSIFFLAGS, r);
  }
  if (ioctl(s, SIOCGIFMTU, r) == 0) h->d.mtu = (uint32_t)r->ifr_mtu;
  close(s);
}

HostDevice *tap_device_open(Element *e, const char *spec, const char *name, Errors *errs) {
  struct ifreq r = {0};
  if (!*name || strlen(name) >= IFNAMSIZ) return error(errs, "%s: not the name of an interface", spec), NULL;
  bool is_new = !if_nametoindex(name);
  HostDevice *h = host_device_new(e, spec, sizeof *h);
  if (!h) return error(errs, "%s: out of memory", spec), NULL;
  h->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  strcpy(r.ifr_name, name);
  r.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (h->fd < 0) {
    if (errno == EACCES || errno == EPERM)
      error(errs, "%s: no permission to open /dev/net/tun", spec);
    else
      error(errs, "%s: this host has no TAP interfaces: /dev/net/tun: %s", spec, strerror(errno));
  } else if (ioctl(h->fd, TUNSETIFF, &r)) {
    if (errno == EBUSY)
      error(errs, "%s: the interface is in use by another process", spec);
    else if (errno == EPERM && is_new)
      error(errs, "%s: the interface does not exist, and making it needs CAP_NET_ADMIN", spec);
    else if (errno == EPERM)
      error(errs, "%s: no permission: the interface belongs to another user", spec);
    else if (errno == EINVAL && !is_new)
      error(errs, "%s: the interface is not a TAP interface", spec);
    else
      error(errs, "%s: %s", spec, strerror(errno));
  } else if (!host_device_watch(h)) {
    error(errs, "%s: %s", spec, strerror(errno));
  } else {
    tap_settings(h, &r, is_new);
    h->d.receive = tap_receive;
    h->d.send = tap_send;
    h->d.carrier = tap_carrier;
    h->d.close = tap_close;
    return h;
  }
  host_device_free(h);
  return NULL;
}
