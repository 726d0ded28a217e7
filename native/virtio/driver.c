/* driver.c: see driver.h. */
#include "driver.h"

void driver_queue_init(DriverQueue *q, void *memory, uint32_t size, uint64_t features, bool device_writes) {
  uint8_t *at = memory;
  memset(q, 0, sizeof *q);
  q->desc = (VirtqDesc *)at;
  q->avail = (VirtqAvail *)(at + driver_area_offset(size));
  q->used = (VirtqUsed *)(at += device_area_offset(size));
  q->tokens = (void **)(at += cache_lines(virtq_used_bytes(size)));
  q->room = (uint32_t *)(at += cache_lines(size * sizeof(void *)));
  q->ids = (uint16_t *)(at += cache_lines(size * sizeof(uint32_t)));
  q->size = size;
  q->mask = size - 1;
  q->device_writes = device_writes;
  q->packed = features & VIRTIO_F_RING_PACKED;
  q->in_order = features & VIRTIO_F_IN_ORDER;
  q->wrap = q->used_wrap = true;
  if (!q->packed)
    for (uint32_t i = 0; i < size; i++) {
      q->desc[i].flags = device_writes ? VIRTQ_DESC_WRITE : 0;
      q->avail->ring[i] = (uint16_t)i;
    }
  for (uint32_t i = 0; i < size; i++) q->ids[i] = (uint16_t)(size - 1 - i);
  driver_arm(q, false);
}

bool driver_arm(DriverQueue *q, bool on) {
  if (q->packed)
    q->driver_event->flags = on ? PACKED_EVENT_ENABLE : PACKED_EVENT_DISABLE;
  else
    q->avail->flags = on ? 0 : VIRTQ_AVAIL_NO_INTERRUPT;
  if (!on) return false;
  __atomic_thread_fence(__ATOMIC_SEQ_CST); /* 2.7.7.2, 2.8.7.1: ask first, then look again */
  return driver_has_used(q);
}

void *driver_reclaim(DriverQueue *q) {
  if (q->in_order) return driver_outstanding(q) ? q->tokens[q->taken++ & q->mask] : NULL;
  for (uint32_t id = 0; id < q->size; id++) {
    void *token = q->tokens[id];
    q->tokens[id] = NULL;
    if (token) return token;
  }
  return NULL;
}

static unsigned stop(DriverQueue *q, const char *why, unsigned taken) {
  q->broken = why;
  return taken;
}

/* The buffer with that id comes back. */
always_inline bool give_back(DriverQueue *q, uint32_t id, uint32_t len, void **token, uint32_t *length) {
  void *t = q->tokens[id];
  if (q->in_order) {
    if (unlikely(id != (q->taken & q->mask) || !driver_outstanding(q))) return false;
  } else {
    if (unlikely(!t)) return false;
    q->tokens[id] = NULL;
    q->ids[driver_free(q)] = (uint16_t)id;
  }
  *token = t;
  if (length) *length = len > q->room[id] ? q->room[id] : len;
  q->taken++;
  return true;
}

/* In order, one entry may stand for a batch that ends with its id; all but the last were used to the full
 * (2.7.9). */
static unsigned take_batch(DriverQueue *q, uint32_t last, uint32_t len, void **tokens, uint32_t *lengths,
                           unsigned max) {
  unsigned n = 0;
  for (uint32_t id = q->taken & q->mask; n < max; id = (id + 1) & q->mask) {
    if (!give_back(q, id, id == last ? len : UINT32_MAX, &tokens[n], lengths ? &lengths[n] : NULL))
      return stop(q, "the device used a buffer it does not have", n);
    n++;
    if (id == last) break;
  }
  return n;
}

