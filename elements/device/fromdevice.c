/** FromDevice: reads packets from a network device.
 *
 * Synopsis: `FromDevice(DEVNAME [, PROMISC, SNAPLEN, <keywords>])`
 *
 * DEVNAME is a port number (`0`: the first port that the router was given), and on the host also the name of
 * an interface, `tap:NAME`, or `vhost-user:SOCKET`, the other side of a virtual machine's port. In a virtual
 * router a number or `ethN` is its N-th network card. An interface of the host is read as by a sniffer: the
 * host's kernel sees the packets too. While nothing arrives the element sleeps.
 *
 * Outputs: 0: packets, with packet type, MAC header and timestamp set. 1 (optional): with FORCE_IP, what is
 * not IP.
 *
 * Arguments: PROMISC (bool): promiscuous mode; default false. SNAPLEN (14 to 65535): longer packets are cut
 * and the rest is counted in the extra length annotation; default 2046. SNIFFER (bool): false asks that the
 * host's kernel does not handle the packets; default true. FORCE_IP (bool): only IP packets, network header
 * set; default false. OUTBOUND (bool): also packets that the host sends; default false. PROTOCOL (unsigned):
 * if not 0, only frames of this Ethernet type. HEADROOM (unsigned): bytes free in front of the data at least;
 * default 28. BURST (int): packets in one turn at least; default 1. TIMESTAMP (bool): default true. METHOD,
 * CAPTURE (PCAP or LINUX), ENCAP (ETHER): accepted, one way is used for all. BPF_FILTER: not supported; use
 * IPFilter or Classifier.
 *
 * Handlers: `count`, `kernel_drops`, `encap`, `sniffer`, `devname` (read). `reset_counts` (write).
 * `scheduled`, `tickets`.
 *
 * Example: `FromDevice(0) -> Print -> Discard;`
 *
 * See also: ToDevice, FromDump
 */
#include "port.h"

typedef struct FromDevice {
  Element base;
  NetDevice *device;
  uint64_t count;
  uint32_t snaplen, headroom;
  uint32_t empty, patience; /* patience: empty turns until it sleeps; 0: not known yet */
  int32_t burst;
  uint16_t protocol;
  bool force_ip, timestamp, inspect; /* inspect: more to do than to push */
  bool promisc, sniffer, outbound;
  char *devname, *method, *filter, *encap;
  Task task;
} FromDevice;

/* Sets the network header of an IP packet in an Ethernet frame. False: it is none. */
static bool from_device_find_ip(Packet *p) {
  uint32_t at = 14;
  if (p->len < 14) return false;
  uint16_t type = be16(load16(p->data + 12));
  if (type == 0x8100 && p->len >= 18) type = be16(load16(p->data + 16)), at = 18;
  uint32_t left = p->len - at, header;
  const uint8_t *ip = p->data + at;
  if (type == 0x0800 && left >= 20 && *ip >> 4 == 4)
    header = (*ip & 15u) * 4;
  else if (type == 0x86dd && left >= 40 && *ip >> 4 == 6)
    header = 40;
  else
    return false;
  if (header < 20 || header > left) return false;
  packet_set_network(p, p->data + at, header);
  return true;
}

/* The less usual wishes. Returns how many packets are left for output 0. */
static unsigned from_device_inspect(FromDevice *f, Packet **p, unsigned n) {
  unsigned kept = 0;
  for (unsigned i = 0; i < n; i++) {
    Packet *q = p[i];
    if (f->protocol && (q->len < 14 || be16(load16(q->data + 12)) != f->protocol)) {
      packet_free(q);
      continue;
    }
    if (!f->timestamp) q->timestamp = 0;
    if (packet_headroom(q) < f->headroom && !packet_unshare(q, f->headroom, 0)) {
      packet_free(q);
      continue;
    }
    if (f->force_ip && !from_device_find_ip(q))
      output_push(&f->base, 1, q);
    else
      p[kept++] = q;
  }
  return kept;
}

static bool from_device_task(Element *e, Task *t) {
  FromDevice *f = (FromDevice *)e;
  NetDevice *d = f->device;
  Packet *p[BATCH_MAX];
  unsigned limit = batch_limit(e), want = (unsigned)f->burst > limit ? (unsigned)f->burst : limit, moved = 0;
  while (moved < want) {
    unsigned n = d->receive(d, p, want - moved < limit ? want - moved : limit);
    if (!n) break;
    moved += n;
    f->count += n;
    int64_t now = 0;
    for (unsigned i = 0; i < n; i++) {
      if (unlikely(p[i]->len > f->snaplen)) {
        set_anno_u32(p[i], ANNO_EXTRA_LENGTH, p[i]->len - f->snaplen);
        p[i]->len = f->snaplen;
      }
      if (f->timestamp && !p[i]->timestamp) p[i]->timestamp = now ? now : (now = time_now(e));
    }
    if (unlikely(f->inspect)) n = from_device_inspect(f, p, n);
    if (likely(n)) output_push_batch(e, 0, p, n);
  }
  if (moved) f->empty = 0;
  if (unlikely(!f->patience)) f->patience = port_patience(d, e);
  if (moved || ++f->empty < f->patience || port_sleep(d, e, true)) task_schedule(t);
  return moved > 0;
}

