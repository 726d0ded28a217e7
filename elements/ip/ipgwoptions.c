/** IPGWOptions: processes the IP options that every router must: Record Route and Timestamp.
 *
 * Synopsis: `IPGWOptions(MYADDR [, OTHERADDRS])`
 *
 * Belongs on the output path, since MYADDR is the address of the outgoing interface (RFC 1812, 4.2.2.2).
 * Changed packets get a new header checksum. Packets with a malformed option leave on output 1 (or are
 * dropped if it is not connected), with the ICMP parameter problem annotation saying which byte was wrong,
 * for an ICMPError(.., 12, 0).
 *
 * Arguments: MYADDR (IP address, required): the interface's address. OTHERADDRS (list of IP addresses): the
 * router's other addresses; a Timestamp option with prespecified addresses is filled in for these too.
 *
 * Handlers: `drops` (read): packets sent to output 1.
 *
 * Example: `Idle -> CheckIPHeader -> gw :: IPGWOptions(10.0.0.1, 10.0.1.1 10.0.2.1) -> Discard; gw [1] ->
 * Discard;`
 */
#include "ipgwoptions.h"

static inline int ip_gw_options(IPGWOptions *e, Packet *p) {
  const uint8_t *h = ip_header(p);
  ACTION_RARE(h && (h[0] & 15) > 5);
  return likely(!h || (h[0] & 15) <= 5) ? 0 : ip_gw_options_slow(e, p);
}

ACTION(IPGWOptions, ip_gw_options)

static void ip_gw_options_cleanup(Element *e) { ip_list_free(&((IPGWOptions *)e)->others); }

static void ip_gw_options_take_state(Element *e, Element *old) {
  ((IPGWOptions *)e)->drops = ((IPGWOptions *)old)->drops;
}

ELEMENT(IPGWOptions, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(IPGWOptions, ip_gw_options), .cleanup = ip_gw_options_cleanup,
        .take_state = ip_gw_options_take_state,
        .args = ARGS(ARG_MUST(IPGWOptions, IP, "MYADDR", addr),
                     ARG_POS(IPGWOptions, CUSTOM, "OTHERADDRS", others, NULL, .parse = ip_list_parse_arg)),
        .handlers = HANDLERS(READ_FIELD(IPGWOptions, U64, "drops", drops,
                                        .flags = HANDLER_READ | HANDLER_SUM)));
