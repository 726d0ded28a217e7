/* net.c: virtio-net (virtio 1.2, 5.1) as NetDevice. Packets are not copied: receive buffers are packets of
 * the pool, whose frame the device puts at the default headroom with its header in front; sent packets carry
 * the header in their headroom. A received frame that is longer than a buffer comes in several and is joined
 * in memory of its own. Devices are polled; only an idle engine asks for interrupts. */
#include "guest.h"

enum {
  HEADER = sizeof(VirtioNetHeader),
  BURST = 64,
  QUEUE_MIN = 256,
  QUEUE_MAX = 1024,
  POSTED_MIN = 32,
  POSTED_FIRST = 16, /* few, so that a guest starts quickly and an idle one stays small */
  NICS = 16,
  POOL_STEP = 16
};
enum {
  TAILROOM = 64,
  FRAME_ROOM = PACKET_BUFFER - PACKET_HEADROOM - TAILROOM,
  /* Receive buffers that the device keeps whatever the router holds, so that no frame can block it */
  POSTED_LEAST = (NET_FRAME_MAX + HEADER + FRAME_ROOM + HEADER - 1) / (FRAME_ROOM + HEADER)
};

typedef struct Nic {
  NetDevice device;
  VirtioDevice *virtio;
  DriverQueue rx, tx;
  uint32_t posted; /* receive buffers the device is to have */
  uint32_t posted_max;
  bool want_rx, want_tx; /* an element waits */
  bool started, opened;
  bool mergeable;   /* a received frame may span several buffers */
  void *memory;     /* of both queues */
  uint32_t size;    /* of each, descriptors */
  NetDevice **list; /* the engine's open devices */
} Nic;

static Nic *nics[NICS];
static unsigned nic_count;

/* ---- Sent packets
 * ------------------------------------------------------------------------------------------------- */

static void reclaim(Nic *c) {
  void *sent[BURST];
  for (unsigned n; (n = driver_take(&c->tx, sent, NULL, BURST));) free_batch((Packet **)sent, n);
}

void net_reclaim(void) {
  for (unsigned i = 0; i < nic_count; i++)
    if (nics[i]->started) reclaim(nics[i]);
}

/* The header of a frame without offloads. Receivers of transmitted frames ignore num_buffers (5.1.6.2), and
 * devices leave a 1 there when they fill the buffer: a packet that is only forwarded keeps its header line as
 * it is. */
always_inline void put_header(uint8_t *h) {
  if (likely(load64(h) == 0 && (load32(h + 8) & ~(1u << 16)) == 0)) return;
  store64(h, 0);
  store32(h + 8, 0);
}

/* Room for the header in bytes that are this packet's alone. */
always_inline bool make_room(Packet *p) {
  if (likely(packet_is_unique(p) && packet_headroom(p) >= HEADER)) return true;
  return packet_unshare(p, packet_headroom(p) >= HEADER ? PACKET_HEADROOM : HEADER + PACKET_HEADROOM, 0);
}

static unsigned nic_send(NetDevice *d, Packet **p, unsigned n) {
  Nic *c = container_of(d, Nic, device);
  if (unlikely(!c->started)) { /* no link: as a cable that is not plugged in */
    d->tx_dropped += n;
    free_batch(p, n);
    return n;
  }
  if (driver_has_used(&c->tx)) reclaim(c);
  unsigned room = driver_free(&c->tx), dropped = 0;
  uint64_t bytes = 0;
  if (n > room) n = room;
  DriverQueue q = c->tx;
  for (unsigned i = 0; i < n; i++) {
    Packet *x = p[i];
    if (unlikely(!make_room(x))) {
      dropped++;
      packet_free(x);
      continue;
    }
    uint8_t *h = x->data - HEADER;
    put_header(h);
    bytes += x->len;
    driver_add(&q, h, x->len + HEADER, x);
  }
  driver_show(&q);
  c->tx = q;
  d->tx_packets += n - dropped;
  d->tx_bytes += bytes;
  d->tx_dropped += dropped;
  if (n && driver_must_notify(&c->tx)) virtio_notify(c->virtio, VIRTIO_NET_TX);
  if (unlikely(!guest_boot.report.tsc_first_packet && n)) {
    guest_boot.report.tsc_first_packet = cpu_tsc();
    if (monitored()) doorbell_state(GUEST_FIRST_PACKET);
  }
  return n;
}

/* ---- Received packets
 * --------------------------------------------------------------------------------------------- */

/* A buffer for a frame to come. The pool grows in small steps here: every page it touches for the first time
 * delays the start, and most guests do not need more. */
static Packet *buffer_alloc(void) {
  if (unlikely(!packet_pool->count) && !packet_pool_grow(packet_pool, POOL_STEP)) {
    net_reclaim();
    if (!packet_pool->count) return NULL;
  }
  return packet_alloc_raw();
}

