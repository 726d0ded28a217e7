/** QueueYankTest: checks a queue while packets are stored, taken and its capacity changes.
 *
 * Synopsis: `QueueYankTest(QUEUE)`
 *
 * When the driver starts it puts packets into QUEUE, which must be empty, takes them out in parts so that its
 * ring wraps at every place, and makes it smaller and larger; the right packets must come out in order. It
 * prints that all tests passed, or what failed.
 *
 * Arguments: QUEUE (element): a Queue or one of its kin.
 *
 * Example: `q :: Queue(6); Idle -> q -> Idle; QueueYankTest(q); Script(wait 1s, stop);`
 */
#include "../standard/queue.h"
#include "selftest.h"

typedef struct QueueYankTest {
  Element base;
  Element *queue;
  Task task;
} QueueYankTest;

/* Puts in packets that are numbered from `first`. */
static void put(Queue *q, uint32_t first, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    Packet *p = packet_alloc(4);
    if (!p) return;
    store32(p->data, first + i);
    queue_push(&q->base, 0, &p, 1);
  }
}

/* Takes n packets out; are they numbered from `first`? */
static bool get(Queue *q, uint32_t first, unsigned n) {
  bool ok = true;
  for (unsigned i = 0; i < n; i++) {
    Packet *p;
    if (!queue_pull(&q->base, 0, &p, 1)) return false;
    ok &= load32(p->data) == first + i;
    packet_free(p);
  }
  return ok;
}

static int queue_tests(Queue *q, Errors *errs) {
  uint32_t capacity = q->capacity;
  CHECK(errs, !q->length && capacity);
  for (unsigned at = 0; at <= q->mask; at++) { /* at every place of the ring */
    put(q, 0, capacity);
    CHECK(errs, q->length == capacity && !q->not_full.active);
    CHECK(errs, get(q, 0, capacity) && !q->length);
    put(q, 0, 1);
    CHECK(errs, get(q, 0, 1));
  }
  for (unsigned keep = 1; keep <= capacity; keep++) { /* smaller and larger again */
    put(q, 0, capacity);
    CHECK(errs, !queue_resize(q, keep, false, errs) && q->length == keep);
    CHECK(errs, !queue_resize(q, capacity + 3, false, errs) && q->length == keep);
    put(q, 100, 1);
    CHECK(errs, get(q, 0, keep) && get(q, 100, 1) && !q->length);
    put(q, 0, capacity + 3);
    CHECK(errs, !queue_resize(q, keep, true, errs) && get(q, capacity + 3 - keep, keep));
    CHECK(errs, !queue_resize(q, capacity, false, errs) && !q->length);
  }
  q->highwater = 0;
  return 0;
}

static bool queue_task(Element *e, Task *t) {
  QueueYankTest *y = (QueueYankTest *)e;
  Errors *errs = NULL;
  (void)t;
  if (queue_tests((Queue *)y->queue, errs) == 0) {
    Text line = {0};
    text_printf(&line, "%s :: %s: All tests pass!\n", e->name, e->class->name);
    platform_write(2, text_cstr(&line), line.len);
    text_free(&line);
  } else
    chatter(e, "a test failed");
  return true;
}

static int queue_test_initialize(Element *e, Errors *errs) {
  QueueYankTest *y = (QueueYankTest *)e;
  if (!element_cast(y->queue, "Storage")) return error(errs, "QUEUE: '%s' is no queue", y->queue->name);
  task_init(&y->task, e, true);
  return 0;
}

ELEMENT(QueueYankTest, .ports = "0/0", .run_task = queue_task, .initialize = queue_test_initialize,
        .args = ARGS(ARG_MUST(QueueYankTest, ELEMENT, "QUEUE", queue)));
