/** CheckUDPHeader: checks the lengths and checksums of UDP packets.
 *
 * Synopsis: `CheckUDPHeader([<keywords> VERBOSE, DETAILS])`
 *
 * Expects IP packets with the network header set. Bad ones go to output 1, or are dropped if there is none;
 * the first is reported on the terminal. A checksum of 0 means that there is none.
 *
 * Arguments: VERBOSE (bool): a message for every bad packet, not only the first. Default false. DETAILS
 * (bool): makes `drop_details` readable. Default false.
 *
 * Handlers: `drops` (read): bad packets. `drop_details` (read): their number by reason.
 *
 * Example: `InfiniteSource(LIMIT 1) -> MarkIPHeader -> CheckUDPHeader -> Discard;`
 */
#include "../tcpudp/headercheck.h"

typedef struct CheckUDPHeader {
  HeaderCheck check;
} CheckUDPHeader;

static inline int check_udp_header(CheckUDPHeader *e, Packet *p) {
  if (unlikely(!wire_has_ip(p) || p->network[9] != WIRE_PROTO_UDP))
    return header_check_failed(&e->check, "UDP", false, 0);
  const uint8_t *ip = p->network, *udp = ip + wire_ip_header(ip);
  uint32_t there = wire_network_bytes(p) - wire_ip_header(ip),
           length = there >= WIRE_UDP ? wire_get16(udp + 4) : 0;
  if (unlikely(length < WIRE_UDP || length > there)) return header_check_failed(&e->check, "UDP", false, 1);
  if (load16(udp + 6) &&
      unlikely(wire_fold(wire_sum(udp, length, wire_pseudo_of(ip, (uint16_t)length))) != 0xffff))
    return header_check_failed(&e->check, "UDP", false, 2);
  return 0;
}

ACTION(CheckUDPHeader, check_udp_header)

static int check_udp_header_configure(Element *e, const Args *args, Errors *errs) {
  static const char *const texts[] = {"not UDP", "bad packet length", "bad UDP checksum", NULL};
  ((CheckUDPHeader *)e)->check.texts = texts;
  return 0;
}

ELEMENT(CheckUDPHeader, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(CheckUDPHeader, check_udp_header), .configure = check_udp_header_configure,
        .take_state = header_check_take_state, .args = ARGS(HEADER_CHECK_ARGS(CheckUDPHeader)),
        .handlers = HANDLERS(HEADER_CHECK_HANDLERS(CheckUDPHeader)));
