/** AggregateIPFlows: numbers TCP and UDP flows in the aggregate annotation.
 *
 * Synopsis: `AggregateIPFlows([<keywords> TRACEINFO, SOURCE, TCP_TIMEOUT, TCP_DONE_TIMEOUT, UDP_TIMEOUT,
 * FRAGMENT_TIMEOUT, REAP, ICMP, FRAGMENTS])`
 *
 * Flows are numbered from 1 in the order in which they begin; both directions have the same number. The paint
 * annotation says the direction: 0 that of the flow's first packet, 1 the other. A flow ends when it was
 * silent for longer than its timeout, in packet time and whole seconds, or when both sides have closed it and
 * a SYN follows. Packets that are neither TCP nor UDP, or too short for ports, leave on output 1 or are
 * dropped. Needs IP headers marked.
 *
 * Later fragments get the number of their first fragment. One that comes before it is held until the first
 * comes, and what comes behind it between the same two hosts waits too, so that these stay in order. Those
 * whose first fragment does not come leave on output 1.
 *
 * Arguments: TRACEINFO (file name): an XML file that lists the flows; on hosts only. SOURCE (element): where
 * the packets come from; its handlers `filename` and `packet_filepos`, if it has them, go into that file.
 * TCP_TIMEOUT (seconds): default 86400. TCP_DONE_TIMEOUT (seconds): of flows closed by FINs on both sides or
 * a RST; default 30. UDP_TIMEOUT (seconds): default 60. FRAGMENT_TIMEOUT (seconds): default 30. REAP
 * (seconds): how often flows that have ended are removed; default 1200. ICMP (bool): ICMP errors get the
 * number of the flow they report on, and that packet's paint + 2; default false. FRAGMENTS (bool): later
 * fragments get numbers; default true where packets are pushed; where they are pulled it cannot be true.
 *
 * Handlers: `clear` (write): ends all flows, lets go of fragments that are held.
 *
 * Unlike the reference, it lets go of what waited as soon as the first fragment comes, sends fragments whose
 * first does not come to output 1 as documented, and counts the packets of each flow in TRACEINFO from 0. The
 * flows that one `clear` or REAP ends are listed in the order of their numbers.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> f :: AggregateIPFlows -> AggregateCounter ->
 * Discard; DriverManager(pause, write f.clear);`
 */
#include "../ip/ip.h"
#include "../ip/ipprint.h"
#include "aggregateipflows.h"

/* ---- Flows
 * ------------------------------------------------------------------------------------------------------ */

static bool flows_grow(AggregateIPFlows *a) {
  uint32_t n = a->buckets ? 2 * a->buckets : 1024;
  AggregateFlow **wide = mem_alloc(n * sizeof *wide);
  if (!wide) return false;
  for (uint32_t i = 0; i < a->buckets; i++)
    for (AggregateFlow *f = a->flows[i], *next; f; f = next) {
      next = f->next;
      AggregateFlow **b = &wide[aggregate_flow_hash(&f->key) & (n - 1)];
      f->next = *b;
      *b = f;
    }
  mem_free(a->flows);
  a->flows = wide;
  a->buckets = n;
  return true;
}

static void trace_add(AggregateIPFlows *a, Text *t) {
  if (a->trace) ip_print_file_write(a->trace, text_cstr(t), t->len);
  text_free(t);
}

static void add_ns(Text *t, int64_t ns) {
  text_printf(t, "%lld.%09lld", (long long)(ns / NSEC_PER_SEC), (long long)(ns % NSEC_PER_SEC));
}

/* The flow is over: says so and forgets it. */
static void flow_end(AggregateIPFlows *a, AggregateFlow *f) {
  if (a->trace) {
    Text t = {0};
    int from = f->flipped; /* the first packet's source */
    text_printf(&t, "<flow aggregate='%u' src='%pI' sport='%u' dst='%pI' dport='%u' begin='", f->aggregate,
                &f->key.addr[from], be16(f->key.port[from]), &f->key.addr[!from], be16(f->key.port[!from]));
    add_ns(&t, f->begin);
    text_add_string(&t, "' duration='");
    add_ns(&t, f->last > f->begin ? f->last - f->begin : 0);
    text_add_char(&t, '\'');
    if (f->filepos) text_printf(&t, " filepos='%s'", f->filepos);
    text_printf(&t, ">\n  <stream dir='0' packets='%llu' /><stream dir='1' packets='%llu' />\n</flow>\n",
                (unsigned long long)f->packets[0], (unsigned long long)f->packets[1]);
    trace_add(a, &t);
  }
  aggregate_tell(&a->notifier, f->aggregate, false, NULL);
  mem_free(f->filepos);
  mem_free(f);
  a->nflows--;
}

