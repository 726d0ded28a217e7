/** CheckIPHeader2: checks the IP header, by default without its checksum.
 *
 * Synopsis: `CheckIPHeader2([OFFSET, <keywords> INTERFACES, BADSRC, GOODDST, CHECKSUM, VERBOSE, DETAILS])`
 *
 * Like CheckIPHeader, but CHECKSUM is false unless given. Ports, arguments and handlers are the same.
 *
 * Handlers: `drops` (read): bad packets. `drop_details` (read): the same by reason; only with DETAILS.
 *
 * Example: `Idle -> CheckIPHeader2(14) -> Discard;`
 */
#include "checkipheader.h"

typedef CheckIPHeader CheckIPHeader2;

static inline int check_ip_header2(CheckIPHeader2 *e, Packet *p) { return check_ip_header(e, p); }

ACTION(CheckIPHeader2, check_ip_header2)

ELEMENT(CheckIPHeader2, .per_thread = true, .ports = "1/1-2", .processing = "a/ah", .flags = "A",
        USE_ACTION(CheckIPHeader2, check_ip_header2), .configure = check_ip_configure,
        .cleanup = check_ip_cleanup, .take_state = check_ip_take_state, .args = CHECK_IP_ARGS("false"),
        .handlers = CHECK_IP_HANDLERS);
