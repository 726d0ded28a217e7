/** IPInputCombo: the input path of an IP router in one element.
 *
 * Synopsis: `IPInputCombo(COLOR [, BADSRC, <keywords> INTERFACES, BADSRC, GOODDST])`
 *
 * Does what Paint(COLOR), Strip(14), CheckIPHeader(...) and GetIPAddress(16) do. Bad packets are dropped, the
 * first with a message.
 *
 * Arguments: COLOR (0-255, required): the paint. INTERFACES, BADSRC, GOODDST: as for CheckIPHeader. The
 * positional BADSRC also makes 0.0.0.0 and 255.255.255.255 bad sources.
 *
 * Handlers: `drops` (read).
 *
 * Example: `Idle -> IPInputCombo(1, INTERFACES 18.26.4.9/24) -> Discard;`
 */
#include "checkipheader.h"

typedef struct IPInputCombo {
  CheckIPHeader check;
  uint8_t color;
} IPInputCombo;

static inline int ip_input_combo(IPInputCombo *e, Packet *p) {
  set_anno_u8(p, ANNO_PAINT, e->color);
  packet_pull(p, 14);
  if (likely(check_ip_packet(&e->check, p) < 0)) return 0;
  if (!e->check.drops++) chatter(NULL, "IP checksum failed");
  return PACKET_DROP;
}

ACTION(IPInputCombo, ip_input_combo)

static int ip_input_combo_configure(Element *e, const Args *args, Errors *errs) {
  IPInputCombo *c = (IPInputCombo *)e;
  c->check.checksum = true;
  if (!args_count(args)) return 0;
  if (args_count(args) > 1)
    return arg_error(errs, args_index(args, 1), "too many arguments: '%s'", args_text(args, 1));
  if (ip_list_parse(e, args_text(args, 0), &c->check.bad_src, errs, args_index(args, 0)) < 0) return -1;
  return ip_list_add(&c->check.bad_src, 0) && ip_list_add(&c->check.bad_src, 0xffffffff)
             ? 0
             : error(errs, "out of memory");
}

ELEMENT(IPInputCombo, .per_thread = true, .ports = "1/1", .flags = "A",
        USE_ACTION(IPInputCombo, ip_input_combo), .configure = ip_input_combo_configure,
        .cleanup = check_ip_cleanup, .take_state = check_ip_take_state,
        .args = ARGS(ARG_MUST(IPInputCombo, U8, "COLOR", color),
                     ARG(IPInputCombo, CUSTOM, "INTERFACES", check.bad_src, NULL,
                         .parse = check_ip_parse_interfaces),
                     ARG(IPInputCombo, CUSTOM, "BADSRC", check.bad_src, NULL, .parse = ip_list_parse_arg),
                     ARG(IPInputCombo, CUSTOM, "GOODDST", check.good_dst, NULL, .parse = ip_list_parse_arg),
                     ARG_ALL_REST("BADSRC*")),
        .handlers = HANDLERS(READ_FIELD(IPInputCombo, U64, "drops", check.drops,
                                        .flags = HANDLER_READ | HANDLER_SUM)));
