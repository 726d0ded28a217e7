/** IPsecAuthHMACSHA1: appends HMAC-SHA-1-96 digests (RFC 2404) to ESP packets, or verifies and removes them.
 *
 * Synopsis: `IPsecAuthHMACSHA1(VERIFY)`
 *
 * The digest is the first 12 bytes of the packet's HMAC (RFC 2104) with SHA-1 and the association's key, see
 * RadixIPsecLookup. Packets without an association are dropped.
 *
 * Ports: 1 input, any number of outputs. Packets with a wrong digest leave on output 1 if there is one, else
 * they are dropped.
 *
 * Arguments: VERIFY (integer): 0: append; else verify and remove.
 *
 * Handlers: `drops` (read): packets with a wrong digest.
 *
 * Differs: the reference crashes on a packet without an association.
 *
 * Example: `Idle -> IPsecAES(0) -> IPsecAuthHMACSHA1(1) -> IPsecESPUnencap -> Discard;`
 */
#include "authenticate.h"

typedef struct IPsecAuthHMACSHA1 {
  IpsecAuthenticate auth;
} IPsecAuthHMACSHA1;

static void ipsec_keyed_digest(const IpsecAssociation *a, const uint8_t *data, size_t n, uint8_t digest[20]) {
  Sha1 s = a->inner;
  sha1_add(&s, data, n);
  sha1_end(&s, digest);
  s = a->outer;
  sha1_add(&s, digest, 20);
  sha1_end(&s, digest);
}

static inline int ipsec_auth_hmac_sha1(IPsecAuthHMACSHA1 *e, Packet *p) {
  const IpsecAssociation *a = ipsec_of(&e->auth.base, p);
  return a ? ipsec_authenticate(&e->auth, p, a, ipsec_keyed_digest) : PACKET_DROP;
}

ACTION(IPsecAuthHMACSHA1, ipsec_auth_hmac_sha1)
ELEMENT(IPsecAuthHMACSHA1, USE_ACTION(IPsecAuthHMACSHA1, ipsec_auth_hmac_sha1),
        IPSEC_AUTHENTICATE_MEMBERS(IPsecAuthHMACSHA1));
