/** IPsecAuthSHA1: appends SHA-1 digests to ESP packets, or verifies and removes them.
 *
 * Synopsis: `IPsecAuthSHA1(VERIFY)`
 *
 * The digest is the first 12 bytes of the packet's SHA-1 (FIPS 180-4). It has no key: it finds transmission
 * errors, but anybody can compute it; see IPsecAuthHMACSHA1.
 *
 * Ports: 1 input, any number of outputs. Packets with a wrong digest leave on output 1 if there is one, else
 * they are dropped.
 *
 * Arguments: VERIFY (integer): 0: append; else verify and remove.
 *
 * Handlers: `drops` (read): packets with a wrong digest.
 *
 * Example: `Idle -> IPsecAuthSHA1(0) -> c :: IPsecAuthSHA1(1) -> Discard; c [1] -> Discard;`
 */
#include "authenticate.h"

typedef struct IPsecAuthSHA1 {
  IpsecAuthenticate auth;
} IPsecAuthSHA1;

static void ipsec_plain_digest(const IpsecAssociation *a, const uint8_t *data, size_t n, uint8_t digest[20]) {
  Sha1 s;
  sha1_init(&s);
  sha1_add(&s, data, n);
  sha1_end(&s, digest);
}

static inline int ipsec_auth_sha1(IPsecAuthSHA1 *e, Packet *p) {
  return ipsec_authenticate(&e->auth, p, NULL, ipsec_plain_digest);
}

ACTION(IPsecAuthSHA1, ipsec_auth_sha1)
ELEMENT(IPsecAuthSHA1, USE_ACTION(IPsecAuthSHA1, ipsec_auth_sha1), IPSEC_AUTHENTICATE_MEMBERS(IPsecAuthSHA1));
