/** CheckARPHeader: checks the lengths in ARP packets.
 *
 * Synopsis: `CheckARPHeader([OFFSET, <keywords> VERBOSE, DETAILS])`
 *
 * Sets the network header of good packets. Bad ones go to output 1, or are dropped if there is none; the
 * first is reported on the terminal.
 *
 * Arguments: OFFSET (unsigned): where the ARP header starts, in bytes. Default 0. VERBOSE (bool): a message
 * for every bad packet, not only the first. Default false. DETAILS (bool): makes `drop_details` readable.
 * Default false.
 *
 * Handlers: `drops` (read): bad packets. `drop_details` (read): their number by reason.
 *
 * Differs: the reference starts its counts by reason at random values.
 *
 * Example: `InfiniteSource(LIMIT 1) -> CheckARPHeader(14) -> ARPPrint -> Discard;`
 */
#include "../tcpudp/headercheck.h"

typedef struct CheckARPHeader {
  HeaderCheck check;
  uint32_t offset;
} CheckARPHeader;

static inline int check_arp_header(CheckARPHeader *e, Packet *p) {
  if (p->len < e->offset || p->len - e->offset < 8) return header_check_failed(&e->check, "ARP", false, 0);
  uint8_t *arp = p->data + e->offset;
  uint32_t length = 8 + 2u * arp[4] + 2u * arp[5], proto = wire_get16(arp + 2);
  if (p->len - e->offset < length) return header_check_failed(&e->check, "ARP", false, 1);
  if (wire_get16(arp) == 1 && arp[4] != 6) return header_check_failed(&e->check, "ARP", false, 2);
  if ((proto == ETHERTYPE_IP && arp[5] != 4) || (proto == ETHERTYPE_IP6 && arp[5] != 16))
    return header_check_failed(&e->check, "ARP", false, 3);
  packet_set_network(p, arp, length);
  return 0;
}

ACTION(CheckARPHeader, check_arp_header)

static int check_arp_configure(Element *e, const Args *args, Errors *errs) {
  static const char *const texts[] = {"tiny packet", "too small for addresses", "bad hardware type/length",
                                      "bad protocol type/length", NULL};
  ((CheckARPHeader *)e)->check.texts = texts;
  return 0;
}

ELEMENT(CheckARPHeader, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(CheckARPHeader, check_arp_header), .configure = check_arp_configure,
        .take_state = header_check_take_state,
        .args = ARGS(ARG_POS(CheckARPHeader, U32, "OFFSET", offset, "0"), HEADER_CHECK_ARGS(CheckARPHeader)),
        .handlers = HANDLERS(HEADER_CHECK_HANDLERS(CheckARPHeader)));
