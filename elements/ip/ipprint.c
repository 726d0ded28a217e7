/** IPPrint: prints IP packets in the manner of tcpdump.
 *
 * Synopsis: `IPPrint([LABEL, <keywords> CONTENTS, PAYLOAD, MAXLENGTH, ID, TTL, TOS, LENGTH, TIMESTAMP,
 * AGGREGATE, PAINT, SWAP, OUTFILE, ACTIVE])`
 *
 * One line a packet, to standard error. Packets without a network header pass silently.
 *
 * Arguments: LABEL (string): printed in front. CONTENTS (NONE, HEX or ASCII): prints the packet's bytes.
 * Default NONE. PAYLOAD (false, HEX or ASCII): prints the bytes behind the transport header; not together
 * with CONTENTS. MAXLENGTH (int): bytes printed at most; -1: all. Default 1500. ID, TTL, TOS, LENGTH (bool):
 * print that field of the header. Default false. TIMESTAMP (bool): prints the time. Default true. AGGREGATE,
 * PAINT (bool): print these annotations. Default false. SWAP (bool): ICMP identifiers are in network order.
 * Default true. OUTFILE (file name): print to that file (not in a guest). ACTIVE (bool): false prints
 * nothing. Default true.
 *
 * Handlers: `active` (read/write).
 *
 * Example: `Idle -> CheckIPHeader -> IPPrint(in, TTL true) -> Discard;`
 */
#include "ipprint.h"
#include "../icmp/icmpnames.h"
#include <clicklet/platform.h>

typedef struct IPPrint {
  Element base;
  char *label, *outfile, *channel;
  void *file;
  int32_t max_length;
  int contents, payload; /* IP_PRINT_... */
  bool active, id, ttl, tos, length, timestamp, aggregate, paint, swap;
} IPPrint;

enum { IP_PRINT_NONE, IP_PRINT_HEX, IP_PRINT_ASCII };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

static const char *ip_print_icmp_name(int type, int value) {
  for (unsigned i = 0; i < countof(icmp_names); i++)
    if (icmp_names[i].type == type && icmp_names[i].value == value) return icmp_names[i].name;
  return NULL;
}

static void ip_print_pair(Text *t, const uint8_t *h) { text_printf(t, "%pI > %pI: ", h + 12, h + 16); }
static void ip_print_ports(Text *t, const uint8_t *h, const uint8_t *x) {
  text_printf(t, "%pI.%u > %pI.%u: ", h + 12, be16(load16(x)), h + 16, be16(load16(x + 2)));
}

/* The three take the header h, the transport header x and how many bytes of it there are. */
static void ip_print_tcp(Text *t, const Packet *p, const uint8_t *h, const uint8_t *x, int have) {
  if (have < 4 || !ip_first_fragment(h)) {
    ip_print_pair(t, h);
    text_add_string(t, ip_first_fragment(h) ? "truncated-tcp" : "tcp");
    return;
  }
  ip_print_ports(t, h, x);
  if (have < 14) {
    text_add_string(t, "truncated-tcp");
    return;
  }
  int n = (int)ip_len(h) - (int)ip_hlen(h) - (x[12] >> 4) * 4, flags = x[13];
  n += !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
  text_printf(t, "%s%s%s%s%s", flags & TCP_SYN ? "S" : "", flags & TCP_FIN ? "F" : "",
              flags & TCP_RST ? "R" : "", flags & TCP_PSH ? "P" : "",
              flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_PSH) ? "" : ".");
  uint32_t seq = be32(load32(x + 4));
  text_printf(t, " %u:%u(%d,%u,%u)", seq, seq + (uint32_t)n, n, p->len, ip_len(h));
  if (flags & TCP_ACK) text_printf(t, " ack %u", be32(load32(x + 8)));
  if (have < 16)
    text_add_string(t, "truncated-tcp");
  else
    text_printf(t, " win %u", be16(load16(x + 14)));
}

static void ip_print_udp(Text *t, const uint8_t *h, const uint8_t *x, int have) {
  if (have < 4 || !ip_first_fragment(h)) {
    ip_print_pair(t, h);
    text_add_string(t, ip_first_fragment(h) ? "truncated-udp" : "udp");
    return;
  }
  ip_print_ports(t, h, x);
  if (have < 8)
    text_add_string(t, "truncated-udp");
  else
    text_printf(t, "udp %u", be16(load16(x + 4)));
}

static void ip_print_proto(Text *t, int proto, const char *otherwise) {
  static const struct {
    uint8_t v;
    const char *name;
  } names[] = {{1, "icmp"}, {2, "igmp"},  {4, "ipip"}, {6, "tcp"},
               {17, "udp"}, {33, "dccp"}, {47, "gre"}, {132, "sctp"}};
  for (unsigned i = 0; i < countof(names); i++)
    if (names[i].v == proto) return text_add_string(t, names[i].name);
  text_printf(t, "%s%d", otherwise, proto);
}

