/* virtio_rings.c: the device side of virtqueues against a model of a driver: every layout, chains of every
 * shape, odd batches, wrap-around; then drivers that lie. Run it under the sanitizers. Prints SUCCESS. */
#include "virtio_model.h"
#include <sys/eventfd.h>
#include <unistd.h>

enum { BYTES = 1 << 20, SLOTS = 192, SLOT = 5120 }; /* each frame has a slot of memory behind the areas */

static uint8_t pattern(uint32_t token, uint32_t i) { return (uint8_t)(token * 31 + i * 7 + (i >> 8)); }

static MemoryMap map_of(uint8_t *memory) {
  uint32_t decoy = rnd(2); /* the usual buffers are in the largest region, wherever that is in the table */
  MemoryMap map = {.count = 2, .largest = rnd(4) ? !decoy : decoy};
  map.regions[decoy] = (MemoryRegion){.guest = 0x1000, .user = 0x1000, .size = 64, .host = memory};
  map.regions[!decoy] =
      (MemoryRegion){.guest = MODEL_GUEST, .user = MODEL_GUEST, .size = BYTES, .host = memory};
  return map;
}

/* Cuts `len` bytes at `addr` into up to max pieces. */
static uint32_t cut(Piece *p, uint64_t addr, uint32_t len, uint32_t max) {
  uint32_t n = 0;
  while (n + 1 < max && len > 1 && rnd(2)) {
    uint32_t k = 1 + rnd(len - 1);
    p[n++] = (Piece){addr, k};
    addr += k;
    len -= k;
  }
  p[n++] = (Piece){addr, len};
  return n;
}

static uint32_t odd_length(void) { return rnd(4) ? 14 + rnd(120) : 14 + rnd(4000); }

static void test_receive(uint8_t *memory, uint32_t size, uint64_t features) {
  Model m;
  DeviceQueue *q = calloc(1, sizeof *q);
  DeviceQueueConfig c;
  MemoryMap map = map_of(memory);
  model_init(&m, memory, BYTES, size, features);
  model_config(&m, &c);
  CHECK(!device_queue_start(q, &map, &c));
  uint32_t header = virtio_net_header_bytes(features), sent = 0, seen = 0, back = 0, lengths[SLOTS];
  uint8_t *copy = malloc(SLOT);
  while (back < 3000) {
    for (uint32_t k = rnd(80); k && sent - back < SLOTS; k--) {
      uint32_t slot = sent % SLOTS, len = odd_length();
      uint64_t addr = MODEL_GUEST + m.heap + (uint64_t)slot * SLOT + rnd(64);
      Piece p[6];
      uint32_t n = cut(p, addr, header + len, rnd(3) ? 1 : 6);
      if (!model_post(&m, p, n, false, sent)) break;
      uint8_t *frame = model_at(&m, addr + header);
      for (uint32_t i = 0; i < len; i++) frame[i] = pattern(sent, i);
      lengths[slot] = len;
      sent++;
    }
    DeviceFrame frames[DEVICE_BURST];
    unsigned n = device_receive(q, frames, 1 + rnd(DEVICE_BURST));
    CHECK(!q->error);
    for (unsigned i = 0; i < n; i++, seen++) {
      CHECK(frames[i].total == lengths[seen % SLOTS]);
      uint8_t *exact = malloc(frames[i].total); /* so that a byte too many is seen */
      device_frame_copy(q, &frames[i], exact);
      for (uint32_t k = 0; k < frames[i].total; k++) CHECK(exact[k] == pattern(seen, k));
      free(exact);
    }
    if (rnd(20) == 0) { /* stopped in the middle of a burst: all of it comes again */
      uint32_t base = device_queue_stop(q);
      seen -= n;
      c.base = features & VIRTIO_F_RING_PACKED && rnd(2) ? base & 0xffff : base; /* DPDK tells half of it */
      CHECK(!device_queue_start(q, &map, &c));
      continue;
    }
    device_receive_done(q);
    uint32_t token, len;
    while (model_take(&m, &token, &len)) CHECK(token == back++);
    CHECK(back == seen);
  }
  free(copy);
  free(q);
  model_free(&m);
}

