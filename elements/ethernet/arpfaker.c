/** ARPFaker: tells a host again and again that an IP address is at an Ethernet address.
 *
 * Synopsis: `ARPFaker(DSTIP, DSTETH, SRCIP, SRCETH)`
 *
 * Pushes an ARP reply, with its Ethernet header, after 1 s and then every 10 s. ARPResponder, which answers
 * requests, is what is wanted most of the time.
 *
 * Arguments: DSTIP (IP address), DSTETH (Ethernet address): who is told. SRCIP, SRCETH: what is claimed.
 *
 * Example: `ARPFaker(18.26.4.1, 0:e0:2b:b:1a:0, 18.26.4.99, 00:a0:c9:9c:fd:9c) -> Discard;`
 */
#include "wire.h"

typedef struct ARPFaker {
  Element base;
  uint32_t dst_ip, src_ip;
  uint8_t dst[6], src[6];
  Timer timer;
} ARPFaker;

static void arp_faker_timer(Element *el, Timer *t) {
  ARPFaker *e = (ARPFaker *)el;
  Packet *p = packet_alloc(WIRE_ETHER + WIRE_ARP);
  if (p) {
    wire_put_arp(p->data, 2, e->dst, e->src, (const uint8_t *)&e->src_ip, e->dst,
                 (const uint8_t *)&e->dst_ip);
    p->mac = p->data;
    output_push(el, 0, p);
  }
  timer_after(t, 10 * NSEC_PER_SEC);
}

static int arp_faker_initialize(Element *e, Errors *errs) {
  timer_init(&((ARPFaker *)e)->timer, e);
  timer_after(&((ARPFaker *)e)->timer, NSEC_PER_SEC);
  return 0;
}

static void arp_faker_cleanup(Element *e) { timer_cancel(&((ARPFaker *)e)->timer); }

ELEMENT(ARPFaker, .ports = "0/1", .processing = "/h", .run_timer = arp_faker_timer,
        .initialize = arp_faker_initialize, .cleanup = arp_faker_cleanup,
        .args = ARGS(ARG_MUST(ARPFaker, IP, "DSTIP", dst_ip), ARG_MUST(ARPFaker, ETHER, "DSTETH", dst),
                     ARG_MUST(ARPFaker, IP, "SRCIP", src_ip), ARG_MUST(ARPFaker, ETHER, "SRCETH", src)));
