/** IP6Encap: puts an IPv6 header in front of each packet.
 *
 * Synopsis: `IP6Encap(PROTO, SRC, DST, <keywords> HLIM, CLASS)`
 *
 * Sets the network header and, unless DST is DST_ANNO, the destination annotation.
 *
 * Arguments: PROTO (IP protocol, required): the next header. SRC (IPv6 address, required). DST (IPv6 address,
 * required; `DST_ANNO`: that annotation of each packet). HLIM (0-255): default 250. CLASS (0-255): traffic
 * class. Default 0.
 *
 * Handlers: `src`, `dst` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 5) -> IP6Encap(ipip, 2000:10:1::2, 2000:20:1::2, HLIM 20) -> Discard;`
 */
#include "ip6.h"

typedef struct IP6Encap {
  Element base;
  uint8_t src[16], dst[16];
  bool dst_anno;
  uint8_t proto, hlim, class;
} IP6Encap;

static inline int ip6_encap(IP6Encap *e, Packet *p) {
  static const uint8_t none[16];
  if (unlikely(!packet_push(p, IP6_HEADER))) return PACKET_DROP;
  uint8_t *h = p->data, *anno = p->anno + ANNO_DST_IP6;
  store32(h, be32(6u << 28 | (uint32_t)e->class << 20));
  store16(h + 4, be16((uint16_t)(p->len - IP6_HEADER)));
  h[6] = e->proto;
  h[7] = e->hlim;
  memcpy(h + 8, e->src, 16);
  if (e->dst_anno && memcmp(anno, none, 16))
    memcpy(h + 24, anno, 16);
  else {
    memcpy(h + 24, e->dst, 16);
    packet_set_dst_ip6(p, e->dst);
  }
  packet_set_network(p, h, IP6_HEADER);
  return 0;
}

ACTION(IP6Encap, ip6_encap)

static int ip6_encap_parse_dst(Element *e, const char *text, void *field, Errors *errs, int arg) {
  IP6Encap *x = (IP6Encap *)e;
  uint8_t addr[16] = {0};
  bool anno = !strcmp(text, "DST_ANNO");
  (void)field;
  if (!anno && !arg_parse_ip6(e, text, addr))
    return arg_error(errs, arg, "DST: expected an IPv6 address or DST_ANNO, not '%s'", text);
  x->dst_anno = anno;
  memcpy(x->dst, addr, 16);
  return 0;
}

static bool ip6_encap_live(Element *e) { return e != NULL; }

static int ip6_encap_read_dst(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  IP6Encap *x = (IP6Encap *)e;
  (void)h, (void)param, (void)errs;
  if (x->dst_anno)
    text_add_string(out, "DST_ANNO");
  else
    text_printf(out, "%p6", x->dst);
  return 0;
}
static int ip6_encap_write_dst(Element *e, const Handler *h, const char *value, Errors *errs) {
  return (void)h, ip6_encap_parse_dst(e, value, NULL, errs, -1);
}

ELEMENT(IP6Encap, .ports = "1/1", USE_ACTION(IP6Encap, ip6_encap), .can_live_reconfigure = ip6_encap_live,
        .args = ARGS(ARG_MUST(IP6Encap, IP_PROTO, "PROTO", proto), ARG_MUST(IP6Encap, IP6, "SRC", src),
                     ARG_MUST(IP6Encap, CUSTOM, "DST", dst, .parse = ip6_encap_parse_dst),
                     ARG(IP6Encap, U8, "HLIM", hlim, "250"), ARG(IP6Encap, U8, "CLASS", class, "0")),
        .handlers = HANDLERS(RW_FIELD(IP6Encap, IP6, "src", src),
                             RW_FN("dst", ip6_encap_read_dst, ip6_encap_write_dst)));