static void post(Nic *c) {
  unsigned have = driver_outstanding(&c->rx);
  if (have >= c->posted) return;
  unsigned want = c->posted - have;
  if (want > BURST) want = BURST;
  DriverQueue q = c->rx;
  for (unsigned i = 0; i < want; i++) {
    Packet *p = buffer_alloc();
    if (unlikely(!p)) break;
    driver_add(&q, p->buffer + PACKET_HEADROOM - HEADER, FRAME_ROOM + HEADER, p);
  }
  driver_show(&q);
  c->rx = q;
  if (c->started && driver_must_notify(&c->rx)) virtio_notify(c->virtio, VIRTIO_NET_RX);
}

always_inline uint8_t type_of(const NetDevice *d, const uint8_t *frame) {
  if (likely(!(frame[0] & 1)))
    return load32(frame) == load32(d->mac) && load16(frame + 4) == load16(d->mac + 4) ? PACKET_HOST
                                                                                      : PACKET_OTHERHOST;
  return load32(frame) == UINT32_MAX && load16(frame + 4) == UINT16_MAX ? PACKET_BROADCAST : PACKET_MULTICAST;
}

/* Bytes that long frames leave free, for the router's tables and its control; 0: not known yet. */
static uint64_t left_free;

/* The frame in the first of n used buffers, which has no byte of it, or is full. A full one may go on in
 * others, as many as num_buffers says (5.1.6.4.1: a device uses all but the last completely); those of the n
 * become NULL. Where the burst ends early, the rest is taken from the queue: a device shows all of a frame's
 * buffers together. NULL: the frame is not `wanted`, or it is lost and counted. */
__attribute__((cold, noinline)) static Packet *odd_frame(Nic *c, Packet **p, uint32_t *lengths, unsigned n,
                                                         bool wanted) {
  Packet *first = p[0], *more[BURST], *whole = NULL;
  uint32_t more_lengths[BURST];
  if (!first) return NULL;
  bool full = lengths[0] == FRAME_ROOM + HEADER;
  unsigned count = full && c->mergeable ? load16(first->buffer + PACKET_HEADROOM - 2) : 1;
  if (count < 2) count = 1;
  unsigned here = count < n ? count : n, rest = count - here;
  if (rest) rest = rest <= BURST ? driver_take(&c->rx, (void **)more, more_lengths, rest) : 0;
  if (here + rest < count) {
    if (!c->rx.broken) c->rx.broken = "a frame spans more buffers than the device used";
  } else if (full && wanted) {
    uint32_t total = 0;
    for (unsigned i = 0; i < count; i++) total += i < here ? lengths[i] : more_lengths[i - here];
    total -= HEADER;
    if (!left_free) left_free = pages_free() / 2;
    if (count == 1)
      packet_begin(whole = first, &(PacketStart){{0}});
    else if (pages_free() >= left_free + total)
      whole = packet_make(PACKET_HEADROOM, NULL, 0, total + TAILROOM);
  }
  for (unsigned i = 0; i < here + rest; i++) {
    Packet *x = i < here ? p[i] : more[i - here];
    uint32_t len = i < here ? lengths[i] : more_lengths[i - here], skip = i ? 0 : HEADER;
    if (whole && whole != x)
      memcpy(packet_end(whole), x->buffer + PACKET_HEADROOM - HEADER + skip, len - skip);
    if (whole) whole->len += len - skip;
    if (whole != x) packet_free(x);
    if (i && i < here) p[i] = NULL, lengths[i] = 0;
  }
  if (whole) {
    whole->mac = whole->data;
    whole->type = type_of(&c->device, whole->data);
  } else {
    c->device.rx_dropped++;
  }
  return whole;
}

static void restart(Nic *c);

