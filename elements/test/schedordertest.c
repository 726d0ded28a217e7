/** SchedOrderTest: remembers in which order tasks run.
 *
 * Synopsis: `SchedOrderTest(ID [, <keywords> SIZE, LIMIT, STOP])`
 *
 * Each such element has a task that runs again and again; all of them write their IDs into one list.
 *
 * Arguments: ID (int). SIZE (unsigned): length of the list; that of the first such element holds. Default
 * 1024. LIMIT (unsigned): runs at most; 0: no limit. Default 0. STOP (bool): stops the driver when the list
 * is full. Default false.
 *
 * Handlers: `order` (read): the list. `scheduled`, `tickets`.
 *
 * Example: `a :: SchedOrderTest(1, SIZE 20, STOP true); SchedOrderTest(2); ScheduleInfo(a 3);`
 */
#include <clicklet/element.h>

typedef struct SchedOrderTest SchedOrderTest;
struct SchedOrderTest {
  Element base;
  int32_t id;
  uint32_t size, limit, count;
  bool stop;
  SchedOrderTest *keeper; /* the first of them has the list */
  int32_t *list;
  uint32_t length, capacity;
  Task task;
};

static bool order_task(Element *e, Task *t) {
  SchedOrderTest *s = (SchedOrderTest *)e, *k = s->keeper;
  if (k->length < k->capacity) k->list[k->length++] = s->id;
  if (k->length == k->capacity && s->stop) router_stop(e->router);
  if (!s->limit || ++s->count < s->limit) task_schedule(t);
  return true;
}

static int order_initialize(Element *e, Errors *errs) {
  SchedOrderTest *s = (SchedOrderTest *)e;
  for (unsigned i = 0; !s->keeper; i++)
    s->keeper = element_cast(router_element(e->router, i), "SchedOrderTest");
  if (s->keeper == s) {
    if (!(s->list = mem_alloc((s->size + 1u) * sizeof *s->list))) return error(errs, "out of memory");
    s->capacity = s->size;
  }
  task_init(&s->task, e, true);
  return 0;
}

static void order_cleanup(Element *e) { mem_free(((SchedOrderTest *)e)->list); }

static int order_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const SchedOrderTest *k = ((SchedOrderTest *)e)->keeper;
  (void)h, (void)param, (void)errs;
  for (uint32_t i = 0; k && i < k->length; i++) text_printf(out, i ? " %d" : "%d", k->list[i]);
  text_add_char(out, '\n');
  return 0;
}

ELEMENT(SchedOrderTest, .ports = "0/0", .run_task = order_task, .initialize = order_initialize,
        .cleanup = order_cleanup,
        .args = ARGS(ARG_MUST(SchedOrderTest, I32, "ID", id),
                     ARG(SchedOrderTest, U32, "SIZE", size, "1024", .min = 0, .max = 1 << 24),
                     ARG(SchedOrderTest, U32, "LIMIT", limit, "0"),
                     ARG(SchedOrderTest, BOOL, "STOP", stop, "false")),
        .handlers = HANDLERS(READ_FN("order", order_read), TASK_HANDLERS(SchedOrderTest, task)));
