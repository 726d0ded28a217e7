/** ToDevice: sends packets to a network device.
 *
 * Synopsis: `ToDevice(DEVNAME [, <keywords> BURST, METHOD, DEBUG, ALLOW_NONEXISTENT])`
 *
 * DEVNAME is as for FromDevice. Packets have their link-level header already. The input is push or pull.
 * Pulling, it sleeps while its upstream is empty or the device is full. Pushed packets that find the device
 * full wait in a backlog of one batch; what finds that full too is dropped, or pushed out of output 1. A push
 * source that listens to notifiers (InfiniteSource, RatedSource behind a Queue) is held back instead.
 *
 * Outputs: 0 (optional): a copy of each packet that was sent. 1 (optional): packets that could not be sent.
 *
 * Arguments: BURST (int): packets in one turn at least; default 1. METHOD (PCAP or LINUX): accepted, one way
 * is used for both. DEBUG (bool): says when the device is full. ALLOW_NONEXISTENT (bool): if the device
 * cannot be opened, go on and send nothing; default false.
 *
 * Handlers: `count`, `drops`, `pulls`, `signal`, `q`, `devname` (read). `full_time` (read): how long packets
 * that were pulled waited for room, in ns in all; `stalled_time`: of that what was more than 0.1 ms at a
 * time. `peer` (read): number of the process on the other side of a vhost-user socket, 0 if it is not known.
 * `carrier` (read): whether the other side is there.
error by log-update; devices are waited for)
 * `debug` (read/write). `reset_counts` (write). `scheduled`, `tickets`.
 *
 * Example: `FromDevice(0) -> Queue -> ToDevice(1);`
 *
 * See also: FromDevice, ToDump
 */
#include "port.h"

/* A device that takes packets takes some within this time; else its other side does not run. */
#define STALL (NSEC_PER_MSEC / 10)

typedef struct ToDevice {
  Element base;
  NetDevice *device; /* NULL: it does not exist, which is allowed */
  Packet *backlog[BATCH_MAX];
  uint32_t waiting, full, patience; /* full: how often the device was found full; patience: as FromDevice */
  int32_t burst;
  bool pull, debug, allow_nonexistent;
  char *devname, *method;
  uint64_t count, drops, pulls;
  int64_t full_since, full_ns; /* pulling: steady ns, 0 while there is room; how long it was full in all */
  int64_t stalled_ns;          /* of that in spells of more than STALL */
  Task task;
  SignalSet signals;
  Signal room;
} ToDevice;

/* Sends with copies for output 0. */
static unsigned to_device_send_copied(ToDevice *t, Packet **p, unsigned n) {
  Packet *copies[BATCH_MAX];
  for (unsigned i = 0; i < n; i++) copies[i] = packet_clone(p[i]);
  unsigned sent = t->device->send(t->device, p, n);
  for (unsigned i = 0; i < n; i++) {
    if (!copies[i]) continue;
    if (i < sent)
      output_push(&t->base, 0, copies[i]);
    else
      packet_free(copies[i]);
  }
  return sent;
}

/* Sends what it can. Returns how many were taken. */
static unsigned to_device_send(ToDevice *t, Packet **p, unsigned n) {
  NetDevice *d = t->device;
  unsigned sent;
  if (unlikely(!d)) {
    free_batch(p, n);
    return n;
  }
  if (likely(!t->base.noutputs))
    sent = d->send(d, p, n);
  else
    sent = to_device_send_copied(t, p, n);
  t->count += sent;
  return sent;
}

/* Keeps up to a batch of unsent packets. Returns how many found room. */
static unsigned to_device_keep(ToDevice *t, Packet **p, unsigned n) {
  unsigned room = BATCH_MAX - t->waiting, k = n < room ? n : room;
  for (unsigned i = 0; i < k; i++) t->backlog[t->waiting + i] = p[i];
  t->waiting += k;
  return k;
}

