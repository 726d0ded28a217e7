/** LinkUnqueue: pulls packets and pushes them on as a serial link would.
 *
 * Synopsis: `LinkUnqueue(LATENCY, BANDWIDTH)`
 *
 * Ports: 1 pull input, 1 push output. A packet takes its length, the extra length annotation included, at
 * BANDWIDTH, behind the packets before it, and then LATENCY. It becomes the packet's timestamp when it
 * leaves. Packets on the link are held here; no more are pulled than fit on it. Sleeps while its upstream is
 * empty.
 *
 * Arguments: LATENCY (time): required. BANDWIDTH (bandwidth, at least 100 bytes/s): required.
 *
 * Handlers: `size` (read): packets on the link. `latency`, `bandwidth` (bytes/s) (read/write): writing drops
 * what is on the link. `reset` (write): drops it. `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 10) -> Queue -> LinkUnqueue(5ms, 100kbps) -> Discard;`
 */
#include "units.h"

typedef struct LinkUnqueue {
  Element base;
  int64_t latency;
  uint64_t bandwidth;  /* bytes/s */
  Packet *head, *tail; /* on the link, along next; their timestamps say when they leave */
  uint32_t size;
  bool back_to_back;
  Task task;
  Timer timer;
  SignalSet signals;
} LinkUnqueue;

static bool link_unqueue_task(Element *e, Task *t) {
  LinkUnqueue *u = (LinkUnqueue *)e;
  int64_t now = time_now(e), arrival = now + u->latency;
  bool worked = false;
  while (!u->tail || u->tail->timestamp <= arrival) { /* room at the link's beginning */
    Packet *p = input_pull(e, 0);
    if (!p) {
      u->back_to_back = false;
      break;
    }
    uint64_t length = (uint64_t)p->len + anno_u32(p, ANNO_EXTRA_LENGTH);
    p->timestamp = (u->tail && u->back_to_back ? u->tail->timestamp : arrival) +
                   (int64_t)(length * 1000000 / u->bandwidth) * NSEC_PER_USEC;
    p->next = NULL;
    if (u->tail)
      u->tail->next = p;
    else
      u->head = p;
    u->tail = p;
    u->size++;
    worked = u->back_to_back = true;
  }
  while (u->head && u->head->timestamp <= now) {
    Packet *p = u->head;
    if (!(u->head = p->next)) u->tail = NULL;
    p->next = NULL;
    u->size--;
    output_push(e, 0, p);
    worked = true;
  }
  bool more = signals_active(&u->signals);
  if (u->head) {
    int64_t at = u->head->timestamp;
    if (more && u->tail->timestamp - u->latency < at) at = u->tail->timestamp - u->latency;
    if (at > now)
      timer_after(&u->timer, at - now);
    else
      task_schedule(t);
  } else if (more)
    task_schedule(t);
  return worked;
}

static void link_unqueue_timer(Element *e, Timer *t) {
  (void)t;
  task_schedule(&((LinkUnqueue *)e)->task);
}

static int link_unqueue_initialize(Element *e, Errors *errs) {
  LinkUnqueue *u = (LinkUnqueue *)e;
  (void)errs;
  timer_init(&u->timer, e);
  task_init(&u->task, e, true);
  upstream_signals(e, 0, &u->task, &u->signals);
  return 0;
}

static void link_unqueue_empty(LinkUnqueue *u) {
  packet_free_list(u->head);
  u->head = u->tail = NULL;
  u->size = 0;
}

static void link_unqueue_cleanup(Element *e) {
  link_unqueue_empty((LinkUnqueue *)e);
  signals_cleanup(&((LinkUnqueue *)e)->signals);
}

static int link_unqueue_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  return ((LinkUnqueue *)e)->bandwidth < 100 ? error(errs, "BANDWIDTH must be 100 bytes/s or more") : 0;
}

static int link_unqueue_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  LinkUnqueue *u = (LinkUnqueue *)e;
  uint64_t bandwidth = u->bandwidth;
  if (h->size && handler_write_field(e, h, value, errs) < 0) return -1;
  if (link_unqueue_configure(e, NULL, errs) < 0) {
    u->bandwidth = bandwidth;
    return -1;
  }
  link_unqueue_empty(u);
  timer_cancel(&u->timer);
  task_schedule(&u->task);
  return 0;
}

static int link_unqueue_latency(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_interval(out, ((LinkUnqueue *)e)->latency);
  return 0;
}

ELEMENT(LinkUnqueue, .ports = "1/1", .processing = "l/h", .run_task = link_unqueue_task,
        .run_timer = link_unqueue_timer, .configure = link_unqueue_configure,
        .initialize = link_unqueue_initialize, .cleanup = link_unqueue_cleanup,
        .args = ARGS(ARG_MUST(LinkUnqueue, INTERVAL, "LATENCY", latency),
                     ARG_MUST(LinkUnqueue, BANDWIDTH, "BANDWIDTH", bandwidth)),
        .handlers = HANDLERS(RW_FN("latency", link_unqueue_latency, link_unqueue_write, .type = ARG_INTERVAL,
                                   FIELD_OF(LinkUnqueue, latency),
                                   .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),
                             RW_FIELD(LinkUnqueue, BANDWIDTH, "bandwidth", bandwidth,
                                      .write = link_unqueue_write,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),
                             READ_FIELD(LinkUnqueue, U32, "size", size),
                             WRITE_FN("reset", link_unqueue_write, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(LinkUnqueue, task)));
