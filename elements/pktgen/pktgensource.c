/** PktgenSource: makes numbered and timed UDP packets at an exact rate, or as fast as they are taken.
 *
 * Synopsis: `PktgenSource(<keywords> RATE, SIZE, SRC_ETH, DST_ETH, SRC_IP, DST_IP, SRC_PORT, DST_PORT, ...)`
 *
 * Each packet is an Ethernet frame with IPv4 or IPv6 and UDP. The payload begins with 18 bytes by which
 * PktgenSink knows it: stream, sequence number, time of sending. Sizes are Ethernet frame sizes as benchmarks
 * state them, with the 4 bytes of frame check sequence that hardware adds: size 64 is a packet of 60 bytes
 * here. IPv6 needs 84.
 *
 * The output is push or pull. Pulled by a device it never makes more than the device takes. With a RATE,
 * packet n is due at n/RATE seconds after the start; what falls further behind than LAG is not made up for,
 * but counted in `missed`. Between packets that are far apart it sleeps.
 *
 * Arguments: RATE (packets a second): 0, the default, is as fast as possible. SIZE (`64`, `64 128 512`, `64*7
 * 594*4` or `imix`, which is `64*7 594*4 1518*1`): taken in turn, weighted. Default 64, with IPv6 84.
 * SRC_ETH, DST_ETH (Ethernet address): default 02:00:00:00:00:01 and 02:00:00:00:00:02. SRC_IP, DST_IP
 * (`ADDR`, `FIRST-LAST` or `ADDR/LEN`, then `random` if they are not to be taken in turn): both IPv4 or both
 * IPv6. With a prefix, its host addresses. Default 10.0.0.2 and 10.0.1.2. SRC_PORT, DST_PORT (`N` or
 * `FIRST-LAST`, then perhaps `random`): default 1024 and 9 (discard). SEED (unsigned): of the random choices;
 * default 1. CHECKSUM (bool): correct UDP checksums; default false, 0 is sent; always true with IPv6. TTL (1
 * to 255): default 64. TOS (0 to 255): default 0. STREAM (0 to 65535): default 0. SAMPLE (unsigned): takes
 * the time of every SAMPLEth packet; 0: of none. Default 1. LIMIT (int): packets at most; negative: no limit.
 * Default -1. DURATION (interval): ends that long after the first packet; 0, the default: does not. LAG
 * (interval): default 1ms. SPIN (interval): sleeping ends that long before a packet is due, and the rest is
 * waited for by looking at the clock; default 25us. BURST (1 to 64): packets in one go at most; default: the
 * router's batch. ACTIVE (bool): default true. STOP (bool): stops the driver at the end. Default false.
 *
 * Handlers: `count`, `byte_count` (without frame check sequences), `missed`, `elapsed` (ns), `summary` (JSON)
 * (read). `rate`, `limit`, `duration`, `size`, `active` (read/write): `active` becomes false at the end.
 * `reset` (write): all counts, sequence numbers and ranges from the beginning. `scheduled`, `tickets`.
 *
 * Example: `PktgenSource(LIMIT 1000, RATE 1000000, STOP true) -> sink :: PktgenSink;`
 *
 * See also: PktgenSink, InfiniteSource, RatedSource
 */
#include "payload.h"

#define SIZES_MAX 64

typedef struct PktgenRange {
  uint32_t low, count, at; /* host order */
  bool random;
} PktgenRange;

typedef struct PktgenAddress {
  PktgenRange range; /* the last 32 bits */
  uint8_t bytes[16]; /* IPv6: the first 12 */
  bool ip6;
} PktgenAddress;

