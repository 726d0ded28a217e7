/* channel.c: the guest's end of the control channel (channel.h): a virtio-console's port 0 (virtio 1.2, 5.3),
 * frames in, frames out. While a response waits to be sent no further request is read, so that memory stays
 * bounded. */
#include <clicklet/channel.h>
#include "guest.h"

enum { CONSOLE_ID = 3, QUEUE = 4, BUFFER = PAGE_BYTES };

static VirtioDevice *console;
static DriverQueue rx, tx;
static uint8_t *free_buffers[QUEUE]; /* for sending */
static unsigned free_count;
static bool quiet; /* the monitor looks without being told */

static struct { /* the frame being read */
  ChannelFrame frame;
  uint32_t have;    /* bytes of header and payload */
  uint8_t *payload; /* NULL: skipped */
} in;
static Text out; /* bytes to send */
static uint32_t out_at;
static struct { /* what was received behind a request whose response waits */
  uint8_t *buffer;
  uint32_t at, len;
} held;
bool guest_stop;

void channel_init(Engine *e) {
  (void)e;
  for (unsigned i = 0; i < virtio_device_count && !console; i++)
    if (virtio_devices[i].type == CONSOLE_ID) console = &virtio_devices[i];
  if (!console) return;
  size_t bytes = driver_queue_bytes(QUEUE);
  uint8_t *memory = platform_alloc_pages(2 * bytes + 2 * QUEUE * BUFFER);
  if (!memory) platform_panic("out of memory for the control channel");
  uint64_t features = console->offered & (VIRTIO_F_VERSION_1 | VIRTIO_F_IN_ORDER);
  uint8_t *buffers = memory + 2 * QUEUE * BUFFER;
  driver_queue_init(&rx, buffers, QUEUE, features, true);
  driver_queue_init(&tx, buffers + bytes, QUEUE, features, false);
  for (unsigned i = 0; i < QUEUE; i++) driver_add(&rx, memory + i * BUFFER, BUFFER, memory + i * BUFFER);
  driver_show(&rx);
  DriverQueue *queues[] = {&rx, &tx};
  const char *refused = virtio_start(console, features, queues, 2);
  if (refused) {
    console_printf("the control channel cannot be used: %s\n", refused);
    console = NULL;
    return;
  }
  for (unsigned i = 0; i < QUEUE; i++) free_buffers[free_count++] = memory + (QUEUE + i) * BUFFER;
}

/* ---- Sending
 * ------------------------------------------------------------------------------------------------------ */

static void pump(void) {
  free_count += driver_take(&tx, (void **)free_buffers + free_count, NULL, QUEUE - free_count);
  bool any = false;
  while (out_at < out.len && free_count) {
    uint8_t *b = free_buffers[--free_count];
    uint32_t n = out.len - out_at < BUFFER ? out.len - out_at : BUFFER;
    memcpy(b, out.s + out_at, n);
    out_at += n;
    driver_add(&tx, b, n, b);
    any = true;
  }
  if (any) {
    driver_show(&tx);
    if (!quiet && driver_must_notify(&tx)) virtio_notify(console, 1);
  }
  if (out_at == out.len && out.len) {
    text_free(&out);
    out = (Text){0};
    out_at = 0;
  }
}

/* A response waits, or there would be no buffer for the next one's header. */
static bool blocked(void) { return out.len || !free_count; }

static void send(uint16_t type, uint32_t id, uint32_t status, const void *payload, uint32_t n) {
  ChannelFrame f = {.magic = CHANNEL_MAGIC,
                    .version = CHANNEL_VERSION,
                    .type = type,
                    .length = n,
                    .id = id,
                    .status = status};
  if (!text_reserve(&out,
                    sizeof f + n)) { /* at least the status gets through: there is always room for a header */
    f.length = 0;
    if (!status) f.status = CHANNEL_FAILED;
    if (out.len || !free_count) return;
    uint8_t *b = free_buffers[--free_count];
    memcpy(b, &f, sizeof f);
    driver_add(&tx, b, sizeof f, b);
    driver_show(&tx);
    virtio_notify(console, 1);
    return;
  }
  text_add(&out, (const char *)&f, sizeof f);
  text_add(&out, payload, n);
  pump();
}

