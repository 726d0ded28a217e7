/** CheckIP6Header: checks the IPv6 header and sets the header annotations.
 *
 * Synopsis: `CheckIP6Header([BADADDRS, OFFSET])`
 *
 * Good packets leave on output 0, cut to the length that the header states. Packets with a bad version,
 * length or source address leave on output 1, or are dropped if it is not connected; the first one causes a
 * message.
 *
 * Arguments: BADADDRS (list of IPv6 addresses): bad sources, besides the address of all ones. Default none.
 * OFFSET (unsigned): where the header begins. Default 0.
 *
 * Handlers: `drops` (read).
 *
 * Example: `Idle -> Strip(14) -> CheckIP6Header(::0) -> Discard;`
 */
#include "ip6.h"

typedef struct CheckIP6Header {
  Element base;
  uint32_t offset, nbad;
  uint8_t (*bad)[16];
  uint64_t drops;
} CheckIP6Header;

static __attribute__((noinline)) int check_ip6_fail(CheckIP6Header *e) {
  if (!e->drops++) chatter(NULL, "IP6 header check failed");
  return 1;
}

static inline int check_ip6_header(CheckIP6Header *e, Packet *p) {
  uint8_t *h = p->data + e->offset;
  uint32_t have = p->len - e->offset;
  if (unlikely((int32_t)have < IP6_HEADER) || h[0] >> 4 != 6 || ip6_plen(h) > have - IP6_HEADER)
    return check_ip6_fail(e);
  for (uint32_t i = 0; i < e->nbad; i++)
    if (unlikely(!memcmp(h + 8, e->bad[i], 16))) return check_ip6_fail(e);
  packet_set_network(p, h, IP6_HEADER);
  p->len -= have - IP6_HEADER - ip6_plen(h);
  return 0;
}

ACTION(CheckIP6Header, check_ip6_header)

static int check_ip6_bad(CheckIP6Header *e, const uint8_t addr[16]) {
  void *grown = mem_resize(e->bad, e->nbad * 16, (e->nbad + 1) * 16);
  if (!grown) return -1;
  e->bad = grown;
  memcpy(e->bad[e->nbad++], addr, 16);
  return 0;
}

static int check_ip6_parse(Element *e, const char *text, void *field, Errors *errs, int arg) {
  Text all = {0}, word = {0};
  int rc = 0;
  (void)field;
  unquote(text, &all);
  for (const char *s = text_cstr(&all); !rc && (s = next_word(s, &word, NULL));) {
    uint8_t addr[16];
    if (!arg_parse_ip6(e, text_cstr(&word), addr))
      rc = arg_error(errs, arg, "BADADDRS: expected IPv6 addresses, not '%s'", text_cstr(&word));
    else if (check_ip6_bad((CheckIP6Header *)e, addr) < 0)
      rc = error(errs, "out of memory");
  }
  text_free(&all);
  text_free(&word);
  return rc;
}

static int check_ip6_configure(Element *e, const Args *args, Errors *errs) {
  uint8_t ones[16];
  (void)args;
  memset(ones, 0xff, 16);
  return check_ip6_bad((CheckIP6Header *)e, ones) < 0 ? error(errs, "out of memory") : 0;
}

static void check_ip6_cleanup(Element *e) { mem_free(((CheckIP6Header *)e)->bad); }

ELEMENT(CheckIP6Header, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(CheckIP6Header, check_ip6_header),
        .configure = check_ip6_configure, .cleanup = check_ip6_cleanup,
        .args = ARGS(ARG_POS(CheckIP6Header, CUSTOM, "BADADDRS", bad, NULL, .parse = check_ip6_parse),
                     ARG_POS(CheckIP6Header, U32, "OFFSET", offset, "0", .min = 0, .max = 65535)),
        .handlers = HANDLERS(READ_FIELD(CheckIP6Header, U64, "drops", drops)));
