/** RIPSend: sends the same RIP version 2 advertisement every 30 seconds.
 *
 * Synopsis: `RIPSend(SRC, DST, PREFIX, METRIC)`
 *
 * The packets are complete IP packets, to UDP port 520; the first leaves after three seconds.
 *
 * Arguments: SRC, DST (IP addresses): of the packets; SRC is also the advertised next hop. PREFIX (IP
 * prefix): the network. METRIC (int): hops. All are required.
 *
 * Example: `RIPSend(18.26.4.24, 18.26.4.255, 10.0.0.0/8, 10) -> Discard;`
 */
#include "ip.h"

typedef struct RIPSend {
  Element base;
  uint32_t src, dst;
  IPPrefix net;
  int32_t metric;
  Timer timer;
} RIPSend;

static void rip_send_timer(Element *e, Timer *t) {
  RIPSend *r = (RIPSend *)e;
  Packet *p = packet_make(PACKET_HEADROOM, NULL, 52, 0);
  timer_after(t, 30 * NSEC_PER_SEC);
  if (!p) return;
  uint8_t *h = p->data, *u = h + 20;
  const uint8_t ip[] = {0x45, 0, 0, 52, 0, 0, 0, 0, 200, IP_PROTO_UDP},
                udp[] = {2, 8, 2, 8, 0, 32, 0, 0, 2, 2, 0, 0, 0, 2};
  memcpy(h, ip, sizeof ip);
  store32(h + 12, r->src);
  store32(h + 16, r->dst);
  memcpy(u, udp, sizeof udp);
  store32(u + 16, r->net.addr);
  store32(u + 20, r->net.mask);
  store32(u + 24, r->src);
  store32(u + 28, be32((uint32_t)r->metric));
  uint64_t pseudo = (uint64_t)r->src + r->dst + be16(IP_PROTO_UDP) + be16(32);
  store16(u + 6, (uint16_t)~in_fold(in_sum(u, 32, pseudo)));
  ip_set_checksum(h);
  packet_set_network(p, h, 20);
  output_push(e, 0, p);
}

static int rip_send_initialize(Element *e, Errors *errs) {
  RIPSend *r = (RIPSend *)e;
  (void)errs;
  timer_init(&r->timer, e);
  timer_after(&r->timer, 3 * NSEC_PER_SEC);
  return 0;
}

ELEMENT(RIPSend, .ports = "0/1", .processing = "/h", .initialize = rip_send_initialize,
        .run_timer = rip_send_timer,
        .args = ARGS(ARG_MUST(RIPSend, IP, "SRC", src), ARG_MUST(RIPSend, IP, "DST", dst),
                     ARG_MUST(RIPSend, IP_PREFIX, "PREFIX", net), ARG_MUST(RIPSend, I32, "METRIC", metric)));
