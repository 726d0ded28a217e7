/* device.h: what the host's packet ports share. */
#ifndef CLICKLET_HOST_DEVICE_H
#define CLICKLET_HOST_DEVICE_H
#include <clicklet/netdevice.h>

enum { FRAME_MAX = 65536 + 18 }; /* the longest frame a Linux interface hands out */

/* NetDevice.fd is an epoll descriptor: it becomes readable only for what the port elements wait for. */
typedef struct HostDevice {
  NetDevice d;
  Engine *engine;
  char *spec;     /* owns d.spec */
  int fd;         /* packet socket or TAP; -1 if none */
  uint32_t armed; /* EPOLLIN, EPOLLOUT: what the elements wait for */
  uint8_t
      *excess; /* where frames longer than a packet's buffer end, FRAME_MAX bytes for each frame of a burst */
} HostDevice;

/* A kind of port: a file each. `name` is the spec without its prefix. Errors start with the spec. */
typedef HostDevice *HostOpen(Element *e, const char *spec, const char *name, Errors *errs);
HostOpen packet_device_open, tap_device_open, vhost_device_open, pipe_device_open;
/* A receiver's wishes, also for a device that is open already (AF_PACKET only). */
int packet_device_options(HostDevice *h, const NetDeviceOptions *o, Errors *errs);

HostDevice *host_device_new(Element *e, const char *spec, size_t size); /* NULL when memory is out */
void host_device_free(HostDevice *h);                                   /* also closes its descriptors */
/* NetDevice.arm for devices with one descriptor. */
bool host_device_watch(HostDevice *h);
bool host_device_arm(NetDevice *d, bool receive, bool on);

/* The packet for a frame of `len` bytes of which the first lie in p's buffer at p->data, the rest at `rest`.
 * Takes p; NULL when memory is out. */
Packet *host_packet_finish(Packet *p, uint32_t len, const uint8_t *rest);
enum { PACKET_ROOM = PACKET_BUFFER - PACKET_HEADROOM };

/* The type of a frame that the other side of a link sent: nobody else can be meant but by group addresses. */
always_inline uint8_t link_packet_type(const uint8_t *frame) {
  if (likely(!(frame[0] & 1))) return PACKET_HOST;
  return load32(frame) == UINT32_MAX && load16(frame + 4) == UINT16_MAX ? PACKET_BROADCAST : PACKET_MULTICAST;
}

#endif
