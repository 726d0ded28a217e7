/** FastUDPSourceIP6: makes UDP packets over IPv6 in Ethernet frames, for benchmarks.
 *
 * Synopsis: `FastUDPSourceIP6(RATE, LIMIT, LENGTH, SRCETH, SRCIP6, SPORT, DSTETH, DSTIP6, DPORT [, CHECKSUM,
 * INTERVAL, ACTIVE])`
 *
 * Its output is pulled. The payload is zero. Without CHECKSUM the checksum is 0, which receivers refuse over
 * IPv6 (RFC 8200, 8.1).
 *
 * Arguments: RATE (unsigned): packets a second; 0: as many as are pulled. LIMIT (int): packets at most;
 * negative: no limit. LENGTH (unsigned): bytes of a frame, at least 62; the reference's least, 60, has no
 * room for the headers. SRCETH, DSTETH (Ethernet address), SRCIP6, DSTIP6 (IPv6 address), SPORT, DPORT (UDP
 * port). CHECKSUM (bool): of UDP. Default true. INTERVAL (unsigned): after so many packets both ports go up
 * by one; 0: never. Default 0. ACTIVE (bool): default true.
 *
 * Handlers: `count` (read). `rate` (read: the packets a second from first to last, once LIMIT is reached;
 * write: RATE). `limit`, `active`, `reset` (write); `reset` and setting `active` start over.
 *
 * Example: `FastUDPSourceIP6(1000, 5, 64, 0:0:0:0:0:0, 3ffe::1, 1234, 1:1:1:1:1:1, 3ffe::2, 1234) ->
 * Unqueue(LIMIT 5) -> Discard;`
 */
#include "../ip6/ip6.h"
#include "fastsource.h"
#include "udpip.h"

typedef struct FastUDPSourceIP6 {
  FastSource f;
  uint8_t src_ip6[16], dst_ip6[16];
  uint16_t sport, dport;
  uint32_t interval;
} FastUDPSourceIP6;

enum { FAST6_UDP = WIRE_ETHER + IP6_HEADER, FAST6_LENGTH_MIN = FAST6_UDP + WIRE_UDP };

static Packet *fast_udp6_make(FastSource *f) {
  FastUDPSourceIP6 *e = (FastUDPSourceIP6 *)f;
  Packet *p = fast_done(f) ? NULL : fast_copy(f);
  if (!p) return NULL;
  packet_set_network(p, p->data + WIRE_ETHER, IP6_HEADER);
  packet_set_dst_ip6(p, e->dst_ip6);
  uint16_t up = e->interval ? (uint16_t)(f->count / e->interval) : 0;
  uint32_t ports = be16((uint16_t)(e->sport + up)) | (uint32_t)be16((uint16_t)(e->dport + up)) << 16;
  fast_put_ports(f, p->transport, ports);
  return p;
}

static unsigned fast_udp6_pull(Element *e, int port, Packet **p, unsigned max) {
  return fast_pull((FastSource *)e, p, max, fast_udp6_make);
}

static int fast_udp6_configure(Element *el, const Args *args, Errors *errs) {
  FastUDPSourceIP6 *e = (FastUDPSourceIP6 *)el;
  FastSource *f = &e->f;
  f->rate.rate = f->rate_arg;
  if (f->length < FAST6_LENGTH_MIN) {
    chatter(NULL, "warning: packet length < %d, defaulting to %d", FAST6_LENGTH_MIN, FAST6_LENGTH_MIN);
    f->length = FAST6_LENGTH_MIN;
  }
  uint8_t *d = mem_alloc(f->length + 64u);
  if (!d) return error(errs, "out of memory");
  mem_free(f->template);
  f->template = d;
  memcpy(d, f->dst, 12);
  wire_put16(d + 12, ETHERTYPE_IP6);
  uint16_t length = (uint16_t)(f->length - FAST6_UDP);
  uint8_t *ip = d + WIRE_ETHER, *udp = d + FAST6_UDP;
  ip[0] = 0x60;
  wire_put16(ip + 4, length);
  ip[6] = WIRE_PROTO_UDP;
  ip[7] = 250;
  memcpy(ip + 8, e->src_ip6, 16);
  memcpy(ip + 24, e->dst_ip6, 16);
  wire_put16(udp + 4, length);
  /* The pseudo header's addresses are the header's last 32 bytes. */
  f->sum = wire_sum(ip + 8, 32, (uint64_t)be32(length) + be32(WIRE_PROTO_UDP));
  f->sum = wire_sum(udp, length, f->sum);
  return 0;
}

static void fast_udp6_cleanup(Element *e) { mem_free(((FastSource *)e)->template); }

ELEMENT(FastUDPSourceIP6, .ports = "0/1", .processing = "/l", .pull = fast_udp6_pull,
        .configure = fast_udp6_configure, .cleanup = fast_udp6_cleanup,
        .args = ARGS(FAST_ANY_ARGS, ARG_MUST(FastUDPSourceIP6, IP6, "SRCIP6", src_ip6),
                     ARG_MUST(FastUDPSourceIP6, CUSTOM, "SPORT", sport, .parse = udpip_parse_port),
                     ARG_MUST(FastSource, ETHER, "DSTETH", dst),
                     ARG_MUST(FastUDPSourceIP6, IP6, "DSTIP6", dst_ip6),
                     ARG_MUST(FastUDPSourceIP6, CUSTOM, "DPORT", dport, .parse = udpip_parse_port),
                     ARG_POS(FastSource, BOOL, "CHECKSUM", checksum, "true"),
                     ARG_POS(FastUDPSourceIP6, U32, "INTERVAL", interval, "0"),
                     ARG_POS(FastSource, BOOL, "ACTIVE", active, "true")),
        .handlers = HANDLERS(FAST_HANDLERS));
