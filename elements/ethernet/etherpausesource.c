/** EtherPauseSource: makes Ethernet pause frames (IEEE 802.3x).
 *
 * Synopsis: `EtherPauseSource(SRC, PAUSETIME [, <keywords> DST, LIMIT, ACTIVE, INTERVAL])`
 *
 * A pause frame asks the receiver not to send for PAUSETIME times the 512 bits that the link takes. On a push
 * output there is one every INTERVAL, on a pull output one for each pull.
 *
 * Arguments: SRC (Ethernet address): must be the sending device's. PAUSETIME (unsigned, 16 bits). DST
 * (Ethernet address): default 01-80-C2-00-00-01. LIMIT (int): frames at most; negative: no limit. Default -1.
 * ACTIVE (bool): default true. INTERVAL (time): default 1 s.
 *
 * Handlers: `count` (read). `src`, `dst`, `pausetime`, `limit`, `active` (read/write). `reset_counts`
 * (write).
 *
 * Example: `EtherPauseSource(00:1e:13:22:48:91, 390) -> Discard;`
 */
#include "wire.h"

typedef struct EtherPauseSource {
  Element base;
  uint8_t dst[6], src[6];
  uint16_t pause;
  int32_t limit;
  uint32_t count;
  bool active;
  int64_t interval;
  Timer timer;
} EtherPauseSource;

static bool ether_pause_more(const EtherPauseSource *e) {
  return e->limit < 0 || e->count < (uint32_t)e->limit;
}

static Packet *ether_pause_make(EtherPauseSource *e) {
  Packet *p = packet_make(PACKET_HEADROOM, NULL, 64, 0);
  if (!p) return NULL;
  memcpy(p->data, e->dst, 12);
  wire_put16(p->data + 12, 0x8808); /* MAC control */
  wire_put16(p->data + 14, 1);
  wire_put16(p->data + 16, e->pause);
  p->mac = p->data;
  p->network = p->data + WIRE_ETHER;
  e->count++;
  return p;
}

static void ether_pause_timer(Element *el, Timer *t) {
  EtherPauseSource *e = (EtherPauseSource *)el;
  Packet *p = e->active && ether_pause_more(e) ? ether_pause_make(e) : NULL;
  if (p) output_push(el, 0, p);
  if (e->active && ether_pause_more(e)) timer_after_expiry(t, e->interval);
}

static unsigned ether_pause_pull(Element *el, int port, Packet **p, unsigned max) {
  EtherPauseSource *e = (EtherPauseSource *)el;
  unsigned n = 0;
  while (n < max && e->active && ether_pause_more(e) && (p[n] = ether_pause_make(e))) n++;
  return n;
}

static int ether_pause_initialize(Element *el, Errors *errs) {
  EtherPauseSource *e = (EtherPauseSource *)el;
  timer_init(&e->timer, el);
  if (e->limit && e->active && output_is_push(el, 0)) timer_after(&e->timer, e->interval);
  return 0;
}

static void ether_pause_cleanup(Element *e) { timer_cancel(&((EtherPauseSource *)e)->timer); }

static int ether_pause_write(Element *el, const Handler *h, const char *value, Errors *errs) {
  EtherPauseSource *e = (EtherPauseSource *)el;
  if (h->offset && handler_write_field(el, h, value, errs) < 0) return -1;
  if (!h->offset) e->count = 0;
  if (e->active && ether_pause_more(e) && output_is_push(el, 0) && !timer_scheduled(&e->timer))
    timer_after(&e->timer, 0);
  return 0;
}

ELEMENT(EtherPauseSource, .ports = "0/1", .processing = "/a", .pull = ether_pause_pull,
        .run_timer = ether_pause_timer, .initialize = ether_pause_initialize, .cleanup = ether_pause_cleanup,
        .args = ARGS(ARG_MUST(EtherPauseSource, ETHER, "SRC", src),
                     ARG_MUST(EtherPauseSource, U16, "PAUSETIME", pause),
                     ARG(EtherPauseSource, ETHER, "DST", dst, "01:80:C2:00:00:01"),
                     ARG(EtherPauseSource, I32, "LIMIT", limit, "-1"),
                     ARG(EtherPauseSource, BOOL, "ACTIVE", active, "true"),
                     ARG(EtherPauseSource, INTERVAL, "INTERVAL", interval, "1", .min = 0, .max = 4e18)),
        .handlers = HANDLERS(READ_FIELD(EtherPauseSource, U32, "count", count),
                             RW_FIELD(EtherPauseSource, ETHER, "src", src),
                             RW_FIELD(EtherPauseSource, ETHER, "dst", dst),
                             RW_FIELD(EtherPauseSource, U16, "pausetime", pause),
                             RW_FIELD(EtherPauseSource, I32, "limit", limit, .write = ether_pause_write),
                             RW_FIELD(EtherPauseSource, BOOL, "active", active, .write = ether_pause_write),
                             WRITE_FN("reset_counts", ether_pause_write,
                                      .flags = HANDLER_WRITE | HANDLER_BUTTON)));