static unsigned nic_receive(NetDevice *d, Packet **p, unsigned max) {
  Nic *c = container_of(d, Nic, device);
  if (unlikely(!c->started)) return 0;
  if (!driver_has_used(&c->rx)) {
    if (driver_has_used(&c->tx)) reclaim(c);
    post(c);
    if (unlikely(virtio_lost(c->virtio) || c->rx.broken || c->tx.broken)) restart(c);
    return 0;
  }
  uint32_t lengths[BURST];
  if (max > BURST) max = BURST;
  unsigned n = driver_take(&c->rx, (void **)p, lengths, max), kept = 0;
  for (unsigned i = 0; i < n; i++) {
    __builtin_prefetch(p[i]->buffer + PACKET_HEADROOM);
    __builtin_prefetch(p[i], 1);
  }
  /* Few buffers keep an idle guest small, but hold a busy sender to small bursts, which cost both sides more:
   * as packets come, more are posted. */
  if (unlikely(c->posted < c->posted_max) && d->rx_packets >= 4 * (uint64_t)c->posted)
    c->posted = 2 * c->posted < c->posted_max ? 2 * c->posted : c->posted_max;
  post(c);
  /* The pool is empty: the router holds every packet. What came is dropped and its buffers go back to the
   * device, so that the port lives on and the other side is not blocked. */
  uint32_t least = c->posted >= POSTED_MIN ? POSTED_MIN / 2 : POSTED_LEAST;
  if (unlikely(driver_outstanding(&c->rx) < least)) {
    for (unsigned i = 0; i < n; i++) odd_frame(c, p + i, lengths + i, n - i, false);
    post(c);
    return 0;
  }
  PacketStart start = packet_start(0, 0);
  uint64_t bytes = 0;
  for (unsigned i = 0; i < n; i++) {
    Packet *x = p[i];
    uint32_t len = lengths[i] - HEADER;
    if (unlikely(len - 1 >= FRAME_ROOM - 1)) {
      if ((x = odd_frame(c, p + i, lengths + i, n - i, true))) bytes += x->len, p[kept++] = x;
      continue;
    }
    uint8_t *data = x->buffer + PACKET_HEADROOM;
    packet_begin(x, &start);
    x->mac = data;
    x->len = len;
    x->type = type_of(d, data);
    bytes += len;
    p[kept++] = x;
  }
  d->rx_bytes += bytes;
  d->rx_packets += kept;
  return kept;
}

/* ---- Waiting
 * ------------------------------------------------------------------------------------------------------ */

static bool nic_arm(NetDevice *d, bool receive, bool on) {
  Nic *c = container_of(d, Nic, device);
  if (receive)
    c->want_rx = on;
  else
    c->want_tx = on;
  if (!on || !c->started) return false;
  return receive ? driver_has_used(&c->rx) : driver_free(&c->tx) || driver_has_used(&c->tx);
}

static bool has_something(Nic *c) {
  if (unlikely(virtio_lost(c->virtio) || c->rx.broken || c->tx.broken)) restart(c);
  if (!c->started) return false;
  return (c->want_rx && driver_has_used(&c->rx)) ||
         (c->want_tx && (driver_free(&c->tx) || driver_has_used(&c->tx)));
}

bool net_deliver(Engine *e) {
  (void)e;
  bool any = false;
  for (unsigned i = 0; i < nic_count; i++) {
    Nic *c = nics[i];
    if (!c->opened) continue;
    if (c->started)
      post(c); /* what could not be posted while the pool was empty: nobody else would try again */
    if (!has_something(c)) continue;
    any = true;
    if (c->device.ready) c->device.ready(&c->device);
  }
  return any;
}

bool net_arm(Engine *e, bool on) {
  (void)e;
  bool any = false;
  for (unsigned i = 0; i < nic_count; i++) {
    Nic *c = nics[i];
    if (!c->started) continue;
    if (c->want_rx || !on) any |= driver_arm(&c->rx, on);
    if (c->want_tx || !on) driver_arm(&c->tx, on);
    if (on) any |= has_something(c);
  }
  return any;
}

NetDevice *net_device(unsigned n) { return n < nic_count ? &nics[n]->device : NULL; }

uint64_t net_activity(void) {
  uint64_t n = 0;
  for (unsigned i = 0; i < nic_count; i++) n += nics[i]->device.rx_packets + nics[i]->device.tx_packets;
  return n;
}

static bool nic_carrier(NetDevice *d) {
  Nic *c = container_of(d, Nic, device);
  return c->started && virtio_link(c->virtio);
}

/* ---- Starting
 * ----------------------------------------------------------------------------------------------------- */

static bool start(Nic *c) {
  VirtioDevice *v = c->virtio;
  virtio_refresh(v);
  memcpy(c->device.mac, v->mac, 6); /* a clone of a snapshot has addresses of its own */
  /* Not VIRTIO_NET_F_MTU: who accepts that must send nothing longer (5.1.4.2), but a router sends what its
   * configuration says. */
  uint64_t features = v->offered & (DRIVER_FEATURES | VIRTIO_NET_F_MAC), running = 0;
  if (c->memory) {
    memset(c->memory, 0, 2 * driver_queue_bytes(c->size));
  } else if (!(c->memory = virtio_prepared(v, &c->size, &running))) {
    for (c->size = QUEUE_MIN; c->size < QUEUE_MAX && 2 * c->size <= c->posted_max;)
      c->size *= 2; /* more where the pool can fill it */
    while (c->size > v->queue_limit) c->size /= 2;
    if (!(c->memory = platform_alloc_pages(2 * driver_queue_bytes(c->size)))) return false;
  }
  if (running) features = running;
  c->mergeable = features & VIRTIO_NET_F_MRG_RXBUF;
  driver_queue_init(&c->rx, c->memory, c->size, features, true);
  driver_queue_init(&c->tx, (uint8_t *)c->memory + driver_queue_bytes(c->size), c->size, features, false);
  if (c->posted_max > c->size) c->posted_max = c->size;
  c->posted = c->posted_max < POSTED_FIRST ? c->posted_max : POSTED_FIRST;
  c->started = running;
  post(c); /* the device finds the first buffers when it starts */
  if (running) return true;
  DriverQueue *queues[] = {&c->rx, &c->tx};
  const char *refused = virtio_start(v, features, queues, 2);
  if (refused) {
    console_printf("network device %u cannot be used: %s\n", (unsigned)(c->virtio - virtio_devices), refused);
    return false;
  }
  c->started = true;
  return true;
}

