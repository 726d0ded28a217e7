/** IPFilter: filters IP packets by patterns.
 *
 * Synopsis: `IPFilter(ACTION_1 PATTERN_1, ..., ACTION_N PATTERN_N)`
 *
 * Each packet is treated by the action of the first pattern that it matches; packets that match none are
 * dropped. An action is the number of an output, `allow` (output 0), or `deny` or `drop`. Patterns are those
 * of IPClassifier. The network header annotation must be set (CheckIPHeader, MarkIPHeader). All patterns are
 * compiled into one decision graph: adding rules does not make each packet try all of them.
 *
 * Handlers: `program` (read): the graph; offsets count from 256 for the network header and from 512 for the
 * transport header.
 *
 * Example: `Idle -> CheckIPHeader -> IPFilter(deny src 10.0.0.0/8, allow tcp && dst port 80, allow icmp type
 * echo, drop all) -> Discard;`
 */
#include "ipfilter.h"

ACTION(IPFilter, ip_filter)

static int ip_filter_configure_actions(Element *e, const Args *args, Errors *errs) {
  return ip_filter_configure(e, args, errs, true);
}

ELEMENT(IPFilter, .per_thread = true, .ports = "1/-", .processing = "h/h", USE_ACTION(IPFilter, ip_filter),
        .configure = ip_filter_configure_actions, .cleanup = ip_filter_cleanup,
        .can_live_reconfigure = ip_filter_live, .specialise = ip_filter_specialise,
        .args = ARGS(ARG_ALL_REST("RULE")), .handlers = HANDLERS(READ_FN("program", ip_filter_read_program)));
