/* guest_net.c: the guest's network driver (guest/net.c) against the device side of virtqueues: frames of all
 * lengths arrive byte for byte in every ring layout, also where they span buffers, bursts are cut and the
 * router holds packets; then devices that lie about what a frame spans. No packet is ever lost or used twice.
 * Run it under the sanitizers. Prints SUCCESS. */
#define netdevice_open guest_netdevice_open
#define netdevice_close guest_netdevice_close
#define platform_lookup_name guest_lookup_name
#include "../core/router.h"
#include "../guest/net.c"
#include "../virtio/driver.c"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <virtio/device.h>

#define CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #x), abort()))

enum { POOL = 600, FRAMES = 4000, LONGEST = NET_FRAME_MAX };

static uint32_t rnd(uint32_t n) { /* below n */
  static uint64_t x = 88172645463325252u;
  x ^= x << 13, x ^= x >> 7, x ^= x << 17;
  return n ? (uint32_t)(x >> 20) % n : 0;
}

/* ---- The guest around the driver ---- */

GuestBoot guest_boot;
const GuestImage guest_image;
VirtioDevice virtio_devices[GUEST_DEVICES];
unsigned virtio_device_count = 1;
static uint64_t offered, memory_left;
static unsigned starts;
static const char *said;
static bool lost;
static MemoryMap everything = {.count = 1,
                               .regions = {{.guest = 0, .user = 0, .size = UINT64_C(1) << 47, .host = NULL}}};
static DeviceQueue *rx, *tx; /* as the driver names them */

uint64_t pages_free(void) { return memory_left; }
void doorbell_state(uint32_t state) { (void)state; }
void virtio_refresh(VirtioDevice *d) { d->offered = offered, lost = false; }
bool virtio_lost(VirtioDevice *d) { return (void)d, lost; }
bool virtio_link(const VirtioDevice *d) { return (void)d, true; }
void virtio_notify(const VirtioDevice *d, unsigned queue) { (void)d, (void)queue; }
void virtio_stop(VirtioDevice *d) { (void)d; }
void *virtio_prepared(const VirtioDevice *d, uint32_t *size, uint64_t *features) {
  return (void)d, (void)size, (void)features, NULL;
}
void console_printf(const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  va_arg(ap, const char *);
  said = va_arg(ap, const char *);
  va_end(ap);
}
const char *virtio_start(VirtioDevice *d, uint64_t features, DriverQueue *const *queues, unsigned n) {
  (void)d;
  CHECK(n == 2 && !(features & ~offered));
  starts++;
  for (unsigned i = 0; i < n; i++) {
    DeviceQueueConfig c = {.features = features,
                           .size = queues[i]->size,
                           .desc = (uint64_t)queues[i]->desc,
                           .driver = (uint64_t)queues[i]->avail,
                           .device = (uint64_t)queues[i]->used,
                           .base = device_queue_fresh(features),
                           .call = -1};
    CHECK(!device_queue_start(i ? tx : rx, &everything, &c));
  }
  return NULL;
}

/* ---- Frames ---- */

/* Frame number `serial`: says so itself, so that it is known behind lost ones. */
static void fill(uint8_t *frame, uint32_t serial, uint32_t len) {
  for (uint32_t i = 0; i < len; i++) frame[i] = (uint8_t)(serial * 31 + i * 7 + (i >> 8));
  store32(frame + 6, serial);
}

static uint32_t any_length(void) {
  static const uint32_t edges[] = {
      FRAME_ROOM - 1, FRAME_ROOM, FRAME_ROOM + 1, 2 * FRAME_ROOM + HEADER, 2 * FRAME_ROOM + HEADER + 1,
      8996,           9212,       LONGEST};
  switch (rnd(4)) {
  case 0:
    return edges[rnd(countof(edges))];
  case 1:
    return 14 + rnd(LONGEST - 13);
  default:
    return 14 + rnd(200);
  }
}

static bool is_frame(const uint8_t *data, uint32_t serial, uint32_t len) {
  static uint8_t right[LONGEST];
  fill(right, serial, len);
  return !memcmp(data, right, len);
}

typedef struct Guest {
  Engine *engine;
  Router router;
  Element element;
  Nic *nic;
} Guest;