typedef struct PktgenSource {
  Element base;
  /* per packet */
  uint64_t count, byte_count, sequence, random_state;
  uint8_t *frame;               /* the model, zeros behind the headers */
  uint64_t header_sum, udp_sum; /* checksums' constant parts */
  uint32_t nsizes, size_at;
  uint16_t sizes[SIZES_MAX]; /* bytes of packet */
  PktgenAddress src, dst;
  PktgenRange src_port, dst_port;
  uint32_t sample, sample_left;
  bool ip6, checksum;
  /* pacing */
  bool active, started, stop;
  double rate;
  int64_t start, end, now; /* steady ns; end: when it stopped */
  int64_t limit, duration, lag, spin;
  uint64_t missed;
  uint32_t burst;
  Task task;
  Timer timer;
  Signal not_empty;
  SignalSet signals;
  /* as given */
  uint8_t src_ether[6], dst_ether[6], ttl, tos;
  uint16_t stream;
  uint32_t seed;
  char *size_text;
} PktgenSource;

/* ---- Packets
 * ----------------------------------------------------------------------------------------------------- */

always_inline uint32_t pktgen_random(PktgenSource *s) { /* Knuth's MMIX generator, its high bits */
  s->random_state = s->random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(s->random_state >> 32);
}

always_inline uint32_t pktgen_pick(PktgenSource *s, PktgenRange *r) {
  if (r->count == 1) return r->low;
  if (r->random) return r->low + (uint32_t)(((uint64_t)pktgen_random(s) * r->count) >> 32);
  uint32_t v = r->low + r->at;
  r->at = r->at + 1 == r->count ? 0 : r->at + 1;
  return v;
}

always_inline uint16_t pktgen_fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

__attribute__((noinline)) static Packet *pktgen_large(uint32_t len) {
  return packet_make(PACKET_HEADROOM, NULL, len, 0);
}

/* The next packet, complete, with the given stamp if it is its turn. NULL when memory is out. */
always_inline Packet *pktgen_packet(PktgenSource *s, uint64_t stamp) {
  uint32_t len = s->sizes[s->size_at];
  Packet *p = likely(len <= PACKET_BUFFER - PACKET_HEADROOM) ? packet_alloc(len) : pktgen_large(len);
  if (unlikely(!p)) return NULL;
  if (s->nsizes > 1) s->size_at = s->size_at + 1 == s->nsizes ? 0 : s->size_at + 1;
  uint8_t *d = p->data;
  if (likely(len <= 64))
    memcpy(d, s->frame, 64); /* buffer and model have room for whole lines */
  else
    memcpy(d, s->frame, len);

  uint32_t src = be32(pktgen_pick(s, &s->src.range)), dst = be32(pktgen_pick(s, &s->dst.range));
  uint16_t sport = be16((uint16_t)pktgen_pick(s, &s->src_port)),
           dport = be16((uint16_t)pktgen_pick(s, &s->dst_port));
  uint16_t udp_len;
  uint8_t *udp;
  if (likely(!s->ip6)) {
    uint16_t ip_len = be16((uint16_t)(len - PKTGEN_ETHER));
    udp_len = be16((uint16_t)(len - PKTGEN_ETHER - PKTGEN_IP));
    udp = d + PKTGEN_ETHER + PKTGEN_IP;
    store16(d + 16, ip_len);
    store16(d + 24, (uint16_t)~pktgen_fold(s->header_sum + ip_len + src + dst));
    store32(d + 26, src);
    store32(d + 30, dst);
  } else {
    udp_len = be16((uint16_t)(len - PKTGEN_ETHER - PKTGEN_IP6));
    udp = d + PKTGEN_ETHER + PKTGEN_IP6;
    store16(d + 18, udp_len);
    store32(d + 34, src);
    store32(d + 50, dst);
  }
  store16(udp, sport);
  store16(udp + 2, dport);
  store16(udp + 4, udp_len);

  uint64_t sequence = be64(s->sequence);
  if (s->sample != 1) {
    if (s->sample && !s->sample_left)
      s->sample_left = s->sample;
    else
      stamp = 0;
    s->sample_left -= s->sample > 0;
  }
  stamp = be64(stamp << 16);
  store64(udp + 12, sequence);
  store32(udp + 20, (uint32_t)stamp);
  store16(udp + 24, (uint16_t)(stamp >> 32));
  if (s->checksum) {
    uint64_t sum = s->udp_sum + src + dst + sport + dport + 2u * udp_len;
    sum += (sequence & 0xffffffff) + (sequence >> 32) + (stamp & 0xffffffff) + (stamp >> 32);
    uint16_t c = (uint16_t)~pktgen_fold(sum);
    store16(udp + 6, c ? c : 0xffff);
  }
  s->sequence++;
  s->byte_count += len;
  p->mac = d;
  return p;
}