static unsigned to_device_send_backlog(ToDevice *t) {
  if (!t->waiting) return 0;
  unsigned sent = to_device_send(t, t->backlog, t->waiting);
  t->waiting -= sent;
  if (sent) memmove(t->backlog, t->backlog + sent, t->waiting * sizeof *t->backlog);
  if (sent) t->full = 0;
  if (!t->waiting && t->full_since) {
    int64_t spell = time_steady(&t->base) - t->full_since;
    t->full_ns += spell;
    if (spell > STALL) t->stalled_ns += spell;
    t->full_since = 0;
  }
  return sent;
}

static void to_device_flush(ToDevice *t) {
  if (t->device && t->device->flush) t->device->flush(t->device);
}

/* The device is full: look again soon, or sleep until it has room. */
static void to_device_wait(ToDevice *t) {
  if (!t->patience) t->patience = port_patience(t->device, &t->base);
  if (++t->full < t->patience || port_sleep(t->device, &t->base, false))
    task_schedule(&t->task);
  else if (t->debug)
    chatter(&t->base, "%s is full, waiting", t->devname);
}

static unsigned to_device_pull(ToDevice *t) {
  Packet *p[BATCH_MAX];
  unsigned limit = batch_limit(&t->base), want = (unsigned)t->burst > limit ? (unsigned)t->burst : limit,
           moved = 0;
  while (moved < want && !t->waiting) {
    t->pulls++;
    unsigned n = input_pull_batch(&t->base, 0, p, want - moved < limit ? want - moved : limit);
    if (!n) break;
    unsigned sent = to_device_send(t, p, n);
    to_device_keep(t, p + sent, n - sent); /* the backlog is empty here */
    if (t->waiting) t->full_since = time_steady(&t->base);
    moved += n;
  }
  return moved;
}

static bool to_device_task(Element *e, Task *task) {
  ToDevice *t = (ToDevice *)e;
  unsigned moved = to_device_send_backlog(t);
  if (t->pull) moved += to_device_pull(t);
  if (moved) to_device_flush(t);
  if (t->waiting)
    to_device_wait(t);
  else if (t->pull && (moved || signals_active(&t->signals)))
    task_schedule(task);
  if (!t->waiting) signal_set(&t->room, true);
  return moved > 0;
}

static void to_device_push(Element *e, int port, Packet **p, unsigned n) {
  ToDevice *t = (ToDevice *)e;
  (void)port;
  unsigned before = unlikely(t->waiting) ? to_device_send_backlog(t) : 0;
  unsigned sent = likely(!t->waiting) ? to_device_send(t, p, n) : 0;
  if (likely(before || sent)) to_device_flush(t);
  if (likely(sent == n)) return;
  sent += to_device_keep(t, p + sent, n - sent);
  t->drops += n - sent;
  for (; sent < n; sent++) output_push(e, 1, p[sent]);
  signal_set(&t->room, false);
  task_schedule(&t->task);
}

static void to_device_selected(Element *e, int fd, bool readable, bool writable) {
  ToDevice *t = (ToDevice *)e;
  (void)fd, (void)readable, (void)writable;
  port_awake(t->device, false);
  t->full = 0;
  if (t->waiting) task_schedule(&t->task);
}

static Signal *to_device_notifier(Element *e, bool full, int port) {
  (void)port;
  return full && !input_is_pull(e, 0) ? &((ToDevice *)e)->room : NULL;
}

static int to_device_configure(Element *e, const Args *args, Errors *errs) {
  ToDevice *t = (ToDevice *)e;
  (void)args;
  if (!*t->devname) return error(errs, "interface not set");
  if (t->burst <= 0) return error(errs, "bad BURST");
  if (t->method && strcmp(t->method, "PCAP") != 0 && strcmp(t->method, "LINUX") != 0)
    return error(errs, "bad METHOD");
  return 0;
}

static int to_device_initialize(Element *e, Errors *errs) {
  ToDevice *t = (ToDevice *)e;
  Errors ignored = {.silent = true};
  t->pull = input_is_pull(e, 0);
  t->room.active = true;
  t->device = netdevice_open(e, t->devname, NULL, t->allow_nonexistent ? &ignored : errs);
  if (!t->device && !t->allow_nonexistent) return -1;
  for (unsigned i = 0; t->device && i < e->index; i++) {
    Element *x = router_element(e->router, i);
    if (x->class == e->class && ((ToDevice *)x)->device == t->device)
      return error(errs, "duplicate writer for device '%s'", t->devname);
  }
  task_init(&t->task, e, t->pull);
  if (t->pull) upstream_signals(e, 0, &t->task, &t->signals);
  return 0;
}