static void test_send(uint8_t *memory, uint32_t size, uint64_t features) {
  Model m;
  DeviceQueue *q = calloc(1, sizeof *q);
  DeviceQueueConfig c;
  MemoryMap map = map_of(memory);
  model_init(&m, memory, BYTES, size, features);
  model_config(&m, &c);
  CHECK(!device_queue_start(q, &map, &c));
  bool mergeable = features & VIRTIO_NET_F_MRG_RXBUF;
  uint32_t header = virtio_net_header_bytes(features), posted = 0, taken = 0, sent = 0, checked = 0;
  uint32_t rooms[SLOTS], lengths[4096];
  uint8_t *got = malloc(16384);
  uint32_t have = 0, need = 0;
  while (checked < 2000) {
    for (uint32_t k = rnd(80); k && posted - taken < SLOTS; k--) {
      uint32_t slot = posted % SLOTS, room = mergeable ? header + 60 + rnd(1500) : header + 1600;
      Piece p[4];
      uint64_t at = MODEL_GUEST + m.heap + (uint64_t)slot * SLOT + rnd(64);
      uint32_t n = cut(p, at, room, rnd(3) ? 1 : 4);
      if (!model_post(&m, p, n, true, posted)) break;
      memset(model_at(&m, at), 0xee, room);
      rooms[slot] = room;
      (void)rooms;
      m.chains[(m.first + m.count - 1) % m.size].token =
          (uint32_t)(at - MODEL_GUEST); /* token: where it is */
      posted++;
    }
    DeviceBuffer b[100];
    unsigned n = rnd(100);
    for (unsigned i = 0; i < n; i++) {
      uint32_t len = rnd(4) ? 14 + rnd(120) : 14 + rnd(1586);
      uint8_t *frame = malloc(len);
      for (uint32_t k = 0; k < len; k++) frame[k] = pattern(sent + i, k);
      b[i] = (DeviceBuffer){frame, len};
      lengths[(sent + i) % 4096] = len;
    }
    uint64_t dropped = 0;
    unsigned did = device_send(q, b, n, &dropped);
    for (unsigned i = 0; i < n; i++) free((void *)b[i].data);
    CHECK(!q->error);
    CHECK(did <= n);
    sent += did;
    if (dropped) { /* only a queue too small for the frame may drop */
      CHECK(mergeable && size < 64);
      break;
    }
    uint32_t at, len;
    while (model_take(&m, &at, &len)) {
      uint8_t *bytes = memory + at;
      taken++;
      if (!need) {
        CHECK(len >= header);
        for (uint32_t i = 0; i < 10; i++) CHECK(bytes[i] == 0);
        need = header == 12 ? load16(bytes + 10) : 1;
        CHECK(need >= 1 && (mergeable || need == 1));
        have = 0;
        bytes += header;
        len -= header;
      }
      CHECK(have + len <= 16384);
      memcpy(got + have, bytes, len);
      have += len;
      if (--need) continue;
      CHECK(have == lengths[checked % 4096]);
      for (uint32_t k = 0; k < have; k++) CHECK(got[k] == pattern(checked, k));
      checked++;
    }
    CHECK(checked == sent && !need);
  }
  free(got);
  free(q);
  model_free(&m);
}

/* Frames of up to NET_FRAME_MAX bytes over buffers as a guest's: all but the last are used completely
 * (5.1.6.4.1), and shown together; with too few buffers a frame waits, but not a longer one. */
