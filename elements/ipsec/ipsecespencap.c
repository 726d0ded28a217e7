/** IPsecESPEncap: puts packets into ESP (RFC 2406).
 *
 * Synopsis: `IPsecESPEncap()`
 *
 * Puts a header in front: SPI (from the packet's annotation), the association's next sequence number, and an
 * initialisation vector of 8 random bytes; and a trailer behind: 1, 2, 3 ... up to a multiple of 8 bytes,
 * their number, and the protocol of the packet's IP header (0 where that is not set). RadixIPsecLookup
 * chooses the association; packets without one are dropped.
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: none; what is given is ignored.
 *
 * Differs: the reference crashes on a packet without an association.
 *
 * Example: `Idle -> rt :: RadixIPsecLookup(0.0.0.0/0 0, 2.0.0.0/8 1.0.0.9 1 7 0123456789abcdef
 * fedcba9876543210 1 32); rt -> Discard; rt [1] -> IPsecESPEncap -> IPsecAuthHMACSHA1(0) -> IPsecAES(1) ->
 * IPsecEncap(50) -> Discard;`
 */
#include "ipsec.h"

typedef struct IPsecESPEncap {
  Element base;
} IPsecESPEncap;

static inline int ipsec_esp_encap(IPsecESPEncap *e, Packet *p) {
  IpsecAssociation *a = ipsec_of(&e->base, p);
  if (unlikely(!a)) return PACKET_DROP;
  uint8_t proto = wire_has_ip(p) ? p->network[9] : 0;
  uint32_t n = p->len, padding = (8 - (n + 2) % 8) % 8;
  if (!packet_push(p, ESP_HEADER) || !packet_put(p, padding + 2)) return PACKET_DROP;
  uint8_t *d = p->data, *pad = d + ESP_HEADER + n;
  store32(d, be32(anno_u32(p, ANNO_IPSEC_SPI)));
  store32(d + 4, be32(a->next));
  if (!a->next++) a->next = a->start; /* after the last number comes the first */
  store32(d + 8, random_u32(&e->base) >> 3);
  store32(d + 12, random_u32(&e->base) >> 3);
  for (uint32_t i = 0; i < padding; i++) pad[i] = (uint8_t)(i + 1);
  pad[padding] = (uint8_t)padding;
  pad[padding + 1] = proto;
  return 0;
}

static int ipsec_esp_encap_configure(Element *e, const Args *args, Errors *errs) { return 0; }

ACTION(IPsecESPEncap, ipsec_esp_encap)
ELEMENT(IPsecESPEncap, .ports = "1/1", USE_ACTION(IPsecESPEncap, ipsec_esp_encap),
        .configure = ipsec_esp_encap_configure, .args = ARGS(ARG_ALL_REST("IGNORED")));
