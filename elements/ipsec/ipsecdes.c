/** IPsecDES: encrypts and decrypts ESP packets with DES in CBC mode.
 *
 * Synopsis: `IPsecDES(ENCRYPT)`
 *
 * Works on what is between the header that IPsecESPEncap makes and the last 12 bytes, the digest. The key is
 * the association's, see RadixIPsecLookup; packets without an association are dropped. Blocks are chained by
 * the initialisation vector in the header.
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: ENCRYPT (integer): 0: decrypt; else encrypt.
 *
 * Example: `Idle -> IPsecDES(0) -> IPsecAuthHMACSHA1(1) -> IPsecESPUnencap -> Discard;`
 */
#include "ipsec.h"

typedef struct IPsecDES {
  Element base;
  int32_t encrypt;
} IPsecDES;

static inline int ipsec_des(IPsecDES *e, Packet *p) {
  const IpsecAssociation *a = ipsec_of(&e->base, p);
  if (!a) {
    chatter(NULL, "DES: No SADataTuple annotation. Check man page");
    return PACKET_DROP;
  }
  if (!packet_unique(p)) return PACKET_DROP;
  if (p->len < ESP_HEADER + IPSEC_DIGEST) return 0;
  uint8_t *d = p->data + ESP_HEADER;
  uint64_t chain = load64(p->data + 8);
  for (uint32_t n = p->len - ESP_HEADER - IPSEC_DIGEST; n >= 8; n -= 8, d += 8) {
    uint64_t cipher = load64(d);
    if (e->encrypt) {
      store64(d, cipher ^ chain);
      des_crypt(&a->des, d, true);
      chain = load64(d);
    } else {
      des_crypt(&a->des, d, false);
      store64(d, load64(d) ^ chain);
      chain = cipher;
    }
  }
  return 0;
}

ACTION(IPsecDES, ipsec_des)
ELEMENT(IPsecDES, .ports = "1/1", USE_ACTION(IPsecDES, ipsec_des),
        .args = ARGS(ARG_MUST(IPsecDES, I32, "ENCRYPT", encrypt)));