static void test_long(uint8_t *memory, uint64_t features) {
  enum { ROOM = 1740, BUFFERS = 40 };
  Model m;
  DeviceQueue *q = calloc(1, sizeof *q);
  DeviceQueueConfig c;
  MemoryMap map = map_of(memory);
  static uint8_t frame[NET_FRAME_MAX + 1], got[NET_FRAME_MAX + ROOM];
  uint32_t slot = 0, waited = 0, refused = 0, header = virtio_net_header_bytes(features);
  model_init(&m, memory, BYTES, 64, features);
  model_config(&m, &c);
  CHECK(!device_queue_start(q, &map, &c));
  for (uint32_t serial = 0; serial < 2000; serial++) {
    static const uint32_t edges[] = {ROOM - 12, ROOM - 11, 2 * ROOM - 12, NET_FRAME_MAX, NET_FRAME_MAX + 1};
    uint32_t len = rnd(2) ? edges[rnd(5)] : 14 + rnd(9000),
             posted = m.count + rnd(m.count < BUFFERS / 2 ? 7 : 1);
    for (; m.count < posted; slot++) {
      Piece p = {MODEL_GUEST + m.heap + slot % BUFFERS * ROOM, ROOM};
      CHECK(model_post(&m, &p, 1, true, (uint32_t)(p.addr - MODEL_GUEST)));
    }
    for (uint32_t i = 0; i < len; i++) frame[i] = pattern(serial, i);
    uint64_t dropped = 0;
    uint32_t need = (len + header + ROOM - 1) / ROOM, token, used, have = 0;
    unsigned sent = device_send(q, &(DeviceBuffer){frame, len}, 1, &dropped);
    CHECK(!q->error && sent == (posted && (need <= posted || len > NET_FRAME_MAX)));
    CHECK(dropped == (posted && need > posted && len > NET_FRAME_MAX));
    waited += !sent, refused += dropped != 0;
    for (uint32_t left = sent && !dropped ? need : 0; left; left--) {
      CHECK(model_take(&m, &token, &used));
      if (left == need) CHECK(load16(memory + token + 10) == need);
      CHECK(left == 1 || used == ROOM);
      memcpy(got + have, memory + token, used);
      have += used;
    }
    CHECK(!model_take(&m, &token, &used) && (!have || have == header + len));
    if (have) CHECK(!memcmp(got + header, frame, len));
  }
  CHECK(waited > 30 && refused > 5);
  free(q);
  model_free(&m);
}

/* One wrong thing each, and what is said of it. */
static void test_lies(uint8_t *memory, uint64_t features) {
  static const struct {
    const char *what, *error;
  } lies[] = {
      {"address", "a frame is not in the driver's memory"},
      {"length", "a frame is not in the driver's memory"},
      {"short", "a frame is shorter than its header"},
      {"write", "a frame's descriptor has flags that were not negotiated"},
      {"loop", NULL},
      {"chain end", "a frame is not in the driver's memory"},
      {"next", NULL},
      {"head", "a descriptor is out of range"},
      {"index", "the available index is out of range"},
  };
  for (unsigned l = 0; l < sizeof lies / sizeof *lies; l++) {
    Model m;
    DeviceQueue *q = calloc(1, sizeof *q);
    DeviceQueueConfig c;
    DeviceFrame frames[DEVICE_BURST];
    MemoryMap map = map_of(memory);
    model_init(&m, memory, BYTES, 16, features);
    model_config(&m, &c);
    CHECK(!device_queue_start(q, &map, &c));
    Piece good = {MODEL_GUEST + m.heap, 100}, two[2] = {good, good};
    CHECK(model_post(&m, &good, 1, false, 0));
    if (l == 0) good.addr = MODEL_GUEST + BYTES - 99;
    if (l == 1) good.len = UINT32_MAX;
    if (l == 2) good.len = 12;
    if (l == 5) two[1].addr = UINT64_MAX - 50;
    bool packed = m.packed;
    if (packed && l >= 6) goto next;
    if (l == 4 && packed) { /* sixteen descriptors, all with NEXT */
      for (int i = 1; i < 16; i++)
        m.packed_desc[i] = (PackedDesc){good.addr, 1, 0, VIRTQ_DESC_NEXT | packed_avail_bits(true)};
    } else {
      CHECK(model_post(&m, l == 4 || l == 5 || l == 6 ? two : &good, l == 4 || l == 5 || l == 6 ? 2 : 1,
                       l == 3, 1));
      Chain *bad = &m.chains[1];
      if (l == 4)
        m.desc[m.next_of[bad->head]].flags |= VIRTQ_DESC_NEXT, m.desc[m.next_of[bad->head]].next = bad->head;
      if (l == 6) m.desc[bad->head].next = 16;
      if (l == 7) m.avail->ring[1] = 16;
      if (l == 8) m.avail->idx = 40;
    }
    if (l != 8) { /* the good frame in front of the bad one still arrives */
      CHECK(device_receive(q, frames, 64) == 1 && frames[0].total == 88);
      device_receive_done(q);
    }
    CHECK(device_receive(q, frames, 64) == 0 && !q->started && q->error);
    CHECK(!lies[l].error || !strcmp(q->error, lies[l].error));
    CHECK(device_receive(q, frames, 64) == 0 && device_send(q, NULL, 0, NULL) == 0);
  next:
    free(q);
    model_free(&m);
  }
}

