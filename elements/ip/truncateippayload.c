/** TruncateIPPayload: shortens IP packets to a given length of payload.
 *
 * Synopsis: `TruncateIPPayload([LENGTH, TRANSPORT, <keywords> EXTRA_LENGTH])`
 *
 * The payload begins behind the TCP, UDP or ICMP header, or, with TRANSPORT false, behind the IP header.
 * Packets without a network header are cut to LENGTH bytes.
 *
 * Arguments: LENGTH (0 to 16383): bytes of payload at most. Default 0. TRANSPORT (bool): default true.
 * EXTRA_LENGTH (bool): whether the extra length annotation grows by what was cut. Default true.
 *
 * Example: `Idle -> CheckIPHeader -> TruncateIPPayload(64) -> Discard;`
 */
#include "ip.h"

typedef struct TruncateIPPayload {
  Element base;
  uint16_t length;
  bool transport, extra_length;
} TruncateIPPayload;

static uint32_t truncate_transport_header(const Packet *p, const uint8_t *h) {
  const uint8_t *t;
  switch (h[9]) {
  case IP_PROTO_TCP:
    t = ip_transport(p, 13);
    return t && t[12] >> 4 >= 5 ? (uint32_t)(t[12] >> 4) * 4 : 20;
  case IP_PROTO_UDP:
    return 8;
  case IP_PROTO_ICMP:
    if (!(t = ip_transport(p, 8))) return 0;
    return t[0] == 13 || t[0] == 14 ? 20 : 8; /* timestamps are longer */
  default:
    return 0;
  }
}

static inline int truncate_ip_payload(TruncateIPPayload *e, Packet *p) {
  const uint8_t *h = p->network;
  uint32_t keep = e->length, have = p->len;
  if (h) {
    ptrdiff_t n = packet_end(p) - h;
    if (n < 1) return 0;
    have = (uint32_t)n;
    keep += ip_hlen(h) < 20 ? 20 : ip_hlen(h);
    if (e->transport && have >= 10 && ip_hlen(h) >= 20) keep += truncate_transport_header(p, h);
  }
  if (have <= keep) return 0;
  if (e->extra_length) set_anno_u32(p, ANNO_EXTRA_LENGTH, anno_u32(p, ANNO_EXTRA_LENGTH) + have - keep);
  packet_take(p, have - keep);
  return 0;
}

ACTION(TruncateIPPayload, truncate_ip_payload)

ELEMENT(TruncateIPPayload, .per_thread = true, .ports = "1/1",
        USE_ACTION(TruncateIPPayload, truncate_ip_payload),
        .args = ARGS(ARG_POS(TruncateIPPayload, U16, "LENGTH", length, "0"),
                     ARG_POS(TruncateIPPayload, BOOL, "TRANSPORT", transport, "true"),
                     ARG(TruncateIPPayload, BOOL, "EXTRA_LENGTH", extra_length, "true")));
