/* tun.c: TUN and TAP interfaces (tun.h; Linux Documentation/networking/tuntap.rst). */
#define _GNU_SOURCE
#include "tun.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_ip(struct sockaddr *a, uint32_t ip) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = ip};
  memcpy(a, &in, sizeof in);
}

static int configure(const TunSettings *s, struct ifreq *r, Errors *errs) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const char *what = NULL;
  static const uint8_t none[6];
  struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = r->ifr_name};
  if (fd < 0) return error(errs, "socket: %s", strerror(errno));
  if (!what && s->tap && memcmp(s->ether, none, 6)) {
    r->ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(r->ifr_hwaddr.sa_data, s->ether, 6);
    if (ioctl(fd, SIOCSIFHWADDR, r) < 0) what = "setting the Ethernet address";
  }
  if (!what && s->mtu) {
    r->ifr_mtu = s->mtu;
    if (ioctl(fd, SIOCSIFMTU, r) < 0) what = "setting the MTU";
  }
  if (!what && s->address.addr) {
    set_ip(&r->ifr_addr, s->address.addr);
    if (ioctl(fd, SIOCSIFADDR, r) < 0) what = "setting the address";
    set_ip(&r->ifr_netmask, s->address.mask);
    if (!what && ioctl(fd, SIOCSIFNETMASK, r) < 0) what = "setting the network mask";
  }
  if (!what && (ioctl(fd, SIOCGIFFLAGS, r) < 0 ||
                (r->ifr_flags |= IFF_UP | IFF_RUNNING, ioctl(fd, SIOCSIFFLAGS, r) < 0)))
    what = "bringing it up";
  if (!what && s->gateway) {
    set_ip(&route.rt_dst, 0);
    set_ip(&route.rt_genmask, 0);
    set_ip(&route.rt_gateway, s->gateway);
    if (ioctl(fd, SIOCADDRT, &route) < 0 && errno != EEXIST) what = "setting the default route";
  }
  int saved = errno;
  close(fd);
  return what ? error(errs, "%s: %s: %s", r->ifr_name, what, strerror(saved)) : 0;
}

int tun_open(const TunSettings *s, char **name, Errors *errs) {
  struct ifreq r = {.ifr_flags = (short)((s->tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI)};
  if (s->name && strlen(s->name) >= sizeof r.ifr_name)
    return error(errs, "'%s' is too long for the name of an interface", s->name);
  if (s->name)
    strcpy(r.ifr_name, s->name);
  else
    strcpy(r.ifr_name, s->tap ? "tap%d" : "tun%d");
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return error(errs, "/dev/net/tun: %s", strerror(errno));
  if (ioctl(fd, TUNSETIFF, &r) < 0) {
    error(errs, "%s: %s", s->name ? s->name : "/dev/net/tun", strerror(errno));
    close(fd);
    return -1;
  }
  mem_free(*name);
  *name = mem_string(r.ifr_name, strlen(r.ifr_name));
  if (configure(s, &r, errs) == 0) return fd;
  close(fd);
  return -1;
}

Packet *tun_receive(int fd, uint32_t headroom, uint32_t room, bool *failed) {
  Packet *p = packet_make(headroom, NULL, room, 0);
  if (!p) return NULL;
  ssize_t n = read(fd, p->data, room);
  if (n <= 0) {
    *failed = n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS;
    packet_free(p);
    return NULL;
  }
  packet_take(p, room - (uint32_t)n);
  return p;
}
