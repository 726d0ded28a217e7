/** TCPIPSend: makes TCP packets on request.
 *
 * Synopsis: `TCPIPSend()`
 *
 * Has no input. Pushes IP packets without options or payload: TTL 255, not to be fragmented, window 32120.
 *
 * Handlers: `send` (write): `SADDR SPORT DADDR DPORT SEQNO ACKNO BITS [COUNT STOP]`; BITS is the byte of TCP
 * flags, COUNT the number of packets, 1 if it is left out; with STOP true the driver is stopped afterwards.
 *
 * Differs: the reference takes addresses only as numbers in the machine's byte order; here they may be
 * either.
 *
 * Example: `t :: TCPIPSend -> IPPrint -> Discard; DriverManager(write t.send 1.0.0.1 1 2.0.0.2 80 5 6 2,
 * stop);`
 */
#include "../ethernet/wire.h"

typedef struct TCPIPSend {
  Element base;
} TCPIPSend;

typedef struct TcpIpRequest {
  uint32_t src, dst, seq, ack, count;
  uint16_t sport, dport;
  uint8_t bits;
  bool stop;
} TcpIpRequest;

static Packet *tcp_ip_packet(const TcpIpRequest *r) {
  Packet *p = packet_make(PACKET_HEADROOM, NULL, WIRE_IP + WIRE_TCP, 0);
  if (!p) return NULL;
  uint8_t *ip = p->data, *tcp = ip + WIRE_IP;
  ip[0] = 0x45;
  wire_put16(ip + 2, WIRE_IP + WIRE_TCP);
  ip[6] = 0x40;
  ip[8] = 255;
  ip[9] = WIRE_PROTO_TCP;
  store32(ip + 12, r->src);
  store32(ip + 16, r->dst);
  store16(ip + 10, wire_checksum(ip, WIRE_IP));
  packet_set_network(p, ip, WIRE_IP);
  wire_put16(tcp, r->sport);
  wire_put16(tcp + 2, r->dport);
  store32(tcp + 4, be32(r->seq));
  store32(tcp + 8, be32(r->ack));
  tcp[12] = 5 << 4;
  tcp[13] = r->bits;
  wire_put16(tcp + 14, 32120);
  store16(tcp + 16, (uint16_t)~wire_fold(
                        wire_sum(tcp, WIRE_TCP, wire_pseudo(r->src, r->dst, WIRE_PROTO_TCP, WIRE_TCP))));
  return p;
}

static bool tcp_ip_number(const char *s, uint64_t max, uint64_t *out) {
  return parse_u64(s, out) && *out <= max;
}

/* The reference takes an address as the number that its four bytes make in memory. */
static bool tcp_ip_address(const Element *e, const char *s, uint32_t *out) {
  uint64_t v;
  if (!parse_u64(s, &v) || v > UINT32_MAX) return arg_parse_ip(e, s, out);
  *out = (uint32_t)v;
  return true;
}

static bool tcp_ip_parse(const Element *e, char *const *w, unsigned n, TcpIpRequest *r) {
  uint64_t seq, ack, bits, count = 1;
  r->stop = false;
  bool ok = n >= 7 && n <= 9 && tcp_ip_address(e, w[0], &r->src) &&
            arg_parse_port(e, WIRE_PROTO_TCP, w[1], &r->sport) && tcp_ip_address(e, w[2], &r->dst) &&
            arg_parse_port(e, WIRE_PROTO_TCP, w[3], &r->dport) && tcp_ip_number(w[4], UINT32_MAX, &seq) &&
            tcp_ip_number(w[5], UINT32_MAX, &ack) && tcp_ip_number(w[6], 255, &bits) &&
            (n < 8 || tcp_ip_number(w[7], UINT32_MAX, &count)) && (n < 9 || parse_bool(w[8], &r->stop));
  if (!ok) return false;
  r->seq = (uint32_t)seq;
  r->ack = (uint32_t)ack;
  r->bits = (uint8_t)bits;
  r->count = (uint32_t)count;
  return true;
}

static int tcp_ip_send(Element *e, const Handler *h, const char *value, Errors *errs) {
  char *w[10] = {0};
  TcpIpRequest r;
  bool ok = tcp_ip_parse(e, w, split_words(value, w, 10), &r);
  for (unsigned i = 0; i < countof(w); i++) mem_free(w[i]);
  if (!ok)
    return error(errs, "expected 'SADDR SPORT DADDR DPORT SEQNO ACKNO BITS [COUNT STOP]', not '%s'", value);
  for (uint32_t i = 0; i < r.count; i++) {
    Packet *p = tcp_ip_packet(&r);
    if (!p) return error(errs, "out of memory");
    output_push(e, 0, p);
  }
  if (r.stop) router_stop(e->router);
  return 0;
}

ELEMENT(TCPIPSend, .ports = "0/1", .processing = "/h", .args = NO_ARGS,
        .handlers = HANDLERS(WRITE_FN("send", tcp_ip_send)));
