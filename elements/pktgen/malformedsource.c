/** MalformedSource: makes frames that no host would send.
 *
 * Synopsis: `MalformedSource([DST, LIMIT, <keywords> SRC, NET, SEED, BURST, ACTIVE, STOP])`
 *
 * For testing that nothing a wire can carry brings a router down. Each frame begins as a sound one (ARP, IPv4
 * with UDP, TCP or ICMP, with options or as a fragment, IPv6, VLAN), then is spoilt: cut at any length from 0
 * on, bytes changed, length fields replaced by extreme values; every eighth is noise from end to end. IPv4
 * header checksums are made right for half of the frames, so that the faults behind them are reached. The
 * same SEED makes the same frames.
 *
 * Arguments: DST (Ethernet address): destination of most frames. Default FF-FF-FF-FF-FF-FF. LIMIT (int):
 * frames at most; negative: no limit. Default -1. SRC (Ethernet address): source. Default 02-00-00-00-00-66.
 * NET (IP address): addresses are taken from its /16. Default 10.0.0.0. SEED (unsigned): default 1. BURST
 * (unsigned): frames in one turn. Default
 * 32. ACTIVE (bool): default true. STOP (bool): stops the driver after LIMIT frames. Default false.
 *
 * Handlers: `count` (read). `active`, `limit` (read/write). `scheduled`, `tickets`.
 *
 * Example: `MalformedSource(LIMIT 1000, STOP true) -> Strip(14) -> CheckIPHeader(VERBOSE false) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct MalformedSource {
  Element base;
  uint8_t dst[6], src[6];
  uint32_t net, seed, burst;
  int64_t limit, count;
  bool active, stop;
  uint64_t state;
  Task task;
  SignalSet signals; /* room downstream */
} MalformedSource;

/* splitmix64 (Steele, Lea, Flood, 2014). */
static uint32_t next_random(MalformedSource *s) {
  uint64_t z = s->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (uint32_t)((z ^ z >> 31) >> 16);
}

static uint32_t random_below(MalformedSource *s, uint32_t n) {
  return (uint32_t)((uint64_t)next_random(s) * n >> 32);
}

static void random_bytes(MalformedSource *s, uint8_t *p, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) p[i] = (uint8_t)next_random(s);
}

static void put_address(MalformedSource *s, uint8_t *p) {
  uint32_t a = be32((be32(s->net) & 0xffff0000) | random_below(s, 4) << 8 | random_below(s, 5));
  store32(p, random_below(s, 16) ? a : next_random(s));
}

static void fix_ip_checksum(uint8_t *h, uint32_t len) {
  uint32_t n = (h[0] & 15) * 4u, sum = 0;
  if (n < 20 || n > len) return;
  store16(h + 10, 0);
  for (uint32_t i = 0; i < n; i += 2) sum += load16(h + i);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  store16(h + 10, (uint16_t)~sum);
}

enum { FRAME_MAX = 256 };

static uint32_t make_arp(MalformedSource *s, uint8_t *p) {
  static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1};
  memcpy(p, head, 8);
  p[7] = (uint8_t)(1 + random_below(s, 3));
  memcpy(p + 8, s->src, 6);
  put_address(s, p + 14);
  memset(p + 18, 0, 6);
  put_address(s, p + 24);
  return 28;
}

static uint32_t make_ip4(MalformedSource *s, uint8_t *p) {
  uint32_t options = random_below(s, 4) ? 0 : random_below(s, 11), header = 20 + 4 * options;
  uint32_t payload = random_below(s, FRAME_MAX - 40 - header), len = header + payload;
  static const uint8_t protocols[] = {1, 6, 17, 17};
  random_bytes(s, p + 20, len - 20);
  p[0] = (uint8_t)(0x40 | header / 4);
  p[1] = (uint8_t)next_random(s);
  store16(p + 2, be16((uint16_t)len));
  store16(p + 4, (uint16_t)next_random(s));
  store16(p + 6, random_below(s, 4) ? 0 : (uint16_t)next_random(s));
  p[8] = (uint8_t)(random_below(s, 4) ? 64 : random_below(s, 3));
  store16(p + 10, 0);
  p[9] = random_below(s, 8) ? protocols[random_below(s, 4)] : (uint8_t)next_random(s);
  put_address(s, p + 12);
  put_address(s, p + 16);
  if (p[9] == 17 && payload >= 8) store16(p + header + 4, be16((uint16_t)payload));
  if (p[9] == 6 && payload >= 20)
    p[header + 12] = (uint8_t)(0x50 + (random_below(s, 4) ? 0 : random_below(s, 11) << 4));
  if (p[9] == 1 && payload >= 8) p[header] = (uint8_t)random_below(s, 19);
  return len;
}

