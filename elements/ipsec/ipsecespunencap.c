/** IPsecESPUnencap: takes packets out of ESP (RFC 2406).
 *
 * Synopsis: `IPsecESPUnencap()`
 *
 * Removes what IPsecESPEncap puts around a packet. Drops packets whose sequence number came before, or is
 * further behind the highest one than the association's window, and packets whose padding is not as it should
 * be. The number with which the association starts begins a new window. Packets without an association are
 * dropped.
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: none.
 *
 * Differs: the reference reads outside of short packets, and crashes on a packet without an association.
 *
 * Example: `Idle -> IPsecAES(0) -> IPsecAuthHMACSHA1(1) -> IPsecESPUnencap -> Discard;`
 */
#include "ipsec.h"

typedef struct IPsecESPUnencap {
  Element base;
} IPsecESPUnencap;

static bool ipsec_is_new(IpsecAssociation *a, uint32_t seq) {
  if (!seq) return false;
  if (seq == a->start && a->last != a->start) {
    a->seen = 0;
    a->last = seq;
    return true;
  }
  if (seq > a->last) {
    uint32_t ahead = seq - a->last;
    a->seen = ahead < a->window && ahead < 32 ? a->seen << ahead | 1 : 1;
    a->last = seq;
    return true;
  }
  uint32_t behind = a->last - seq;
  if (behind >= a->window || behind >= 32) {
    chatter(NULL, "Replay protection: This packet is too old to be accepted");
    return false;
  }
  if (a->seen & 1u << behind) {
    chatter(NULL, "Replay protection: This packet is already seen...");
    return false;
  }
  a->seen |= 1u << behind;
  return true;
}

static inline int ipsec_esp_unencap(IPsecESPUnencap *e, Packet *p) {
  IpsecAssociation *a = ipsec_of(&e->base, p);
  if (!a) {
    chatter(NULL, "Null reference to Security Association Table");
    return PACKET_DROP;
  }
  if (p->len < ESP_HEADER + 2 || !ipsec_is_new(a, be32(load32(p->data + 4)))) return PACKET_DROP;
  packet_pull(p, ESP_HEADER);
  const uint8_t *end = packet_end(p);
  uint32_t n = end[-2];
  if (n && (p->len < 3 || end[-3] != n)) {
    chatter(NULL, "Invalid padding length");
    return PACKET_DROP;
  }
  bool right = n + 2 <= p->len;
  for (uint32_t i = 0; right && i < n; i++) right = end[-2 - (ptrdiff_t)n + (ptrdiff_t)i] == (uint8_t)(i + 1);
  if (!right) {
    chatter(NULL, "Corrupt padding");
    return PACKET_DROP;
  }
  packet_take(p, n + 2);
  return 0;
}

ACTION(IPsecESPUnencap, ipsec_esp_unencap)
ELEMENT(IPsecESPUnencap, .ports = "1/1", USE_ACTION(IPsecESPUnencap, ipsec_esp_unencap), .args = NO_ARGS);
