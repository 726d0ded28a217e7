/** FastUDPSource: makes UDP packets in Ethernet frames, for benchmarks.
 *
 * Synopsis: `FastUDPSource(RATE, LIMIT, LENGTH, SRCETH, SRCIP, SPORT, DSTETH, DSTIP, DPORT [, CHECKSUM,
 * INTERVAL, ACTIVE])`
 *
 * Its output is pulled. The payload is zero.
 *
 * Arguments: RATE (unsigned): packets a second; 0: as many as are pulled. LIMIT (int): packets at most;
 * negative: no limit. LENGTH (unsigned): bytes of a frame, at least 60. SRCETH, DSTETH (Ethernet address),
 * SRCIP, DSTIP (IP address), SPORT, DPORT (UDP port). CHECKSUM (bool): of UDP. Default true. INTERVAL
 * (unsigned): after so many packets both ports go up by one; 0: never. Default 0. ACTIVE (bool): default
 * true.
 *
 * Handlers: `count` (read). `rate` (read: the packets a second from first to last, once LIMIT is reached;
 * write: RATE). `limit`, `active`, `reset` (write); `reset` and setting `active` start over.
 *
 * Example: `FastUDPSource(1000, 5, 60, 0:0:0:0:0:0, 1.0.0.1, 1234, 1:1:1:1:1:1, 2.0.0.2, 1234) ->
 * Unqueue(LIMIT 5) -> Discard;`
 */
#include "fastsource.h"
#include "udpip.h"

typedef struct FastUDPSource {
  FastSource f;
  uint16_t sport, dport;
  uint32_t interval;
} FastUDPSource;

static Packet *fast_udp_make(FastSource *f) {
  FastUDPSource *e = (FastUDPSource *)f;
  Packet *p = fast_done(f) ? NULL : fast_packet(f);
  if (!p) return NULL;
  uint16_t up = e->interval ? (uint16_t)(f->count / e->interval) : 0;
  uint32_t ports = be16((uint16_t)(e->sport + up)) | (uint32_t)be16((uint16_t)(e->dport + up)) << 16;
  fast_put_ports(f, p->transport, ports);
  return p;
}

static unsigned fast_udp_pull(Element *e, int port, Packet **p, unsigned max) {
  return fast_pull((FastSource *)e, p, max, fast_udp_make);
}

static int fast_udp_configure(Element *el, const Args *args, Errors *errs) {
  ((FastSource *)el)->rate.rate = ((FastSource *)el)->rate_arg;
  return fast_template((FastSource *)el, WIRE_PROTO_UDP, errs);
}

static void fast_udp_cleanup(Element *e) { mem_free(((FastSource *)e)->template); }

ELEMENT(FastUDPSource, .ports = "0/1", .processing = "/l", .pull = fast_udp_pull,
        .configure = fast_udp_configure, .cleanup = fast_udp_cleanup,
        .args = ARGS(FAST_ARGS, ARG_MUST(FastUDPSource, CUSTOM, "SPORT", sport, .parse = udpip_parse_port),
                     ARG_MUST(FastSource, ETHER, "DSTETH", dst), ARG_MUST(FastSource, IP, "DSTIP", dst_ip),
                     ARG_MUST(FastUDPSource, CUSTOM, "DPORT", dport, .parse = udpip_parse_port),
                     ARG_POS(FastSource, BOOL, "CHECKSUM", checksum, "true"),
                     ARG_POS(FastUDPSource, U32, "INTERVAL", interval, "0"),
                     ARG_POS(FastSource, BOOL, "ACTIVE", active, "true")),
        .handlers = HANDLERS(FAST_HANDLERS));
