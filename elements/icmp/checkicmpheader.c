/** CheckICMPHeader: checks the lengths and checksums of ICMP packets.
 *
 * Synopsis: `CheckICMPHeader([<keywords> VERBOSE, DETAILS])`
 *
 * Expects IP packets with the network header set. Bad ones go to output 1, or are dropped if there is none;
 * the first is reported on the terminal. Everything behind the IP header counts as the message, so link-level
 * padding has to be removed (CheckIPHeader does).
 *
 * Arguments: VERBOSE (bool): a message for every bad packet, not only the first. Default false. DETAILS
 * (bool): makes `drop_details` readable. Default false.
 *
 * Handlers: `drops` (read): bad packets. `drop_details` (read): their number by reason.
 *
 * Differs: the reference starts its counts by reason at random values.
 *
 * Example: `InfiniteSource(LIMIT 1) -> MarkIPHeader -> CheckICMPHeader -> Discard;`
 */
#include "../tcpudp/headercheck.h"

typedef struct CheckICMPHeader {
  HeaderCheck check;
} CheckICMPHeader;

/* Bytes that a message of that type has at least; *exact: and at most. */
static inline uint32_t check_icmp_length(uint8_t type, bool *exact) {
  switch (type) {
  case 3:
  case 4:
  case 5:
  case 11:
  case 12:
    return WIRE_ICMP + WIRE_IP + 8; /* errors quote a header and 8 bytes */
  case 13:
  case 14:
    *exact = true;
    return 20; /* timestamps */
  case 15:
  case 16:
    *exact = true;
    return WIRE_ICMP; /* information */
  default:
    return WIRE_ICMP;
  }
}

static inline int check_icmp_header(CheckICMPHeader *e, Packet *p) {
  if (unlikely(!wire_has_ip(p) || p->network[9] != WIRE_PROTO_ICMP))
    return header_check_failed(&e->check, "ICMP", true, 0);
  const uint8_t *icmp = p->network + wire_ip_header(p->network);
  uint32_t n = wire_network_bytes(p) - wire_ip_header(p->network);
  bool exact = false;
  uint32_t least = check_icmp_length(n ? icmp[0] : 0, &exact);
  if (unlikely(n < least || (exact && n != least))) return header_check_failed(&e->check, "ICMP", true, 1);
  if (unlikely(wire_fold(wire_sum(icmp, n, 0)) != 0xffff))
    return header_check_failed(&e->check, "ICMP", true, 2);
  return 0;
}

ACTION(CheckICMPHeader, check_icmp_header)

static int check_icmp_header_configure(Element *e, const Args *args, Errors *errs) {
  static const char *const texts[] = {"not ICMP", "bad packet length", "bad ICMP checksum", NULL};
  ((CheckICMPHeader *)e)->check.texts = texts;
  return 0;
}

ELEMENT(CheckICMPHeader, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(CheckICMPHeader, check_icmp_header), .configure = check_icmp_header_configure,
        .take_state = header_check_take_state, .args = ARGS(HEADER_CHECK_ARGS(CheckICMPHeader)),
        .handlers = HANDLERS(HEADER_CHECK_HANDLERS(CheckICMPHeader)));
