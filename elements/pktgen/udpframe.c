/* udpframe.c: see udpframe.h. */
#include "udpframe.h"

/* Takes a trailing word "random" off; false if there is another one. */
static bool pktgen_split_random(const char *text, Text *value, bool *random) {
  Text more = {0};
  const char *error = NULL, *rest = next_word(text, value, &error);
  if (!rest) return false;
  rest = next_word(rest, &more, &error);
  *random = rest && !strcmp(text_cstr(&more), "random");
  bool ok = !error && (!rest || (*random && !next_word(rest, &more, &error)));
  text_free(&more);
  return ok;
}

static bool pktgen_parse_one_address(const char *s, uint8_t out[16], bool *ip6) {
  uint32_t ip;
  *ip6 = parse_ip6(s, out);
  if (*ip6) return true;
  if (!parse_ip(s, &ip)) return false;
  store32(out + 12, ip);
  return true;
}

static bool pktgen_parse_prefix(const char *s, PktgenAddress *a) {
  uint8_t first[16] = {0};
  uint32_t addr, mask;
  int len;
  a->ip6 = parse_ip6_prefix(s, first, &len);
  uint32_t host; /* bits of the last 32 that vary */
  if (a->ip6) {
    if (len < 96) len = 96; /* the first 2^32 addresses */
    host = len == 128 ? 0 : UINT32_MAX >> (len - 96);
    addr = load32(first + 12);
  } else {
    if (!parse_ip_prefix(s, false, &addr, &mask)) return false;
    host = ~be32(mask);
    if (host & (host + 1)) return false;
  }
  memcpy(a->bytes, first, 12);
  uint32_t low = be32(addr) & ~host;
  bool ends = host > 1; /* without the network's own address and the broadcast address */
  a->range = (PktgenRange){.low = low + ends, .count = host - 2 * ends + (host != UINT32_MAX || ends)};
  return true;
}

int pktgen_parse_address(Element *e, const char *text, void *field, Errors *errs, int arg) {
  PktgenAddress a = {0};
  Text word = {0};
  bool random = false, ip6 = false, ok = pktgen_split_random(text, &word, &random);
  char *s = (char *)text_cstr(&word), *dash = strchr(s, '-');
  uint8_t first[16] = {0}, last[16] = {0};
  if (ok && strchr(s, '/')) {
    ok = pktgen_parse_prefix(s, &a);
  } else if (ok) {
    if (dash) *dash = 0;
    ok = pktgen_parse_one_address(s, first, &a.ip6) &&
         pktgen_parse_one_address(dash ? dash + 1 : s, last, &ip6) && ip6 == a.ip6 &&
         !memcmp(first, last, 12) && be32(load32(last + 12)) >= be32(load32(first + 12));
    memcpy(a.bytes, first, 12);
    a.range.low = be32(load32(first + 12));
    a.range.count = be32(load32(last + 12)) - a.range.low + 1;
  }
  text_free(&word);
  if (!ok || !a.range.count)
    return arg_error(errs, arg,
                     "expected ADDR, FIRST-LAST or ADDR/LEN, perhaps followed by 'random', not '%s'", text);
  a.range.random = random;
  *(PktgenAddress *)field = a;
  return 0;
}

int pktgen_parse_port(Element *e, const char *text, void *field, Errors *errs, int arg) {
  Text word = {0};
  bool random = false, ok = pktgen_split_random(text, &word, &random);
  char *s = (char *)text_cstr(&word), *dash = strchr(s, '-');
  uint64_t low = 0, high = 0;
  if (dash) *dash = 0;
  ok = ok && parse_u64(s, &low) && parse_u64(dash ? dash + 1 : s, &high) && low <= high && high <= 65535;
  text_free(&word);
  if (!ok)
    return arg_error(errs, arg, "expected a port or FIRST-LAST, perhaps followed by 'random', not '%s'",
                     text);
  *(PktgenRange *)field =
      (PktgenRange){.low = (uint32_t)low, .count = (uint32_t)(high - low + 1), .random = random};
  return 0;
}

/* ---- The frame ---------------------------------------------------------------------------------------- */

static void udp_field(Frame *f, uint32_t at, uint8_t wide, const PktgenRange *r) {
  if (r->count == 1) {
    if (wide == 4)
      store32(f->header + at, be32(r->low));
    else
      store16(f->header + at, be16((uint16_t)r->low));
    return;
  }
  f->fields[f->nfields++] = (FrameField){.at = (uint16_t)at,
                                         .wide = wide,
                                         .mode = r->random ? FIELD_RANDOM : FIELD_INCREMENT,
                                         .first = r->low,
                                         .step = 1,
                                         .count = r->count,
                                         .every = 1};
}

void udp_frame(Frame *f, const UdpFlow *u) {
  bool ip6 = u->src.ip6;
  uint8_t *d = f->header, *ip = d + PKTGEN_ETHER;
  uint16_t at = PKTGEN_ETHER, src = ip6 ? 8 : 12, dst = ip6 ? 24 : 16, udp = (uint16_t)(at + (ip6 ? 40 : 20));
  memcpy(d, u->dst_ether, 6);
  memcpy(d + 6, u->src_ether, 6);
  store16(d + 12, be16(ip6 ? 0x86dd : 0x0800));
  if (ip6) {
    store32(ip, be32(6u << 28 | (uint32_t)u->tos << 20));
    ip[6] = 17;
    ip[7] = u->ttl;
    memcpy(ip + 8, u->src.bytes, 12);
    memcpy(ip + 24, u->dst.bytes, 12);
    f->lengths[f->nlengths++] = (FrameLength){at + 4, udp};
  } else {
    ip[0] = 0x45;
    ip[1] = u->tos;
    ip[6] = 0x40; /* may not be fragmented, so the identification is 0 (RFC 6864) */
    ip[8] = u->ttl;
    ip[9] = 17;
    f->lengths[f->nlengths++] = (FrameLength){at + 2, at};
    f->sums[f->nsums++] = (FrameSum){.at = at + 10, .from = at, .to = udp};
  }
  uint16_t addresses = ip6 ? 12 : 0; /* the last 32 bits of each change */
  udp_field(f, at + src + addresses, 4, &u->src.range);
  udp_field(f, at + dst + addresses, 4, &u->dst.range);
  udp_field(f, udp, 2, &u->src_port);
  udp_field(f, udp + 2u, 2, &u->dst_port);
  f->lengths[f->nlengths++] = (FrameLength){udp + 4, udp};
  if (u->checksum || ip6) /* RFC 8200, section 8.1 */
    f->sums[f->nsums++] =
        (FrameSum){.at = udp + 6, .from = udp, .pseudo_from = at + src, .pseudo_to = udp, .protocol = 17};
  f->header_len = udp + 8u;
}
