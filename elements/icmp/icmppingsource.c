/** ICMPPingSource: sends pings and measures the answers.
 *
 * Synopsis: `ICMPPingSource(SRC, DST [, <keywords> INTERVAL, IDENTIFIER, LIMIT, STOP, DATA, ACTIVE, MIRROR,
 * VERBOSE])`
 *
 * On a push output one echo request every INTERVAL; on a pull output one for each pull. TTL 200; IP
 * identification and sequence number count from 1. Replies may be pushed to input 0, which is optional: they
 * are reported and counted.
 *
 * Arguments: SRC, DST (IP address). INTERVAL (time): default 1 s. IDENTIFIER (unsigned, 16 bits): ICMP
 * identifier. Default 0. LIMIT (int): pings at most; negative: no limit. Default -1. STOP (bool): stops the
 * driver when LIMIT is reached. Default false. DATA (string): follows the headers. Default empty. ACTIVE
 * (bool): default true. MIRROR (bool): a reply makes the next request at once, with the same data, whatever
 * LIMIT says; needs a push output. Default false. VERBOSE (bool): reports each reply, and the summary at the
 * end. Default true.
 *
 * Handlers: `count` (read): pings sent. `src`, `dst`, `active` (read/write). `limit`, `interval`,
 * `reset_counts` (write). With an input: `summary`, `rtt_min`, `rtt_avg`, `rtt_max` (read), as of ping(1).
 *
 * Differs: the reference stores IDENTIFIER in host byte order, leaves the end of long DATA of mirrored
 * requests out of the checksum, and counts duplicates as lost.
 *
 * Example: `s :: ICMPPingSource(1.0.0.1, 2.0.0.2, LIMIT 2, STOP true) -> ICMPPingResponder -> s;`
 */
#include "icmpping.h"

#define PING_CHUNK 256 /* send times kept together: memory is taken as sequence numbers are used */

typedef struct ICMPPingSource {
  Element base;
  uint32_t src, dst;
  int32_t limit, count;
  uint16_t identifier;
  int64_t interval;
  char *data;
  uint32_t data_length;
  bool active, verbose, stop, mirror, interval_given;
  Timer timer;
  int64_t *sent[65536 / PING_CHUNK]; /* by sequence number: ns, 0 not sent, negative: answered */
  uint64_t received, duplicates, min, max, sum, square_sum; /* times in us */
} ICMPPingSource;

static int64_t *ping_sent(ICMPPingSource *e, uint16_t sequence) {
  int64_t **chunk = &e->sent[sequence / PING_CHUNK];
  if (!*chunk && !(*chunk = mem_alloc(PING_CHUNK * sizeof **chunk))) return NULL;
  return *chunk + sequence % PING_CHUNK;
}

/* Fills in a ping's headers; p holds room for them and its data. */
static void ping_make(ICMPPingSource *e, Packet *p) {
  uint16_t id = (uint16_t)(e->count % 0xffff + 1);
  icmp_put_ip(p, e->src, e->dst, id, 200);
  icmp_put_sequenced(p, ICMP_TYPE_ECHO, 0, e->identifier, id);
  p->timestamp = time_now(&e->base);
  if (e->base.ninputs) {
    int64_t *sent = ping_sent(e, id);
    if (sent) *sent = p->timestamp;
  }
  e->count++;
}

static Packet *ping_new(ICMPPingSource *e) {
  Packet *p = packet_make(PACKET_HEADROOM, NULL, WIRE_IP + WIRE_ICMP + e->data_length, 0);
  if (!p) return NULL;
  memcpy(p->data + WIRE_IP + WIRE_ICMP, e->data, e->data_length);
  ping_make(e, p);
  return p;
}

static bool ping_more(const ICMPPingSource *e) { return e->limit < 0 || e->count < e->limit; }

static void ping_timer(Element *el, Timer *t) {
  ICMPPingSource *e = (ICMPPingSource *)el;
  if (!ping_more(e)) {
    if (e->stop) router_stop(el->router);
    return;
  }
  Packet *p = ping_new(e);
  if (!p) return;
  output_push(el, 0, p);
  timer_after_expiry(t, e->interval);
}

static unsigned ping_pull(Element *el, int port, Packet **p, unsigned max) {
  ICMPPingSource *e = (ICMPPingSource *)el;
  unsigned n = 0;
  while (n < max && ping_more(e) && (p[n] = ping_new(e))) n++;
  if (!n && !ping_more(e) && e->stop) {
    router_stop(el->router);
    e->stop = false;
  }
  return n;
}

