/** IPFlowMeter: counts the packets and bytes of each flow.
 *
 * Synopsis: `IPFlowMeter([<keywords> CAPACITY, TIMEOUT])`
 *
 * Expects IP packets with the network header set; passes everything unchanged. A flow is one direction of
 * source and destination address, protocol, and ports where there are some (a later fragment has none). The
 * table has a fixed size: where a new flow finds no room, it takes the place of the one of its neighbours
 * that was silent for longest.
 *
 * Arguments: CAPACITY (8 to 4194304): flows that are remembered. Default 1024; a flow takes 64 bytes.
 * TIMEOUT (time): a flow that was silent for so long is not shown any more, and its place is free. Default 60
 * s.
 *
 * Handlers: `table` (read): a line for each flow: source address and port, destination address and port,
 * protocol, packets, bytes of IP, milliseconds from its first to its last packet. `top` (read, parameter N,
 * default 10): the N flows of most bytes, as in `table`. `flows` (read): how many there are. `evicted`
 * (read): flows that lost their place before their time. `clear` (write): forget all.
 *
 * Differs: the reference has no such element; it is what a flow monitor needs in a guest.
 *
 * Example: `FromDevice(0) -> MarkIPHeader(14) -> IPFlowMeter -> Queue -> ToDevice(1);`
 *
 * See also: AggregateIP, IPRewriter
 */
#include <clicklet/element.h>

enum { FLOW_WAYS = 8 }; /* places that a flow may have */

typedef struct IPFlow {
  uint32_t src, dst;
  uint16_t sport, dport; /* network order */
  uint8_t proto;
  uint64_t packets, bytes; /* packets 0: free */
  int64_t first, last;     /* steady ns */
} IPFlow;

typedef struct IPFlowMeter {
  Element base;
  IPFlow *flows;
  uint32_t capacity, mask; /* mask: of the sets of FLOW_WAYS places */
  int64_t timeout;
  uint64_t evicted;
} IPFlowMeter;

static inline IPFlow *ip_flow_find(IPFlowMeter *e, const IPFlow *key, int64_t now) {
  uint64_t h = ((uint64_t)key->src << 32 | key->dst) * UINT64_C(0x9fb21c651e98df25);
  h = (h ^ h >> 29 ^ ((uint64_t)key->sport << 32 | (uint64_t)key->dport << 8 | key->proto)) *
      UINT64_C(0xd6e8feb86659fd93);
  IPFlow *set = &e->flows[((h >> 32) & e->mask) * FLOW_WAYS], *victim = set;
  for (IPFlow *f = set; f < set + FLOW_WAYS; f++) {
    if (f->src == key->src && f->dst == key->dst && f->sport == key->sport && f->dport == key->dport &&
        f->proto == key->proto && f->packets && now - f->last < e->timeout)
      return f;
    if (victim->packets && (!f->packets || f->last < victim->last)) victim = f;
  }
  if (victim->packets && now - victim->last < e->timeout) e->evicted++;
  *victim = *key;
  victim->first = now;
  return victim;
}

static inline int ip_flow_count(IPFlowMeter *e, Packet *p) {
  const uint8_t *ip = p->network, *end = packet_end(p);
  if (unlikely(!ip || ip + 20 > end || *ip >> 4 != 4)) return 0;
  IPFlow key = {.src = load32(ip + 12), .dst = load32(ip + 16), .proto = ip[9]};
  const uint8_t *t = ip + (*ip & 15) * 4;
  bool ports = key.proto == 6 || key.proto == 17 || key.proto == 132;
  if (ports && t + 4 <= end && !(be16(load16(ip + 6)) & 0x1fff)) {
    key.sport = load16(t);
    key.dport = load16(t + 2);
  }
  int64_t now = time_steady(&e->base);
  IPFlow *f = ip_flow_find(e, &key, now);
  f->packets++;
  f->bytes += be16(load16(ip + 2));
  f->last = now;
  return 0;
}

ACTION(IPFlowMeter, ip_flow_count)

static int ip_flow_configure(Element *el, const Args *args, Errors *errs) {
  IPFlowMeter *e = (IPFlowMeter *)el;
  (void)args;
  uint32_t sets = 1;
  while (sets * FLOW_WAYS < e->capacity) sets *= 2;
  e->mask = sets - 1;
  e->flows = mem_alloc((size_t)sets * FLOW_WAYS * sizeof *e->flows);
  return e->flows ? 0 : error(errs, "out of memory");
}