/* Noise in the areas: nothing to expect but that we survive. */
static void test_noise(uint64_t features) {
  enum { NOISE = 8192 };
  uint8_t *memory =
      aligned_alloc(64, NOISE); /* no more than that, so that the sanitizer sees a byte outside */
  MemoryMap map = {.count = 1};
  map.regions[0] = (MemoryRegion){.guest = MODEL_GUEST, .user = MODEL_GUEST, .size = NOISE, .host = memory};
  DeviceQueue *q = calloc(1, sizeof *q);
  DeviceQueueConfig c;
  Model m;
  uint32_t errors = 0;
  model_init(&m, memory, NOISE, 32, features);
  model_config(&m, &c);
  for (unsigned round = 0; round < 20000; round++) {
    if (!q->started) {
      errors += q->error != NULL;
      c.base = rnd(2)     ? device_queue_fresh(features)
               : m.packed ? rnd(32) | rnd(2) << 15 | rnd(32) << 16 | rnd(2) << 31
                          : rnd(65536);
      CHECK(!device_queue_start(q, &map, &c));
    }
    for (unsigned i = 0; i < 32; i++) { /* mostly plausible descriptors */
      uint64_t addr = rnd(8) ? MODEL_GUEST + rnd(NOISE) : (uint64_t)rnd(UINT32_MAX) << rnd(32);
      uint32_t len = rnd(8) ? rnd(200) : rnd(UINT32_MAX) << rnd(2);
      uint16_t flags = rnd(4) ? (rnd(2) ? VIRTQ_DESC_WRITE : 0) : (uint16_t)rnd(8);
      if (m.packed)
        m.packed_desc[i] = (PackedDesc){addr, len, (uint16_t)rnd(65536), flags | packed_avail_bits(rnd(2))};
      else
        m.desc[i] = (VirtqDesc){addr, len, flags, (uint16_t)(rnd(8) ? rnd(32) : rnd(65536))};
    }
    if (!m.packed) {
      for (unsigned i = 0; i < 32; i++) m.avail->ring[i] = (uint16_t)(rnd(30) ? rnd(32) : rnd(65536));
      m.avail->idx = (uint16_t)(q->avail_idx + rnd(34));
    }
    if (rnd(2)) {
      DeviceFrame frames[DEVICE_BURST];
      unsigned n = device_receive(q, frames, 1 + rnd(DEVICE_BURST));
      for (unsigned i = 0; i < n; i++) {
        CHECK(frames[i].total >= 1 && frames[i].total <= 1 << 18);
        uint8_t *copy = malloc(frames[i].total);
        device_frame_copy(q, &frames[i], copy);
        free(copy);
      }
      device_receive_done(q);
    } else {
      static const uint8_t frame[1514];
      DeviceBuffer b[5];
      for (unsigned i = 0; i < 5; i++) b[i] = (DeviceBuffer){frame, 14 + rnd(1500)};
      device_send(q, b, 1 + rnd(5), NULL);
    }
    device_notify(q);
    device_arm(q, rnd(2));
  }
  CHECK(errors > 100);
  free(q);
  model_free(&m);
  free(memory);
}

static bool signalled(int fd) {
  uint64_t v = 0;
  return read(fd, &v, sizeof v) == sizeof v;
}

