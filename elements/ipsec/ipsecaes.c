/** IPsecAES: encrypts and decrypts ESP packets with AES-128.
 *
 * Synopsis: `IPsecAES(ENCRYPT)`
 *
 * Works on what is between the header that IPsecESPEncap makes and the last 12 bytes, the digest. Where that
 * is no multiple of 16 bytes, the first 8 bytes of the digest are part of it. The key is the association's,
 * see RadixIPsecLookup; packets without an association are dropped. Blocks are chained by the initialisation
 * vector in the header; as in the reference, only the first 8 bytes of a block are chained, which other
 * implementations of ESP do not understand.
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: ENCRYPT (integer): 0: decrypt; else encrypt.
 *
 * Example: `Idle -> IPsecAES(0) -> IPsecAuthHMACSHA1(1) -> IPsecESPUnencap -> Discard;`
 */
#include "ipsec.h"

typedef struct IPsecAES {
  Element base;
  int32_t encrypt;
} IPsecAES;

static inline int ipsec_aes(IPsecAES *e, Packet *p) {
  const IpsecAssociation *a = ipsec_of(&e->base, p);
  if (!a) {
    chatter(NULL, e->encrypt
                      ? "AES: No SADataTuple annotation. This module is not properly placed check man page"
                      : "AES: No SADataTuple reference annotation. check man page");
    return PACKET_DROP;
  }
  if (!packet_unique(p)) return PACKET_DROP;
  if (p->len < ESP_HEADER + IPSEC_DIGEST) return 0;
  uint8_t *d = p->data + ESP_HEADER;
  uint32_t n = p->len - ESP_HEADER - IPSEC_DIGEST;
  if (n % 16) n += 8;
  uint64_t chain = load64(p->data + 8);
  for (; n >= 16; n -= 16, d += 16) {
    uint64_t cipher = load64(d);
    if (e->encrypt) {
      store64(d, cipher ^ chain);
      aes_encrypt(&a->aes, d);
      chain = load64(d);
    } else {
      aes_decrypt(&a->aes, d);
      store64(d, load64(d) ^ chain);
      chain = cipher;
    }
  }
  return 0;
}

ACTION(IPsecAES, ipsec_aes)
ELEMENT(IPsecAES, .ports = "1/1", USE_ACTION(IPsecAES, ipsec_aes),
        .args = ARGS(ARG_MUST(IPsecAES, I32, "ENCRYPT", encrypt)));