static void restart(Nic *c) {
  if (c->rx.broken || c->tx.broken) {
    console_printf("network device %s starts anew: %s\n", c->device.spec,
                   c->rx.broken ? c->rx.broken : c->tx.broken);
    virtio_stop(c->virtio);
  }
  c->started = false;
  for (Packet *p; (p = driver_reclaim(&c->rx)) || (p = driver_reclaim(&c->tx));) packet_free(p);
  start(c);
}

void net_init(uint32_t pool_packets) {
  static const char *const names[NICS] = {"0", "1", "2",  "3",  "4",  "5",  "6",  "7",
                                          "8", "9", "10", "11", "12", "13", "14", "15"};
  unsigned count = 0;
  for (unsigned i = 0; i < virtio_device_count; i++) count += virtio_devices[i].type == VIRTIO_ID_NET;
  for (unsigned i = 0; i < virtio_device_count && nic_count < NICS; i++) {
    if (virtio_devices[i].type != VIRTIO_ID_NET) continue;
    Nic *c = platform_alloc(sizeof *c);
    if (!c) platform_panic("out of memory for network devices");
    memset(c, 0, sizeof *c);
    c->virtio = &virtio_devices[i];
    c->posted_max =
        pool_packets / 4 / count; /* the devices together hold at most a quarter of the pool ... */
    if (c->posted_max < POSTED_LEAST) c->posted_max = POSTED_LEAST; /* ... unless it is tiny */
    c->device = (NetDevice){.spec = names[nic_count],
                            .mtu = c->virtio->mtu,
                            .receive = nic_receive,
                            .send = nic_send,
                            .arm = nic_arm,
                            .carrier = nic_carrier,
                            .fd = -1};
    memcpy(c->device.mac, c->virtio->mac, 6);
    nics[nic_count++] = c;
  }
}

/* "0", "eth0": the first. */
static Nic *nic_named(const char *spec) {
  uint64_t n;
  if (!strncmp(spec, "eth", 3)) spec += 3;
  return parse_u64(spec, &n) && n < nic_count ? nics[n] : NULL;
}

NetDevice *netdevice_open(Element *e, const char *spec, const NetDeviceOptions *options, Errors *errs) {
  (void)options;
  Nic *c = nic_named(spec);
  if (!c) {
    error(errs, "no network device '%s': this guest has %u, named 0 (or eth0) and so on", spec, nic_count);
    return NULL;
  }
  left_free = 0; /* another router: look anew */
  if (!c->device.references++) {
    NetDevice **list = engine_devices(element_engine(e));
    c->device.next = *list;
    *list = &c->device;
    c->list = list;
    c->opened = true;
    if (!c->started)
      start(c);
    else
      post(c);
  }
  return &c->device;
}

void netdevice_close(NetDevice *d) {
  if (!d || --d->references) return;
  Nic *c = container_of(d, Nic, device);
  NetDevice **at = c->list;
  while (*at && *at != d) at = &(*at)->next;
  if (*at) *at = d->next;
  d->receiver = d->sender = NULL;
  d->ready = NULL;
  c->want_rx = c->want_tx = c->opened = false; /* its buffers stay with the device; frames wait there */
}

/* AddressInfo's "eth0:eth" and "0:eth". */
bool platform_lookup_name(int kind, const char *name, void *value, size_t size) {
  char device[16];
  const char *colon = strchr(name, ':');
  size_t n = colon ? (size_t)(colon - name) : strlen(name);
  if (kind != NAME_ETHER || size != 6 || n >= sizeof device || (colon && strcmp(colon, ":eth"))) return false;
  memcpy(device, name, n);
  device[n] = 0;
  Nic *c = nic_named(device);
  if (c) memcpy(value, c->device.mac, 6);
  return c != NULL;
}