static void ip_print_unreachable(Text *t, const uint8_t *x, int have) {
  const char *code = ip_print_icmp_name(x[0], x[1]);
  char number[16];
  if (!code) {
    format_into(number, sizeof number, "code %d", x[1]);
    code = number;
  }
  if (have < 28) {
    text_printf(t, "icmp unreachable %s truncated-icmp", code);
    return;
  }
  const uint8_t *inner = x + 8;
  int inner_have = have - 8 - (int)ip_hlen(inner);
  text_printf(t, "icmp %pI unreachable %s", inner + 16, code);
  if (x[1] == 2) {
    text_add_char(t, ' ');
    ip_print_proto(t, inner[9], "");
  } else if (x[1] == 3) {
    text_add_char(t, ' ');
    ip_print_proto(t, inner[9], "protocol ");
    if (inner_have < 4)
      text_add_string(t, "truncated-icmp");
    else
      text_printf(t, "/%u", be16(load16(inner + ip_hlen(inner) + 2)));
  } else if (x[1] == 4 && load16(x + 6))
    text_printf(t, " (mtu %u)", be16(load16(x + 6)));
}

static void ip_print_icmp(Text *t, const IPPrint *e, const uint8_t *h, const uint8_t *x, int have) {
  ip_print_pair(t, h);
  if (!ip_first_fragment(h))
    text_add_string(t, "icmp");
  else if (have < 2)
    text_add_string(t, "truncated-icmp");
  else if (x[0] == ICMP_TYPE_ECHO || x[0] == ICMP_TYPE_ECHO_REPLY) {
    text_add_string(t, x[0] == ICMP_TYPE_ECHO ? "icmp echo " : "icmp echo-reply ");
    if (have < 8) {
      text_add_string(t, "truncated-icmp");
      return;
    }
    uint16_t id = load16(x + 4), seq = load16(x + 6);
    text_printf(t, "(%u, %u)", e->swap ? be16(id) : id, e->swap ? be16(seq) : seq);
  } else if (x[0] == ICMP_TYPE_UNREACHABLE)
    ip_print_unreachable(t, x, have);
  else {
    const char *type = ip_print_icmp_name(-1, x[0]), *code = ip_print_icmp_name(x[0], x[1]);
    if (type)
      text_printf(t, "icmp %s", type);
    else
      text_printf(t, "icmp type %d", x[0]);
    if (code)
      text_printf(t, " %s", code);
    else if (x[1])
      text_printf(t, " code %d", x[1]);
  }
}

static void ip_print_bytes(Text *t, const uint8_t *d, unsigned n, bool ascii) {
  unsigned line = ascii ? 48 : 24, group = ascii ? 8 : 4;
  for (unsigned i = 0; i < n; i++) {
    if (i % line == 0)
      text_add(t, "\n  ", 3);
    else if (i % group == 0)
      text_add_char(t, ' ');
    if (!ascii)
      text_printf(t, "%02x", d[i]);
    else
      text_add_char(t, d[i] < 32 || d[i] > 126 ? '.' : (char)d[i]);
  }
}

static void ip_print_header(Text *t, const IPPrint *e, const Packet *p, const uint8_t *h) {
  const uint8_t *end = packet_end(p), *x = p->transport;
  int payload = (int)ip_len(h) - (int)ip_hlen(h), have = x ? (int)(end - x) : 0;
  if (have > payload) have = payload;
  if (e->id) text_printf(t, "id %u ", be16(load16(h + 4)));
  if (e->ttl) text_printf(t, "ttl %u ", h[8]);
  if (e->tos) text_printf(t, "tos %u ", h[1]);
  if (e->length) text_printf(t, "length %u ", ip_len(h));
  if (h[9] == IP_PROTO_TCP)
    ip_print_tcp(t, p, h, x, have);
  else if (h[9] == IP_PROTO_UDP)
    ip_print_udp(t, h, x, have);
  else if (h[9] == IP_PROTO_ICMP)
    ip_print_icmp(t, e, h, x, have);
  else {
    ip_print_pair(t, h);
    text_printf(t, "ip-proto-%u", h[9]);
  }
  uint32_t off = ip_off(h);
  if (off & (IP_MF | IP_OFFMASK))
    text_printf(t, " (frag %u:%d@%u%s)", be16(load16(h + 4)), payload, (off & IP_OFFMASK) * 8,
                off & IP_MF ? "+" : "");
  if (!e->contents && !e->payload) return;
  const uint8_t *d = p->data;
  if (e->payload) {
    d = x ? x : end;
    if (ip_first_fragment(h) && h[9] == IP_PROTO_TCP)
      d = end - d > 12 ? d + (d[12] >> 4) * 4 : end;
    else if (ip_first_fragment(h) && h[9] == IP_PROTO_UDP)
      d += 8;
  }
  unsigned n = d < end ? (unsigned)(end - d) : 0;
  if (e->max_length >= 0 && n > (unsigned)e->max_length) n = (unsigned)e->max_length;
  ip_print_bytes(t, d, n, (e->contents ? e->contents : e->payload) == IP_PRINT_ASCII);
}