static uint32_t flow_timeout(const AggregateIPFlows *a, const AggregateFlow *f) {
  return f->key.proto != IP_PROTO_TCP ? a->udp_timeout : f->closed == 3 ? a->done_timeout : a->tcp_timeout;
}

static bool flow_late(const AggregateIPFlows *a, const AggregateFlow *f, int64_t now) {
  return aggregate_seconds(now) > aggregate_seconds(f->last) + flow_timeout(a, f);
}

static char *handler_text(AggregateIPFlows *a, const char *handler) {
  Text name = {0}, value = {0};
  char *s = NULL;
  text_printf(&name, "%s.%s", a->source->name, handler);
  if (handler_find(a->base.router, NULL, text_cstr(&name), NULL) &&
      handler_call_read(a->base.router, NULL, text_cstr(&name), "", &value, NULL) == 0)
    s = mem_string(text_cstr(&value), value.len);
  text_free(&name);
  text_free(&value);
  return s;
}

/* The flow of a packet, a new one if need be. NULL when out of memory. */
static AggregateFlow *flow_of(AggregateIPFlows *a, const AggregateFlowKey *k, bool flipped, Packet *p,
                              bool syn) {
  AggregateFlow **at = aggregate_flow_find(a, k), *f = *at;
  if (f && (flow_late(a, f, p->timestamp) || (syn && f->closed == 3))) {
    *at = f->next;
    flow_end(a, f);
    f = NULL;
  }
  if (f) return f;
  if (a->nflows >= a->buckets) flows_grow(a);
  if (!(f = mem_alloc(sizeof *f))) return NULL;
  *f = (AggregateFlow){.key = *k,
                       .aggregate = a->next_aggregate,
                       .flipped = flipped,
                       .begin = p->timestamp,
                       .last = p->timestamp};
  if (!++a->next_aggregate) a->next_aggregate = 1;
  if (a->source && a->trace) f->filepos = handler_text(a, "packet_filepos");
  at = &a->flows[aggregate_flow_hash(k) & (a->buckets - 1)];
  f->next = *at;
  *at = f;
  a->nflows++;
  aggregate_tell(&a->notifier, f->aggregate, true, p);
  return f;
}

/* Ends the flows that are late at `now` (all of them if `all`), in the order of their numbers. */
static void flows_reap(AggregateIPFlows *a, int64_t now, bool all) {
  AggregateFlow *sorted[33] = {0}; /* sorted[i]: 2^i flows, by number */
  for (uint32_t i = 0; i < a->buckets; i++)
    for (AggregateFlow **at = &a->flows[i], *f; (f = *at);) {
      if (!all && !flow_late(a, f, now)) {
        at = &f->next;
        continue;
      }
      *at = f->next;
      f->next = NULL;
      AggregateFlow *run = f;
      for (unsigned k = 0; k < countof(sorted); k++) {
        if (!sorted[k]) {
          sorted[k] = run;
          break;
        }
        AggregateFlow *other = sorted[k], *merged = NULL, **tail = &merged;
        sorted[k] = NULL;
        while (run && other) {
          AggregateFlow **least = run->aggregate < other->aggregate ? &run : &other;
          *tail = *least;
          *least = (*least)->next;
          tail = &(*tail)->next;
        }
        *tail = run ? run : other;
        run = merged;
      }
    }
  for (;;) {
    AggregateFlow **least = NULL;
    for (unsigned k = 0; k < countof(sorted); k++)
      if (sorted[k] && (!least || sorted[k]->aggregate < (*least)->aggregate)) least = &sorted[k];
    if (!least) return;
    AggregateFlow *f = *least;
    *least = f->next;
    flow_end(a, f);
  }
}

/* ---- Packets
 * ---------------------------------------------------------------------------------------------------- */

/* Where the packet that an ICMP error reports on begins, NULL if there is none. */
static const uint8_t *icmp_inner(const uint8_t *ip, const uint8_t *end) {
  const uint8_t *icmp = ip + (ip[0] & 15) * 4;
  if (aggregate_later_fragment(ip) || icmp + 28 > end) return NULL;
  switch (icmp[0]) {
  case 3:
  case 4:
  case 5:
  case 11:
  case 12:
    return icmp + 8;
  }
  return NULL;
}

