/** FromHost: receives Ethernet frames from the host through an interface made for it.
 *
 * Synopsis: `FromHost(DEVNAME [, DST, <keywords> GATEWAY, ETHER, HEADROOM, MTU])`
 *
 * Makes the TAP interface DEVNAME; ToHost with the same name sends to the host. KernelTap does both.
 *
 * Arguments: DEVNAME. DST (prefix): the host's address on it; default: left alone. GATEWAY (address): becomes
 * the default route. ETHER: the interface's Ethernet address. HEADROOM (bytes): default 28. MTU: default
 * 1500.
 *
 * Handlers: `dev_name` (read).
 *
 * Example: `FromHost(fake, 10.99.0.1/24) -> c :: Classifier(12/0806, -); c[0] -> ARPResponder(0/0
 * 1:1:1:1:1:1) -> ToHost(fake); c[1] -> Discard;`
 */
#include "tun.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct FromHost {
  Element base;
  char *wanted, *name;
  IPPrefix address;
  uint32_t gateway, headroom;
  uint8_t ether[6];
  int32_t mtu;
  int fd;
} FromHost;

static void host_selected(Element *e, int fd, bool readable, bool writable) {
  FromHost *f = (FromHost *)e;
  (void)writable;
  bool failed = false;
  Packet *p = readable ? tun_receive(fd, f->headroom, (uint32_t)f->mtu + 18, &failed) : NULL;
  if (failed) {
    chatter(e, "%s: %s", f->name, strerror(errno));
    select_remove(e, fd, true, false);
  }
  if (!p) return;
  p->mac = p->data;
  p->timestamp = time_now(e);
  if (p->len >= 34 && be16(load16(p->data + 12)) == 0x0800) {
    uint32_t hl = (p->data[14] & 15u) * 4;
    packet_set_network(p, p->data + 14, hl > p->len - 14 ? 20 : hl);
    packet_set_dst_ip(p, load32(p->data + 30));
  } else if (p->len >= 14)
    p->network = p->data + 14;
  output_push(e, 0, p);
}

static int host_configure(Element *e, const Args *args, Errors *errs) {
  FromHost *f = (FromHost *)e;
  (void)args;
  f->fd = -1;
  if (f->address.addr && f->gateway && (f->gateway & f->address.mask) != (f->address.addr & f->address.mask))
    return error(errs, "GATEWAY is not in the network of DST");
  return 0;
}

static int host_initialize(Element *e, Errors *errs) {
  FromHost *f = (FromHost *)e;
  TunSettings s = {
      .name = f->wanted, .tap = true, .address = f->address, .gateway = f->gateway, .mtu = f->mtu};
  memcpy(s.ether, f->ether, 6);
  if ((f->fd = tun_open(&s, &f->name, errs)) < 0) return -1;
  select_add(e, f->fd, true, false);
  return 0;
}

static void host_cleanup(Element *e) {
  FromHost *f = (FromHost *)e;
  if (f->fd >= 0) {
    select_remove(e, f->fd, true, false);
    close(f->fd);
  }
  mem_free(f->wanted);
  mem_free(f->name);
}

/* For ToHost: "fd NAME" is the descriptor's place if this is that interface. */
static void *host_cast(Element *e, const char *name) {
  FromHost *f = (FromHost *)e;
  return !strncmp(name, "fd ", 3) && !strcmp(name + 3, f->wanted) && f->fd >= 0 ? &f->fd : NULL;
}

ELEMENT(FromHost, .ports = "0/1", .processing = "/h", .targets = TARGET_HOST, .phase = PHASE_PRIVILEGED - 1,
        .configure = host_configure, .initialize = host_initialize, .cleanup = host_cleanup,
        .selected = host_selected, .cast = host_cast,
        .args = ARGS(ARG_MUST(FromHost, WORD, "DEVNAME", wanted),
                     ARG_POS(FromHost, IP_PREFIX, "DST", address, NULL),
                     ARG(FromHost, IP, "GATEWAY", gateway, NULL), ARG(FromHost, ETHER, "ETHER", ether, NULL),
                     ARG(FromHost, U32, "HEADROOM", headroom, "28", .min = 0, .max = 8192),
                     ARG(FromHost, I32, "MTU", mtu, "1500", .min = 20, .max = 65535)),
        .handlers = HANDLERS(READ_FIELD(FromHost, WORD, "dev_name", wanted)));
