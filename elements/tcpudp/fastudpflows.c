/** FastUDPFlows: makes packets of many UDP flows in Ethernet frames, for benchmarks.
 *
 * Synopsis: `FastUDPFlows(RATE, LIMIT, LENGTH, SRCETH, SRCIP, DSTETH, DSTIP, FLOWS, FLOWSIZE [, CHECKSUM,
 * ACTIVE])`
 *
 * Its output is pulled. Each packet belongs to a random one of FLOWS flows with random ports, which change
 * after FLOWSIZE packets. The payload is zero.
 *
 * Arguments: RATE (unsigned): packets a second; 0: as many as are pulled. LIMIT (int): packets at most;
 * negative: no limit. LENGTH (unsigned): bytes of a frame, at least 60. SRCETH, DSTETH (Ethernet address),
 * SRCIP, DSTIP (IP address). FLOWS, FLOWSIZE (positive). CHECKSUM (bool): of UDP. Default true. ACTIVE
 * (bool): default true.
 *
 * Handlers: `count` (read). `rate` (read: the packets a second from first to last, once LIMIT is reached;
 * write: RATE). `limit`, `active`, `reset` (write). `length` (read/write).
 *
 * Example: `FastUDPFlows(1000, 5, 60, 0:0:0:0:0:0, 1.0.0.1, 1:1:1:1:1:1, 2.0.0.2, 100, 10) -> Unqueue(LIMIT
 * 5) -> Discard;`
 */
#include "fastsource.h"

typedef struct FastUdpFlow {
  uint32_t ports, count;
} FastUdpFlow;

typedef struct FastUDPFlows {
  FastSource f;
  uint32_t nflows, flow_size;
  FastUdpFlow *flows;
} FastUDPFlows;

static Packet *fast_udp_flow_make(FastSource *f) {
  FastUDPFlows *e = (FastUDPFlows *)f;
  Packet *p = fast_done(f) ? NULL : fast_packet(f);
  if (!p) return NULL;
  FastUdpFlow *flow = &e->flows[(random_u32(&f->base) >> 3) % e->nflows];
  if (flow->count == e->flow_size) *flow = (FastUdpFlow){.ports = fast_random(f) | fast_random(f) << 16};
  flow->count++;
  fast_put_ports(f, p->transport, flow->ports);
  return p;
}

static unsigned fast_udp_flow_pull(Element *e, int port, Packet **p, unsigned max) {
  return fast_pull((FastSource *)e, p, max, fast_udp_flow_make);
}

static int fast_udp_flow_configure(Element *el, const Args *args, Errors *errs) {
  FastUDPFlows *e = (FastUDPFlows *)el;
  e->f.rate.rate = e->f.rate_arg;
  if (!(e->flows = mem_alloc(e->nflows * sizeof *e->flows)))
    return error(errs, "out of memory for %u flows", e->nflows);
  return fast_template(&e->f, WIRE_PROTO_UDP, errs);
}

static int fast_udp_flow_initialize(Element *el, Errors *errs) {
  FastUDPFlows *e = (FastUDPFlows *)el;
  for (uint32_t i = 0; i < e->nflows; i++) e->flows[i].ports = fast_random(&e->f) | fast_random(&e->f) << 16;
  return 0;
}

static void fast_udp_flow_cleanup(Element *e) {
  mem_free(((FastSource *)e)->template);
  mem_free(((FastUDPFlows *)e)->flows);
}

static int fast_udp_flow_length(Element *e, const Handler *h, const char *value, Errors *errs) {
  return handler_write_field(e, h, value, errs) < 0 ? -1
                                                    : fast_template((FastSource *)e, WIRE_PROTO_UDP, errs);
}

ELEMENT(FastUDPFlows, .ports = "0/1", .processing = "/l", .pull = fast_udp_flow_pull,
        .configure = fast_udp_flow_configure, .initialize = fast_udp_flow_initialize,
        .cleanup = fast_udp_flow_cleanup,
        .args = ARGS(FAST_ARGS, ARG_MUST(FastSource, ETHER, "DSTETH", dst),
                     ARG_MUST(FastSource, IP, "DSTIP", dst_ip),
                     ARG_MUST(FastUDPFlows, U32, "FLOWS", nflows, .min = 1, .max = 1 << 28),
                     ARG_MUST(FastUDPFlows, U32, "FLOWSIZE", flow_size, .min = 1, .max = 4294967295.),
                     ARG_POS(FastSource, BOOL, "CHECKSUM", checksum, "true"),
                     ARG_POS(FastSource, BOOL, "ACTIVE", active, "true")),
        .handlers = HANDLERS(FAST_HANDLERS,
                             RW_FIELD(FastSource, U32, "length", length, .write = fast_udp_flow_length)));
