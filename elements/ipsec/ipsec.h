/* ipsec.h: security associations and the ciphers of the IPsec elements. Packets carry the number of their
 * association in an annotation, so that a wrong annotation finds none. */
#ifndef CLICKLET_ELEMENTS_IPSEC_H
#define CLICKLET_ELEMENTS_IPSEC_H
#include "../ethernet/wire.h"

#define ESP_HEADER 16 /* SPI, sequence number, 8 bytes of initialisation vector */
#define IPSEC_KEY 16
#define IPSEC_DIGEST 12 /* bytes of a SHA-1 digest that are sent (RFC 2404) */
#define IPSEC_PROTO_ESP 50

/* ---- Ciphers: aes.c, des.c, sha1.c */

typedef struct AesKey {
  uint32_t encrypt[44], decrypt[44]; /* AES-128, FIPS 197 */
} AesKey;
void aes_set_key(AesKey *k, const uint8_t key[16]);
void aes_encrypt(const AesKey *k, uint8_t block[16]);
void aes_decrypt(const AesKey *k, uint8_t block[16]);

typedef struct DesKey {
  uint64_t round[16]; /* 48 bits each, FIPS 46-3 */
} DesKey;
void des_set_key(DesKey *k, const uint8_t key[8]);
void des_crypt(const DesKey *k, uint8_t block[8], bool encrypt);

typedef struct Sha1 {
  uint32_t h[5];
  uint64_t bytes;
  uint8_t block[64];
} Sha1; /* FIPS 180-4 */
void sha1_init(Sha1 *s);
void sha1_add(Sha1 *s, const uint8_t *data, size_t n);
void sha1_end(Sha1 *s, uint8_t digest[20]);

/* ---- Associations: associations.c */

typedef struct IpsecAssociation {
  uint32_t spi; /* 0: the place is free */
  uint8_t encrypt_key[IPSEC_KEY], auth_key[IPSEC_KEY];
  uint32_t start, next;        /* sequence numbers that are sent */
  uint32_t last, seen, window; /* received: the highest, a bit for each before it, how many of them */
  AesKey aes;
  DesKey des;
  Sha1 inner, outer; /* HMAC (RFC 2104), after the key */
} IpsecAssociation;

/* Of an element, by cast "IpsecTable". */
typedef struct IpsecTable {
  IpsecAssociation **all;
  uint32_t n;
} IpsecTable;

IpsecAssociation *ipsec_new(uint32_t spi, const uint8_t *encrypt_key, const uint8_t *auth_key, uint32_t start,
                            uint32_t window);
void ipsec_set(const Element *owner, Packet *p, uint32_t index);
IpsecAssociation *ipsec_of(const Element *e, const Packet *p); /* NULL: none */

#endif
