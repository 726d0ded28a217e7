/** RFC2507Decomp: restores the headers of packets from RFC2507Comp.
 *
 * Synopsis: `RFC2507Decomp`
 *
 * IP packets leave, with their IP header marked. Dropped are packets of unknown kind or shorter than they
 * claim, and compressed ones of a context of which no packet with full headers came.
 *
 * Unlike the reference's it neither checks TCP checksums nor prints.
 *
 * Arguments: none.
 *
 * Handlers: none.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> RFC2507Comp -> RFC2507Decomp -> IPPrint ->
 * Discard;`
 */
#include "rfc2507.h"

typedef struct DecompContext {
  uint8_t headers[COMP_HEADERS];
  bool known;
} DecompContext;

typedef struct RFC2507Decomp {
  Element base;
  DecompContext contexts[COMP_CONTEXTS];
} RFC2507Decomp;

/* How much a field grew by; moves *in. False at the end of the packet. */
static bool decomp_growth(const uint8_t **in, const uint8_t *end, uint32_t *by) {
  const uint8_t *s = *in;
  if (s >= end || (!*s && end - s < 3)) return false;
  *by = *s ? *s : (uint32_t)s[1] << 8 | s[2];
  *in += *s ? 1 : 3;
  return true;
}
static bool decomp_grow(const uint8_t **in, const uint8_t *end, uint8_t *field, int bytes) {
  uint32_t by;
  if (!decomp_growth(in, end, &by)) return false;
  if (bytes == 2)
    wire_put16(field, (uint16_t)(wire_get16(field) + by));
  else
    store32(field, be32(be32(load32(field)) + by));
  return true;
}

/* Brings the context up to date. Returns where the rest of the packet begins, NULL if it is too short. */
static const uint8_t *decomp_decode(uint8_t *h, const Packet *p) {
  const uint8_t *d = p->data, *end = packet_end(p), *in = d + COMP_FIXED;
  if (p->len < COMP_FIXED) return NULL;
  uint8_t flags = d[2];
  memcpy(h + COMP_AT_SUM, d + 3, 2);
  h[COMP_AT_FLAGS] &= (uint8_t) ~(COMP_TCP_PUSH | COMP_TCP_URGENT);
  if (flags & COMP_PUSH) h[COMP_AT_FLAGS] |= COMP_TCP_PUSH;
  if (flags & COMP_URGENT) h[COMP_AT_FLAGS] |= COMP_TCP_URGENT;
  bool ok = (!(flags & COMP_URGENT) || decomp_grow(&in, end, h + COMP_AT_URGENT, 2)) &&
            (!(flags & COMP_WINDOW) || decomp_grow(&in, end, h + COMP_AT_WINDOW, 2)) &&
            (!(flags & COMP_ACK) || decomp_grow(&in, end, h + COMP_AT_ACK, 4)) &&
            (!(flags & COMP_SEQ) || decomp_grow(&in, end, h + COMP_AT_SEQ, 4)) &&
            (!(flags & COMP_ID) || decomp_grow(&in, end, h + COMP_AT_ID, 2));
  if (!(flags & COMP_ID)) wire_put16(h + COMP_AT_ID, (uint16_t)(wire_get16(h + COMP_AT_ID) + 1));
  uint32_t length = (uint32_t)(end - in) + COMP_HEADERS;
  if (!ok || length > 0xffff) return NULL;
  wire_put16(h + COMP_AT_LENGTH, (uint16_t)length);
  store16(h + COMP_AT_IP_SUM, 0);
  store16(h + COMP_AT_IP_SUM, wire_checksum(h, WIRE_IP));
  return in;
}

static inline int decomp_action(RFC2507Decomp *e, Packet *p) {
  const uint8_t *d = p->data;
  if (p->len < 2 || d[0] > COMP_COMPRESSED) return PACKET_DROP;
  if (d[0] == COMP_OTHER) {
    packet_pull(p, 1);
  } else {
    if (!d[1] || d[1] >= COMP_CONTEXTS) return PACKET_DROP;
    DecompContext *c = &e->contexts[d[1]];
    if (d[0] == COMP_FULL) {
      packet_pull(p, 2);
      if (p->len >= COMP_HEADERS && p->data[0] == 0x45 && p->data[9] == WIRE_PROTO_TCP) {
        memcpy(c->headers, p->data, COMP_HEADERS);
        c->known = true;
      }
    } else {
      if (!c->known) return PACKET_DROP;
      const uint8_t *rest = decomp_decode(c->headers, p);
      if (!rest) {
        c->known = false; /* it may have changed in part */
        return PACKET_DROP;
      }
      packet_pull(p, (uint32_t)(rest - p->data));
      if (!packet_push(p, COMP_HEADERS)) return PACKET_DROP;
      memcpy(p->data, c->headers, COMP_HEADERS);
    }
  }
  uint32_t header = p->len >= WIRE_IP && p->data[0] >> 4 == 4 ? wire_ip_header(p->data) : 0;
  p->network = p->transport = NULL;
  if (header >= WIRE_IP && header <= p->len) packet_set_network(p, p->data, header);
  return 0;
}

ACTION(RFC2507Decomp, decomp_action)

ELEMENT(RFC2507Decomp, .ports = "1/1", USE_ACTION(RFC2507Decomp, decomp_action), .args = NO_ARGS);
