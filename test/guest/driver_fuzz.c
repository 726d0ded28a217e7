/* driver_fuzz.c: the driver side of virtqueues against honest and hostile devices, split and packed, in order
 * and not. An honest device gets its buffers back to the driver in order, each once; a hostile one gets the
 * queue stopped, and the driver never sees a buffer that the device does not hold. Compile with sanitizers;
 * arguments: RUNS [SEED]. */
#include "../../native/virtio/driver.c"
#include <stdio.h>
#include <stdlib.h>

enum { LEN = 100, STEPS = 60, TOKENS = 4096 };

static uint64_t state = 1;
static uint64_t below(uint64_t n) {
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return state * UINT64_C(0x2545f4914f6cdd1d) % n;
}

static _Noreturn void failed(const char *what, const DriverQueue *q) {
  printf("FAILED: %s (packed %d, in order %d, size %u)\n", what, q->packed, q->in_order, q->size);
  exit(1);
}

typedef struct HonestDevice {
  uint16_t taken; /* split */
  uint16_t place; /* packed */
  bool wrap;
} HonestDevice;

/* Uses some of the available buffers; with IN_ORDER sometimes by one entry for all of them. */
static void use_split(DriverQueue *q, HonestDevice *d, bool batch) {
  unsigned n = (unsigned)below((uint16_t)(q->avail->idx - d->taken) + 1u);
  for (unsigned i = 0; i < n; i++) {
    uint16_t id = q->avail->ring[(d->taken + (batch ? n - 1 : i)) & q->mask];
    if (!batch || !i) q->used->ring[(q->used->idx + i) & q->mask] = (VirtqUsedElem){id, LEN / 2};
  }
  d->taken = (uint16_t)(d->taken + n);
  q->used->idx = (uint16_t)(q->used->idx + n);
}

static void use_packed(DriverQueue *q, HonestDevice *d, bool batch) {
  unsigned available = 0;
  uint16_t first = d->place, place = d->place;
  bool first_wrap = d->wrap, wrap = d->wrap;
  while (available < q->size && packed_is_avail(q->packed_desc[place].flags, wrap)) {
    available++;
    if (++place == q->size) place = 0, wrap = !wrap;
  }
  unsigned n = (unsigned)below(available + 1);
  for (unsigned i = 0; i < n; i++) {
    PackedDesc *at = &q->packed_desc[d->place], *entry = batch ? &q->packed_desc[first] : at;
    entry->id = at->id;
    entry->len = LEN / 2;
    if (!batch || i + 1 == n) entry->flags = packed_used_bits(batch ? first_wrap : d->wrap);
    if (++d->place == q->size) d->place = 0, d->wrap = !d->wrap;
  }
}

static void scribble(DriverQueue *q) {
  uint8_t *p = q->packed ? (uint8_t *)q->packed_desc : (uint8_t *)q->used;
  size_t size = q->packed ? virtq_desc_bytes(q->size) : virtq_used_bytes(q->size);
  for (unsigned i = 0; i < 3; i++) p[below(size)] = (uint8_t)below(256);
  if (!q->packed && below(2)) q->used->idx = (uint16_t)(q->used->idx + below(4));
}

static unsigned long run(void) {
  uint32_t size = 1u << (1 + below(6));
  uint64_t features = (below(2) ? VIRTIO_F_RING_PACKED : 0) | (below(2) ? VIRTIO_F_IN_ORDER : 0);
  bool hostile = below(3) == 0, receive = below(2);
  size_t bytes = driver_queue_bytes(size);
  void *memory = aligned_alloc(CACHE_LINE, bytes);
  memset(memory, 0, bytes);
  DriverQueue q;
  driver_queue_init(&q, memory, size, features, receive);

  HonestDevice device = {.wrap = true};
  static bool out[TOKENS]; /* by token: the device holds it */
  memset(out, 0, sizeof out);
  uintptr_t next = 1, expected = 1;
  for (unsigned step = 0; step < STEPS && !q.broken; step++) {
    for (uint64_t n = below(driver_free(&q) + 1u); n; n--, next++) {
      driver_add(&q, &out[next], LEN, (void *)next);
      out[next] = true;
    }
    driver_show(&q);
    bool batch = q.in_order && below(2);
    if (hostile && below(4) == 0)
      scribble(&q);
    else if (q.packed)
      use_packed(&q, &device, batch);
    else
      use_split(&q, &device, batch);

    void *tokens[64];
    uint32_t lengths[64];
    unsigned n = driver_take(&q, tokens, receive ? lengths : NULL, 1 + (unsigned)below(64));
    for (unsigned i = 0; i < n; i++) {
      uintptr_t token = (uintptr_t)tokens[i];
      if (!token || token >= next || !out[token]) failed("a buffer that the device does not hold", &q);
      if (receive && lengths[i] > LEN) failed("more bytes than the buffer has", &q);
      if (!hostile && token != expected++) failed("a buffer out of turn", &q);
      out[token] = false;
    }
  }
  if (q.broken && !hostile) failed(q.broken, &q);
  for (void *token; (token = driver_reclaim(&q)); out[(uintptr_t)token] = false)
    if (!out[(uintptr_t)token]) failed("reclaimed a buffer twice", &q);
  for (unsigned i = 0; i < TOKENS; i++)
    if (out[i]) failed("a buffer was lost", &q);
  free(memory);
  return q.broken != NULL;
}

int main(int argc, char **argv) {
  unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000, stopped = 0;
  if (argc > 2) state = strtoul(argv[2], NULL, 10) | 1;
  for (unsigned long i = 0; i < runs; i++) stopped += run();
  printf("SUCCESS: %lu runs, %lu stopped for a hostile device\n", runs, stopped);
  return 0;
}
