/** RFC2507Comp: compresses the headers of TCP packets over IPv4, after RFC 2507.
 *
 * Synopsis: `RFC2507Comp`
 *
 * Packets begin with their IP header. Each leaves with one byte in front that says what it is: 0, the packet
 * as it was; 1, a context number and the packet as it was; 2, a context number and a packet with compressed
 * headers (see RFC2507Decomp, which undoes it). Compressed are packets of up to 14 flows that have neither IP
 * options nor fragments nor one of the flags FIN, SYN and RST, and whose headers differ from the last
 * packet's only in what can be expressed, which RFC2507Decomp then restores bit by bit.
 *
 * Unlike the reference, which takes any context for a new flow, it takes the one not used for longest; sends
 * a packet with headers as they are where the reference's compression would not restore them (an IP
 * identification that did not change, padding behind the IP packet, other TCP flags); and prints nothing.
 *
 * Arguments: none.
 *
 * Handlers: none.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> RFC2507Comp -> RFC2507Decomp -> IPPrint ->
 * Discard;`
 */
#include "rfc2507.h"

typedef struct CompContext {
  uint8_t headers[COMP_HEADERS]; /* of the last packet */
  uint64_t used;                 /* when, in packets; 0: never */
} CompContext;

typedef struct RFC2507Comp {
  Element base;
  CompContext contexts[COMP_CONTEXTS];
  uint64_t packets;
} RFC2507Comp;

static bool comp_possible(const Packet *p) {
  const uint8_t *h = p->data;
  return p->len >= COMP_HEADERS && h[0] == 0x45 && h[9] == WIRE_PROTO_TCP && !wire_is_fragment(h) &&
         (h[COMP_AT_FLAGS] & 0x17) == COMP_TCP_ACK;
}

/* The context of the packet's flow, or the one to reuse for it. */
static unsigned comp_context(const RFC2507Comp *e, const uint8_t *h) {
  unsigned oldest = 1;
  for (unsigned i = 1; i < COMP_CONTEXTS; i++) {
    const CompContext *c = &e->contexts[i];
    if (c->used && load64(c->headers + 12) == load64(h + 12) && load32(c->headers + 20) == load32(h + 20))
      return i;
    if (c->used < e->contexts[oldest].used) oldest = i;
  }
  return oldest;
}

/* Writes by how much a field grew, nothing if it is the same. False if that cannot be said. */
static bool comp_grown(uint32_t old, uint32_t now, uint8_t flag, uint8_t *flags, uint8_t **to) {
  if (now == old) return true;
  if (now < old || now - old > 0xffff) return false;
  uint32_t by = now - old;
  *flags |= flag;
  if (by > 255) {
    *(*to)++ = 0;
    *(*to)++ = (uint8_t)(by >> 8);
  }
  *(*to)++ = (uint8_t)by;
  return true;
}

/* Writes flags, checksum and changes; returns their bytes, 0 if the headers cannot be compressed. */
static unsigned comp_encode(const uint8_t *old, const uint8_t *h, uint32_t len, uint8_t *out) {
  uint8_t flags = 0, *to = out + 3;
  if (load16(old) != load16(h) || load16(old + 6) != load16(h + 6) || old[8] != h[8]) return 0;
  if (old[32] != h[32] || ((old[COMP_AT_FLAGS] ^ h[COMP_AT_FLAGS]) & ~(COMP_TCP_PUSH | COMP_TCP_URGENT)))
    return 0;
  if (wire_get16(h + COMP_AT_LENGTH) != len || wire_checksum(h, WIRE_IP)) return 0;
  if (!comp_grown(wire_get16(old + COMP_AT_URGENT), wire_get16(h + COMP_AT_URGENT), COMP_URGENT, &flags,
                  &to) ||
      !comp_grown(wire_get16(old + COMP_AT_WINDOW), wire_get16(h + COMP_AT_WINDOW), COMP_WINDOW, &flags,
                  &to) ||
      !comp_grown(be32(load32(old + COMP_AT_ACK)), be32(load32(h + COMP_AT_ACK)), COMP_ACK, &flags, &to) ||
      !comp_grown(be32(load32(old + COMP_AT_SEQ)), be32(load32(h + COMP_AT_SEQ)), COMP_SEQ, &flags, &to))
    return 0;
  uint32_t id = wire_get16(old + COMP_AT_ID), now = wire_get16(h + COMP_AT_ID);
  if (now == id || (now != id + 1 && !comp_grown(id, now, COMP_ID, &flags, &to))) return 0;
  /* There the flag URG says that its pointer changed. */
  if (!(flags & COMP_URGENT) != !(h[COMP_AT_FLAGS] & COMP_TCP_URGENT)) return 0;
  if (h[COMP_AT_FLAGS] & COMP_TCP_PUSH) flags |= COMP_PUSH;
  out[0] = flags;
  memcpy(out + 1, h + COMP_AT_SUM, 2);
  return (unsigned)(to - out);
}

static inline int comp_action(RFC2507Comp *e, Packet *p) {
  uint8_t code[32];
  unsigned id = 0, n = 0;
  if (comp_possible(p)) {
    id = comp_context(e, p->data);
    CompContext *c = &e->contexts[id];
    bool known = c->used && load64(c->headers + 12) == load64(p->data + 12) &&
                 load32(c->headers + 20) == load32(p->data + 20);
    if (known) n = comp_encode(c->headers, p->data, p->len, code);
    memcpy(c->headers, p->data, COMP_HEADERS);
    c->used = ++e->packets;
  }
  if (n) {
    if (!packet_unique(p)) return PACKET_DROP;
    packet_pull(p, COMP_HEADERS - 2 - n);
    memcpy(p->data + 2, code, n);
    p->data[0] = COMP_COMPRESSED;
    p->data[1] = (uint8_t)id;
  } else if (id) {
    if (!packet_push(p, 2)) return PACKET_DROP;
    p->data[0] = COMP_FULL;
    p->data[1] = (uint8_t)id;
  } else {
    if (!packet_push(p, 1)) return PACKET_DROP;
    p->data[0] = COMP_OTHER;
  }
  p->network = p->transport = NULL;
  return 0;
}

ACTION(RFC2507Comp, comp_action)

ELEMENT(RFC2507Comp, .ports = "1/1", USE_ACTION(RFC2507Comp, comp_action), .args = NO_ARGS);
