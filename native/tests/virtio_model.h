/* virtio_model.h: a plain model of a driver for the tests of the device side: any layout, chains of any
 * shape. */
#ifndef CLICKLET_TESTS_VIRTIO_MODEL_H
#define CLICKLET_TESTS_VIRTIO_MODEL_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <virtio/device.h>

#define CHECK(c)                                                                                             \
  do {                                                                                                       \
    if (!(c)) {                                                                                              \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #c);                                        \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

static uint64_t model_seed = 1;
static inline uint32_t rnd(uint32_t n) { /* below n */
  model_seed = model_seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return n ? (uint32_t)(model_seed >> 33) % n : 0;
}

enum { MODEL_GUEST = 0x40000000 }; /* guest-physical address of the region */

typedef struct Piece {
  uint64_t addr;
  uint32_t len;
} Piece;

typedef struct Chain { /* outstanding, oldest first */
  uint32_t token, descs;
  uint16_t head; /* split: head descriptor; packed: buffer id */
} Chain;

typedef struct Model {
  uint8_t *memory; /* the areas lie at its start, in the order descriptors, driver, device */
  uint64_t bytes, desc_at, driver_at, device_at, heap;
  VirtqDesc *desc;
  PackedDesc *packed_desc;
  VirtqAvail *avail;
  VirtqUsed *used;
  PackedEvent *driver_event, *device_event;
  uint64_t features;
  uint32_t size, free_count, free_ids;
  uint16_t *free;    /* split: free descriptors; packed: free ids */
  uint16_t *next_of; /* split: how a chain continues, by descriptor */
  Chain *chains;     /* ring of outstanding chains */
  uint32_t first, count;
  uint16_t next_avail, next_used, place, used_place;
  bool wrap, used_wrap, packed, in_order;
  uint32_t batch_left; /* IN_ORDER: chains still to hand out of a batch */
} Model;

static inline void *model_at(Model *m, uint64_t guest) { return m->memory + (guest - MODEL_GUEST); }

/* `memory` of `bytes`, zeroed by this. */
static inline void model_init(Model *m, uint8_t *memory, uint64_t bytes, uint32_t size, uint64_t features) {
  *m = (Model){.memory = memory, .bytes = bytes, .size = size, .features = features};
  memset(memory, 0, bytes);
  m->packed = features & VIRTIO_F_RING_PACKED;
  m->in_order = features & VIRTIO_F_IN_ORDER;
  m->driver_at = (virtq_desc_bytes(size) + 63) & ~63ull;
  m->device_at = (m->driver_at + virtq_avail_bytes(size) + 63) & ~63ull;
  m->heap = (m->device_at + virtq_used_bytes(size) + 63) & ~63ull;
  m->desc = (void *)memory;
  m->packed_desc = (void *)memory;
  m->avail = (void *)(memory + m->driver_at);
  m->driver_event = (void *)m->avail;
  m->used = (void *)(memory + m->device_at);
  m->device_event = (void *)m->used;
  m->free = malloc(size * sizeof *m->free);
  m->next_of = malloc(size * sizeof *m->next_of);
  m->chains = malloc(size * sizeof *m->chains);
  m->free_count = m->free_ids = size;
  for (uint32_t i = 0; i < size; i++) m->free[i] = (uint16_t)(size - 1 - i);
  m->wrap = m->used_wrap = true;
}

static inline void model_free(Model *m) {
  free(m->free);
  free(m->next_of);
  free(m->chains);
}

static inline void model_config(const Model *m, DeviceQueueConfig *c) {
  *c = (DeviceQueueConfig){.features = m->features,
                           .size = m->size,
                           .desc = MODEL_GUEST,
                           .driver = MODEL_GUEST + m->driver_at,
                           .device = MODEL_GUEST + m->device_at,
                           .base = device_queue_fresh(m->features),
                           .call = -1};
}

/* Makes a chain available. False if there is no room for it. */
static inline bool model_post(Model *m, const Piece *p, uint32_t n, bool write, uint32_t token) {
  if (n > m->free_count || m->count == m->size) return false;
  Chain *c = &m->chains[(m->first + m->count) % m->size];
  *c = (Chain){.token = token, .descs = n};
  uint16_t kind = write ? VIRTQ_DESC_WRITE : 0;
  if (m->packed) {
    uint16_t id = m->in_order ? m->place : m->free[--m->free_ids], first = m->place, first_flags = 0;
    c->head = id;
    for (uint32_t i = 0; i < n; i++) {
      PackedDesc *d = &m->packed_desc[m->place];
      uint16_t flags = kind | packed_avail_bits(m->wrap) | (i + 1 < n ? VIRTQ_DESC_NEXT : 0);
      d->addr = p[i].addr, d->len = p[i].len, d->id = id;
      if (i)
        d->flags = flags;
      else
        first_flags = flags;
      if (++m->place == m->size) m->place = 0, m->wrap = !m->wrap;
    }
    __atomic_store_n(&m->packed_desc[first].flags, first_flags, __ATOMIC_RELEASE);
  } else {
    uint16_t prev = 0;
    for (uint32_t i = 0; i < n; i++) {
      uint16_t id = m->in_order ? m->place : m->free[m->free_count - 1 - i];
      if (m->in_order && ++m->place == m->size) m->place = 0;
      m->desc[id] = (VirtqDesc){p[i].addr, p[i].len, kind, 0};
      if (i)
        m->desc[prev].flags |= VIRTQ_DESC_NEXT, m->desc[prev].next = id, m->next_of[prev] = id;
      else
        c->head = id;
      prev = id;
    }
    m->avail->ring[m->next_avail++ & (m->size - 1)] = c->head;
    __atomic_store_n(&m->avail->idx, m->next_avail, __ATOMIC_RELEASE);
  }
  m->free_count -= n;
  m->count++;
  return true;
}

/* Takes one used chain back. False if there is none. len: what the device wrote, 0 inside a batch. */
static inline bool model_take(Model *m, uint32_t *token, uint32_t *len) {
  uint32_t id = 0;
  if (m->batch_left) {
    *len = 0;
  } else if (m->packed) {
    PackedDesc *d = &m->packed_desc[m->used_place];
    if (!packed_is_used(__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE), m->used_wrap)) return false;
    id = d->id;
    *len = d->len;
  } else {
    if (__atomic_load_n(&m->used->idx, __ATOMIC_ACQUIRE) == m->next_used) return false;
    id = m->used->ring[m->next_used & (m->size - 1)].id;
    *len = m->used->ring[m->next_used & (m->size - 1)].len;
  }
  CHECK(m->count > 0);
  Chain *c = &m->chains[m->first];
  if (!m->batch_left) { /* how many chains does the entry stand for? */
    uint32_t n = 0;
    while (n < m->count && m->chains[(m->first + n) % m->size].head != id) n++;
    CHECK(n < m->count);
    CHECK(m->in_order || n == 0); /* the device keeps the order in any case */
    m->batch_left = n + 1;
  }
  m->batch_left--;
  *token = c->token;
  m->first = (m->first + 1) % m->size;
  m->count--;
  m->next_used++;
  if (m->packed) {
    m->used_place = (uint16_t)(m->used_place + c->descs);
    if (m->used_place >= m->size)
      m->used_place = (uint16_t)(m->used_place - m->size), m->used_wrap = !m->used_wrap;
    if (!m->in_order) m->free[m->free_ids++] = c->head;
    m->free_count += c->descs;
  } else if (m->in_order) {
    m->free_count += c->descs;
  } else {
    uint16_t d = c->head;
    for (uint32_t i = 0; i < c->descs; i++, d = m->next_of[d]) {
      uint32_t swap = rnd(m->free_count + 1); /* keep the free list in disorder */
      m->free[m->free_count] = m->free[swap];
      m->free[swap] = d;
      m->free_count++;
    }
  }
  return true;
}

#endif
