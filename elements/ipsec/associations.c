/* associations.c: the security associations of packets. See ipsec.h. */
#include "ipsec.h"

IpsecAssociation *ipsec_new(uint32_t spi, const uint8_t *encrypt_key, const uint8_t *auth_key, uint32_t start,
                            uint32_t window) {
  IpsecAssociation *a = mem_alloc(sizeof *a);
  uint8_t pad[64];
  if (!a) return NULL;
  a->spi = spi;
  memcpy(a->encrypt_key, encrypt_key, IPSEC_KEY);
  memcpy(a->auth_key, auth_key, IPSEC_KEY);
  a->start = a->next = a->last = start;
  a->window = window;
  aes_set_key(&a->aes, encrypt_key);
  des_set_key(&a->des, encrypt_key);
  for (unsigned i = 0; i < sizeof pad; i++) pad[i] = (i < IPSEC_KEY ? auth_key[i] : 0) ^ 0x36;
  sha1_init(&a->inner);
  sha1_add(&a->inner, pad, sizeof pad);
  for (unsigned i = 0; i < sizeof pad; i++) pad[i] ^= 0x36 ^ 0x5c;
  sha1_init(&a->outer);
  sha1_add(&a->outer, pad, sizeof pad);
  return a;
}

void ipsec_set(const Element *owner, Packet *p, uint32_t index) {
  set_anno_u32(p, ANNO_IPSEC_SA, (uint32_t)owner->index << 16 | (index + 1));
}

IpsecAssociation *ipsec_of(const Element *e, const Packet *p) {
  uint32_t v = anno_u32(p, ANNO_IPSEC_SA), index = (v & 0xffff) - 1;
  if (!(v & 0xffff) || v >> 16 >= router_count(e->router)) return NULL;
  Element *owner = router_element(e->router, v >> 16);
  const IpsecTable *t = owner && owner->class->cast ? owner->class->cast(owner, "IpsecTable") : NULL;
  return t && index < t->n && t->all[index] && t->all[index]->spi ? t->all[index] : NULL;
}
