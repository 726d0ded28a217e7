/* netdevice.c: the host's packet ports: names, numbers and what the kinds of ports share. */
#define _GNU_SOURCE
#include "device.h"
#include "platform_host.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
  const char *prefix;
  HostOpen *open;
} kinds[] = {{"tap:", tap_device_open},
             {"vhost-user:", vhost_device_open},
             {"pipe:", pipe_device_open},
             {"", packet_device_open}};

/* The spec behind a port number, or the spec itself. NULL with an error if there is no such port. */
static const char *resolve(Element *e, const char *spec, Errors *errs) {
  size_t digits = 0;
  while (is_digit(spec[digits])) digits++;
  if (!digits || spec[digits]) return spec;

  const char *const *ports = engine_ports(element_engine(e));
  unsigned count = 0;
  while (ports && ports[count]) count++;
  uint64_t number;
  if (digits < 6 && (number = strtoul(spec, NULL, 10)) < count) return ports[number];

  Text list = {0};
  for (unsigned i = 0; i < count; i++)
    text_printf(&list, "%s%u", !i ? "" : i + 1 < count ? ", " : " and ", i);
  if (count == 0)
    error(errs, "port %s does not exist: the router was given no ports", spec);
  else if (count == 1)
    error(errs, "port %s does not exist: the router has port 0 only", spec);
  else
    error(errs, "port %s does not exist: the router has ports %s", spec, text_cstr(&list));
  text_free(&list);
  return NULL;
}

static int apply(HostDevice *h, const NetDeviceOptions *o, Errors *errs) {
  return o && h->d.receive && !strchr(h->spec, ':') ? packet_device_options(h, o, errs) : 0;
}

NetDevice *netdevice_open(Element *e, const char *spec, const NetDeviceOptions *options, Errors *errs) {
  Engine *engine = element_engine(e);
  NetDevice **devices = engine_devices(engine);
  if (!(spec = resolve(e, spec, errs))) return NULL;

  HostDevice *h = NULL;
  for (NetDevice *d = *devices; d && !h; d = d->next)
    if (!strcmp(d->spec, spec)) h = (HostDevice *)d;
  if (h) {
    if (apply(h, options, errs)) return NULL;
    h->d.references++;
    return &h->d;
  }
  unsigned k = 0;
  while (strncmp(spec, kinds[k].prefix, strlen(kinds[k].prefix)) != 0) k++;
  if (!(h = kinds[k].open(e, spec, spec + strlen(kinds[k].prefix), errs))) return NULL;
  if (apply(h, options, errs)) {
    h->d.close(&h->d);
    return NULL;
  }
  h->d.references = 1;
  h->d.next = *devices;
  *devices = &h->d;
  platform_watch_device(engine, &h->d, true);
  return &h->d;
}

void netdevice_close(NetDevice *d) {
  if (!d || --d->references) return;
  HostDevice *h = (HostDevice *)d;
  NetDevice **at = engine_devices(h->engine);
  while (*at && *at != d) at = &(*at)->next;
  if (*at) *at = d->next;
  platform_watch_device(h->engine, d, false);
  d->close(d);
}

/* ---- Shared by the kinds ------------------------------------------------------------------------------ */

HostDevice *host_device_new(Element *e, const char *spec, size_t size) {
  HostDevice *h = mem_alloc(size);
  if (!h) return NULL;
  h->engine = element_engine(e);
  h->spec = mem_string(spec, strlen(spec));
  h->d.spec = h->spec;
  h->d.fd = h->fd = -1;
  h->d.mtu = 1500;
  return h;
}

void host_device_free(HostDevice *h) {
  if (!h) return;
  if (h->fd >= 0) close(h->fd);
  if (h->d.fd >= 0) close(h->d.fd);
  if (h->excess) munmap(h->excess, (size_t)FRAME_MAX * BATCH_MAX);
  mem_free(h->spec);
  mem_free(h);
}

bool host_device_watch(HostDevice *h) {
  struct epoll_event ev = {0};
  h->excess = mmap(NULL, (size_t)FRAME_MAX * BATCH_MAX, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                   0); /* hardly ever touched, so it takes no memory */
  if (h->excess == MAP_FAILED) h->excess = NULL;
  h->d.fd = epoll_create1(EPOLL_CLOEXEC);
  h->d.arm = host_device_arm;
  return h->excess && h->d.fd >= 0 && !epoll_ctl(h->d.fd, EPOLL_CTL_ADD, h->fd, &ev);
}

bool host_device_arm(NetDevice *d, bool receive, bool on) {
  HostDevice *h = (HostDevice *)d;
  uint32_t bit = receive ? EPOLLIN : EPOLLOUT;
  uint32_t armed = on ? h->armed | bit : h->armed & ~bit;
  if (armed != h->armed) {
    struct epoll_event ev = {.events = armed};
    epoll_ctl(d->fd, EPOLL_CTL_MOD, h->fd, &ev); /* level-triggered: what is there already is reported too */
    h->armed = armed;
  }
  if (!on) { /* an error condition that nobody takes away would wake us for ever */
    int error;
    socklen_t len = sizeof error;
    (void)getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &len);
  }
  return false;
}

Packet *host_packet_finish(Packet *p, uint32_t len, const uint8_t *rest) {
  if (likely(len <= PACKET_ROOM)) {
    p->len = len;
    p->mac = p->data;
    return p;
  }
  Packet *big = packet_make(PACKET_HEADROOM, NULL, len, 0);
  if (big) {
    memcpy(big->data, p->data, PACKET_ROOM);
    memcpy(big->data + PACKET_ROOM, rest, len - PACKET_ROOM);
    big->mac = big->data;
    big->timestamp = p->timestamp;
    big->type = p->type;
  }
  packet_free(p);
  return big;
}
