/** CheckIPHeader: checks the IP header and sets the header annotations.
 *
 * Synopsis: `CheckIPHeader([OFFSET, <keywords> INTERFACES, BADSRC, GOODDST, CHECKSUM, VERBOSE, DETAILS])`
 *
 * Good packets leave on output 0, cut to the length that the IP header states, with network and transport
 * header set and the destination address annotation taken from the header. Packets with a bad length,
 * version, header length, checksum or source address leave on output 1, or are dropped if it is not
 * connected. The first bad packet causes a message.
 *
 * Arguments: OFFSET (unsigned): where the IP header begins. Default 0.
 * INTERFACES (list of addresses with prefix): the router's interfaces; their broadcast addresses, 0.0.0.0 and
 * 255.255.255.255 are bad sources, their own addresses good destinations. Default none.
 * BADSRC (list of addresses): bad sources. GOODDST (list of addresses): destinations for which any source is
 * accepted. CHECKSUM (bool): whether the checksum is checked. Default true. VERBOSE (bool): a message for
 * every bad packet. Default false. DETAILS (bool): count by reason. Default false. The old form
 * `CheckIPHeader(BADSRC, OFFSET)` works too; 0.0.0.0 and 255.255.255.255 are then bad as well.
 *
 * Handlers: `drops` (read): bad packets. `drop_details` (read): the same by reason; only with DETAILS.
 *
 * Example: `Idle -> check :: CheckIPHeader(INTERFACES 18.26.4.9/24 18.26.8.1/24) -> Discard; check [1] ->
 * Discard;`
 */
#include "checkipheader.h"

ACTION(CheckIPHeader, check_ip_header)

static int check_ip_header_configure(Element *e, const Args *args, Errors *errs) {
  return check_ip_configure(e, args, errs);
}

ELEMENT(CheckIPHeader, .per_thread = true, .ports = "1/1-2", .processing = "a/ah", .flags = "A",
        USE_ACTION(CheckIPHeader, check_ip_header), .configure = check_ip_header_configure,
        .cleanup = check_ip_cleanup, .take_state = check_ip_take_state, .args = CHECK_IP_ARGS("true"),
        .handlers = CHECK_IP_HANDLERS);
