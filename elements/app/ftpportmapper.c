/** FTPPortMapper: lets active FTP pass through a rewriter.
 *
 * Synopsis: `FTPPortMapper(CONTROL_REWRITER, DATA_REWRITER, DATA_REWRITER_INPUT)`
 *
 * Expects the TCP packets of FTP control connections, on their way to CONTROL_REWRITER. A `PORT` command (RFC
 * 959) names the address and port to which the server will connect. The element begins a flow for that
 * connection in DATA_REWRITER, as if its first packet had come by input DATA_REWRITER_INPUT, and puts the
 * rewritten address and port into the command. Where that changes its length, CONTROL_REWRITER shifts the
 * sequence and acknowledgement numbers of what follows, SACK options (RFC 2018) included. The server's port
 * for data is taken to be one less than its control port.
 *
 * Other packets, commands that are not whole in one packet, and those of connections that CONTROL_REWRITER
 * does not know yet pass unchanged.
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: CONTROL_REWRITER (element): a TCPRewriter or IPRewriter that the packets pass next.
 * DATA_REWRITER (element): any rewriter, perhaps the same one. DATA_REWRITER_INPUT (integer): one of its
 * inputs.
 *
 * Example: `Idle -> f :: FTPPortMapper(rw, rw, 0) -> rw :: TCPRewriter(pattern 1.0.0.1 1024-65535 - - 0 1,
 * drop) -> Discard; Idle -> [1] rw; rw [1] -> Discard;`
 */
#include "../tcpudp/rewriter.h"

typedef struct FTPPortMapper {
  Element base;
  Element *control, *data;
  Rewriter *control_rewriter, *data_rewriter;
  int input;
} FTPPortMapper;

/* "PORT a,b,c,d,e,f" and the end of the line: address and port in network order, where the numbers are. */
static bool ftp_parse(const uint8_t *d, uint32_t n, uint32_t *addr, uint16_t *port, uint32_t *from,
                      uint32_t *to) {
  uint32_t i = 5, number[6] = {0}, k = 0;
  if (n < 6 || (d[0] | 32) != 'p' || (d[1] | 32) != 'o' || (d[2] | 32) != 'r' || (d[3] | 32) != 't' ||
      d[4] != ' ')
    return false;
  while (i < n && d[i] == ' ') i++;
  *from = i;
  for (; i < n && k < 6; i++) {
    if (d[i] == ',')
      k++;
    else if (d[i] >= '0' && d[i] <= '9' && number[k] < 256)
      number[k] = number[k] * 10 + d[i] - '0';
    else
      break;
  }
  *to = i;
  if (k != 5 || i >= n || (d[i] != '\r' && d[i] != '\n')) return false;
  for (k = 0; k < 6; k++)
    if (number[k] > 255) return false;
  *addr = be32(number[0] << 24 | number[1] << 16 | number[2] << 8 | number[3]);
  *port = be16((uint16_t)(number[4] << 8 | number[5]));
  return true;
}

/* "A,B,C,D,E,F"; returns its length. */
static uint32_t ftp_print(char *out, uint32_t addr, uint32_t port) {
  uint32_t number[] = {addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255, port >> 8, port & 255},
           n = 0;
  for (uint32_t i = 0; i < 6; i++) {
    if (i) out[n++] = ',';
    if (number[i] >= 100) out[n++] = (char)('0' + number[i] / 100);
    if (number[i] >= 10) out[n++] = (char)('0' + number[i] / 10 % 10);
    out[n++] = (char)('0' + number[i] % 10);
  }
  return n;
}

/* Replaces bytes [from, to) behind `data` bytes of the packet. */
static bool ftp_replace(Packet *p, uint32_t data, uint32_t from, uint32_t to, const char *s, uint32_t n) {
  uint32_t old = to - from, rest = p->len - data - to;
  if (n > old ? !packet_put(p, n - old) : !packet_unique(p)) return false;
  uint8_t *at = p->data + data + from;
  memmove(at + n, at + old, rest);
  memcpy(at, s, n);
  if (n < old) packet_take(p, old - n);
  return true;
}