static void add_errors(Text *t, const Errors *errs) {
  for (uint32_t i = 0; i < errs->count; i++) {
    const ErrorRecord *r = &errs->records[i];
    const char *message = r->message ? r->message : "out of memory";
    ChannelError e = {
        .warning = r->warning, .element = r->element, .arg = r->arg, .length = (uint32_t)strlen(message)};
    text_add(t, (const char *)&e, sizeof e);
    text_add(t, message, e.length);
    while (t->len % 4) text_add_char(t, 0);
  }
}

static void respond(const char *payload, uint32_t n) {
  send(in.frame.type | CHANNEL_RESPONSE, in.frame.id, CHANNEL_OK, payload, n);
}

static void respond_errors(uint32_t status, Errors *errs) {
  Text t = {0};
  uint64_t refused = memory_refused();
  if (status && refused) {
    errs->element = -1;
    error(errs, "out of memory: no %lu bytes in one piece, %lu are free: boot it with more (--mem)", refused,
          pages_free());
  }
  add_errors(&t, errs);
  send(in.frame.type | CHANNEL_RESPONSE, in.frame.id, status, t.s, t.len);
  text_free(&t);
  errors_clear(errs);
}

static void respond_error(uint32_t status, const char *message) {
  Errors errs = {.element = -1};
  error(&errs, "%s", message);
  respond_errors(status, &errs);
}

static int boot_status;
static Text boot_errors;

static void send_boot(uint16_t type, uint32_t id) {
  const GuestReport *r = &guest_boot.report;
  ChannelBoot b = {.size = sizeof b,
                   .installed = boot_status == 0,
                   .tsc_khz = guest_boot.tsc_khz,
                   .tsc_started = r->tsc_started,
                   .tsc_platform = r->tsc_platform,
                   .tsc_configured = r->tsc_configured,
                   .tsc_first_packet = r->tsc_first_packet,
                   .memory_free = pages_free(),
                   .memory_needed = r->memory_needed};
  Text t = {0};
  text_add(&t, (const char *)&b, sizeof b);
  text_add(&t, boot_errors.s, boot_errors.len);
  send(type, id, boot_status ? CHANNEL_FAILED : CHANNEL_OK, t.s, t.len);
  text_free(&t);
}

void channel_boot_event(int status, const Errors *errs) {
  if (!console) return;
  boot_status = status;
  add_errors(&boot_errors, errs);
  quiet = monitored(); /* it looks at the change of state that follows */
  send_boot(CHANNEL_BOOT, 0);
  quiet = false;
}

/* ---- Requests
 * ----------------------------------------------------------------------------------------------------- */

static void install(Engine *e, const void *plan, uint32_t n) {
  Errors errs = {.element = -1};
  memory_refused();
  int rc = engine_install(e, plan, n, &errs);
  if (!rc) image_fuse(e);
  respond_errors(rc ? CHANNEL_FAILED : CHANNEL_OK, &errs);
}

static void handler(Engine *e, char *name, uint32_t n, bool write) {
  Errors errs = {.element = -1};
  Text text = {0};
  size_t length = strlen(name); /* the payload is NUL-terminated by receive */
  const char *rest = length < n ? name + length + 1 : NULL;
  int rc = write ? engine_write(e, name, rest ? rest : "", &errs)
                 : engine_read(e, name, rest && *rest ? rest : NULL, &text, &errs);
  if (rc)
    respond_errors(CHANNEL_FAILED, &errs);
  else
    respond(text.s, text.len);
  text_free(&text);
  errors_clear(&errs);
}

static void stats(Engine *e) {
  Text t = {0};
  EngineStats s;
  engine_stats(e, &s);
  ChannelStats c = {.size = sizeof c,
                    .uptime_ns = (uint64_t)(platform_clock_steady() - NSEC_PER_SEC),
                    .memory_bytes = guest_boot.memory,
                    .memory_free = pages_free(),
                    .pool_total = s.pool_total,
                    .pool_free = s.pool_free,
                    .pool_failures = s.pool_failures,
                    .rounds = s.rounds,
                    .tasks_run = s.tasks_run,
                    .idle_waits = s.idle_waits};
  NetDevice *d;
  while (net_device(c.port_count)) c.port_count++;
  text_add(&t, (const char *)&c, sizeof c);
  for (unsigned i = 0; (d = net_device(i)); i++) {
    ChannelPort p = {.link = d->carrier(d),
                     .open = d->references > 0,
                     .rx_packets = d->rx_packets,
                     .rx_bytes = d->rx_bytes,
                     .rx_dropped = d->rx_dropped,
                     .tx_packets = d->tx_packets,
                     .tx_bytes = d->tx_bytes,
                     .tx_dropped = d->tx_dropped};
    memcpy(p.mac, d->mac, 6);
    text_add(&t, (const char *)&p, sizeof p);
  }
  respond(t.s, t.len);
  text_free(&t);
}

