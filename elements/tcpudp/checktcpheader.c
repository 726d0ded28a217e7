/** CheckTCPHeader: checks the lengths and checksums of TCP packets.
 *
 * Synopsis: `CheckTCPHeader([<keywords> VERBOSE, DETAILS])`
 *
 * Expects IP packets with the network header set. Bad ones go to output 1, or are dropped if there is none;
 * the first is reported on the terminal.
 *
 * Arguments: VERBOSE (bool): a message for every bad packet, not only the first. Default false. DETAILS
 * (bool): makes `drop_details` readable. Default false.
 *
 * Handlers: `drops` (read): bad packets. `drop_details` (read): their number by reason.
 *
 * Example: `InfiniteSource(LIMIT 1) -> MarkIPHeader -> CheckTCPHeader -> Discard;`
 */
#include "../tcpudp/headercheck.h"

typedef struct CheckTCPHeader {
  HeaderCheck check;
} CheckTCPHeader;

static inline int check_tcp_header(CheckTCPHeader *e, Packet *p) {
  if (unlikely(!wire_has_ip(p) || p->network[9] != WIRE_PROTO_TCP))
    return header_check_failed(&e->check, "TCP", true, 0);
  const uint8_t *ip = p->network, *tcp = ip + wire_ip_header(ip);
  uint32_t there = wire_network_bytes(p) - wire_ip_header(ip),
           length = wire_get16(ip + 2) - wire_ip_header(ip);
  if (unlikely(there < WIRE_TCP || length > there || (tcp[12] >> 4) * 4u < WIRE_TCP ||
               (tcp[12] >> 4) * 4u > length))
    return header_check_failed(&e->check, "TCP", true, 1);
  if (unlikely(wire_fold(wire_sum(tcp, length, wire_pseudo_of(ip, (uint16_t)length))) != 0xffff))
    return header_check_failed(&e->check, "TCP", true, 2);
  return 0;
}

ACTION(CheckTCPHeader, check_tcp_header)

static int check_tcp_header_configure(Element *e, const Args *args, Errors *errs) {
  static const char *const texts[] = {"not TCP", "bad packet length", "bad TCP checksum", NULL};
  ((CheckTCPHeader *)e)->check.texts = texts;
  return 0;
}

ELEMENT(CheckTCPHeader, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(CheckTCPHeader, check_tcp_header), .configure = check_tcp_header_configure,
        .take_state = header_check_take_state, .args = ARGS(HEADER_CHECK_ARGS(CheckTCPHeader)),
        .handlers = HANDLERS(HEADER_CHECK_HANDLERS(CheckTCPHeader)));
