/** IPEncap: puts an IP header in front of each packet.
 *
 * Synopsis: `IPEncap(PROTO, SRC, DST, <keywords> TTL, DSCP, ECT, CE, TOS, DF)`
 *
 * Identifications count up from 0. Sets the network header and, unless DST is DST_ANNO, the destination
 * annotation.
 *
 * Arguments: PROTO (IP protocol, required). SRC (IP address, required). DST (IP address, required;
 * `DST_ANNO`: that annotation of each packet). TTL (0-255): default 250. DSCP (0-63): default 0. ECT (bool or
 * 2): ECN bits 1, or 2. CE (bool): ECN bits 3. TOS (0-255): instead of DSCP, ECT and CE. DF (bool): do not
 * fragment. Default false.
 *
 * Handlers: `src`, `dst` (read/write).
 *
 * The reference refuses DSCP 63; that is allowed here.
 *
 * Example: `InfiniteSource(LIMIT 5) -> IPEncap(ipip, 18.26.4.24, 140.247.60.147) -> Discard;`
 */
#include "ip.h"

typedef struct IPEncap {
  Element base;
  uint8_t header[20]; /* length and identification 0, checksum set */
  uint32_t src, dst;
  bool dst_anno, ce, df;
  uint8_t proto, ttl, ect;
  int32_t tos, dscp;
  uint16_t id;
} IPEncap;

static void ip_encap_prepare(IPEncap *e) {
  uint8_t tos = (uint8_t)(e->tos >= 0 ? e->tos : (e->dscp >= 0 ? e->dscp << 2 : 0) | (e->ce ? 3 : e->ect));
  const uint8_t header[20] = {0x45, tos, [6] = e->df ? IP_DF >> 8 : 0, [8] = e->ttl, [9] = e->proto};
  memcpy(e->header, header, 20);
  store32(e->header + 12, e->src);
  store32(e->header + 16, e->dst_anno ? 0 : e->dst);
  ip_set_checksum(e->header);
}

static inline int ip_encap(IPEncap *e, Packet *p) {
  if (unlikely(!packet_push(p, 20))) return PACKET_DROP;
  uint8_t *h = p->data;
  uint16_t len = be16((uint16_t)p->len), id = be16(e->id++);
  uint64_t sum = (uint16_t)~load16(e->header + 10);
  memcpy(h, e->header, 20);
  if (e->dst_anno) {
    store32(h + 16, packet_dst_ip(p));
    sum += packet_dst_ip(p);
  } else
    packet_set_dst_ip(p, e->dst);
  store16(h + 2, len);
  store16(h + 4, id);
  store16(h + 10, (uint16_t)~in_fold(sum + len + id));
  packet_set_network(p, h, 20);
  return 0;
}

ACTION(IPEncap, ip_encap)

static int ip_encap_parse_dst(Element *e, const char *text, void *field, Errors *errs, int arg) {
  IPEncap *x = (IPEncap *)e;
  uint32_t addr = 0;
  bool anno = !strcmp(text, "DST_ANNO");
  if (!anno && !arg_parse_ip(e, text, &addr))
    return arg_error(errs, arg, "DST: expected an IP address or DST_ANNO, not '%s'", text);
  (void)field;
  x->dst_anno = anno;
  x->dst = addr;
  return 0;
}

static int ip_encap_parse_ect(Element *e, const char *text, void *field, Errors *errs, int arg) {
  bool yes;
  (void)e;
  if (!strcmp(text, "2"))
    *(uint8_t *)field = 2;
  else if (parse_bool(text, &yes))
    *(uint8_t *)field = yes;
  else
    return arg_error(errs, arg, "ECT: expected true, false or 2, not '%s'", text);
  return 0;
}

static int ip_encap_configure(Element *e, const Args *args, Errors *errs) {
  IPEncap *x = (IPEncap *)e;
  int rc = 0;
  (void)args;
  if (x->tos >= 0 && x->dscp >= 0) rc = error(errs, "cannot set both TOS and DSCP");
  if (x->tos >= 0 && (x->ect || x->ce)) rc = error(errs, "cannot set both TOS and ECN bits");
  if (x->ect && x->ce) rc = error(errs, "can set at most one ECN option");
  ip_encap_prepare(x);
  return rc;
}

static bool ip_encap_live(Element *e) { return e != NULL; }

static int ip_encap_read_dst(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  IPEncap *x = (IPEncap *)e;
  (void)h, (void)param, (void)errs;
  if (x->dst_anno)
    text_add_string(out, "DST_ANNO");
  else
    text_printf(out, "%pI", &x->dst);
  return 0;
}

static int ip_encap_write_dst(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h;
  if (ip_encap_parse_dst(e, value, NULL, errs, -1) < 0) return -1;
  ip_encap_prepare((IPEncap *)e);
  return 0;
}

static int ip_encap_write_src(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  ip_encap_prepare((IPEncap *)e);
  return 0;
}

ELEMENT(IPEncap, .ports = "1/1", USE_ACTION(IPEncap, ip_encap), .configure = ip_encap_configure,
        .can_live_reconfigure = ip_encap_live,
        .args = ARGS(ARG_MUST(IPEncap, IP_PROTO, "PROTO", proto), ARG_MUST(IPEncap, IP, "SRC", src),
                     ARG_MUST(IPEncap, CUSTOM, "DST", dst, .parse = ip_encap_parse_dst),
                     ARG(IPEncap, I32, "TOS", tos, "-1", .min = -1, .max = 255),
                     ARG(IPEncap, U8, "TTL", ttl, "250"),
                     ARG(IPEncap, I32, "DSCP", dscp, "-1", .min = -1, .max = 63),
                     ARG(IPEncap, CUSTOM, "ECT", ect, "false", .parse = ip_encap_parse_ect),
                     ARG(IPEncap, BOOL, "CE", ce, "false"), ARG(IPEncap, BOOL, "DF", df, "false")),
        .handlers = HANDLERS(RW_FIELD(IPEncap, IP, "src", src, .write = ip_encap_write_src),
                             RW_FN("dst", ip_encap_read_dst, ip_encap_write_dst)));
