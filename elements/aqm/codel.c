/** CoDel: drops packets while they wait too long in the queue (controlled delay).
 *
 * Synopsis: `CoDel([TARGET, INTERVAL, <keyword> QUEUES])`
 *
 * Pulls from the queues upstream. How long a packet waited is measured from its first timestamp annotation,
 * which `SetTimestamp(FIRST true)` sets in front of the queue, and is put in place of it. Once packets have
 * waited longer than TARGET for an INTERVAL, it drops one, and then more and more often until they no longer
 * do (Nichols and Jacobson, ACM Queue 10(5), 2012).
 *
 * Arguments: TARGET (time; a bare number is seconds): default 5ms. INTERVAL (time): default 100ms. QUEUES
 * (names): the queues whose lengths are shown and looked at; default: the next ones upstream.
 *
 * Handlers: `codel_target`, `codel_interval` (read/write). `drops`, `queues`, `stats` (read).
 *
 * The reference's documentation calls TARGET and INTERVAL milliseconds; it reads seconds.
 *
 * Example: `RatedSource(RATE 100) -> SetTimestamp(FIRST true) -> Queue(200) -> CoDel(5ms, 100ms) ->
 * LinkUnqueue(0, 512kbps) -> Discard;`
 */
#include "../standard/storage.h"

typedef struct CoDel {
  Element base;
  int64_t target, interval; /* ns */
  char *queues_text;
  StorageSet queues;
  int64_t above_since; /* when waiting will have been too long for an interval; 0: it is not too long */
  int64_t next_drop;
  uint32_t count; /* drops in this time of dropping */
  bool dropping;
  uint64_t drops;
} CoDel;

static uint64_t isqrt(uint64_t v) {
  uint64_t r = 0;
  for (uint64_t bit = UINT64_C(1) << 62; bit; bit >>= 2) {
    if (v >= r + bit) {
      v -= r + bit;
      r = (r >> 1) + bit;
    } else
      r >>= 1;
  }
  return r;
}

/* The time of the drop after one at `at`: interval / sqrt(count) later. */
static int64_t control_law(const CoDel *c, int64_t at, uint32_t count) {
  return at + (int64_t)(((uint64_t)c->interval << 8) / isqrt((uint64_t)count << 16));
}

/* Pulls one packet; *over: it and those before it waited too long. */
static Packet *take(CoDel *c, int64_t now, bool *over) {
  Packet *p = input_pull(&c->base, 0);
  *over = false;
  if (!p) {
    c->above_since = 0;
    return NULL;
  }
  int64_t first = (int64_t)load64(p->anno + ANNO_FIRST_TIMESTAMP), waited = first ? now - first : 0;
  store64(p->anno + ANNO_FIRST_TIMESTAMP, (uint64_t)waited);
  if (waited < c->target || !storage_length(&c->queues))
    c->above_since = 0;
  else if (!c->above_since)
    c->above_since = now + c->interval;
  else
    *over = now >= c->above_since;
  return p;
}

static void drop(CoDel *c, Packet *p) {
  c->drops++;
  packet_free(p);
}

static Packet *codel_next(CoDel *c) {
  int64_t now = time_now(&c->base);
  bool over;
  Packet *p = take(c, now, &over);
  if (!p) {
    c->dropping = false;
    return NULL;
  }
  if (c->dropping) {
    if (!over) c->dropping = false;
    while (c->dropping && now >= c->next_drop) {
      drop(c, p);
      c->count++;
      if (!(p = take(c, now, &over)) || !over)
        c->dropping = false;
      else
        c->next_drop = control_law(c, c->next_drop, c->count);
    }
  } else if (over && (now - c->next_drop < c->interval || now - c->above_since >= c->interval)) {
    bool lately = now - c->next_drop < c->interval; /* then it goes on about where it was */
    drop(c, p);
    p = take(c, now, &over);
    c->dropping = true;
    c->count = lately && c->count > 2 ? c->count - 2 : 1;
    c->next_drop = control_law(c, now, c->count);
  }
  return p;
}

static unsigned codel_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = 0;
  (void)port;
  while (n < max && (p[n] = codel_next((CoDel *)e))) n++;
  return n;
}

static int codel_initialize(Element *e, Errors *errs) {
  CoDel *c = (CoDel *)e;
  int rc = c->queues_text ? storage_named(&c->queues, e, c->queues_text, errs)
                          : storage_near(&c->queues, e, false, errs);
  return rc ? rc : c->queues.n ? 0 : error(errs, "no queue upstream; name them with QUEUES");
}

static int codel_configure(Element *e, const Args *args, Errors *errs) {
  CoDel *c = (CoDel *)e;
  (void)args;
  return c->target > 0 && c->interval > 0 ? 0 : error(errs, "TARGET and INTERVAL must be more than 0");
}

static void codel_cleanup(Element *e) {
  mem_free(((CoDel *)e)->queues_text);
  mem_free(((CoDel *)e)->queues.queues);
}

static int codel_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  CoDel *c = (CoDel *)e;
  (void)param, (void)errs;
  if (h->data) {
    storage_text(&c->queues, "\n", out);
    if (c->queues.n) text_add_char(out, '\n');
  } else
    text_printf(out, "%u current queue\n%llu drops\n", storage_length(&c->queues),
                (unsigned long long)c->drops);
  return 0;
}

static int codel_read_time(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)param, (void)errs;
  text_printf(out, "%pTs", (const int64_t *)((const char *)e + h->offset));
  return 0;
}

static int codel_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  int64_t v;
  if (!parse_interval(value, NSEC_PER_SEC, &v) || v <= 0)
    return error(errs, "expected a time, not '%s'", value);
  return handler_write_field(e, h, value, errs);
}

ELEMENT(CoDel, .names_elements = true, .ports = "1/1", .processing = "l/l", .pull = codel_pull,
        .configure = codel_configure, .initialize = codel_initialize, .cleanup = codel_cleanup,
        .args = ARGS(ARG_POS(CoDel, INTERVAL, "TARGET", target, "5ms"),
                     ARG_POS(CoDel, INTERVAL, "INTERVAL", interval, "100ms"),
                     ARG(CoDel, RAW, "QUEUES", queues_text, NULL)),
        .handlers = HANDLERS(READ_FIELD(CoDel, U64, "drops", drops),
                             RW_FIELD(CoDel, INTERVAL, "codel_target", target, .read = codel_read_time,
                                      .write = codel_write),
                             RW_FIELD(CoDel, INTERVAL, "codel_interval", interval, .read = codel_read_time,
                                      .write = codel_write),
                             READ_FN("stats", codel_read), READ_FN("queues", codel_read, .data = 1)));