static void test_notifications(uint8_t *memory, uint64_t features) {
  Model m;
  DeviceQueue *q = calloc(1, sizeof *q);
  DeviceQueueConfig c;
  DeviceFrame frames[DEVICE_BURST];
  MemoryMap map = map_of(memory);
  bool event = features & VIRTIO_F_EVENT_IDX;
  model_init(&m, memory, BYTES, 16, features);
  model_config(&m, &c);
  c.call = eventfd(0, EFD_NONBLOCK);
  CHECK(!device_queue_start(q, &map, &c));
  Piece p = {MODEL_GUEST + m.heap, 100};
  uint32_t token, len;
  for (unsigned round = 0; round < 200; round++) {
    CHECK(!device_arm(q, true));
    if (!m.packed && event) CHECK(*virtq_avail_event(m.used, 16) == m.next_avail);
    if (!m.packed && !event) CHECK(m.used->flags == 0);
    if (m.packed) CHECK(m.device_event->flags == (event ? PACKED_EVENT_DESC : PACKED_EVENT_ENABLE));
    if (m.packed && event) CHECK(m.device_event->off_wrap == (m.place | m.wrap << 15));
    unsigned n = 1 + rnd(15);
    bool wanted = rnd(2);
    for (unsigned i = 0; i < n; i++) CHECK(model_post(&m, &p, 1, false, 0));
    CHECK(device_arm(q, true)); /* something is there already */
    device_arm(q, false);
    if (!m.packed && !event) CHECK(m.used->flags == VIRTQ_USED_NO_NOTIFY);
    if (m.packed) CHECK(m.device_event->flags == PACKED_EVENT_DISABLE);
    if (!m.packed && event) *virtq_used_event(m.avail, 16) = (uint16_t)(m.next_used + (wanted ? rnd(n) : n));
    if (!m.packed && !event) m.avail->flags = wanted ? 0 : VIRTQ_AVAIL_NO_INTERRUPT;
    if (m.packed && event) {
      uint32_t at = m.used_place + (wanted ? rnd(n) : n);
      bool wrap = m.used_wrap ^ (at >= 16);
      m.driver_event->off_wrap = (uint16_t)(at % 16 | wrap << 15);
      m.driver_event->flags = PACKED_EVENT_DESC;
    }
    if (m.packed && !event) m.driver_event->flags = wanted ? PACKED_EVENT_ENABLE : PACKED_EVENT_DISABLE;
    CHECK(device_receive(q, frames, 64) == n);
    device_receive_done(q);
    device_notify(q);
    CHECK(signalled(c.call) == wanted);
    device_notify(q); /* nothing new */
    CHECK(!signalled(c.call));
    while (model_take(&m, &token, &len)) {}
  }
  close(c.call);
  free(q);
  model_free(&m);
}

static void test_copies(void) {
  for (uint32_t len = 0; len < 300; len++) {
    uint8_t *from = malloc(len), *to = malloc(len);
    for (uint32_t i = 0; i < len; i++) from[i] = (uint8_t)(i + len), to[i] = 0;
    copy_frame(to, from, len);
    CHECK(!memcmp(from, to, len));
    free(from);
    free(to);
  }
}

int main(void) {
  static const uint64_t layouts[] = {0, VIRTIO_F_IN_ORDER, VIRTIO_F_RING_PACKED,
                                     VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER};
  static const uint32_t sizes[] = {1, 2, 16, 256, 1024, 100, 7}; /* the last two: packed only */
  uint8_t *memory = aligned_alloc(64, BYTES);
  CHECK(memory);
  test_copies();
  for (unsigned l = 0; l < 4; l++)
    for (unsigned extra = 0; extra < 4; extra++) {
      uint64_t features = layouts[l] | VIRTIO_F_VERSION_1 | (extra & 1 ? VIRTIO_F_EVENT_IDX : 0) |
                          (extra & 2 ? VIRTIO_NET_F_MRG_RXBUF : 0);
      for (unsigned s = 0; s < (l >= 2 ? 7u : 5u); s++) {
        test_receive(memory, sizes[s], features);
        test_send(memory, sizes[s], features);
      }
      if (features & VIRTIO_NET_F_MRG_RXBUF) test_long(memory, features);
      test_lies(memory, features);
      test_noise(features);
      test_notifications(memory, features);
    }
  test_receive(memory, 256, 0); /* legacy: a header of 10 bytes */
  test_send(memory, 256, 0);
  free(memory);
  printf("SUCCESS\n");
  return 0;
}