static void request(Engine *e) {
  uint32_t n = in.frame.length;
  char *payload = (char *)in.payload;
  if (in.frame.version != CHANNEL_VERSION) {
    respond_error(CHANNEL_MALFORMED, "unknown version of the control protocol");
    return;
  }
  switch (in.frame.type) {
  case CHANNEL_PING:
    respond(payload, n);
    break;
  case CHANNEL_INSTALL:
    install(e, payload, n);
    break;
  case CHANNEL_READ:
    handler(e, payload, n, false);
    break;
  case CHANNEL_WRITE:
    handler(e, payload, n, true);
    break;
  case CHANNEL_STATS:
    stats(e);
    break;
  case CHANNEL_BOOT:
    send_boot(CHANNEL_BOOT | CHANNEL_RESPONSE, in.frame.id);
    break;
  case CHANNEL_STOP:
    respond(NULL, 0);
    guest_stop = true;
    engine_stop(e);
    break;
  default:
    respond_error(CHANNEL_MALFORMED, "unknown request");
  }
}

/* ---- Receiving
 * ---------------------------------------------------------------------------------------------------- */

/* Looks for the next magic number behind the first byte of a header that has none. */
static void resynchronise(void) {
  uint8_t *h = (uint8_t *)&in.frame;
  static bool told;
  if (!told) send(CHANNEL_RESPONSE, 0, CHANNEL_MALFORMED, NULL, 0);
  told = true;
  memmove(h, h + 1, --in.have);
}

/* Returns how many bytes were used: up to all of them, or to the end of a request whose response waits. */
static uint32_t receive(Engine *e, const uint8_t *p, uint32_t n) {
  const uint32_t header = sizeof in.frame;
  const uint8_t *start = p;
  while (n || in.have >= header) {
    uint32_t want = in.have < header ? header - in.have : header + in.frame.length - in.have;
    uint32_t part = n < want ? n : want;
    if (in.have < header)
      memcpy((uint8_t *)&in.frame + in.have, p, part);
    else if (in.payload)
      memcpy(in.payload + in.have - header, p, part);
    in.have += part, p += part, n -= part;
    if (in.have < header) break;
    if (in.have == header && !in.payload) {
      if (in.frame.magic != CHANNEL_MAGIC) {
        resynchronise();
        continue;
      }
      if (in.frame.length <= CHANNEL_PAYLOAD_MAX) in.payload = platform_alloc((size_t)in.frame.length + 2);
      if (!in.payload)
        respond_error(CHANNEL_TOO_LARGE,
                      "the guest has no memory for a request of that size: boot it with more (--mem)");
    }
    if (in.have < header + in.frame.length) {
      if (!n) break;
      continue;
    }
    if (in.payload) {
      in.payload[in.frame.length] = in.payload[in.frame.length + 1] = 0;
      request(e);
    }
    platform_free(in.payload);
    in.payload = NULL;
    in.have = 0;
    if (blocked()) break;
  }
  return (uint32_t)(p - start);
}

bool channel_pending(void) {
  if (!console) return false;
  if (unlikely(blocked())) return driver_has_used(&tx);
  return driver_has_used(&rx) || unlikely(held.buffer != NULL);
}

void channel_run(Engine *e) {
  if (!console) return;
  if (blocked()) pump();
  while (!blocked()) {
    if (!held.buffer) {
      if (!driver_take(&rx, (void **)&held.buffer, &held.len, 1)) return;
      held.at = 0;
    }
    held.at += receive(e, held.buffer + held.at, held.len - held.at);
    if (held.at < held.len) continue;
    driver_add(&rx, held.buffer, BUFFER, held.buffer);
    held.buffer = NULL;
    driver_show(&rx);
    if (driver_must_notify(&rx)) virtio_notify(console, 0);
  }
}

bool channel_arm(bool on) {
  if (!console) return false;
  bool received = driver_arm(&rx, on), sent = (blocked() || !on) && driver_arm(&tx, on);
  return on && (blocked() ? sent : received || held.buffer);
}

void channel_flush(void) {
  for (int64_t end = platform_clock_steady() + NSEC_PER_SEC / 2;
       console && out.len && platform_clock_steady() < end;)
    pump();
}
