/** ICMPError: answers IP packets with ICMP error messages.
 *
 * Synopsis: `ICMPError(SRC, TYPE [, CODE, BADADDRS, <keywords> MTU, PMTU, SET_FIX_ANNO])`
 *
 * Expects IP packets with the network header set, from elements that found something wrong with them, as the
 * second output of DecIPTTL. Makes of each an IP packet to its sender with the ICMP error, which quotes the
 * beginning of the packet; sets its destination address annotation. Nothing is sent, and the packet dropped,
 * where RFC 1812, 4.3.2.7 says so: for ICMP errors, for fragments other than the first, for packets that were
 * link-level broadcasts or multicasts, for multicast or broadcast destinations, for sources that cannot be a
 * single host. A source route is reversed and used, unless it is what is wrong; source-routed packets get no
 * redirects.
 *
 * Arguments: SRC (IP address): of the messages. TYPE (0...255 or name): `unreachable`, `sourcequench`,
 * `redirect`, `timeexceeded` or `parameterproblem`. CODE (0...255 or name): for unreachable `net`, `host`,
 * `protocol`, `port`, `needfrag`, `srcroutefail`, `netunknown`, `hostunknown`, `isolated`, `netprohibited`,
 * `hostprohibited`, `tosnet`, `toshost`, `filterprohibited`, `hostprecedence`, `precedencecutoff`; for
 * redirect `net`, `host`, `tosnet`, `toshost`; for timeexceeded `transit`, `reassembly`; for parameterproblem
 * `erroratptr`, `missingopt`, `length`. Default 0. BADADDRS (list of IP addresses): packets from or to these
 * get no message, as those of broadcast addresses. MTU (unsigned): bytes of a message at most. Default 576.
 * PMTU (unsigned): told in unreachable/needfrag messages. Default 0. SET_FIX_ANNO (bool): set the annotation
 * that makes FixIPSrc replace the source address. Default true. USE_FIX_ANNO is the same.
 *
 * parameterproblem/erroratptr takes the pointer from the annotation that IPGWOptions sets; redirect takes the
 * gateway from the destination address annotation.
 *
 * Handlers: `src`, `mtu`, `pmtu` (read/write): as the arguments.
 *
 * Example: `Idle -> ttl :: DecIPTTL -> Discard; ttl [1] -> ICMPError(18.26.4.24, timeexceeded) -> Discard;`
 */
#include "icmpnames.h"

typedef struct ICMPError ICMPError;
struct ICMPError {
  Element base;
  uint32_t src, mtu, pmtu;
  uint8_t type, code;
  bool set_fix_anno;
  uint32_t nbad, *bad;
  char *code_text;
  uint16_t next_id;
  ICMPError *ids; /* all elements of a router take IP identifications from the first of them */
};

static bool icmp_error_unicast(const ICMPError *e, uint32_t ip) {
  if (ip == 0xffffffff || (ip & 0xf0) == 0xe0) return false;
  for (uint32_t i = 0; i < e->nbad; i++)
    if (e->bad[i] == ip) return false;
  return true;
}

/* RFC 1812, 5.3.7: neither group nor net 0, loopback or class E. */
static bool icmp_error_source_ok(const ICMPError *e, uint32_t ip) {
  uint8_t net = (uint8_t)ip;
  return icmp_error_unicast(e, ip) && net != 0 && net != 127 && (net & 0xf0) != 0xf0;
}

/* The offset of a usable source route option in an IP header, or 0. */
static uint32_t icmp_error_source_route(const uint8_t *ip, uint32_t header) {
  for (uint32_t i = WIRE_IP; i < header && ip[i] != 0;) {
    if (ip[i] == 1) {
      i++;
      continue;
    }
    if (i + 1 >= header) return 0;
    uint32_t n = ip[i + 1];
    if (n < 2 || i + n > header) return 0;
    bool route = (ip[i] == 131 || ip[i] == 137) && n >= 3; /* LSRR, SSRR */
    if (route && ip[i + 2] >= 4 && ip[i + 2] % 4 == 0 && ip[i + 2] <= n + 1) return i;
    i += n;
  }
  return 0;
}

/* Writes the reversed route (RFC 1812, 4.3.2.6); returns its length, a multiple of 4. */
static uint32_t icmp_error_reverse_route(const uint8_t *route, uint8_t *out) {
  uint32_t used = route[2] - 1u, n = 3;
  out[0] = route[0];
  out[1] = (uint8_t)used;
  out[2] = 4;
  for (uint32_t from = used; from >= 7; from -= 4, n += 4) memcpy(out + n, route + from - 4, 4);
  out[n++] = 0;
  return n;
}

