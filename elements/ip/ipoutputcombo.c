/** IPOutputCombo: the output path of an IP router in one element.
 *
 * Synopsis: `IPOutputCombo(COLOR, IPADDR, MTU)`
 *
 * Does what DropBroadcasts, PaintTee(COLOR), IPGWOptions(IPADDR), FixIPSrc(IPADDR), DecIPTTL and
 * CheckLength(MTU) do. Good packets leave on output 0, copies of those painted COLOR on output 1, packets
 * with bad options on output 2, with an expired TTL on output 3, longer than MTU on output 4 (where an
 * IPFragmenter belongs).
 *
 * Arguments: COLOR (0-255), IPADDR (IP address), MTU (unsigned); all required.
 *
 * Example: `Idle -> CheckIPHeader -> out :: IPOutputCombo(1, 10.0.0.1, 1500) -> Discard; out [1], out [2],
 * out [3], out [4] -> Discard;`
 */
#include "fixipsrc.h"
#include "ipgwoptions.h"

typedef struct IPOutputCombo {
  IPGWOptions options;
  uint32_t mtu;
  uint8_t color;
} IPOutputCombo;

static inline int ip_output_combo(IPOutputCombo *e, Packet *p) {
  if (p->type == PACKET_BROADCAST || p->type == PACKET_MULTICAST) return PACKET_DROP;
  if (anno_u8(p, ANNO_PAINT) == e->color) {
    Packet *copy = packet_clone(p);
    if (copy) output_push(&e->options.base, 1, copy);
  }
  if (unlikely(!ip_header(p) || !packet_unique(p))) return PACKET_DROP;
  if ((p->network[0] & 15) > 5) {
    int out = ip_gw_options_slow(&e->options, p);
    if (out) return out < 0 ? out : 2;
  }
  if (anno_u8(p, ANNO_FIX_IP_SRC)) ip_fix_source(p, e->options.addr);
  uint8_t *h = p->network;
  if (unlikely(h[8] <= 1)) return 3;
  ip_decrement_ttl(h, ip_ttl_sum(h));
  return unlikely(p->len > e->mtu) ? 4 : 0;
}

ACTION(IPOutputCombo, ip_output_combo)

ELEMENT(IPOutputCombo, .per_thread = true, .ports = "1/5", .processing = "h/h",
        USE_ACTION(IPOutputCombo, ip_output_combo),
        .args = ARGS(ARG_MUST(IPOutputCombo, U8, "COLOR", color),
                     ARG_MUST(IPOutputCombo, IP, "IPADDR", options.addr),
                     ARG_MUST(IPOutputCombo, U32, "MTU", mtu)));
