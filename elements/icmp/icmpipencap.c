/** ICMPIPEncap: puts packets into ICMP/IP packets of any type.
 *
 * Synopsis: `ICMPIPEncap(SRC, DST, TYPE [, CODE, <keywords> IDENTIFIER])`
 *
 * TTL 255. The IP identification counts up, without 0; so does, together with it, the sequence number of
 * types that have one (echo, timestamp, information). Timestamp messages get 12 more header bytes, all 0.
 *
 * Arguments: SRC, DST (IP address). TYPE, CODE (0...255 or a name, as for ICMPError; also `echo`,
 * `echo-reply`, `timestamp`, `timestamp-reply`, `inforeq`, `inforeq-reply`, `maskreq`, `maskreq-reply`,
 * `routeradvert`, `routersolicit`). CODE defaults to 0. IDENTIFIER (unsigned, 16 bits): ICMP identifier.
 * Default 0.
 *
 * Handlers: `src`, `dst` (read/write): as the arguments.
 *
 * Example: `InfiniteSource(LIMIT 1) -> ICMPIPEncap(1.0.0.1, 2.0.0.2, timestamp) -> IPPrint -> Discard;`
 */
#include "icmpping.h"

typedef struct ICMPIPEncap {
  Element base;
  uint32_t src, dst;
  uint16_t identifier, sequence; /* the one last used */
  uint8_t type, code;
  char *code_text;
} ICMPIPEncap;

static inline int icmp_ip_encap(ICMPIPEncap *e, Packet *p) {
  uint8_t t = e->type;
  bool timestamp = t == ICMP_TYPE_TIMESTAMP || t == ICMP_TYPE_TIMESTAMP_REPLY;
  bool sequenced = timestamp || t == ICMP_TYPE_ECHO || t == ICMP_TYPE_ECHO_REPLY ||
                   t == ICMP_TYPE_INFO_REQUEST || t == ICMP_TYPE_INFO_REPLY;
  uint32_t header = WIRE_ICMP + (timestamp ? 12 : 0);
  if (unlikely(!packet_push(p, WIRE_IP + header))) return PACKET_DROP;
  if (!++e->sequence) e->sequence = 1;
  memset(p->data + WIRE_IP, 0, header);
  icmp_put_ip(p, e->src, e->dst, e->sequence, 255);
  icmp_put_sequenced(p, t, e->code, sequenced ? e->identifier : 0, sequenced ? e->sequence : 0);
  return 0;
}

ACTION(ICMPIPEncap, icmp_ip_encap)

static int icmp_ip_parse_type(Element *e, const char *text, void *field, Errors *errs, int arg) {
  return icmp_parse_name(-1, text, field)
             ? 0
             : arg_error(errs, arg, "TYPE: expected an ICMP type, not '%s'", text);
}

static int icmp_ip_configure(Element *el, const Args *args, Errors *errs) {
  ICMPIPEncap *e = (ICMPIPEncap *)el;
  return icmp_parse_name(e->type, e->code_text, &e->code)
             ? 0
             : error(errs, "CODE: expected an ICMP code, not '%s'", e->code_text);
}

static void icmp_ip_cleanup(Element *e) { mem_free(((ICMPIPEncap *)e)->code_text); }

ELEMENT(ICMPIPEncap, .ports = "1/1", .flags = "A", USE_ACTION(ICMPIPEncap, icmp_ip_encap),
        .configure = icmp_ip_configure, .cleanup = icmp_ip_cleanup,
        .args = ARGS(ARG_MUST(ICMPIPEncap, IP, "SRC", src), ARG_MUST(ICMPIPEncap, IP, "DST", dst),
                     ARG_MUST(ICMPIPEncap, CUSTOM, "TYPE", type, .parse = icmp_ip_parse_type),
                     ARG_POS(ICMPIPEncap, WORD, "CODE", code_text, "0"),
                     ARG(ICMPIPEncap, U16, "IDENTIFIER", identifier, "0")),
        .handlers = HANDLERS(RW_FIELD(ICMPIPEncap, IP, "src", src), RW_FIELD(ICMPIPEncap, IP, "dst", dst)));
