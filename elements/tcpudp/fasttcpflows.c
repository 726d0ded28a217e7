/** FastTCPFlows: makes packets of many TCP flows in Ethernet frames, for benchmarks.
 *
 * Synopsis: `FastTCPFlows(RATE, LIMIT, LENGTH, SRCETH, SRCIP, DSTETH, DSTIP, FLOWS, FLOWSIZE [, ACTIVE])`
 *
 * Its output is pulled. Each packet belongs to a random one of FLOWS flows with random ports. A flow is a
 * SYN, data packets, and a FIN, FLOWSIZE in all; then its ports change. After LIMIT packets each flow that is
 * not over gets a FIN. Sequence numbers are random and stay the same; the payload is zero.
 *
 * Arguments: RATE (unsigned): packets a second; 0: as many as are pulled. LIMIT (int): packets at most, but
 * for the last FINs; negative: no limit. LENGTH (unsigned): bytes of a frame, at least 60. SRCETH, DSTETH
 * (Ethernet address), SRCIP, DSTIP (IP address). FLOWS (positive). FLOWSIZE (3 or more). ACTIVE (bool):
 * default true.
 *
 * Handlers: `count` (read). `rate` (read: the packets a second from first to last, once LIMIT is reached;
 * write: RATE). `limit`, `active`, `reset` (write).
 *
 * Example: `FastTCPFlows(1000, 5, 60, 0:0:0:0:0:0, 1.0.0.1, 1:1:1:1:1:1, 2.0.0.2, 1, 5) -> Unqueue(LIMIT 5)
 * -> Discard;`
 */
#include "fastsource.h"

typedef struct FastTcpFlow {
  uint32_t ports, seq, ack, count;
} FastTcpFlow;

typedef struct FastTCPFlows {
  FastSource f;
  uint32_t nflows, flow_size;
  uint32_t finished; /* flows that got their FIN after LIMIT */
  FastTcpFlow *flows;
} FastTCPFlows;

enum { FAST_FIN = 1, FAST_SYN = 2, FAST_PUSH_ACK = 0x18 };

/* Counts the packet and says what it is; NULL when all is done. */
static FastTcpFlow *fast_tcp_choose(FastTCPFlows *e, uint8_t *flags) {
  FastTcpFlow *flow;
  if (fast_done(&e->f)) {
    for (; e->finished < e->nflows; e->finished++)
      if (e->flows[e->finished].count != e->flow_size) {
        *flags = FAST_FIN;
        e->flows[e->finished].count = e->flow_size;
        return &e->flows[e->finished];
      }
    return NULL;
  }
  flow = &e->flows[(random_u32(&e->f.base) >> 3) % e->nflows];
  if (flow->count == e->flow_size) {
    flow->ports = fast_random(&e->f) | fast_random(&e->f) << 16;
    flow->count = 0;
  }
  flow->count++;
  *flags = flow->count == 1 ? FAST_SYN : flow->count == e->flow_size ? FAST_FIN : FAST_PUSH_ACK;
  return flow;
}

static Packet *fast_tcp_make(FastSource *f) {
  FastTCPFlows *e = (FastTCPFlows *)f;
  uint8_t flags = 0;
  FastTcpFlow *flow = fast_tcp_choose(e, &flags);
  Packet *p = flow ? fast_packet(f) : NULL;
  if (!p) return NULL;
  uint8_t *tcp = p->transport;
  store32(tcp, flow->ports);
  store32(tcp + 4, flow->seq);
  store32(tcp + 8, flow->ack);
  tcp[13] = flags;
  store16(tcp + 16,
          (uint16_t)~wire_fold(f->sum + flow->ports + flow->seq + flow->ack + ((uint32_t)flags << 8)));
  return p;
}

static unsigned fast_tcp_pull(Element *e, int port, Packet **p, unsigned max) {
  return fast_pull((FastSource *)e, p, max, fast_tcp_make);
}

static int fast_tcp_configure(Element *el, const Args *args, Errors *errs) {
  FastTCPFlows *e = (FastTCPFlows *)el;
  e->f.rate.rate = e->f.rate_arg;
  if (e->flow_size < 3) {
    chatter(NULL, "warning: flow size < 3, defaulting to 3");
    e->flow_size = 3;
  }
  if (!(e->flows = mem_alloc(e->nflows * sizeof *e->flows)))
    return error(errs, "out of memory for %u flows", e->nflows);
  return fast_template(&e->f, WIRE_PROTO_TCP, errs);
}

static int fast_tcp_initialize(Element *el, Errors *errs) {
  FastTCPFlows *e = (FastTCPFlows *)el;
  for (uint32_t i = 0; i < e->nflows; i++)
    e->flows[i] = (FastTcpFlow){.ports = fast_random(&e->f) | fast_random(&e->f) << 16,
                                .seq = random_u32(el) >> 1,
                                .ack = random_u32(el) >> 1};
  return 0;
}

static int fast_tcp_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  ((FastTCPFlows *)e)->finished = 0;
  return fast_write(e, h, value, errs);
}

static void fast_tcp_cleanup(Element *e) {
  mem_free(((FastSource *)e)->template);
  mem_free(((FastTCPFlows *)e)->flows);
}

ELEMENT(FastTCPFlows, .ports = "0/1", .processing = "/l", .pull = fast_tcp_pull,
        .configure = fast_tcp_configure, .initialize = fast_tcp_initialize, .cleanup = fast_tcp_cleanup,
        .args = ARGS(FAST_ARGS, ARG_MUST(FastSource, ETHER, "DSTETH", dst),
                     ARG_MUST(FastSource, IP, "DSTIP", dst_ip),
                     ARG_MUST(FastTCPFlows, U32, "FLOWS", nflows, .min = 1, .max = 1 << 28),
                     ARG_MUST(FastTCPFlows, U32, "FLOWSIZE", flow_size),
                     ARG_POS(FastSource, BOOL, "ACTIVE", active, "true")),
        .handlers = HANDLERS(
            READ_FIELD(FastSource, U64, "count", count),
            RW_FN("rate", fast_read_rate, fast_tcp_write, .type = ARG_U32, FIELD_OF(FastSource, rate_arg)),
            WRITE_FN("reset", fast_tcp_write, .flags = HANDLER_WRITE | HANDLER_BUTTON),
            WRITE_FN("active", fast_tcp_write, .type = ARG_BOOL, FIELD_OF(FastSource, active)),
            WRITE_FN("limit", fast_tcp_write, .type = ARG_I32, FIELD_OF(FastSource, limit))));