static uint32_t make_ip6(MalformedSource *s, uint8_t *p) {
  uint32_t payload = random_below(s, FRAME_MAX - 60);
  random_bytes(s, p, 40 + payload);
  p[0] = 0x60;
  store16(p + 4, be16((uint16_t)payload));
  static const uint8_t next[] = {0, 6, 17, 43, 44, 58, 59, 60};
  p[6] = next[random_below(s, 8)];
  return 40 + payload;
}

static Packet *make_frame(MalformedSource *s) {
  uint8_t f[FRAME_MAX + 64];
  uint32_t kind = random_below(s, 16), at = 14, len;
  memcpy(f, random_below(s, 8) ? s->dst : (const uint8_t *)"\377\377\377\377\377\377", 6);
  memcpy(f + 6, s->src, 6);
  if (kind == 15) { /* 802.1Q */
    store16(f + 12, be16(0x8100));
    store16(f + 14, (uint16_t)next_random(s));
    at = 18;
  }
  if (kind < 4) {
    store16(f + at - 2, be16(0x0806));
    len = at + make_arp(s, f + at);
  } else if (kind < 6) {
    store16(f + at - 2, be16(0x86dd));
    len = at + make_ip6(s, f + at);
  } else {
    store16(f + at - 2, be16(0x0800));
    len = at + make_ip4(s, f + at);
  }
  static const uint8_t extreme[] = {0, 1, 0x7f, 0x80, 0xff};
  for (uint32_t i = random_below(s, 6); i > 0; i--) {
    uint32_t where = at + random_below(s, random_below(s, 2) ? 24 : len - at);
    f[where] = random_below(s, 2) ? extreme[random_below(s, 5)] : (uint8_t)next_random(s);
  }
  if (kind >= 6 && random_below(s, 2)) fix_ip_checksum(f + at, len - at);
  if (!random_below(s, 2)) len = random_below(s, len + 1);
  if (!random_below(s, 8)) random_bytes(s, f, len = random_below(s, FRAME_MAX));
  return packet_make(PACKET_HEADROOM, f, len, 0);
}

static bool malformed_task(Element *e, Task *t) {
  MalformedSource *s = (MalformedSource *)e;
  Packet *p[BATCH_MAX];
  uint32_t want = s->burst < BATCH_MAX ? s->burst : BATCH_MAX, n = 0, limit = batch_limit(e);
  if (!s->active || !signals_active(&s->signals)) return false; /* woken when there is room */
  want = signals_room(&s->signals, want);
  if (want > limit) want = limit;
  if (s->limit >= 0 && s->count + (int64_t)want > s->limit)
    want = s->count < s->limit ? (uint32_t)(s->limit - s->count) : 0;
  while (n < want && (p[n] = make_frame(s))) n++;
  s->count += n;
  if (n) output_push_batch(e, 0, p, n);
  if (s->limit < 0 || s->count < s->limit)
    task_schedule(t);
  else if (s->stop)
    router_stop(e->router);
  return n > 0;
}

static int malformed_configure(Element *e, const Args *args, Errors *errs) {
  (void)args, (void)errs;
  ((MalformedSource *)e)->state = ((MalformedSource *)e)->seed;
  return 0;
}

static int malformed_initialize(Element *e, Errors *errs) {
  (void)errs;
  MalformedSource *s = (MalformedSource *)e;
  task_init(&s->task, e, s->active);
  downstream_signals(e, 0, &s->task, &s->signals);
  return 0;
}

static void malformed_cleanup(Element *e) { signals_cleanup(&((MalformedSource *)e)->signals); }

static int malformed_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  MalformedSource *s = (MalformedSource *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (s->active) task_schedule(&s->task);
  return 0;
}

ELEMENT(MalformedSource, .ports = "0/1", .processing = "/h", .run_task = malformed_task,
        .configure = malformed_configure, .initialize = malformed_initialize, .cleanup = malformed_cleanup,
        .args = ARGS(ARG_POS(MalformedSource, ETHER, "DST", dst, "FF-FF-FF-FF-FF-FF"),
                     ARG_POS(MalformedSource, I64, "LIMIT", limit, "-1"),
                     ARG(MalformedSource, ETHER, "SRC", src, "02-00-00-00-00-66"),
                     ARG(MalformedSource, IP, "NET", net, "10.0.0.0"),
                     ARG(MalformedSource, U32, "SEED", seed, "1"),
                     ARG(MalformedSource, U32, "BURST", burst, "32", .min = 1, .max = BATCH_MAX),
                     ARG(MalformedSource, BOOL, "ACTIVE", active, "true"),
                     ARG(MalformedSource, BOOL, "STOP", stop, "false")),
        .handlers = HANDLERS(READ_FIELD(MalformedSource, I64, "count", count),
                             RW_FIELD(MalformedSource, BOOL, "active", active, .write = malformed_write),
                             RW_FIELD(MalformedSource, I64, "limit", limit, .write = malformed_write),
                             TASK_HANDLERS(MalformedSource, task)));