static void from_device_selected(Element *e, int fd, bool readable, bool writable) {
  FromDevice *f = (FromDevice *)e;
  (void)fd, (void)readable, (void)writable;
  port_awake(f->device, true);
  f->empty = 0;
  task_schedule(&f->task);
}

static int from_device_configure(Element *e, const Args *args, Errors *errs) {
  FromDevice *f = (FromDevice *)e;
  (void)args;
  if (f->snaplen < 14 || f->snaplen > 65535) return error(errs, "SNAPLEN out of range");
  if (f->headroom > 8190) return error(errs, "HEADROOM out of range");
  if (f->burst <= 0) return error(errs, "BURST out of range");
  bool pcap = !f->method || !strcmp(f->method, "PCAP"), filter = f->filter && *f->filter;
  if (!pcap && strcmp(f->method, "LINUX") != 0) return error(errs, "bad METHOD");
  if (filter && pcap)
    return error(errs, "BPF_FILTER is not supported: put an IPFilter or a Classifier behind FromDevice");
  if (filter) warning(errs, "not using METHOD PCAP, BPF filter ignored");
  if (f->encap && strcmp(f->encap, "ETHER") != 0) return error(errs, "bad encapsulation type");
  f->inspect = f->protocol || !f->timestamp || f->force_ip || f->headroom > PACKET_HEADROOM;
  return 0;
}

static int from_device_initialize(Element *e, Errors *errs) {
  FromDevice *f = (FromDevice *)e;
  NetDeviceOptions o = {
      .promiscuous = f->promisc, .sniffer = f->sniffer, .outbound = f->outbound, .snaplen = f->snaplen};
  if (!(f->device = netdevice_open(e, f->devname, &o, errs))) return -1;
  for (unsigned i = 0; i < e->index; i++) {
    Element *x = router_element(e->router, i);
    if (x->class == e->class && ((FromDevice *)x)->device == f->device)
      return error(errs, "duplicate reader for device '%s'", f->devname);
  }
  task_init(&f->task, e, true);
  return 0;
}

static void from_device_cleanup(Element *e) {
  FromDevice *f = (FromDevice *)e;
  if (f->device) {
    port_forget(f->device, e);
    netdevice_close(f->device);
  }
  mem_free(f->devname);
  mem_free(f->method);
  mem_free(f->filter);
  mem_free(f->encap);
}

static void from_device_take_state(Element *e, Element *old) {
  ((FromDevice *)e)->count = ((FromDevice *)old)->count;
}

static int from_device_drops(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_printf(out, "%llu", (unsigned long long)((FromDevice *)e)->device->rx_dropped);
  return 0;
}

static int from_device_encap(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)e, (void)h, (void)param, (void)errs;
  text_add_string(out, "ETHER");
  return 0;
}

static int from_device_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((FromDevice *)e)->count = 0;
  return 0;
}

ELEMENT(FromDevice, .ports = "0/1-2", .processing = "h", .flags = "S3", .phase = PHASE_PRIVILEGED,
        .run_task = from_device_task, .selected = from_device_selected, .configure = from_device_configure,
        .initialize = from_device_initialize, .cleanup = from_device_cleanup,
        .take_state = from_device_take_state,
        .args = ARGS(ARG_MUST(FromDevice, STRING, "DEVNAME", devname),
                     ARG_POS(FromDevice, BOOL, "PROMISC", promisc, "false"),
                     ARG_POS(FromDevice, U32, "SNAPLEN", snaplen, "2046"),
                     ARG(FromDevice, BOOL, "SNIFFER", sniffer, "true"),
                     ARG(FromDevice, BOOL, "FORCE_IP", force_ip, "false"),
                     ARG(FromDevice, WORD, "METHOD", method, NULL),
                     ARG(FromDevice, WORD, "CAPTURE", method, NULL, .flags = ARG_DEPRECATED),
                     ARG(FromDevice, STRING, "BPF_FILTER", filter, NULL),
                     ARG(FromDevice, U16, "PROTOCOL", protocol, "0"),
                     ARG(FromDevice, BOOL, "OUTBOUND", outbound, "false"),
                     ARG(FromDevice, U32, "HEADROOM", headroom, "28"),
                     ARG(FromDevice, WORD, "ENCAP", encap, NULL), ARG(FromDevice, I32, "BURST", burst, "1"),
                     ARG(FromDevice, BOOL, "TIMESTAMP", timestamp, "true")),
        .handlers = HANDLERS(READ_FIELD(FromDevice, U64, "count", count),
                             READ_FN("kernel_drops", from_device_drops),
                             READ_FN("kernel-drops", from_device_drops), READ_FN("encap", from_device_encap),
                             READ_FIELD(FromDevice, BOOL, "sniffer", sniffer),
                             READ_FIELD(FromDevice, STRING, "devname", devname),
                             WRITE_FN("reset_counts", from_device_reset,
                                      .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(FromDevice, task)));