/* ---- Pacing
 * ------------------------------------------------------------------------------------------------------ */

/* When packet n is due. */
static int64_t pktgen_due(const PktgenSource *s, uint64_t n) {
  return s->start + (int64_t)((double)n * 1e9 / s->rate);
}

static void pktgen_end(PktgenSource *s, int64_t at) {
  s->active = false;
  s->end = at;
  signal_set(&s->not_empty, false);
  if (s->stop) router_stop(s->base.router);
}

/* How many packets may be made now, at most max. Ends the run when it is over. */
static unsigned pktgen_allowance(PktgenSource *s, unsigned max) {
  if (unlikely(!s->active)) return 0;
  int64_t now = s->now = time_steady(&s->base);
  if (unlikely(!s->started)) {
    s->started = true;
    s->start = now;
  }
  bool over = s->duration && now - s->start >= s->duration;
  uint64_t n = max;
  if (s->rate > 0) {
    /* Everything up to now is due, the first packet at once; at the end exactly RATE * DURATION. */
    double due = over ? (double)s->duration * s->rate / 1e9 : (double)(now - s->start) * s->rate / 1e9 + 1;
    uint64_t behind = (uint64_t)due - s->count - s->missed,
             most = (uint64_t)((double)s->lag * s->rate / 1e9) + BATCH_MAX;
    if ((int64_t)behind < 0) behind = 0;
    if (unlikely(behind > most)) {
      s->missed += behind - most;
      behind = most;
    }
    if (behind < n) n = behind;
    if (over && !n) pktgen_end(s, s->start + s->duration);
  } else if (over) {
    n = 0;
    pktgen_end(s, now);
  }
  if (s->limit >= 0 && s->count + n > (uint64_t)s->limit) n = (uint64_t)s->limit - s->count;
  return (unsigned)n;
}

static unsigned pktgen_make(PktgenSource *s, Packet **p, unsigned max) {
  unsigned n = pktgen_allowance(s, max), k = 0;
  uint64_t stamp = pktgen_stamp(s->now);
  for (; k < n; k++)
    if (unlikely(!(p[k] = pktgen_packet(s, stamp)))) break;
  s->count += k;
  if (unlikely(s->active && s->limit >= 0 && s->count >= (uint64_t)s->limit)) pktgen_end(s, s->now);
  return k;
}

/* Sleeps until shortly before the next packet if that is worth it. */
static bool pktgen_sleep(PktgenSource *s) {
  if (!s->active || s->rate <= 0 || !s->started) return false;
  int64_t next = pktgen_due(s, s->count + s->missed);
  if (s->duration && next > s->start + s->duration) next = s->start + s->duration;
  if (next - s->now <= 2 * s->spin) return false;
  timer_at(&s->timer, next - s->spin);
  return true;
}

static bool pktgen_task(Element *e, Task *t) {
  PktgenSource *s = (PktgenSource *)e;
  Packet *p[BATCH_MAX];
  if (!signals_active(&s->signals)) return false; /* woken when there is room */
  unsigned limit = s->burst && s->burst < batch_limit(e) ? s->burst : batch_limit(e),
           n = pktgen_make(s, p, limit);
  if (n) output_push_batch(e, 0, p, n);
  if (s->active && (n || !pktgen_sleep(s))) task_schedule(t);
  return n > 0;
}

