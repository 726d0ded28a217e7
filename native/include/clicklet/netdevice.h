/* netdevice.h: packet ports. FromDevice and ToDevice speak to this; behind it are AF_PACKET, TAP and
 * vhost-user on the host, virtio-net in the guest. */
#ifndef CLICKLET_NETDEVICE_H
#define CLICKLET_NETDEVICE_H
#include <clicklet/element.h>

typedef struct NetDevice NetDevice;

typedef struct NetDeviceOptions {
  bool promiscuous;
  bool sniffer;        /* packets are also seen by the host's stack */
  bool outbound;       /* also packets that the host sends */
  uint32_t snaplen;    /* bytes, 0: all */
  uint32_t queue_size; /* descriptors of a ring, 0: default */
  const char *filter;  /* reserved */
} NetDeviceOptions;

struct NetDevice {
  const char *spec; /* as opened */
  uint8_t mac[6];
  uint32_t mtu; /* bytes of network-layer payload */
  int32_t peer; /* host: process of the other side, 0 if it is not known; carrier() looks */
  int references;
  /* Takes up to max packets. Never blocks. They are the caller's. mac header set; timestamp set where the
   * device gives one. */
  unsigned (*receive)(NetDevice *d, Packet **p, unsigned max);
  /* Sends the first packets of p and returns how many it took; the rest stay the caller's. Never blocks. */
  unsigned (*send)(NetDevice *d, Packet **p, unsigned n);
  /* Makes what was sent visible to the other side now, where sends are gathered. NULL if not needed. */
  void (*flush)(NetDevice *d);
  /* Asks for (or ends) a call of ready() when packets arrive or room appears. Returns true if there is
   * something already: then no call will come and the caller polls on. */
  bool (*arm)(NetDevice *d, bool receive, bool on);
  void (*ready)(NetDevice *d);   /* set by the port elements: device may have packets or room */
  bool (*carrier)(NetDevice *d); /* other side present; NULL: always */
  void (*close)(NetDevice *d);
  int fd;                     /* host: readable when ready() is to be called; -1 if none */
  Element *receiver, *sender; /* the elements that ready() wakes */
  uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_dropped, tx_dropped;
  NetDevice *next; /* of the engine's open devices */
};

/* Opens a device or takes another reference to an open one. Specs: in a guest "0", "eth0": the n-th NIC. On
 * the host an interface name (AF_PACKET), "tap:NAME", "vhost-user:SOCKET", or a number: the n-th port the
 * engine was given. NULL with errors reported. */
NetDevice *netdevice_open(Element *e, const char *spec, const NetDeviceOptions *options, Errors *errs);
void netdevice_close(NetDevice *d);

#endif
