/** Queue: stores packets, first in, first out; drops arrivals when full.
 *
 * Synopsis: `Queue([CAPACITY])`
 *
 * The border between push and pull. Tells pullers downstream when it becomes non-empty (empty notifier) and sources
 * upstream when it has room (full notifier).
 *
 * Arguments: CAPACITY (unsigned): packets it holds at most. Default 1000.
 *
 * Handlers: `length`, `highwater_length`, `capacity`, `drops` (read). `capacity` (write): keeps the packets that fit.
 * `reset_counts` (write): drops and high-water mark. `reset` (write): also empties the queue.
 *
 * Example: `InfiniteSource(LIMIT 20) -> q :: Queue(10) -> Unqueue -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Queue {
  Element base;
  Packet **ring;
  uint32_t capacity; /* packets; the ring has `mask` + 1 places */
  uint32_t mask, head, length, highwater;
  uint64_t drops;
  Signal not_empty, not_full;
} Queue;

static int queue_resize(Queue *q, uint32_t capacity, Errors *errs) {
  uint32_t places = 1;
  while (places < capacity) places *= 2;
  Packet **ring = mem_alloc(places * sizeof *ring);
  if (!ring) return error(errs, "out of memory for a capacity of %u", capacity);
  uint32_t kept = 0;
  for (; q->length; q->length--, q->head = (q->head + 1) & q->mask) {
    if (kept < capacity) ring[kept++] = q->ring[q->head];
    else packet_free(q->ring[q->head]);
  }
  mem_free(q->ring);
  q->ring = ring;
  q->mask = places - 1;
  q->head = 0;
  q->length = kept;
  q->capacity = capacity;
  return 0;
}

static void queue_push(Element *e, int port, Packet **p, unsigned n) {
  Queue *q = (Queue *)e;
  (void)port;
  uint32_t room = q->capacity - q->length, take = n < room ? n : room;
  for (uint32_t i = 0, at = q->head + q->length; i < take; i++) q->ring[(at + i) & q->mask] = p[i];
  q->length += take;
  if (q->length > q->highwater) q->highwater = q->length;
  if (take) signal_set(&q->not_empty, true);
  if (q->length == q->capacity) signal_set(&q->not_full, false);
  if (unlikely(take < n)) {
    if (!q->drops) chatter(e, "overflow");
    q->drops += n - take;
    free_batch(p + take, n - take);
  }
}

static unsigned queue_pull(Element *e, int port, Packet **p, unsigned max) {
  Queue *q = (Queue *)e;
  (void)port;
  uint32_t n = max < q->length ? max : q->length;
  for (uint32_t i = 0; i < n; i++) p[i] = q->ring[(q->head + i) & q->mask];
  q->head = (q->head + n) & q->mask;
  q->length -= n;
  if (n) signal_set(&q->not_full, true);
  else signal_set(&q->not_empty, false);
  return n;
}

static Signal *queue_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? &((Queue *)e)->not_full : &((Queue *)e)->not_empty;
}

static int queue_configure(Element *e, const Args *args, Errors *errs) {
  Queue *q = (Queue *)e;
  (void)args;
  return queue_resize(q, q->capacity, errs);
}

static int queue_initialize(Element *e, Errors *errs) {
  (void)errs;
  ((Queue *)e)->not_full.active = true;
  return 0;
}

static void queue_cleanup(Element *e) {
  Queue *q = (Queue *)e;
  for (; q->length; q->length--, q->head = (q->head + 1) & q->mask) packet_free(q->ring[q->head]);
  mem_free(q->ring);
  signal_cleanup(&q->not_empty);
  signal_cleanup(&q->not_full);
}

static void queue_take_state(Element *e, Element *old) {
  Queue *q = (Queue *)e, *o = (Queue *)old;
  for (; o->length; o->length--, o->head = (o->head + 1) & o->mask) queue_push(e, 0, &o->ring[o->head], 1);
  q->drops += o->drops;
}

static unsigned queue_batch_cap(Element *e) { return ((Queue *)e)->capacity; }

static int queue_write_capacity(Element *e, const Handler *h, const char *value, Errors *errs) {
  uint64_t v;
  (void)h;
  if (!parse_u64(value, &v) || v < 1 || v > 1u << 30) return error(errs, "expected a capacity from 1 to %u, not '%s'", 1u << 30, value);
  return queue_resize((Queue *)e, (uint32_t)v, errs);
}

static int queue_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  Queue *q = (Queue *)e;
  (void)value, (void)errs;
  if (h->data)
    for (; q->length; q->length--, q->head = (q->head + 1) & q->mask) packet_free(q->ring[q->head]);
  q->drops = 0;
  q->highwater = q->length;
  return 0;
}

static void *queue_cast(Element *e, const char *name) { return !strcmp(name, "SimpleQueue") || !strcmp(name, "Storage") ? e : NULL; }

ELEMENT(Queue, .ports = "1/1", .processing = "h/l", .push = queue_push, .pull = queue_pull, .configure = queue_configure,
        .initialize = queue_initialize, .cleanup = queue_cleanup, .take_state = queue_take_state, .notifier = queue_notifier,
        .batch_cap = queue_batch_cap, .cast = queue_cast,
        .args = ARGS(ARG_POS(Queue, U32, "CAPACITY", capacity, "1000", .min = 1, .max = 1 << 30)),
        .handlers = HANDLERS(READ_FIELD(Queue, U32, "length", length), READ_FIELD(Queue, U32, "highwater_length", highwater),
                             RW_FN("capacity", handler_read_field, queue_write_capacity, .type = ARG_U32, FIELD_OF(Queue, capacity)),
                             READ_FIELD(Queue, U64, "drops", drops), WRITE_FN("reset_counts", queue_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             WRITE_FN("reset", queue_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON, .data = 1)));