static inline int ftp_port_mapper(FTPPortMapper *e, Packet *p) {
  uint32_t n = wire_network_bytes(p), addr, from, to;
  if (n < WIRE_IP + WIRE_TCP) return 0;
  const uint8_t *ip = p->network;
  uint32_t header = wire_ip_header(ip);
  if (ip[9] != WIRE_PROTO_TCP || header < WIRE_IP || n < header + WIRE_TCP || !wire_first_fragment(ip))
    return 0;
  const uint8_t *tcp = ip + header;
  uint32_t tcp_header = (tcp[12] >> 4) * 4u, seq = be32(load32(tcp + 4));
  if (tcp_header < WIRE_TCP || n < header + tcp_header) return 0;
  uint32_t length = n - header - tcp_header;
  uint16_t port;
  if (!ftp_parse(tcp + tcp_header, length, &addr, &port, &from, &to)) return 0;
  RwFlowId control = {load32(ip + 12), load32(ip + 16), load16(tcp), load16(tcp + 2)};
  RwFlowId flow = {addr, control.dst, port, be16((uint16_t)(be16(control.dport) - 1))};
  if (!rw_ensure(e->control_rewriter, -1, WIRE_PROTO_TCP, &control)) return 0;
  uint32_t made = rw_ensure(e->data_rewriter, e->input, WIRE_PROTO_TCP, &flow),
           known =
               rw_ensure(e->control_rewriter, -1, WIRE_PROTO_TCP, &control); /* the new one may displace it */
  if (!made || !known) return 0;
  RwFlow *f = rw_flow(e->data_rewriter->set, (made - 1) / 2);
  const RwFlowId *back = &f->id[!((made - 1) & 1)];
  char s[32];
  uint32_t size =
      ftp_print(s, be32(back->dst), be16(e->data_rewriter->kind->shape == RW_PORTS ? back->dport : port));
  uint32_t data = (uint32_t)(tcp - p->data) + tcp_header;
  RwFlow *c = rw_flow(e->control_rewriter->set, (known - 1) / 2);
  if (!rw_sequence_change(e->control_rewriter->set, c, (known - 1) & 1, seq + length,
                          (int32_t)(size - (to - from))) ||
      !ftp_replace(p, data, from, to, s, size))
    return PACKET_DROP;
  f->reply_anno = c->reply_anno;
  uint8_t *wip = p->network, *wtcp = wip + header;
  uint32_t total = wire_network_bytes(p);
  uint16_t was = load16(wip + 2);
  wire_put16(wip + 2, (uint16_t)total);
  wire_update16(wip + 10, was, load16(wip + 2));
  store16(wtcp + 16, 0);
  uint64_t sum = wire_sum(wtcp, total - header, wire_pseudo_of(wip, (uint16_t)(total - header)));
  store16(wtcp + 16, (uint16_t)~wire_fold(sum));
  return 0;
}

static int ftp_port_mapper_configure(Element *el, const Args *args, Errors *errs) {
  FTPPortMapper *e = (FTPPortMapper *)el;
  if (!e->control || !e->data) return 0;
  if (!element_cast(e->control, "TCPRewriter"))
    return error(errs, "CONTROL_REWRITER: '%s' is not a TCPRewriter", e->control->name);
  e->control_rewriter = element_cast(e->control, "Rewriter");
  if (!(e->data_rewriter = element_cast(e->data, "Rewriter")))
    return error(errs, "DATA_REWRITER: '%s' is not a rewriter", e->data->name);
  if (e->input < 0 || e->input >= e->data->ninputs) return error(errs, "DATA_REWRITER_INPUT out of range");
  return 0;
}

ACTION(FTPPortMapper, ftp_port_mapper)
ELEMENT(FTPPortMapper, .ports = "1/1", USE_ACTION(FTPPortMapper, ftp_port_mapper),
        .configure = ftp_port_mapper_configure,
        .args = ARGS(ARG_MUST(FTPPortMapper, ELEMENT, "CONTROL_REWRITER", control),
                     ARG_MUST(FTPPortMapper, ELEMENT, "DATA_REWRITER", data),
                     ARG_MUST(FTPPortMapper, I32, "DATA_REWRITER_INPUT", input)));
