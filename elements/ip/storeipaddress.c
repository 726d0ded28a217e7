/** StoreIPAddress: writes an IP address into the packet.
 *
 * Synopsis: `StoreIPAddress(OFFSET)` or `StoreIPAddress(ADDR, OFFSET)`
 *
 * Writes ADDR, or else the destination address annotation, at OFFSET. A zero annotation leaves the packet as
 * it is (the reference may write it elsewhere, or refuse the packet). OFFSET `src` or `dst` means that field
 * of the IP header: then the IP checksum, and the TCP or UDP checksum of a first fragment, are updated.
 * Packets that do not reach OFFSET leave on output 1, or are dropped.
 *
 * Arguments: ADDR (IP address; may be 0.0.0.0). OFFSET (int, `src` or `dst`, required).
 *
 * Example: `Idle -> CheckIPHeader -> StoreIPAddress(10.0.0.1, src) -> Discard;`
 */
#include "ip.h"

typedef struct StoreIPAddress {
  Element base;
  uint32_t addr;
  uint32_t offset; /* in the data, or in the IP header */
  bool fixed, in_header;
} StoreIPAddress;

static int store_in_header(StoreIPAddress *e, Packet *p, uint32_t addr) {
  if (!ip_header(p) || ip_hlen(p->network) < 20) return 1; /* options may be cut off */
  if (!packet_unique(p)) return PACKET_DROP;
  uint8_t *h = p->network;
  uint32_t old = load32(h + e->offset);
  store32(h + e->offset, addr);
  store16(h + 10, in_update32(load16(h + 10), old, addr));
  if (!ip_first_fragment(h)) return 0;
  unsigned sum_at = h[9] == IP_PROTO_TCP ? 16 : 6, least = h[9] == IP_PROTO_TCP ? 20 : 8;
  uint8_t *t = h[9] == IP_PROTO_TCP || h[9] == IP_PROTO_UDP ? ip_transport(p, least) : NULL;
  if (t && (h[9] == IP_PROTO_TCP || load16(t + sum_at)))
    store16(t + sum_at, in_update32(load16(t + sum_at), old, addr));
  return 0;
}

static inline int store_ip_address(StoreIPAddress *e, Packet *p) {
  uint32_t addr = e->fixed ? e->addr : packet_dst_ip(p);
  if (unlikely(!addr && !e->fixed)) return 0;
  if (e->in_header) return store_in_header(e, p, addr);
  if (unlikely((uint64_t)e->offset + 4 > p->len)) return 1;
  if (!packet_unique(p)) return PACKET_DROP;
  store32(p->data + e->offset, addr);
  return 0;
}

ACTION(StoreIPAddress, store_ip_address)

static int store_ip_address_configure(Element *e, const Args *args, Errors *errs) {
  StoreIPAddress *s = (StoreIPAddress *)e;
  unsigned n = args_count(args);
  if (n < 1 || n > 2) return error(errs, "expected 'OFFSET' or 'ADDR, OFFSET'");
  s->fixed = n == 2;
  if (s->fixed && !arg_parse_ip(e, args_text(args, 0), &s->addr))
    return arg_error(errs, args_index(args, 0), "ADDR: expected an IP address, not '%s'", args_text(args, 0));
  const char *offset = args_text(args, n - 1);
  uint64_t v = 0;
  bool src = !compare_ignore_case(offset, "src"), dst = !compare_ignore_case(offset, "dst");
  s->in_header = src || dst;
  if (!s->in_header && (!parse_u64(offset, &v) || v > 0x7fffffff))
    return arg_error(errs, args_index(args, n - 1), "OFFSET: expected a number, 'src' or 'dst', not '%s'",
                     offset);
  s->offset = src ? 12 : dst ? 16 : (uint32_t)v;
  return 0;
}

ELEMENT(StoreIPAddress, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(StoreIPAddress, store_ip_address), .configure = store_ip_address_configure,
        .args = ARGS(ARG_ALL_REST("ADDR_OR_OFFSET")));