static void guest_start(Guest *g, uint64_t features, uint32_t pool) {
  Errors errs = {0};
  EngineOptions options = {.pool_packets = pool};
  *g = (Guest){.engine = engine_new(&options)};
  g->router.engine = g->engine;
  g->element.router = &g->router;
  packet_pool = &g->engine->pool;
  offered = features;
  memory_left = 64 << 20;
  starts = 0, said = NULL;
  rx = calloc(1, sizeof *rx), tx = calloc(1, sizeof *tx);
  virtio_devices[0] = (VirtioDevice){.type = VIRTIO_ID_NET, .queue_limit = 1024, .offered = features};
  nic_count = 0;
  net_init(pool);
  CHECK(guest_netdevice_open(&g->element, "eth0", NULL, &errs) == &nics[0]->device);
  g->nic = nics[0];
  CHECK(starts == 1);
}

/* All packets are in the pool or with the device, each once. */
static void guest_end(Guest *g) {
  PacketPool *pool = packet_pool;
  Nic *c = g->nic;
  CHECK(pool->count + driver_outstanding(&c->rx) + driver_outstanding(&c->tx) == pool->total);
  for (Packet *p; (p = driver_reclaim(&c->rx)) || (p = driver_reclaim(&c->tx));) packet_free(p);
  CHECK(pool->count == pool->total);
  for (unsigned i = 0; i < pool->count; i++) {
    Packet *p = pool->free[i];
    CHECK(p->refs == 1 && !p->external && p->store == p && p->head == p->buffer);
    p->refs = 0; /* seen */
  }
  guest_netdevice_close(&c->device);
  platform_free_pages(c->memory, 2 * driver_queue_bytes(c->size));
  platform_free(c);
  packet_pool = NULL;
  engine_free(g->engine);
  free(rx), free(tx);
}

/* An honest device; what arrives is sent back. At times there is no memory for long frames. */
static void test_frames(uint64_t features) {
  Guest guest;
  guest_start(&guest, features, POOL);
  NetDevice *d = &guest.nic->device;
  bool mergeable = features & VIRTIO_NET_F_MRG_RXBUF;
  static uint32_t lengths[FRAMES];
  static uint8_t frame[LONGEST];
  uint32_t serial = 0, next = 0, next_back = 0;
  uint64_t refused = 0, back = 0, long_ones = 0;
  while (serial < FRAMES) {
    for (unsigned n = rnd(80); n && serial < FRAMES; n--) {
      uint32_t len = lengths[serial] = any_length();
      uint64_t before = refused;
      fill(frame, serial, len);
      if (!device_send(rx, &(DeviceBuffer){frame, len}, 1, &refused)) break;
      CHECK(refused - before == (!mergeable && len > FRAME_ROOM));
      serial++;
    }
    CHECK(!rx->error);
    for (unsigned turn = rnd(4); turn; turn--) {
      Packet *p[BURST];
      bool poor = rnd(10) == 0;
      uint64_t dropped = d->rx_dropped;
      memory_left = poor ? 0 : 64 << 20;
      unsigned got = nic_receive(d, p, 1 + rnd(BURST)), sent = 0;
      CHECK(poor || d->rx_dropped == dropped);
      for (unsigned i = 0; i < got; i++) {
        uint32_t s = load32(p[i]->data + 6);
        CHECK(s >= next && s < serial && p[i]->len == lengths[s] && is_frame(p[i]->data, s, lengths[s]));
        CHECK(p[i]->mac == p[i]->data && packet_headroom(p[i]) >= PACKET_HEADROOM);
        CHECK(p[i]->type == (*p[i]->data & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST));
        CHECK(!poor || lengths[s] <= FRAME_ROOM);
        long_ones += lengths[s] > FRAME_ROOM;
        next = s + 1;
      }
      while (sent < got) {
        DeviceFrame f[DEVICE_BURST];
        sent += nic_send(d, p + sent, got - sent);
        unsigned n = device_receive(tx, f, DEVICE_BURST);
        CHECK(n && !tx->error);
        for (unsigned i = 0; i < n; i++, back++) {
          uint32_t s = load32(f[i].data + 6);
          CHECK(s >= next_back && !f[i].more && f[i].total == lengths[s] &&
                is_frame(f[i].data, s, lengths[s]));
          next_back = s + 1;
        }
        device_receive_done(tx);
      }
    }
  }
  Packet *p[BURST];
  for (unsigned n; (n = nic_receive(d, p, BURST)) || driver_has_used(&guest.nic->rx);) {
    free_batch(p, n);
    back += n;
  }
  CHECK(d->rx_packets + d->rx_dropped + refused == FRAMES && back == d->rx_packets && starts == 1 && !said);
  CHECK(mergeable ? long_ones > FRAMES / 10 && d->rx_dropped > 10 : !long_ones && refused > FRAMES / 10);
  net_reclaim();
  guest_end(&guest);
}

/* The router keeps what it gets: frames are lost, counted each once, and the port goes on when there is room
 * again. */