static void ip_flow_cleanup(Element *e) { mem_free(((IPFlowMeter *)e)->flows); }

static void ip_flow_take_state(Element *el, Element *old) {
  IPFlowMeter *e = (IPFlowMeter *)el, *o = (IPFlowMeter *)old;
  if (e->mask != o->mask) return;
  IPFlow *mine = e->flows;
  e->flows = o->flows;
  o->flows = mine;
  e->evicted = o->evicted;
}

static bool ip_flow_live(const IPFlowMeter *e, const IPFlow *f, int64_t now) {
  return f->packets && now - f->last < e->timeout;
}

static void ip_flow_text(const IPFlow *f, Text *out) {
  text_printf(out, "%pI %u %pI %u %u %llu %llu %lld\n", (const void *)&f->src, be16(f->sport),
              (const void *)&f->dst, be16(f->dport), f->proto, (unsigned long long)f->packets,
              (unsigned long long)f->bytes, (long long)((f->last - f->first) / NSEC_PER_MSEC));
}

static int ip_flow_table(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const IPFlowMeter *e = (IPFlowMeter *)el;
  (void)h, (void)param, (void)errs;
  int64_t now = time_steady(el);
  for (uint32_t i = 0; i < (e->mask + 1) * FLOW_WAYS; i++)
    if (ip_flow_live(e, &e->flows[i], now)) ip_flow_text(&e->flows[i], out);
  return 0;
}

static int ip_flow_flows(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const IPFlowMeter *e = (IPFlowMeter *)el;
  (void)h, (void)param, (void)errs;
  int64_t now = time_steady(el);
  uint32_t n = 0;
  for (uint32_t i = 0; i < (e->mask + 1) * FLOW_WAYS; i++) n += ip_flow_live(e, &e->flows[i], now);
  text_printf(out, "%u", n);
  return 0;
}

/* Of flows with as many bytes, the one with the lower place comes first. */
static int ip_flow_top(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const IPFlowMeter *e = (IPFlowMeter *)el;
  (void)h;
  uint32_t n = 10, last = UINT32_MAX;
  if (param && *param) {
    for (n = 0; is_digit(*param) && n < 100000; param++) n = 10 * n + (uint32_t)(*param - '0');
    if (*param) return error(errs, "expected a number of flows");
  }
  int64_t now = time_steady(el);
  for (uint64_t bytes = UINT64_MAX; n--;) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < (e->mask + 1) * FLOW_WAYS; i++) {
      const IPFlow *f = &e->flows[i];
      if (!ip_flow_live(e, f, now) || f->bytes > bytes ||
          (f->bytes == bytes && last != UINT32_MAX && i <= last))
        continue;
      if (best == UINT32_MAX || f->bytes > e->flows[best].bytes) best = i;
    }
    if (best == UINT32_MAX) break;
    ip_flow_text(&e->flows[best], out);
    bytes = e->flows[best].bytes;
    last = best;
  }
  return 0;
}

static int ip_flow_clear(Element *el, const Handler *h, const char *value, Errors *errs) {
  IPFlowMeter *e = (IPFlowMeter *)el;
  (void)h, (void)value, (void)errs;
  memset(e->flows, 0, (size_t)(e->mask + 1) * FLOW_WAYS * sizeof *e->flows);
  e->evicted = 0;
  return 0;
}

ELEMENT(IPFlowMeter, .ports = "1/1", USE_ACTION(IPFlowMeter, ip_flow_count), .configure = ip_flow_configure,
        .cleanup = ip_flow_cleanup, .take_state = ip_flow_take_state,
        .args = ARGS(ARG(IPFlowMeter, U32, "CAPACITY", capacity, "1024", .min = 8, .max = 4194304),
                     ARG(IPFlowMeter, INTERVAL, "TIMEOUT", timeout, "60")),
        .handlers = HANDLERS(READ_FN("table", ip_flow_table), READ_PARAM_FN("top", ip_flow_top),
                             READ_FN("flows", ip_flow_flows),
                             READ_FIELD(IPFlowMeter, U64, "evicted", evicted),
                             WRITE_FN("clear", ip_flow_clear, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
