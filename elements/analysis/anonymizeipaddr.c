/** AnonymizeIPAddr: replaces IP addresses by others, keeping which have common prefixes.
 *
 * Synopsis: `AnonymizeIPAddr([<keywords> CLASS, PRESERVE_8])`
 *
 * Two addresses that share their first N bits are replaced by two that share their first N bits, no more. An
 * address is replaced by the same one as long as the router runs; the choice is random (RandomSeed makes it
 * repeatable). 0.0.0.0 and 255.255.255.255 stay. The IP header's checksum is updated. Packets without an IP
 * header leave on output 1 or are dropped.
 *
 * Arguments: CLASS (0 to 32): keeps that many leading one bits: with 1 addresses of class A stay in class A
 * and others out of it, with 2 those of class B too, and so on. Default 0. PRESERVE_8 (numbers): these first
 * bytes stay, and others do not become them. Default: none.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> AnonymizeIPAddr(CLASS 4) -> ToDump(out.pcap, ENCAP
 * IP);`
 */
#include "../ip/ip.h"

typedef struct AnonymizeIPAddr {
  Element base;
  uint32_t class_bits;
  char *preserve_text;
  bool keep[256]; /* the first bit of the prefix of up to 7 bits, a one in front of it, stays */
  uint64_t key[2];
} AnonymizeIPAddr;

static inline uint64_t rotate(uint64_t v, int n) { return v << n | v >> (64 - n); }

/* SipHash-2-4 of one word (Aumasson and Bernstein 2012). */
static uint64_t siphash(const uint64_t key[2], uint64_t word) {
  uint64_t a = key[0] ^ UINT64_C(0x736f6d6570736575), b = key[1] ^ UINT64_C(0x646f72616e646f6d),
           c = key[0] ^ UINT64_C(0x6c7967656e657261), d = key[1] ^ UINT64_C(0x7465646279746573);
  const uint64_t blocks[] = {word, UINT64_C(8) << 56, 0};
  for (unsigned i = 0; i < 3; i++) {
    if (i < 2)
      d ^= blocks[i];
    else
      c ^= 0xff;
    for (int round = i < 2 ? 2 : 4; round > 0; round--) {
      a += b, b = rotate(b, 13) ^ a, a = rotate(a, 32);
      c += d, d = rotate(d, 16) ^ c;
      a += d, d = rotate(d, 21) ^ a;
      c += b, b = rotate(b, 17) ^ c, c = rotate(c, 32);
    }
    if (i < 2) a ^= blocks[i];
  }
  return a ^ b ^ c ^ d;
}

/* Each bit is flipped or not as a random function of the bits in front of it says. One hash serves six bits:
 * it has a bit for each of the 63 prefixes that begin with the same bits in front of those six. */
static uint32_t map_bits(const AnonymizeIPAddr *a, uint32_t v) {
  uint32_t out = 0, ones = (uint32_t)(v == UINT32_MAX ? 32 : __builtin_clz(~v));
  uint64_t flips = 0;
  for (uint32_t i = 0; i < 32; i++) {
    uint32_t prefix = i ? v >> (32 - i) : 0, within = i % 6;
    if (!within) flips = siphash(a->key, (uint64_t)i << 32 | prefix);
    uint32_t node = 1u << within | (prefix & ((1u << within) - 1)), flip = flips >> node & 1;
    if (i < a->class_bits && i <= ones) flip = 0;
    if (i < 8 && a->keep[1u << i | prefix]) flip = 0;
    out = out << 1 | ((v >> (31 - i) & 1) ^ flip);
  }
  return out;
}

static uint32_t anonymous(const AnonymizeIPAddr *a, uint32_t network_order) {
  uint32_t v = be32(network_order);
  if (!v || v == UINT32_MAX) return network_order;
  do v = map_bits(a, v);
  while (!v || v == UINT32_MAX); /* what would become one of these two takes that one's place */
  return be32(v);
}

static inline int anonymize(AnonymizeIPAddr *a, Packet *p) {
  if (!ip_header(p)) return 1;
  if (!packet_unique(p)) return PACKET_DROP;
  uint8_t *ip = p->network;
  uint32_t before[2] = {ip_src(ip), ip_dst(ip)},
           after[2] = {anonymous(a, before[0]), anonymous(a, before[1])};
  /* RFC 1624: ~(~HC + ~m + m'). */
  uint64_t sum = (uint16_t)~load16(ip + 10);
  for (int i = 0; i < 2; i++) sum += (uint64_t)(uint32_t)~before[i] + after[i];
  store16(ip + 10, (uint16_t)~in_fold(sum));
  store32(ip + 12, after[0]);
  store32(ip + 16, after[1]);
  return 0;
}

ACTION(AnonymizeIPAddr, anonymize)

static int anonymize_configure(Element *e, const Args *args, Errors *errs) {
  AnonymizeIPAddr *a = (AnonymizeIPAddr *)e;
  Text word = {0};
  int rc = 0;
  (void)args;
  for (const char *s = a->preserve_text; s && (s = next_word(s, &word, NULL)); text_clear(&word)) {
    uint64_t net;
    if (!parse_u64(text_cstr(&word), &net) || net > 255)
      rc = error(errs, "PRESERVE_8: expected a number from 0 to 255, not '%s'", text_cstr(&word));
    else
      for (unsigned i = 0; i < 8; i++) a->keep[1u << i | (unsigned)net >> (8 - i)] = true;
  }
  text_free(&word);
  return rc;
}

static int anonymize_initialize(Element *e, Errors *errs) {
  AnonymizeIPAddr *a = (AnonymizeIPAddr *)e;
  (void)errs;
  for (int i = 0; i < 4; i++) a->key[i / 2] = a->key[i / 2] << 32 | random_u32(e);
  return 0;
}

static void anonymize_cleanup(Element *e) { mem_free(((AnonymizeIPAddr *)e)->preserve_text); }

static void anonymize_take_state(Element *e, Element *old) {
  memcpy(((AnonymizeIPAddr *)e)->key, ((AnonymizeIPAddr *)old)->key, sizeof((AnonymizeIPAddr *)e)->key);
}

ELEMENT(AnonymizeIPAddr, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(AnonymizeIPAddr, anonymize),
        .configure = anonymize_configure, .initialize = anonymize_initialize, .cleanup = anonymize_cleanup,
        .take_state = anonymize_take_state,
        .args = ARGS(ARG(AnonymizeIPAddr, U32, "CLASS", class_bits, "0", .min = 0, .max = 32),
                     ARG(AnonymizeIPAddr, RAW, "PRESERVE_8", preserve_text, NULL)));