/* Counts a reply; the time it took in us. */
static uint64_t ping_count(ICMPPingSource *e, int64_t *sent, int64_t now) {
  if (*sent < 0) {
    e->duplicates++;
    *sent = -*sent;
  }
  uint64_t us = now ? (uint64_t)(uint32_t)((now - *sent) / NSEC_PER_USEC) : 0;
  if (now) {
    if (!e->received || us < e->min) e->min = us;
    if (!e->received || us > e->max) e->max = us;
    e->sum += us;
    e->square_sum += us * us;
  }
  e->received++;
  *sent = -*sent;
  return us;
}

/* True if p was sent on as the next request. */
static bool ping_reply(ICMPPingSource *e, Packet *p) {
  if (!wire_has_ip(p) || p->network[9] != WIRE_PROTO_ICMP || wire_transport_bytes(p) < WIRE_ICMP)
    return false;
  const uint8_t *ip = p->network, *icmp = p->transport;
  if (icmp[0] != ICMP_TYPE_ECHO_REPLY || wire_get16(icmp + 4) != e->identifier) return false;
  uint16_t sequence = wire_get16(icmp + 6);
  int64_t *sent = ping_sent(e, sequence);
  if (sent && *sent) {
    uint64_t us = ping_count(e, sent, p->timestamp);
    if (e->verbose)
      chatter(NULL, "%s :: %s: %d bytes from %pI: icmp_seq=%u ttl=%u time=%llu.%03llu ms", e->base.name,
              e->base.class->name, (int)wire_get16(ip + 2) - (int)wire_ip_header(ip) - WIRE_ICMP,
              (const void *)(ip + 12), sequence, ip[8], (unsigned long long)(us / 1000),
              (unsigned long long)(us % 1000));
  }
  if (!e->mirror || !packet_unique(p)) return false;
  packet_pull(p, (uint32_t)(p->network - p->data));
  if (p->len < WIRE_IP + WIRE_ICMP) return false;
  ping_make(e, p);
  output_push(&e->base, 0, p);
  return true;
}

static void ping_push(Element *e, int port, Packet **p, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    if (!ping_reply((ICMPPingSource *)e, p[i])) packet_free(p[i]);
}

static uint64_t ping_root(uint64_t x) {
  uint64_t r = 0;
  for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
    if ((r | bit) * (r | bit) <= x) r |= bit;
  return r;
}

static void ping_summary(const ICMPPingSource *e, Text *out) {
  uint64_t got = e->received - e->duplicates, n = e->received;
  text_printf(out, "%d packets transmitted, %llu received", e->count, (unsigned long long)got);
  if (e->duplicates) text_printf(out, ", +%llu duplicates", (unsigned long long)e->duplicates);
  if (e->count)
    text_printf(out, ", %d%% packet loss\n", (int)(((int64_t)e->count - (int64_t)got) * 100 / e->count));
  if (!n) return;
  uint64_t avg = e->sum / n, variance = e->square_sum / n - avg * avg;
  const uint64_t v[] = {e->min, avg, e->max, ping_root((int64_t)variance > 0 ? variance : 0)};
  text_add_string(out, "rtt min/avg/max/mdev = ");
  for (int i = 0; i < 4; i++)
    text_printf(out, "%llu.%03llu%c", (unsigned long long)(v[i] / 1000), (unsigned long long)(v[i] % 1000),
                i < 3 ? '/' : '\n');
}

static int ping_configure(Element *el, const Args *args, Errors *errs) {
  ICMPPingSource *e = (ICMPPingSource *)el;
  e->data_length = (uint32_t)strlen(e->data);
  e->interval = e->interval / NSEC_PER_MSEC * NSEC_PER_MSEC;
  if (!e->interval) warning(errs, "INTERVAL so small that it is zero");
  if (output_is_push(el, 0)) return 0;
  if (e->interval_given) warning(errs, "element is pull, INTERVAL parameter will be ignored");
  return e->mirror ? error(errs, "MIRROR needs a push output") : 0;
}

static int ping_initialize(Element *el, Errors *errs) {
  ICMPPingSource *e = (ICMPPingSource *)el;
  timer_init(&e->timer, el);
  if (e->limit && e->active && output_is_push(el, 0)) timer_after(&e->timer, e->interval);
  return 0;
}

static void ping_cleanup(Element *el) {
  ICMPPingSource *e = (ICMPPingSource *)el;
  if (el->ninputs && e->timer.element && e->verbose) {
    Text t = {0};
    ping_summary(e, &t);
    char *s = t.s;
    for (char *end; s && *s; s = end) {
      for (end = s; *end && *end != '\n'; end++) {}
      chatter(NULL, "%s :: %s: %.*s", el->name, el->class->name, (int)(end - s), s);
      if (*end) end++;
    }
    text_free(&t);
  }
  timer_cancel(&e->timer);
  for (unsigned i = 0; i < countof(e->sent); i++) mem_free(e->sent[i]);
  mem_free(e->data);
}