static unsigned pktgen_pull(Element *e, int port, Packet **p, unsigned max) {
  PktgenSource *s = (PktgenSource *)e;
  unsigned n = pktgen_make(s, p, s->burst && s->burst < max ? s->burst : max);
  if (unlikely(!n) && (!s->active || pktgen_sleep(s))) signal_set(&s->not_empty, false);
  return n;
}

static void pktgen_wake(PktgenSource *s) {
  if (!s->active) return;
  if (s->task.element) task_schedule(&s->task);
  signal_set(&s->not_empty, true);
}

static void pktgen_timer(Element *e, Timer *t) { pktgen_wake((PktgenSource *)e); }

static Signal *pktgen_notifier(Element *e, bool full, int port) {
  return full ? NULL : &((PktgenSource *)e)->not_empty;
}

/* ---- Configuration
 * ----------------------------------------------------------------------------------------------- */

/* Takes a trailing word "random" off; false if there is another one. */
static bool pktgen_split_random(const char *text, Text *value, bool *random) {
  Text more = {0};
  const char *error = NULL, *rest = next_word(text, value, &error);
  if (!rest) return false;
  rest = next_word(rest, &more, &error);
  *random = rest && !strcmp(text_cstr(&more), "random");
  bool ok = !error && (!rest || (*random && !next_word(rest, &more, &error)));
  text_free(&more);
  return ok;
}

static bool pktgen_parse_one_address(const char *s, uint8_t out[16], bool *ip6) {
  uint32_t ip;
  *ip6 = parse_ip6(s, out);
  if (*ip6) return true;
  if (!parse_ip(s, &ip)) return false;
  store32(out + 12, ip);
  return true;
}

static bool pktgen_parse_prefix(const char *s, PktgenAddress *a) {
  uint8_t first[16] = {0};
  uint32_t addr, mask;
  int len;
  a->ip6 = parse_ip6_prefix(s, first, &len);
  uint32_t host; /* bits of the last 32 that vary */
  if (a->ip6) {
    if (len < 96) len = 96; /* the first 2^32 addresses */
    host = len == 128 ? 0 : UINT32_MAX >> (len - 96);
    addr = load32(first + 12);
  } else {
    if (!parse_ip_prefix(s, false, &addr, &mask)) return false;
    host = ~be32(mask);
    if (host & (host + 1)) return false;
  }
  memcpy(a->bytes, first, 12);
  uint32_t low = be32(addr) & ~host;
  bool ends = host > 1; /* without the network's own address and the broadcast address */
  a->range = (PktgenRange){.low = low + ends, .count = host - 2 * ends + (host != UINT32_MAX || ends)};
  return true;
}

static int pktgen_parse_address(Element *e, const char *text, void *field, Errors *errs, int arg) {
  PktgenAddress a = {0};
  Text word = {0};
  bool random = false, ip6 = false, ok = pktgen_split_random(text, &word, &random);
  char *s = (char *)text_cstr(&word), *dash = strchr(s, '-');
  uint8_t first[16] = {0}, last[16] = {0};
  if (ok && strchr(s, '/')) {
    ok = pktgen_parse_prefix(s, &a);
  } else if (ok) {
    if (dash) *dash = 0;
    ok = pktgen_parse_one_address(s, first, &a.ip6) &&
         pktgen_parse_one_address(dash ? dash + 1 : s, last, &ip6) && ip6 == a.ip6 &&
         !memcmp(first, last, 12) && be32(load32(last + 12)) >= be32(load32(first + 12));
    memcpy(a.bytes, first, 12);
    a.range.low = be32(load32(first + 12));
    a.range.count = be32(load32(last + 12)) - a.range.low + 1;
  }
  text_free(&word);
  if (!ok || !a.range.count)
    return arg_error(errs, arg,
                     "expected ADDR, FIRST-LAST or ADDR/LEN, perhaps followed by 'random', not '%s'", text);
  a.range.random = random;
  *(PktgenAddress *)field = a;
  return 0;
}