enum { HOLD = -3 };

/* Numbers one packet. The output, or HOLD. */
static int number(AggregateIPFlows *a, Packet *p) {
  const uint8_t *ip = p->network, *end = packet_end(p);
  if (!ip || ip + 20 > end || ip[0] >> 4 != 4) return 1;
  bool icmp = a->icmp && ip[9] == IP_PROTO_ICMP;
  const uint8_t *outer = ip;
  if (icmp && !(ip = icmp_inner(ip, end))) return 1;
  if (ip[9] != IP_PROTO_TCP && ip[9] != IP_PROTO_UDP) return 1;
  int64_t now = aggregate_seconds(p->timestamp);
  if (!a->reap_at) a->reap_at = now + a->reap;
  if (now >= a->reap_at) {
    flows_reap(a, p->timestamp, false);
    a->reap_at = now + a->reap;
  }
  set_anno_u32(p, ANNO_AGGREGATE, 0);
  if (aggregate_later_fragment(ip)) {
    if (icmp || !a->fragments) return 1;
    AggregatePair *pair = aggregate_pair_make(a, ip);
    if (!pair) return PACKET_DROP;
    AggregateFragment *f = aggregate_fragment_find(pair, ip);
    if (!f || aggregate_seconds(p->timestamp) > aggregate_seconds(f->seen) + a->fragment_timeout) return HOLD;
    aggregate_fragment_mark(a, f, p);
  }
  const uint8_t *l4 = ip + (ip[0] & 15) * 4;
  bool later = aggregate_later_fragment(ip);
  if (!later && ((ip[0] & 15) < 5 || l4 + 4 > end)) return 1;
  AggregateFlow *flow = NULL;
  if (!later) {
    AggregateFlowKey k = {
        .addr = {load32(ip + 12), load32(ip + 16)}, .port = {load16(l4), load16(l4 + 2)}, .proto = ip[9]};
    bool flipped = k.addr[0] != k.addr[1] ? k.addr[0] > k.addr[1] : k.port[0] > k.port[1];
    if (flipped)
      k = (AggregateFlowKey){
          .addr = {k.addr[1], k.addr[0]}, .port = {k.port[1], k.port[0]}, .proto = k.proto};
    uint8_t flags = ip[9] == IP_PROTO_TCP && !icmp && l4 + 14 <= end ? l4[13] : 0;
    if (!(flow = flow_of(a, &k, flipped, p, flags & 2))) return PACKET_DROP;
    uint8_t paint = flipped != flow->flipped;
    set_anno_u32(p, ANNO_AGGREGATE, flow->aggregate);
    set_anno_u8(p, ANNO_PAINT, icmp ? 2 + paint : paint);
    flow->last = p->timestamp;
    if (!icmp) {
      flow->packets[paint]++;
      if (flags & 4) flow->closed = 3;
      if (flags & 1) flow->closed |= (uint8_t)(1 << paint);
    }
    if (a->fragments && !icmp && (ip_off(ip) & IP_MF)) aggregate_fragment_first(a, p, &k);
  }
  if (!a->npairs) return 0;
  AggregatePair *pair = *aggregate_pair_find(a, load32(outer + 12), load32(outer + 16));
  return pair && pair->head ? HOLD : 0;
}

static void flows_push(Element *e, int port, Packet **p, unsigned n) {
  AggregateIPFlows *a = (AggregateIPFlows *)e;
  int16_t outs[BATCH_MAX];
  unsigned from = 0;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    if (unlikely(a->npairs)) {
      int64_t now = aggregate_seconds(p[i]->timestamp);
      if (now >= a->purge_at) {
        if (i > from) scatter(e, p + from, outs, i - from);
        from = i;
        aggregate_pairs_purge(a, p[i]->timestamp, false);
        a->purge_at = now + 1;
      }
    }
    int out = number(a, p[i]);
    outs[i - from] = (int16_t)out;
    if (likely(out != HOLD)) continue;
    /* What stands in front of it in the batch goes first; then it, and what it lets go. */
    if (i > from) scatter(e, p + from, outs, i - from);
    from = i + 1;
    aggregate_pair_hold(a, p[i]);
  }
  if (n > from) scatter(e, p + from, outs, n - from);
}

