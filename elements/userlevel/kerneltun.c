/** KernelTun: a network interface of the host whose other end is the router; IP packets.
 *
 * Synopsis: `KernelTun(ADDR/MASK [, GATEWAY, <keywords> BURST, HEADROOM, MTU, ETHER, TAP, DEVNAME,
 * IGNORE_QUEUE_OVERFLOWS])`
 *
 * What the host sends to addresses of the network comes out of output 0; what is not IP out of output 1 or is
 * dropped. What goes in is taken by the host. The interface goes away with the router. Needs the right to
 * make interfaces.
 *
 * Arguments: ADDR/MASK: the host's address on it. GATEWAY (address): becomes the default route. BURST (int):
 * packets in one turn; default 1. HEADROOM (bytes): default 28. MTU: default 1500. ETHER: the interface's
 * Ethernet address (TAP only; default: the kernel's choice). TAP (bool): Ethernet frames, as KernelTap;
 * default false. DEVNAME: default: the first that is free. IGNORE_QUEUE_OVERFLOWS (bool): says so once only;
 * default false.
 *
 * Handlers: `dev_name`, `packets`, `selected_calls` (read). On a pull input `scheduled`, `tickets`.
 *
 * Example: `t :: KernelTun(10.99.0.1/24) -> IPClassifier(icmp type echo) -> ICMPPingResponder -> t;`
 */
#include "kerneltun.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

static void send_packet(KernelTun *k, Packet *p) {
  if (k->fd >= 0 && write(k->fd, p->data, p->len) < 0 &&
      (errno != ENOBUFS || !k->ignore_overflows || !k->complained)) {
    if (!k->complained || errno != ENOBUFS) chatter(&k->base, "%s: %s", k->name, strerror(errno));
    k->complained = true;
  }
  packet_free(p);
}

void kerneltun_push(Element *e, int port, Packet **p, unsigned n) {
  (void)port;
  for (unsigned i = 0; i < n; i++) send_packet((KernelTun *)e, p[i]);
}

bool kerneltun_task(Element *e, Task *t) {
  KernelTun *k = (KernelTun *)e;
  Packet *p = input_pull(e, 0);
  if (p) send_packet(k, p);
  if (p || signals_active(&k->signals)) task_schedule(t);
  return p != NULL;
}

/* The output for a packet from the host: marks its headers. */
static int classify(const KernelTun *k, Packet *p) {
  if (k->tap) {
    p->mac = p->data;
    return 0;
  }
  uint8_t version = p->len ? p->data[0] >> 4 : 0, hl = p->len ? (p->data[0] & 15) * 4 : 0;
  if (version == 4 && p->len >= 20 && hl >= 20 && hl <= p->len) {
    packet_set_network(p, p->data, hl);
    packet_set_dst_ip(p, load32(p->data + 16));
    return 0;
  }
  if (version != 6 || p->len < 40) return 1;
  packet_set_network(p, p->data, 40);
  return 0;
}

void kerneltun_selected(Element *e, int fd, bool readable, bool writable) {
  KernelTun *k = (KernelTun *)e;
  (void)writable;
  if (!readable || fd != k->fd) return;
  k->selected_calls++;
  for (int i = 0; i < k->burst && k->fd >= 0; i++) {
    bool failed = false;
    Packet *p = tun_receive(fd, k->headroom, (uint32_t)k->mtu + (k->tap ? 18 : 0), &failed);
    if (failed) {
      chatter(e, "%s: %s", k->name, strerror(errno));
      select_remove(e, fd, true, false);
    }
    if (!p) return;
    k->packets++;
    p->timestamp = time_now(e);
    output_push(e, classify(k, p), p);
  }
}

int kerneltun_configure(Element *e, const Args *args, Errors *errs) {
  KernelTun *k = (KernelTun *)e;
  (void)args;
  k->fd = -1;
  if (k->gateway && (k->gateway & k->address.mask) != (k->address.addr & k->address.mask))
    return error(errs, "GATEWAY is not in the network of ADDR");
  return 0;
}

int kerneltun_initialize(Element *e, Errors *errs) {
  KernelTun *k = (KernelTun *)e;
  TunSettings s = {
      .name = k->wanted, .tap = k->tap, .address = k->address, .gateway = k->gateway, .mtu = k->mtu};
  memcpy(s.ether, k->ether, 6);
  if ((k->fd = tun_open(&s, &k->name, errs)) < 0) return -1;
  select_add(e, k->fd, true, false);
  if (e->ninputs && input_is_pull(e, 0)) {
    task_init(&k->task, e, true);
    upstream_signals(e, 0, &k->task, &k->signals);
  }
  return 0;
}

void kerneltun_cleanup(Element *e) {
  KernelTun *k = (KernelTun *)e;
  if (k->fd >= 0) {
    select_remove(e, k->fd, true, false);
    close(k->fd);
  }
  mem_free(k->wanted);
  mem_free(k->name);
  signals_cleanup(&k->signals);
}

ELEMENT(KernelTun, KERNELTUN_MEMBERS("false"));
