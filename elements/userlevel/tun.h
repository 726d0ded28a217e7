/* tun.h: interfaces made by the universal TUN/TAP driver, for KernelTun, KernelTap, FromHost and ToHost. */
#ifndef CLICKLET_TUN_H
#define CLICKLET_TUN_H
#include <clicklet/element.h>

typedef struct TunSettings {
  const char *name; /* wanted; NULL or "": any */
  bool tap;         /* Ethernet frames, not IP packets */
  IPPrefix address; /* of the host's side; addr 0: left alone */
  uint32_t gateway; /* 0: none */
  uint8_t ether[6]; /* all zero: the kernel's choice */
  int mtu;          /* 0: left alone */
} TunSettings;

/* Opens and configures it, sets *name (to be freed). Returns the descriptor, non-blocking, or -1 with an
 * error reported. */
int tun_open(const TunSettings *s, char **name, Errors *errs);
/* One packet from it: NULL if there is none. *failed: the interface is gone. */
Packet *tun_receive(int fd, uint32_t headroom, uint32_t room, bool *failed);

#endif