static inline int icmp_error(ICMPError *e, Packet *p) {
  if (!wire_has_ip(p)) return PACKET_DROP;
  const uint8_t *ip = p->network;
  uint32_t available = wire_network_bytes(p), header = wire_ip_header(ip), options = 0, src = load32(ip + 12);
  uint8_t option[44], pointer = anno_u8(p, ANNO_ICMP_PARAMPROB);
  if (ip[9] == WIRE_PROTO_ICMP && wire_first_fragment(ip) &&
      (header + 4 > available || icmp_is_error(ip[header])))
    return PACKET_DROP;
  if (!icmp_error_unicast(e, load32(ip + 16)) || p->type == PACKET_BROADCAST || p->type == PACKET_MULTICAST ||
      !icmp_error_source_ok(e, src) || !wire_first_fragment(ip))
    return PACKET_DROP;
  uint32_t route = icmp_error_source_route(ip, header);
  if (route && e->type == ICMP_TYPE_REDIRECT) return PACKET_DROP; /* 5.2.7.2 */
  bool at_pointer = e->type == ICMP_TYPE_PARAMETER_PROBLEM && e->code == 0;
  if (route && !(at_pointer && pointer >= route && pointer < route + ip[route + 1]))
    options = icmp_error_reverse_route(ip + route, option);

  /* The packet becomes the message's payload. */
  uint32_t head = WIRE_IP + options + WIRE_ICMP, room = e->mtu - head;
  packet_pull(p, (uint32_t)(p->network - p->data));
  if (p->len > room) packet_take(p, p->len - room);
  if (!packet_push(p, head)) return PACKET_DROP;
  uint8_t *d = p->data, *icmp = d + WIRE_IP + options;
  memset(d, 0, head);
  d[0] = (uint8_t)(0x40 | (WIRE_IP + options) / 4);
  wire_put16(d + 2, (uint16_t)p->len);
  wire_put16(d + 4, e->ids->next_id++);
  d[8] = 200;
  d[9] = WIRE_PROTO_ICMP;
  store32(d + 12, e->src);
  store32(d + 16, src);
  memcpy(d + WIRE_IP, option, options);
  store16(d + 10, wire_checksum(d, WIRE_IP + options));
  icmp[0] = e->type;
  icmp[1] = e->code;
  if (at_pointer) icmp[4] = pointer;
  if (e->type == ICMP_TYPE_REDIRECT) store32(icmp + 4, packet_dst_ip(p));
  if (e->type == ICMP_TYPE_UNREACHABLE && e->code == 4) wire_put16(icmp + 6, (uint16_t)e->pmtu);
  store16(icmp + 2, wire_checksum(icmp, p->len - WIRE_IP - options));
  memset(p->anno, 0, PACKET_ANNO);
  p->type = PACKET_HOST;
  p->mac = NULL;
  packet_set_network(p, d, WIRE_IP + options);
  packet_set_dst_ip(p, src);
  if (e->set_fix_anno) set_anno_u8(p, ANNO_FIX_IP_SRC, 1);
  p->timestamp = time_now(&e->base);
  return 0;
}

ACTION(ICMPError, icmp_error)

static int icmp_error_parse_type(Element *el, const char *text, void *field, Errors *errs, int arg) {
  uint8_t *type = field;
  if (!icmp_parse_name(-1, text, type))
    return arg_error(errs, arg, "TYPE: expected an ICMP type, not '%s'", text);
  if (!icmp_is_error(*type)) return arg_error(errs, arg, "ICMP type %d is not an error type", *type);
  return 0;
}

static int icmp_error_parse_bad(Element *el, const char *text, void *field, Errors *errs, int arg) {
  ICMPError *e = (ICMPError *)el;
  unsigned n = split_words(text, NULL, 0);
  char **words = mem_alloc((n + 1) * sizeof *words);
  uint32_t *bad = mem_alloc((n + 1) * sizeof *bad);
  int rc = words && bad ? 0 : arg_error(errs, arg, "out of memory");
  if (words) split_words(text, words, n);
  for (unsigned i = 0; i < n && words && bad; i++) {
    if (!arg_parse_ip(el, words[i], &bad[i]))
      rc = arg_error(errs, arg, "BADADDRS: expected IP addresses, not '%s'", words[i]);
    mem_free(words[i]);
  }
  mem_free(words);
  mem_free(e->bad);
  e->bad = bad;
  e->nbad = bad ? n : 0;
  return rc;
}

static int icmp_error_configure(Element *el, const Args *args, Errors *errs) {
  ICMPError *e = (ICMPError *)el;
  if (!icmp_parse_name(e->type, e->code_text, &e->code))
    return error(errs, "CODE: expected an ICMP code, not '%s'", e->code_text);
  return 0;
}

static int icmp_error_initialize(Element *el, Errors *errs) {
  ICMPError *e = (ICMPError *)el;
  e->next_id = 1;
  for (unsigned i = 0; !e->ids; i++)
    if (router_element(el->router, i)->class == el->class)
      e->ids = (ICMPError *)router_element(el->router, i);
  return 0;
}

static void icmp_error_cleanup(Element *el) {
  mem_free(((ICMPError *)el)->bad);
  mem_free(((ICMPError *)el)->code_text);
}

static bool icmp_error_live(Element *e) { return (void)e, true; }

ELEMENT(ICMPError, .ports = "1/1", USE_ACTION(ICMPError, icmp_error), .configure = icmp_error_configure,
        .initialize = icmp_error_initialize, .cleanup = icmp_error_cleanup,
        .can_live_reconfigure = icmp_error_live,
        .args = ARGS(ARG_MUST(ICMPError, IP, "SRC", src),
                     ARG_MUST(ICMPError, CUSTOM, "TYPE", type, .parse = icmp_error_parse_type),
                     ARG_POS(ICMPError, WORD, "CODE", code_text, "0"),
                     ARG_POS(ICMPError, CUSTOM, "BADADDRS", bad, "", .parse = icmp_error_parse_bad),
                     ARG(ICMPError, U32, "MTU", mtu, "576", .min = 68, .max = 65535),
                     ARG(ICMPError, U32, "PMTU", pmtu, "0"),
                     ARG(ICMPError, BOOL, "SET_FIX_ANNO", set_fix_anno, "true"),
                     ARG(ICMPError, BOOL, "USE_FIX_ANNO", set_fix_anno, NULL)),
        .handlers = HANDLERS(RW_FIELD(ICMPError, IP, "src", src), RW_FIELD(ICMPError, U32, "mtu", mtu),
                             RW_FIELD(ICMPError, U32, "pmtu", pmtu)));