static int pktgen_parse_port(Element *e, const char *text, void *field, Errors *errs, int arg) {
  Text word = {0};
  bool random = false, ok = pktgen_split_random(text, &word, &random);
  char *s = (char *)text_cstr(&word), *dash = strchr(s, '-');
  uint64_t low = 0, high = 0;
  if (dash) *dash = 0;
  ok = ok && parse_u64(s, &low) && parse_u64(dash ? dash + 1 : s, &high) && low <= high && high <= 65535;
  text_free(&word);
  if (!ok)
    return arg_error(errs, arg, "expected a port or FIRST-LAST, perhaps followed by 'random', not '%s'",
                     text);
  *(PktgenRange *)field =
      (PktgenRange){.low = (uint32_t)low, .count = (uint32_t)(high - low + 1), .random = random};
  return 0;
}

typedef struct PktgenSize {
  uint32_t bytes, weight;
} PktgenSize;

/* Spreads the sizes over one period so that each comes as evenly as its weight allows. */
static void pktgen_spread(PktgenSource *s, const PktgenSize *sizes, unsigned n, uint32_t total) {
  int64_t credit[SIZES_MAX] = {0};
  for (s->nsizes = 0; s->nsizes < total; s->nsizes++) {
    unsigned best = 0;
    for (unsigned i = 0; i < n; i++) {
      credit[i] += sizes[i].weight;
      if (credit[i] > credit[best]) best = i;
    }
    credit[best] -= total;
    s->sizes[s->nsizes] = (uint16_t)(sizes[best].bytes - PKTGEN_FCS);
  }
}

static uint32_t pktgen_headers(const PktgenSource *s) {
  return PKTGEN_ETHER + (s->ip6 ? PKTGEN_IP6 : PKTGEN_IP) + PKTGEN_UDP;
}

static int pktgen_set_sizes(PktgenSource *s, const char *text, Errors *errs) {
  uint32_t least = pktgen_headers(s) + PKTGEN_PAYLOAD + PKTGEN_FCS;
  PktgenSize sizes[SIZES_MAX] = {{least, 7}, {594, 4}, {1518, 1}};
  uint32_t n = 0, total = 0;
  Text word = {0};
  const char *fault = NULL;
  int rc = 0;
  if (!*text)
    n = total = 1;
  else if (!compare_ignore_case(text, "imix"))
    n = 3, total = 12;
  else
    for (const char *at = text; !rc && (text_clear(&word), at = next_word(at, &word, &fault));) {
      uint64_t bytes, weight = 1;
      char *w = (char *)text_cstr(&word), *star = strchr(w, '*');
      if (star) *star = 0;
      if (!parse_u64(w, &bytes) || (star && (!parse_u64(star + 1, &weight) || !weight)))
        rc =
            error(errs, "SIZE: expected frame sizes such as '64' or '64*7 594*4', or 'imix', not '%s'", text);
      else if (bytes < least || bytes > 9018)
        rc = error(errs, "SIZE: frames of %llu bytes are out of range: %u to 9018 with %s",
                   (unsigned long long)bytes, least, s->ip6 ? "IPv6" : "IPv4");
      else if (total + weight > SIZES_MAX || n == SIZES_MAX)
        rc = error(errs, "SIZE: more than %d sizes, counted with their weights", SIZES_MAX);
      else {
        sizes[n++] = (PktgenSize){(uint32_t)bytes, (uint32_t)weight};
        total += (uint32_t)weight;
      }
    }
  text_free(&word);
  if (!rc && (fault || !n)) rc = error(errs, "SIZE: expected at least one frame size");
  if (rc) return rc;
  pktgen_spread(s, sizes, n, total);
  s->size_at = 0;
  return 0;
}

