/* checkipheader.h: what CheckIPHeader and CheckIPHeader2 share, which is all but one default. */
#ifndef CLICKLET_ELEMENTS_CHECKIPHEADER_H
#define CLICKLET_ELEMENTS_CHECKIPHEADER_H
#include "iplist.h"

enum {
  CHECK_IP_TINY,
  CHECK_IP_VERSION,
  CHECK_IP_HLEN,
  CHECK_IP_LEN,
  CHECK_IP_SUM,
  CHECK_IP_SRC,
  CHECK_IP_REASONS
};

typedef struct CheckIPHeader {
  Element base;
  uint32_t offset;
  bool checksum, verbose, details;
  IPList bad_src, good_dst;
  uint64_t drops;
  uint64_t reasons[CHECK_IP_REASONS];
} CheckIPHeader;

static const char *const check_ip_reasons[CHECK_IP_REASONS] = {"tiny packet",          "bad IP version",
                                                               "bad IP header length", "bad IP length",
                                                               "bad IP checksum",      "bad source address"};

static __attribute__((noinline, unused)) void check_ip_fail(CheckIPHeader *e, int reason) {
  if (!e->drops || e->verbose) chatter(&e->base, "IP header check failed: %s", check_ip_reasons[reason]);
  e->drops++;
  e->reasons[reason]++;
}

/* Returns what is wrong with the packet, or sets its headers and annotation, cuts it to its length and
 * returns -1. */
always_inline int check_ip_packet(CheckIPHeader *e, Packet *p) {
  uint8_t *h = p->data + e->offset;
  uint32_t have = p->len - e->offset;
  if (unlikely((int32_t)have < 20)) return CHECK_IP_TINY;
  uint32_t len = ip_len(h), hlen = 20;
  if (likely(h[0] == 0x45)) {
    if (unlikely(len > have || len < 20)) return CHECK_IP_LEN;
    if (e->checksum && unlikely(!ip_sum20_right(h))) return CHECK_IP_SUM;
  } else {
    if (h[0] >> 4 != 4) return CHECK_IP_VERSION;
    hlen = ip_hlen(h);
    if (hlen < 20) return CHECK_IP_HLEN;
    if (len > have || len < hlen) return CHECK_IP_LEN;
    if (e->checksum && in_checksum(h, hlen)) return CHECK_IP_SUM;
  }
  uint32_t dst = ip_dst(h);
  if (unlikely(ip_list_has(&e->bad_src, ip_src(h))) && !ip_list_has(&e->good_dst, dst)) return CHECK_IP_SRC;
  packet_set_network(p, h, hlen);
  p->len -= have - len;
  packet_set_dst_ip(p, dst);
  return -1;
}

static inline int check_ip_header(CheckIPHeader *e, Packet *p) {
  ACTION_RARE((int32_t)(p->len - e->offset) < 20 || p->data[e->offset] != 0x45);
  int wrong = check_ip_packet(e, p);
  if (likely(wrong < 0)) return 0;
  check_ip_fail(e, wrong);
  return 1;
}

static inline int check_ip_parse_interfaces(Element *e, const char *text, void *field, Errors *errs,
                                            int arg) {
  CheckIPHeader *c = (CheckIPHeader *)e;
  Text word = {0};
  int rc = 0;
  (void)field;
  for (const char *s = text; !rc && (s = next_word(s, &word, NULL));) {
    IPPrefix net;
    if (!arg_parse_ip_prefix(e, text_cstr(&word), true, &net))
      rc = arg_error(errs, arg, "INTERFACES: expected IP addresses with prefix lengths, not '%s'",
                     text_cstr(&word));
    else if (!ip_list_add(&c->bad_src, net.addr | ~net.mask) || !ip_list_add(&c->good_dst, net.addr))
      rc = error(errs, "out of memory");
  }
  text_free(&word);
  if (!rc && (!ip_list_add(&c->bad_src, 0) || !ip_list_add(&c->bad_src, 0xffffffff)))
    rc = error(errs, "out of memory");
  return rc;
}

/* What is left over is OFFSET, or the old `BADSRC [, OFFSET]`. */
static inline int check_ip_configure(Element *e, const Args *args, Errors *errs) {
  CheckIPHeader *c = (CheckIPHeader *)e;
  unsigned n = args_count(args), i = 0;
  uint64_t offset;
  int rc = 0;
  if (n > 1 || (n == 1 && !parse_u64(args_text(args, 0), &offset))) {
    i = 1;
    rc = ip_list_parse(e, args_text(args, 0), &c->bad_src, errs, args_index(args, 0));
    if (!ip_list_add(&c->bad_src, 0) || !ip_list_add(&c->bad_src, 0xffffffff))
      rc = error(errs, "out of memory");
  }
  if (i < n) {
    if (!parse_u64(args_text(args, i), &offset) || offset > 65535)
      rc = arg_error(errs, args_index(args, i), "OFFSET: expected a number of bytes, not '%s'",
                     args_text(args, i));
    else
      c->offset = (uint32_t)offset;
    i++;
  }
  if (i < n) rc = arg_error(errs, args_index(args, i), "too many arguments: '%s'", args_text(args, i));
  return rc;
}

static inline void check_ip_cleanup(Element *e) {
  ip_list_free(&((CheckIPHeader *)e)->bad_src);
  ip_list_free(&((CheckIPHeader *)e)->good_dst);
}

static inline void check_ip_take_state(Element *e, Element *old) {
  CheckIPHeader *c = (CheckIPHeader *)e, *o = (CheckIPHeader *)old;
  c->drops = o->drops;
  memcpy(c->reasons, o->reasons, sizeof c->reasons);
}

static inline int check_ip_read_details(Element *e, const Handler *h, const char *param, Text *out,
                                        Errors *errs) {
  CheckIPHeader *c = (CheckIPHeader *)e;
  (void)h, (void)param;
  if (!c->details) return error(errs, "drop_details needs DETAILS true");
  for (int i = 0; i < CHECK_IP_REASONS; i++)
    text_printf(out, "%llu\t%s\n", (unsigned long long)c->reasons[i], check_ip_reasons[i]);
  return 0;
}

#define CHECK_IP_ARGS(checksum_default)                                                                      \
  ARGS(ARG(CheckIPHeader, CUSTOM, "INTERFACES", bad_src, NULL, .parse = check_ip_parse_interfaces),          \
       ARG(CheckIPHeader, CUSTOM, "BADSRC", bad_src, NULL, .parse = ip_list_parse_arg),                      \
       ARG(CheckIPHeader, CUSTOM, "GOODDST", good_dst, NULL, .parse = ip_list_parse_arg),                    \
       ARG(CheckIPHeader, U32, "OFFSET", offset, "0", .min = 0, .max = 65535, .fixed = true),                \
       ARG(CheckIPHeader, BOOL, "VERBOSE", verbose, "false"),                                                \
       ARG(CheckIPHeader, BOOL, "DETAILS", details, "false"),                                                \
       ARG(CheckIPHeader, BOOL, "CHECKSUM", checksum, checksum_default, .fixed = true),                      \
       ARG_ALL_REST("OFFSET_OR_BADSRC"))
#define CHECK_IP_HANDLERS                                                                                    \
  HANDLERS(READ_FIELD(CheckIPHeader, U64, "drops", drops, .flags = HANDLER_READ | HANDLER_SUM),              \
           READ_FN("drop_details", check_ip_read_details, .flags = HANDLER_READ | HANDLER_SUM))

#endif
