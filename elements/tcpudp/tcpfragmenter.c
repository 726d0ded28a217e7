/** TCPFragmenter: cuts TCP packets into smaller ones.
 *
 * Synopsis: `TCPFragmenter(<keywords> MTU, MTU_ANNO)`
 *
 * Expects TCP packets with the network header set. A packet whose headers and payload exceed the limit leaves
 * as several, each a TCP packet of its own: with the headers of the first, link header included, but for
 * lengths, checksums and the sequence number; FIN stays on the last.
 *
 * Arguments: MTU (unsigned, 16 bits): bytes of an IP packet at most; 0: no limit. Default 0. MTU_ANNO
 * (annotation of 2 bytes): a limit for the packet, where it is not 0 and smaller. One of them must be given.
 *
 * Handlers: `count` (read): packets. `fragmented_count` (read): those that were cut. `fragments` (read): what
 * came of them.
 *
 * Differs: the reference cuts packets whose payload is as large as allowed, and can leave FIN on a fragment
 * before the last.
 *
 * Example: `InfiniteSource(LIMIT 1) -> MarkIPHeader -> TCPFragmenter(MTU 576) -> Discard;`
 */
#include "../ethernet/wire.h"

typedef struct TCPFragmenter {
  Element base;
  uint16_t mtu;
  int anno;
  bool anno_given;
  uint64_t count, fragmented, fragments;
} TCPFragmenter;

/* Makes p, which holds the whole payload, the part of it from offset on. */
static bool tcp_fragment(Packet *p, uint32_t headers, uint32_t offset, uint32_t n, uint32_t payload) {
  if (!packet_unique(p)) return false;
  uint8_t *ip = p->network, *tcp = ip + wire_ip_header(ip);
  memmove(ip + headers, ip + headers + offset, n);
  packet_take(p, wire_network_bytes(p) - headers - n);
  wire_put16(ip + 2, (uint16_t)(headers + n));
  store16(ip + 10, 0);
  store16(ip + 10, wire_checksum(ip, wire_ip_header(ip)));
  if (offset + n < payload) tcp[13] &= (uint8_t)~1; /* FIN */
  store32(tcp + 4, be32(be32(load32(tcp + 4)) + offset));
  uint16_t length = (uint16_t)(headers - wire_ip_header(ip) + n);
  store16(tcp + 16, 0);
  store16(tcp + 16, (uint16_t)~wire_fold(wire_sum(tcp, length, wire_pseudo_of(ip, length))));
  return true;
}

static void tcp_fragment_all(TCPFragmenter *e, Packet *p, uint32_t headers, uint32_t payload, uint32_t most) {
  e->fragmented++;
  for (uint32_t offset = 0; offset < payload; offset += most) {
    bool last = payload - offset <= most;
    Packet *q = last ? p : packet_clone(p);
    if (!q) continue;
    if (tcp_fragment(q, headers, offset, last ? payload - offset : most, payload)) {
      e->fragments++;
      output_push(&e->base, 0, q);
    } else {
      packet_free(q);
    }
  }
}

static void tcp_fragmenter_push(Element *el, int port, Packet **p, unsigned n) {
  TCPFragmenter *e = (TCPFragmenter *)el;
  for (unsigned i = 0; i < n; i++) {
    uint32_t mtu = e->mtu, headers = 0, length = 0, own = e->anno_given ? anno_u16(p[i], e->anno) : 0;
    if (own && (!mtu || own < mtu)) mtu = own;
    e->count++;
    if (mtu && wire_has_ip(p[i]) && p[i]->network[9] == WIRE_PROTO_TCP && !wire_is_fragment(p[i]->network)) {
      uint32_t ip = wire_ip_header(p[i]->network), there = wire_network_bytes(p[i]);
      length = wire_get16(p[i]->network + 2);
      headers = there >= ip + WIRE_TCP ? ip + (p[i]->network[ip + 12] >> 4) * 4u : 0;
      if (headers < ip + WIRE_TCP || length < headers || length > there) headers = 0;
    }
    if (!headers || mtu <= headers || length <= mtu)
      output_push(el, 0, p[i]);
    else
      tcp_fragment_all(e, p[i], headers, length - headers, mtu - headers);
  }
}

static int tcp_fragmenter_configure(Element *el, const Args *args, Errors *errs) {
  TCPFragmenter *e = (TCPFragmenter *)el;
  return e->mtu || e->anno_given ? 0 : error(errs, "at least one of MTU and MTU_ANNO must be set");
}

ELEMENT(TCPFragmenter, .ports = "1/1", .processing = "h/h", .push = tcp_fragmenter_push,
        .configure = tcp_fragmenter_configure,
        .args = ARGS(ARG(TCPFragmenter, U16, "MTU", mtu, "0"),
                     ARG(TCPFragmenter, ANNO, "MTU_ANNO", anno, NULL, .min = 2,
                         GIVEN(TCPFragmenter, anno_given))),
        .handlers = HANDLERS(READ_FIELD(TCPFragmenter, U64, "fragments", fragments),
                             READ_FIELD(TCPFragmenter, U64, "fragmented_count", fragmented),
                             READ_FIELD(TCPFragmenter, U64, "count", count)));