/* The model frame and the sums of what never changes in it. */
static void pktgen_build(PktgenSource *s) {
  uint8_t *d = s->frame, *ip = d + PKTGEN_ETHER, *udp = ip + (s->ip6 ? PKTGEN_IP6 : PKTGEN_IP),
          *payload = udp + PKTGEN_UDP;
  memcpy(d, s->dst_ether, 6);
  memcpy(d + 6, s->src_ether, 6);
  store16(d + 12, be16(s->ip6 ? 0x86dd : 0x0800));
  store32(payload, be32((uint32_t)PKTGEN_MAGIC << 16 | s->stream));
  if (s->ip6) {
    store32(ip, be32(6u << 28 | (uint32_t)s->tos << 20));
    ip[6] = 17;
    ip[7] = s->ttl;
    memcpy(ip + 8, s->src.bytes, 12);
    memcpy(ip + 24, s->dst.bytes, 12);
  } else {
    ip[0] = 0x45;
    ip[1] = s->tos;
    ip[6] = 0x40; /* may not be fragmented, so the identification is 0 (RFC 6864) */
    ip[8] = s->ttl;
    ip[9] = 17;
  }
  s->header_sum = s->udp_sum = 0;
  for (int i = 0; i < PKTGEN_IP; i += 2) s->header_sum += load16(ip + i);
  for (int i = 8; i < (s->ip6 ? PKTGEN_IP6 : 8); i += 2) s->udp_sum += load16(ip + i); /* of the addresses */
  s->udp_sum += be16(17);
  s->udp_sum += load16(payload) + load16(payload + 2);
}

static void pktgen_restart(PktgenSource *s) {
  s->count = s->byte_count = s->sequence = s->missed = 0;
  s->src.range.at = s->dst.range.at = s->src_port.at = s->dst_port.at = s->size_at = s->sample_left = 0;
  s->random_state = s->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  s->started = false;
  s->start = s->end = 0;
}

static int pktgen_configure(Element *e, const Args *args, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  if (s->src.ip6 != s->dst.ip6) return error(errs, "SRC_IP and DST_IP must both be IPv4 or both be IPv6");
  if (!(s->rate >= 0)) return error(errs, "RATE must not be negative");
  s->ip6 = s->src.ip6;
  s->checksum |= s->ip6; /* RFC 8200, section 8.1 */
  if (pktgen_set_sizes(s, s->size_text, errs) < 0) return -1;
  if (!(s->frame = mem_alloc(9216))) return error(errs, "out of memory");
  pktgen_build(s);
  pktgen_restart(s);
  return 0;
}

static int pktgen_initialize(Element *e, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  timer_init(&s->timer, e);
  s->not_empty.active = s->active;
  if (!output_is_push(e, 0)) return 0;
  task_init(&s->task, e, s->active);
  downstream_signals(e, 0, &s->task, &s->signals);
  return 0;
}

static void pktgen_cleanup(Element *e) {
  PktgenSource *s = (PktgenSource *)e;
  timer_cancel(&s->timer);
  mem_free(s->frame);
  mem_free(s->size_text);
  signals_cleanup(&s->signals);
  signal_cleanup(&s->not_empty);
}

/* ---- Handlers
 * ---------------------------------------------------------------------------------------------------- */

static int64_t pktgen_elapsed(PktgenSource *s) {
  if (!s->started) return 0;
  return (s->active ? time_steady(&s->base) : s->end) - s->start;
}

static int pktgen_read_summary(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  if (h->data) return text_printf(out, "%lld", (long long)pktgen_elapsed(s)), 0;
  text_printf(out, "{\"active\":%s,\"packets\":%llu,\"bytes\":%llu,\"missed\":%llu,\"elapsedNs\":%lld}",
              s->active ? "true" : "false", (unsigned long long)s->count, (unsigned long long)s->byte_count,
              (unsigned long long)s->missed, (long long)pktgen_elapsed(s));
  return 0;
}

/* A change of pace while running: what was sent counts as sent on time, from now on the new pace holds. */
static int pktgen_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  bool was_active = s->active, is_rate = !strcmp(h->name, "rate");
  double old = s->rate;
  if (is_rate && s->started && s->active && s->count)
    return error(errs, "the rate cannot change while packets are sent: write active false and reset first");
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (is_rate && !(s->rate >= 0)) {
    s->rate = old;
    return error(errs, "expected a rate of 0 or more, not '%s'", value);
  }
  if (was_active && !s->active) {
    s->end = s->started ? time_steady(e) : 0;
    timer_cancel(&s->timer);
  }
  pktgen_wake(s);
  return 0;
}