static int ping_read(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const ICMPPingSource *e = (const ICMPPingSource *)el;
  if (!el->ninputs) return error(errs, "'%s' has no input, so there are no replies", el->name);
  if (h->data == 's') {
    ping_summary(e, out);
    return 0;
  }
  uint64_t us = h->data == '<' ? e->min : h->data == '>' ? e->max : e->received ? e->sum / e->received : 0;
  if (us && us < 1000)
    text_printf(out, "%lluus", (unsigned long long)us);
  else {
    text_printf(out, "%llu", (unsigned long long)(us / 1000000));
    unsigned fraction = (unsigned)(us % 1000000), digits = 6;
    for (; fraction && fraction % 10 == 0; digits--) fraction /= 10;
    if (fraction) text_printf(out, ".%0*u", (int)digits, fraction);
    text_add_char(out, 's');
  }
  return 0;
}

static int ping_write(Element *el, const Handler *h, const char *value, Errors *errs) {
  ICMPPingSource *e = (ICMPPingSource *)el;
  if (handler_write_field(el, h, value, errs) < 0) return -1;
  if (!output_is_push(el, 0) || h->offset == offsetof(ICMPPingSource, interval)) return 0;
  bool switched = h->offset == offsetof(ICMPPingSource, active);
  if (!e->active)
    timer_cancel(&e->timer);
  else if (!timer_scheduled(&e->timer) && (switched || ping_more(e)))
    timer_after(&e->timer, switched ? 0 : e->interval);
  return 0;
}

static int ping_reset(Element *el, const Handler *h, const char *value, Errors *errs) {
  ICMPPingSource *e = (ICMPPingSource *)el;
  e->count = 0;
  e->received = e->duplicates = e->min = e->max = e->sum = e->square_sum = 0;
  for (unsigned i = 0; i < countof(e->sent); i++)
    if (e->sent[i]) memset(e->sent[i], 0, PING_CHUNK * sizeof *e->sent[i]);
  if (e->limit > 0 && e->active && output_is_push(el, 0) && !timer_scheduled(&e->timer))
    timer_after(&e->timer, e->interval);
  return 0;
}

ELEMENT(ICMPPingSource, .ports = "0-1/1", .processing = "h/a", .aliases = "ICMPSendPings", .push = ping_push,
        .pull = ping_pull, .run_timer = ping_timer, .configure = ping_configure,
        .initialize = ping_initialize, .cleanup = ping_cleanup,
        .args = ARGS(ARG_MUST(ICMPPingSource, IP, "SRC", src), ARG_MUST(ICMPPingSource, IP, "DST", dst),
                     ARG(ICMPPingSource, INTERVAL, "INTERVAL", interval, "1", .min = 0, .max = 4e18,
                         GIVEN(ICMPPingSource, interval_given)),
                     ARG(ICMPPingSource, U16, "IDENTIFIER", identifier, "0"),
                     ARG(ICMPPingSource, STRING, "DATA", data, ""),
                     ARG(ICMPPingSource, I32, "LIMIT", limit, "-1"),
                     ARG(ICMPPingSource, BOOL, "ACTIVE", active, "true"),
                     ARG(ICMPPingSource, BOOL, "VERBOSE", verbose, "true"),
                     ARG(ICMPPingSource, BOOL, "STOP", stop, "false"),
                     ARG(ICMPPingSource, BOOL, "MIRROR", mirror, "false")),
        .handlers = HANDLERS(
            READ_FIELD(ICMPPingSource, I32, "count", count), RW_FIELD(ICMPPingSource, IP, "src", src),
            RW_FIELD(ICMPPingSource, IP, "dst", dst),
            RW_FIELD(ICMPPingSource, BOOL, "active", active, .write = ping_write),
            WRITE_FN("limit", ping_write, .type = ARG_I32, FIELD_OF(ICMPPingSource, limit)),
            WRITE_FN("interval", ping_write, .type = ARG_INTERVAL, FIELD_OF(ICMPPingSource, interval)),
            WRITE_FN("reset_counts", ping_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
            READ_FN("summary", ping_read, .data = 's'), READ_FN("rtt_min", ping_read, .data = '<'),
            READ_FN("rtt_avg", ping_read, .data = 'a'), READ_FN("rtt_max", ping_read, .data = '>')));