static void test_hold(uint64_t features, uint32_t pool) {
  Guest guest;
  guest_start(&guest, features, pool);
  NetDevice *d = &guest.nic->device;
  static uint8_t frame[LONGEST];
  static Packet *held[POOL];
  for (unsigned round = 0; round < 3; round++) {
    unsigned n = 0, stuck = 0;
    uint64_t sent = 0, refused = 0, before = d->rx_packets + d->rx_dropped;
    for (unsigned i = 0; i < 3000 && stuck < 5; i++) {
      uint32_t len = any_length();
      Packet *p[BURST];
      fill(frame, (uint32_t)sent, len);
      if (device_send(rx, &(DeviceBuffer){frame, len}, 1, &refused))
        sent++, stuck = 0;
      else
        stuck++; /* room comes with the next turn, whatever is held */
      unsigned got = nic_receive(d, p, 1 + rnd(BURST));
      for (unsigned k = 0; k < got; k++) held[n++] = p[k];
    }
    CHECK(stuck == 0 && sent > 2000);
    Packet *p[BURST];
    for (unsigned got, k; (got = nic_receive(d, p, BURST)) || driver_has_used(&guest.nic->rx);)
      for (k = 0; k < got; k++) held[n++] = p[k];
    CHECK(d->rx_packets + d->rx_dropped == before + sent - refused && n < pool);
    while (n) packet_free(held[--n]);
  }
  CHECK(d->rx_dropped > 100 && starts == 1 && !said);
  guest_end(&guest);
}

/* What the device says of the buffers that wait to be taken. */
static void lie(Nic *c) {
  static const uint16_t spans[] = {0, 1, 2, 3, 7, 16, 63, 64, 65, 255, 1024, 32768, 65535};
  DriverQueue *q = &c->rx;
  for (uint32_t k = 0; k < driver_outstanding(q); k++) {
    uint32_t place = q->used_place + k, at = q->packed ? place % q->size : (q->taken + k) & q->mask;
    if (q->packed ? !packed_is_used(q->packed_desc[at].flags, q->used_wrap ^ (place >= q->size))
                  : (uint16_t)(q->taken + k) == q->used->idx)
      break;
    if (rnd(3)) continue;
    uint32_t id = q->packed ? q->packed_desc[at].id : q->used->ring[at].id;
    if (id >= q->size || !q->tokens[id]) continue;
    uint32_t len = rnd(4) ? FRAME_ROOM + HEADER : rnd(3) ? rnd(3000) : UINT32_MAX - rnd(20);
    if (q->packed)
      q->packed_desc[at].len = len;
    else
      q->used->ring[at].len = len;
    store16(((Packet *)q->tokens[id])->buffer + PACKET_HEADROOM - 2, spans[rnd(countof(spans))]);
  }
}

static void test_lies(uint64_t features) {
  Guest guest;
  guest_start(&guest, features, POOL);
  NetDevice *d = &guest.nic->device;
  static const uint8_t frame[LONGEST];
  Packet *held[POOL];
  unsigned n = 0;
  for (unsigned round = 0; round < 3000; round++) {
    for (unsigned i = rnd(40); i; i--) {
      if (!device_send(rx, &(DeviceBuffer){frame, any_length()}, 1, NULL)) break;
    }
    if (rnd(2)) lie(guest.nic);
    if (rnd(50) == 0) lost = true;
    Packet *p[BURST];
    memory_left = rnd(10) ? 64 << 20 : 0;
    unsigned got = nic_receive(d, p, 1 + rnd(BURST));
    for (unsigned i = 0; i < got; i++) {
      CHECK(p[i]->len && p[i]->len <= BURST * (FRAME_ROOM + HEADER) && packet_is_unique(p[i]));
      held[n++] = p[i];
    }
    while (n > POOL / 2 || (n && rnd(2))) packet_free(held[--n]);
  }
  CHECK(features & VIRTIO_NET_F_MRG_RXBUF ? starts > 100 && said : starts > 5);
  while (n) packet_free(held[--n]);
  net_deliver(guest.engine);
  guest_end(&guest);
}

int main(void) {
  static const uint64_t layouts[] = {0, VIRTIO_F_IN_ORDER, VIRTIO_F_RING_PACKED,
                                     VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER};
  for (unsigned l = 0; l < countof(layouts); l++)
    for (unsigned m = 0; m < 2; m++) {
      uint64_t features = layouts[l] | VIRTIO_F_VERSION_1 | (m ? VIRTIO_NET_F_MRG_RXBUF : 0);
      test_frames(features);
      test_hold(features, POOL);
      test_hold(features, 20); /* six with the device */
      test_lies(features);
    }
  printf("SUCCESS\n");
  return 0;
}
