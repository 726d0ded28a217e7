/* authenticate.h: IPsecAuthSHA1 and IPsecAuthHMACSHA1 differ in how the digest is computed. */
#ifndef CLICKLET_ELEMENTS_AUTHENTICATE_H
#define CLICKLET_ELEMENTS_AUTHENTICATE_H
#include "ipsec.h"

typedef struct IpsecAuthenticate {
  Element base;
  int32_t verify;
  uint32_t drops;
} IpsecAuthenticate;

typedef void (*IpsecDigest)(const IpsecAssociation *a, const uint8_t *data, size_t n, uint8_t digest[20]);

always_inline int ipsec_authenticate(IpsecAuthenticate *e, Packet *p, const IpsecAssociation *a,
                                     IpsecDigest compute) {
  uint8_t digest[20];
  if (!e->verify) {
    compute(a, p->data, p->len, digest);
    if (!packet_put(p, IPSEC_DIGEST)) return PACKET_DROP;
    memcpy(packet_end(p) - IPSEC_DIGEST, digest, IPSEC_DIGEST);
    return 0;
  }
  bool right = p->len >= IPSEC_DIGEST;
  if (right) {
    const uint8_t *sent = packet_end(p) - IPSEC_DIGEST;
    uint8_t differ = 0;
    compute(a, p->data, p->len - IPSEC_DIGEST, digest);
    for (unsigned i = 0; i < IPSEC_DIGEST; i++) differ |= sent[i] ^ digest[i]; /* in constant time */
    right = !differ;
  }
  if (right) {
    packet_take(p, IPSEC_DIGEST);
    return 0;
  }
  if (!e->drops++) chatter(NULL, "Invalid SHA1 authentication digest");
  return e->base.noutputs > 1 ? 1 : PACKET_DROP;
}

#define IPSEC_AUTHENTICATE_MEMBERS(T)                                                                        \
  .ports = "1/-", .processing = "a/ah", .args = ARGS(ARG_MUST(T, I32, "VERIFY", auth.verify)),               \
  .handlers = HANDLERS(READ_FIELD(T, U32, "drops", auth.drops))

#endif