static inline int ip_print(IPPrint *e, Packet *p) {
  if (!e->active || !p->network) return 0;
  Text t = {0};
  if (e->label && *e->label) text_printf(&t, "%s: ", e->label);
  if (e->timestamp) text_printf(&t, "%pT: ", &p->timestamp);
  if (e->aggregate) text_printf(&t, "#%u", anno_u32(p, ANNO_AGGREGATE));
  if (e->paint) text_printf(&t, "%s%u", e->aggregate ? "." : "paint ", anno_u8(p, ANNO_PAINT));
  if (e->aggregate || e->paint) text_add_string(&t, ": ");
  const uint8_t *h = ip_header(p);
  if (h)
    ip_print_header(&t, e, p, h);
  else
    text_add_string(&t, "truncated-ip");
  text_add_char(&t, '\n');
  if (e->file)
    ip_print_file_write(e->file, text_cstr(&t), t.len);
  else
    platform_write(2, text_cstr(&t), t.len);
  text_free(&t);
  return 0;
}

ACTION(IPPrint, ip_print)

static int ip_print_parse_contents(Element *e, const char *text, void *field, Errors *errs, int arg) {
  static const char *const names[] = {"NONE", "HEX", "ASCII"};
  int *contents = field, k = 0;
  bool yes;
  (void)e;
  if (parse_bool(text, &yes)) return *contents = yes, 0;
  while (k < 3 && compare_ignore_case(names[k], text)) k++;
  if (k == 3 && !compare_ignore_case(text, "no")) k = 0;
  return k < 3 ? (*contents = k, 0) : arg_error(errs, arg, "expected NONE, HEX or ASCII, not '%s'", text);
}

static int ip_print_configure(Element *e, const Args *args, Errors *errs) {
  IPPrint *x = (IPPrint *)e;
  (void)args;
  return x->contents && x->payload ? error(errs, "specify at most one of PAYLOAD and CONTENTS") : 0;
}

static int ip_print_initialize(Element *e, Errors *errs) {
  IPPrint *x = (IPPrint *)e;
  if (!x->outfile) return 0;
  if (!ip_print_file_open) return error(errs, "OUTFILE: there are no files here");
  x->file = ip_print_file_open(x->outfile);
  return x->file ? 0 : error(errs, "OUTFILE: cannot write '%s'", x->outfile);
}

static void ip_print_cleanup(Element *e) {
  IPPrint *x = (IPPrint *)e;
  if (x->file) ip_print_file_close(x->file);
  mem_free(x->label);
  mem_free(x->outfile);
  mem_free(x->channel);
}

ELEMENT(IPPrint, .ports = "1/1", .ordered = true, USE_ACTION(IPPrint, ip_print),
        .configure = ip_print_configure, .initialize = ip_print_initialize, .cleanup = ip_print_cleanup,
        .args = ARGS(
            ARG_POS(IPPrint, STRING, "LABEL", label, NULL),
            ARG(IPPrint, CUSTOM, "CONTENTS", contents, "NONE", .parse = ip_print_parse_contents),
            ARG(IPPrint, CUSTOM, "PAYLOAD", payload, "false", .parse = ip_print_parse_contents),
            ARG(IPPrint, I32, "MAXLENGTH", max_length, "1500"),
            ARG(IPPrint, I32, "NBYTES", max_length, NULL, .flags = ARG_DEPRECATED),
            ARG(IPPrint, BOOL, "ID", id, "false"), ARG(IPPrint, BOOL, "TIMESTAMP", timestamp, "true"),
            ARG(IPPrint, BOOL, "PAINT", paint, "false"), ARG(IPPrint, BOOL, "TOS", tos, "false"),
            ARG(IPPrint, BOOL, "TTL", ttl, "false"), ARG(IPPrint, BOOL, "SWAP", swap, "true"),
            ARG(IPPrint, BOOL, "LENGTH", length, "false"),
            ARG(IPPrint, BOOL, "AGGREGATE", aggregate, "false"), ARG(IPPrint, BOOL, "ACTIVE", active, "true"),
            ARG(IPPrint, FILENAME, "OUTFILE", outfile, NULL), ARG(IPPrint, WORD, "CHANNEL", channel, NULL)),
        .handlers = HANDLERS(RW_FIELD(IPPrint, BOOL, "active", active,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX |
                                               HANDLER_CALM)));
