/** ICMP6Error: makes ICMPv6 error or redirect messages in answer to packets.
 *
 * Synopsis: `ICMP6Error(SRC, TYPE, CODE)`
 *
 * The message goes to the source of the packet and carries up to 568 bytes of it. Its destination and Fix IP
 * Source annotations are set. There is no answer to ICMPv6 errors, to multicast destinations or to link-level
 * broadcasts. A redirect (137) names the destination annotation as target; a parameter problem takes its
 * pointer from the annotation; a "packet too big" states an MTU of 1500. The packet itself is dropped.
 *
 * Arguments: SRC (IPv6 address), TYPE (1, 2, 3, 4 or 137), CODE (0-255); all required.
 *
 * The reference writes the MTU and the pointer in the wrong byte order and looks for ICMPv6 errors in the
 * wrong place.
 *
 * Example: `Idle -> CheckIP6Header -> ICMP6Error(3ffe::1, 3, 0) -> Discard;`
 */
#include "ip6.h"

enum { ICMP6_TOO_BIG = 2, ICMP6_PARAMETER = 4, ICMP6_REDIRECT = 137 };

typedef struct ICMP6Error {
  Element base;
  uint8_t src[16];
  int32_t type, code;
} ICMP6Error;

static bool icmp6_answerable(const Packet *p, const uint8_t *h) {
  if (h[24] == 0xff || p->type == PACKET_BROADCAST || p->type == PACKET_MULTICAST) return false;
  const uint8_t *t = h[6] == IP_PROTO_ICMP6 ? ip_transport(p, 1) : NULL;
  return !t || t[0] < 1 || t[0] > 4;
}

static Packet *icmp6_error_answer(ICMP6Error *e, Packet *p) {
  const uint8_t *h = ip6_header(p);
  if (!h || !icmp6_answerable(p, h)) return NULL;
  bool redirect = e->type == ICMP6_REDIRECT;
  uint32_t carried = p->len > 568 ? 568 : p->len, head = redirect ? 40 : 8, n = head + carried;
  Packet *q = packet_make(PACKET_HEADROOM, NULL, IP6_HEADER + n, 0);
  if (!q) return NULL;
  uint8_t *x = q->data, *m = x + IP6_HEADER;
  memset(x, 0, IP6_HEADER + head);
  x[0] = 0x60;
  store16(x + 4, be16((uint16_t)n));
  x[6] = IP_PROTO_ICMP6;
  x[7] = 255;
  memcpy(x + 8, e->src, 16);
  memcpy(x + 24, h + 8, 16);
  m[0] = (uint8_t)e->type;
  m[1] = (uint8_t)e->code;
  if (e->type == ICMP6_TOO_BIG && !e->code) store32(m + 4, be32(1500));
  if (e->type == ICMP6_PARAMETER && !e->code) m[7] = anno_u8(p, ANNO_ICMP_PARAMPROB);
  if (redirect) {
    memcpy(m + 8, p->anno + ANNO_DST_IP6, 16);
    memcpy(m + 24, h + 24, 16);
  }
  memcpy(m + head, p->data, carried);
  store16(m + 2, ip6_checksum(x + 8, x + 24, n, IP_PROTO_ICMP6, m));
  packet_set_dst_ip6(q, x + 24);
  set_anno_u8(q, ANNO_FIX_IP_SRC, 1);
  packet_set_network(q, x, IP6_HEADER);
  return q;
}

static unsigned icmp6_error_batch(Element *e, Packet **p, unsigned n) {
  unsigned made = 0;
  for (unsigned i = 0; i < n; i++) {
    Packet *q = icmp6_error_answer((ICMP6Error *)e, p[i]);
    packet_free(p[i]);
    if (q) p[made++] = q;
  }
  return made;
}

static void icmp6_error_push(Element *e, int port, Packet **p, unsigned n) {
  (void)port;
  if ((n = icmp6_error_batch(e, p, n))) output_push_batch(e, 0, p, n);
}
static unsigned icmp6_error_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)port;
  return icmp6_error_batch(e, p, input_pull_batch(e, 0, p, max));
}

static int icmp6_error_configure(Element *e, const Args *args, Errors *errs) {
  int type = ((ICMP6Error *)e)->type;
  (void)args;
  return (type >= 1 && type <= 4) || type == ICMP6_REDIRECT
             ? 0
             : error(errs, "ICMP6 type %d is not an error or redirect type", type);
}

ELEMENT(ICMP6Error, .ports = "1/1", .push = icmp6_error_push, .pull = icmp6_error_pull,
        .configure = icmp6_error_configure,
        .args = ARGS(ARG_MUST(ICMP6Error, IP6, "SRC", src), ARG_MUST(ICMP6Error, I32, "TYPE", type),
                     ARG_MUST(ICMP6Error, I32, "CODE", code, .min = 0, .max = 255)));
