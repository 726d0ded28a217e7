/* queue.h: the ring of the queues, and what Queue, SimpleQueue, NotifierQueue, MixedQueue and FrontDropQueue
 * share. */
#ifndef CLICKLET_STANDARD_QUEUE_H
#define CLICKLET_STANDARD_QUEUE_H
#include <clicklet/platform.h>

typedef struct Queue {
  Element base;
  Packet **ring;
  uint32_t capacity; /* packets; the ring has `mask` + 1 places */
  uint32_t mask, head, length, highwater;
  uint64_t drops;
  Signal not_empty, not_full; /* SimpleQueue has neither, NotifierQueue and its kin only the first */
} Queue;

/* The packet i places behind the head. */
always_inline Packet **queue_at(const Queue *q, uint32_t i) { return &q->ring[(q->head + i) & q->mask]; }

always_inline Packet *queue_take(Queue *q) {
  Packet *p = *queue_at(q, 0);
  q->head = (q->head + 1) & q->mask;
  q->length--;
  return p;
}

/* Sets the capacity. What no longer fits is dropped: the newest packets, or the oldest. */
static inline int queue_resize(Queue *q, uint32_t capacity, bool drop_oldest, Errors *errs) {
  uint32_t places = 1;
  while (places < capacity) places *= 2;
  Packet **ring = mem_alloc(places * sizeof *ring);
  if (!ring) return error(errs, "out of memory for a capacity of %u", capacity);
  while (drop_oldest && q->length > capacity) packet_free(queue_take(q));
  uint32_t kept = 0;
  while (q->length) {
    Packet *p = queue_take(q);
    if (kept < capacity)
      ring[kept++] = p;
    else
      packet_free(p);
  }
  mem_free(q->ring);
  q->ring = ring;
  q->mask = places - 1;
  q->head = 0;
  q->length = kept;
  q->capacity = capacity;
  q->not_full.room = capacity - kept;
  if (kept < capacity) signal_set(&q->not_full, true);
  return 0;
}

static inline void queue_note_length(Queue *q) {
  if (q->length > q->highwater) q->highwater = q->length;
}

/* Says once that it is full: "NAME :: CLASS: overflow". */
static inline void queue_report(Queue *q) {
  Text t = {0};
  text_printf(&t, "%s.class", q->base.name);
  char *handler = mem_string(text_cstr(&t), t.len);
  text_clear(&t);
  text_printf(&t, "%s :: ", q->base.name);
  if (!handler || handler_call_read(q->base.router, NULL, handler, "", &t, NULL) < 0)
    text_add_string(&t, q->base.class->name);
  text_add_string(&t, ": overflow\n");
  platform_write(2, text_cstr(&t), t.len);
  mem_free(handler);
  text_free(&t);
}

/* Gives away what does not fit: to output 1 if there is one. */
static inline void queue_overflow(Queue *q, Packet **p, unsigned n) {
  if (!q->drops && q->capacity) queue_report(q);
  q->drops += n;
  output_push_batch(&q->base, 1, p, n);
}

/* Stores what fits at the end of the queue. */
static inline void queue_push(Element *e, int port, Packet **p, unsigned n) {
  Queue *q = (Queue *)e;
  (void)port;
  uint32_t room = q->capacity - q->length, take = n < room ? n : room;
  for (uint32_t i = 0; i < take; i++) *queue_at(q, q->length + i) = p[i];
  q->length += take;
  queue_note_length(q);
  if (take) signal_set(&q->not_empty, true);
  q->not_full.room = q->capacity - q->length;
  if (q->length == q->capacity) signal_set(&q->not_full, false);
  if (unlikely(take < n)) queue_overflow(q, p + take, n - take);
}

static inline unsigned queue_pull(Element *e, int port, Packet **p, unsigned max) {
  Queue *q = (Queue *)e;
  (void)port;
  uint32_t n = max < q->length ? max : q->length;
  for (uint32_t i = 0; i < n; i++) p[i] = *queue_at(q, i);
  q->head = (q->head + n) & q->mask;
  q->length -= n;
  q->not_full.room = q->capacity - q->length;
  if (n)
    signal_set(&q->not_full, true);
  else
    signal_set(&q->not_empty, false);
  return n;
}

static inline Signal *queue_both_notifiers(Element *e, bool full, int port) {
  (void)port;
  return full ? &((Queue *)e)->not_full : &((Queue *)e)->not_empty;
}

static inline Signal *queue_empty_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((Queue *)e)->not_empty;
}

static inline bool queue_live(Element *e) {
  (void)e;
  return true;
}

static inline int queue_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  return queue_resize((Queue *)e, ((Queue *)e)->capacity, false, errs);
}

/* Of a queue with a full notifier. */
static inline int queue_initialize(Element *e, Errors *errs) {
  (void)errs;
  ((Queue *)e)->not_full.active = true;
  return 0;
}

static inline void queue_cleanup(Element *e) {
  Queue *q = (Queue *)e;
  while (q->length) packet_free(queue_take(q));
  mem_free(q->ring);
  signal_cleanup(&q->not_empty);
  signal_cleanup(&q->not_full);
}

/* Takes over the packets of the queue that it replaces. */
static inline void queue_take_state(Element *e, Element *old) {
  Queue *o = (Queue *)old;
  while (o->length) {
    Packet *p = queue_take(o);
    e->class->push(e, 0, &p, 1);
  }
  ((Queue *)e)->drops += o->drops;
}

static inline unsigned queue_batch_cap(Element *e) { return ((Queue *)e)->capacity; }

static inline int queue_reset_counts(Element *e, const Handler *h, const char *value, Errors *errs) {
  Queue *q = (Queue *)e;
  (void)h, (void)value, (void)errs;
  q->drops = 0;
  q->highwater = q->length;
  return 0;
}

static inline int queue_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  Queue *q = (Queue *)e;
  (void)h, (void)value, (void)errs;
  while (q->length) output_push(e, 1, queue_take(q));
  q->not_full.room = q->capacity;
  signal_set(&q->not_full, true);
  return 0;
}

static inline void *queue_cast(Element *e, const char *name) {
  return !strcmp(name, "SimpleQueue") || !strcmp(name, "Queue") || !strcmp(name, "Storage") ? e : NULL;
}

/* What all of them register; more may follow. */
#define QUEUE_CLASS                                                                                          \
  .processing = "h/lh", .can_live_reconfigure = queue_live, .cleanup = queue_cleanup,                        \
  .take_state = queue_take_state, .batch_cap = queue_batch_cap, .cast = queue_cast,                          \
  .args = ARGS(ARG_POS(Queue, U32, "CAPACITY", capacity, "1000", .min = 0, .max = 1 << 30)),                 \
  .handlers = HANDLERS(READ_FIELD(Queue, U32, "length", length),                                             \
                       READ_FIELD(Queue, U32, "highwater_length", highwater),                                \
                       RW_FIELD(Queue, U32, "capacity", capacity, .write = handler_write_keyword,            \
                                .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),                       \
                       READ_FIELD(Queue, U64, "drops", drops),                                               \
                       WRITE_FN("reset_counts", queue_reset_counts,                                          \
                                .flags = HANDLER_WRITE | HANDLER_BUTTON | HANDLER_NONEXCLUSIVE),             \
                       WRITE_FN("reset", queue_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON))

#endif