static unsigned take_split(DriverQueue *q, void **tokens, uint32_t *lengths, unsigned max) {
  unsigned n = (uint16_t)(__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) - (uint16_t)q->taken), done = 0;
  if (!n) return 0;
  if (unlikely(n > driver_outstanding(q))) return stop(q, "the device used more buffers than it has", 0);
  if (n > max) n = max;
  if (q->in_order && !lengths) { /* only the count matters */
    for (; done < n; done++)
      if (unlikely(!give_back(q, q->taken & q->mask, 0, &tokens[done], NULL)))
        return stop(q, "the device used a buffer it does not have", done);
    return n;
  }
  while (done < n) {
    VirtqUsedElem e = q->used->ring[q->taken & q->mask];
    if (unlikely(e.id >= q->size)) return stop(q, "a used id is out of range", done);
    if (q->in_order && unlikely(e.id != (q->taken & q->mask))) {
      done += take_batch(q, e.id, e.len, tokens + done, lengths ? lengths + done : NULL, n - done);
      if (q->broken) return done;
      /* Cut by max: the entry also has to be found where the next call looks. */
      if (done == n && ((q->taken - 1) & q->mask) != e.id) q->used->ring[q->taken & q->mask] = e;
    } else if (unlikely(!give_back(q, e.id, e.len, &tokens[done], lengths ? &lengths[done] : NULL))) {
      return stop(q, "the device used a buffer it does not have", done);
    } else {
      done++;
    }
  }
  return done;
}

/* In order, buffers that the device announces one by one, as it does with received frames. Returns how many
 * there are before something else. */
static unsigned take_single(DriverQueue *q, void **tokens, uint32_t *lengths, unsigned max) {
  const PackedDesc *d = &q->packed_desc[q->used_place];
  const uint32_t first = q->taken;
  const uint16_t used = packed_used_bits(q->used_wrap);
  unsigned n = 0;
  if (max > driver_outstanding(q)) max = driver_outstanding(q);
  if (max > q->size - q->used_place) max = q->size - q->used_place;
  for (; n < max; n++) {
    uint64_t word = packed_word(&d[n]);
    uint32_t len = (uint32_t)word, id = (first + n) & q->mask;
    if ((word >> 48 & (PACKED_DESC_AVAIL | PACKED_DESC_USED)) != used || (uint16_t)(word >> 32) != id) break;
    tokens[n] = q->tokens[id];
    lengths[n] = len > q->room[id] ? q->room[id] : len;
  }
  q->taken = first + n;
  q->used_place = (uint16_t)(q->used_place + n);
  if (q->used_place == q->size) q->used_place = 0, q->used_wrap = !q->used_wrap;
  return n;
}

static unsigned take_packed(DriverQueue *q, void **tokens, uint32_t *lengths, unsigned max) {
  unsigned done = 0;
  if (q->in_order && lengths) {
    done = take_single(q, tokens, lengths, max);
    if (done && !q->used_place) done += take_single(q, tokens + done, lengths + done, max - done);
  }
  while (done < max) {
    PackedDesc *d = &q->packed_desc[q->used_place];
    if (!packed_is_used(__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE), q->used_wrap)) break;
    uint32_t id = d->id, len = d->len;
    if (unlikely(id >= q->size)) return stop(q, "a used id is out of range", done);
    if (unlikely(!driver_outstanding(q)))
      break; /* a descriptor of ours that only looks used: nothing is out */
    unsigned n = 1;
    if (q->in_order) {
      uint32_t batch = ((id - q->taken) & q->mask) + 1;
      if (unlikely(batch > max - done)) {
        /* Only a part of the batch fits: what stays is still announced by this descriptor, now from a later
         * place. */
        if (unlikely(batch > driver_outstanding(q)))
          return stop(q, "the device used more buffers than it has", done);
        n = take_batch(q, id, len, tokens + done, lengths ? lengths + done : NULL, max - done);
        PackedDesc *later = &q->packed_desc[(q->used_place + n) % q->size];
        bool wrap = q->used_place + n >= q->size ? !q->used_wrap : q->used_wrap;
        later->id = (uint16_t)id;
        later->len = len;
        later->flags = packed_used_bits(wrap);
      } else {
        n = take_batch(q, id, len, tokens + done, lengths ? lengths + done : NULL, batch);
      }
      if (unlikely(q->broken)) return done + n;
    } else if (unlikely(!give_back(q, id, len, &tokens[done], lengths ? &lengths[done] : NULL))) {
      return stop(q, "the device used a buffer it does not have", done);
    }
    done += n;
    q->used_place = (uint16_t)(q->used_place + n);
    if (q->used_place >= q->size)
      q->used_place = (uint16_t)(q->used_place - q->size), q->used_wrap = !q->used_wrap;
  }
  return done;
}

unsigned driver_take(DriverQueue *q, void **tokens, uint32_t *lengths, unsigned max) {
  if (unlikely(q->broken)) return 0;
  return q->packed ? take_packed(q, tokens, lengths, max) : take_split(q, tokens, lengths, max);
}