static int pktgen_write_size(Element *e, const Handler *h, const char *value, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  if (pktgen_set_sizes(s, value, errs) < 0) return -1;
  mem_free(s->size_text);
  s->size_text = mem_string(value, strlen(value));
  return 0;
}

static int pktgen_write_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  pktgen_restart((PktgenSource *)e);
  pktgen_wake((PktgenSource *)e);
  return 0;
}

ELEMENT(PktgenSource, .ports = "0/1", .processing = "/a", .pull = pktgen_pull, .run_task = pktgen_task,
        .run_timer = pktgen_timer, .configure = pktgen_configure, .initialize = pktgen_initialize,
        .cleanup = pktgen_cleanup, .notifier = pktgen_notifier,
        .args = ARGS(
            ARG(PktgenSource, F64, "RATE", rate, "0"), ARG(PktgenSource, STRING, "SIZE", size_text, ""),
            ARG(PktgenSource, ETHER, "SRC_ETH", src_ether, "02:00:00:00:00:01"),
            ARG(PktgenSource, ETHER, "DST_ETH", dst_ether, "02:00:00:00:00:02"),
            ARG(PktgenSource, CUSTOM, "SRC_IP", src, "10.0.0.2", .parse = pktgen_parse_address),
            ARG(PktgenSource, CUSTOM, "DST_IP", dst, "10.0.1.2", .parse = pktgen_parse_address),
            ARG(PktgenSource, CUSTOM, "SRC_PORT", src_port, "1024", .parse = pktgen_parse_port),
            ARG(PktgenSource, CUSTOM, "DST_PORT", dst_port, "9", .parse = pktgen_parse_port),
            ARG(PktgenSource, U32, "SEED", seed, "1"), ARG(PktgenSource, BOOL, "CHECKSUM", checksum, "false"),
            ARG(PktgenSource, U8, "TTL", ttl, "64", .min = 1, .max = 255),
            ARG(PktgenSource, U8, "TOS", tos, "0"), ARG(PktgenSource, U16, "STREAM", stream, "0"),
            ARG(PktgenSource, U32, "SAMPLE", sample, "1"), ARG(PktgenSource, I64, "LIMIT", limit, "-1"),
            ARG(PktgenSource, INTERVAL, "DURATION", duration, "0"),
            ARG(PktgenSource, INTERVAL, "LAG", lag, "1ms"), ARG(PktgenSource, INTERVAL, "SPIN", spin, "25us"),
            ARG(PktgenSource, U32, "BURST", burst, "0", .min = 0, .max = BATCH_MAX),
            ARG(PktgenSource, BOOL, "ACTIVE", active, "true"),
            ARG(PktgenSource, BOOL, "STOP", stop, "false")),
        .handlers = HANDLERS(READ_FIELD(PktgenSource, U64, "count", count),
                             READ_FIELD(PktgenSource, U64, "byte_count", byte_count),
                             READ_FIELD(PktgenSource, U64, "missed", missed),
                             READ_FN("elapsed", pktgen_read_summary, .data = 1),
                             READ_FN("summary", pktgen_read_summary),
                             RW_FIELD(PktgenSource, F64, "rate", rate, .write = pktgen_write),
                             RW_FIELD(PktgenSource, I64, "limit", limit, .write = pktgen_write),
                             RW_FIELD(PktgenSource, INTERVAL, "duration", duration, .write = pktgen_write),
                             RW_FIELD(PktgenSource, STRING, "size", size_text, .write = pktgen_write_size),
                             RW_FIELD(PktgenSource, BOOL, "active", active, .write = pktgen_write),
                             WRITE_FN("reset", pktgen_write_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(PktgenSource, task)));