static void to_device_cleanup(Element *e) {
  ToDevice *t = (ToDevice *)e;
  if (t->waiting) free_batch(t->backlog, t->waiting);
  signals_cleanup(&t->signals);
  signal_cleanup(&t->room);
  if (t->device) {
    port_forget(t->device, e);
    netdevice_close(t->device);
  }
  mem_free(t->devname);
  mem_free(t->method);
}

static void to_device_take_state(Element *e, Element *old) {
  ToDevice *t = (ToDevice *)e, *o = (ToDevice *)old;
  t->count = o->count;
  t->drops = o->drops;
  t->pulls = o->pulls;
  to_device_keep(t, o->backlog, o->waiting);
  o->waiting = 0;
  if (t->waiting) task_schedule(&t->task);
}

static int to_device_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  ToDevice *t = (ToDevice *)e;
  (void)param, (void)errs;
  bool on = h->data ? t->waiting > 0 : t->pull && signals_active(&t->signals);
  text_add_string(out, on ? "true" : "false");
  return 0;
}

static int to_device_full_time(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  ToDevice *t = (ToDevice *)e;
  (void)param, (void)errs;
  int64_t now = t->full_since ? time_steady(e) - t->full_since : 0;
  if (h->data)
    now = (now > STALL ? now : 0) + t->stalled_ns;
  else
    now += t->full_ns;
  text_printf(out, "%lld", (long long)now);
  return 0;
}

static int to_device_peer(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  NetDevice *d = ((ToDevice *)e)->device;
  (void)h, (void)param, (void)errs;
  if (d && d->carrier) d->carrier(d);
  text_printf(out, "%d", d ? (int)d->peer : 0);
  return 0;
}

static int to_device_carrier(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  NetDevice *d = ((ToDevice *)e)->device;
  (void)h, (void)param, (void)errs;
  text_printf(out, "%s", d && (!d->carrier || d->carrier(d)) ? "true" : "false");
  return 0;
}

static int to_device_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  ToDevice *t = (ToDevice *)e;
  (void)h, (void)value, (void)errs;
  t->count = t->drops = t->pulls = 0;
  t->full_ns = t->stalled_ns = 0;
  if (t->full_since) t->full_since = time_steady(e);
  return 0;
}

ELEMENT(
    ToDevice, .batched = true, .ports = "1/0-2", .processing = "a/h", .flags = "S2",
    .phase = PHASE_PRIVILEGED, .push = to_device_push, .run_task = to_device_task,
    .selected = to_device_selected, .notifier = to_device_notifier, .configure = to_device_configure,
    .initialize = to_device_initialize, .cleanup = to_device_cleanup, .take_state = to_device_take_state,
    .args = ARGS(ARG_MUST(ToDevice, STRING, "DEVNAME", devname), ARG(ToDevice, BOOL, "DEBUG", debug, "false"),
                 ARG(ToDevice, WORD, "METHOD", method, NULL), ARG(ToDevice, I32, "BURST", burst, "1"),
                 ARG(ToDevice, BOOL, "ALLOW_NONEXISTENT", allow_nonexistent, "false")),
    .handlers = HANDLERS(
        READ_FIELD(ToDevice, U64, "count", count), READ_FIELD(ToDevice, U64, "drops", drops),
        READ_FIELD(ToDevice, U64, "pulls", pulls), READ_FN("signal", to_device_read),
        READ_FN("full_time", to_device_full_time), READ_FN("stalled_time", to_device_full_time, .data = 1),
        READ_FN("peer", to_device_peer), READ_FN("carrier", to_device_carrier),
        READ_FN("q", to_device_read, .data = 1), READ_FIELD(ToDevice, STRING, "devname", devname),
        RW_FIELD(ToDevice, BOOL, "debug", debug, .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
        WRITE_FN("reset_counts", to_device_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
        TASK_HANDLERS(ToDevice, task)));