static unsigned flows_pull(Element *e, int port, Packet **p, unsigned max) {
  AggregateIPFlows *a = (AggregateIPFlows *)e;
  unsigned n = input_pull_batch(e, port, p, max), kept = 0;
  for (unsigned i = 0; i < n; i++) {
    int out = number(a, p[i]);
    if (out == 0)
      p[kept++] = p[i];
    else if (out > 0)
      output_push(e, out, p[i]);
    else
      packet_free(p[i]);
  }
  return kept;
}

/* ---- The element
 * ------------------------------------------------------------------------------------------------ */

static int flows_configure(Element *e, const Args *args, Errors *errs) {
  AggregateIPFlows *a = (AggregateIPFlows *)e;
  (void)args;
  a->next_aggregate = 1;
  if (a->traceinfo && !ip_print_file_open) return error(errs, "TRACEINFO: there are no files in a guest");
  return flows_grow(a) ? 0 : error(errs, "out of memory");
}

static int flows_initialize(Element *e, Errors *errs) {
  AggregateIPFlows *a = (AggregateIPFlows *)e;
  bool pull = input_is_pull(e, 0);
  if (a->fragments_given && a->fragments && pull)
    return error(errs, "FRAGMENTS cannot be true where packets are pulled");
  if (!a->fragments_given) a->fragments = !pull;
  if (!a->traceinfo) return 0;
  if (!(a->trace = ip_print_file_open(a->traceinfo))) return error(errs, "cannot open %s", a->traceinfo);
  Text t = {0};
  char *name = a->source ? handler_text(a, "filename") : NULL;
  text_add_string(&t, "<?xml version='1.0' standalone='yes'?>\n<trace");
  if (name) text_printf(&t, " file='%s'", name);
  text_add_string(&t, ">\n");
  mem_free(name);
  trace_add(a, &t);
  return 0;
}

static void flows_cleanup(Element *e) {
  AggregateIPFlows *a = (AggregateIPFlows *)e;
  aggregate_pairs_free(a);
  a->notifier.listeners = NULL; /* they may be gone */
  flows_reap(a, 0, true);
  if (a->trace) {
    Text t = {0};
    text_add_string(&t, "</trace>\n");
    trace_add(a, &t);
    ip_print_file_close(a->trace);
  }
  mem_free(a->flows);
  mem_free(a->traceinfo);
}

static int flows_clear(Element *e, const Handler *h, const char *value, Errors *errs) {
  AggregateIPFlows *a = (AggregateIPFlows *)e;
  (void)h, (void)value, (void)errs;
  aggregate_pairs_purge(a, 0, true);
  flows_reap(a, 0, true);
  return 0;
}

static void *flows_cast(Element *e, const char *name) {
  return !strcmp(name, "AggregateNotifier")  ? (void *)&((AggregateIPFlows *)e)->notifier
         : !strcmp(name, "AggregateIPFlows") ? (void *)e
                                             : NULL;
}

ELEMENT(AggregateIPFlows, .ports = "1/1-2", .processing = "a/ah", .push = flows_push, .pull = flows_pull,
        .configure = flows_configure, .initialize = flows_initialize, .cleanup = flows_cleanup,
        .cast = flows_cast,
        .args = ARGS(ARG(AggregateIPFlows, FILENAME, "TRACEINFO", traceinfo, NULL),
                     ARG(AggregateIPFlows, ELEMENT, "SOURCE", source, NULL),
                     ARG(AggregateIPFlows, U32, "TCP_TIMEOUT", tcp_timeout, "86400"),
                     ARG(AggregateIPFlows, U32, "TCP_DONE_TIMEOUT", done_timeout, "30"),
                     ARG(AggregateIPFlows, U32, "UDP_TIMEOUT", udp_timeout, "60"),
                     ARG(AggregateIPFlows, U32, "FRAGMENT_TIMEOUT", fragment_timeout, "30"),
                     ARG(AggregateIPFlows, U32, "REAP", reap, "1200"),
                     ARG(AggregateIPFlows, BOOL, "ICMP", icmp, "false"),
                     ARG(AggregateIPFlows, BOOL, "FRAGMENTS", fragments, NULL,
                         GIVEN(AggregateIPFlows, fragments_given))),
        .handlers = HANDLERS(WRITE_FN("clear", flows_clear)));
