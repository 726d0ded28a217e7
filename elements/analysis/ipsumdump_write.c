/* ipsumdump_write.c: the fields of IP summary dumps of a packet. */
#include "../icmp/icmpnames.h"
#include "ipsumdump.h"

static uint16_t get16(const uint8_t *s) { return be16(load16(s)); }
static uint32_t get32(const uint8_t *s) { return be32(load32(s)); }

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_DCCP = 33, PROTO_UDPLITE = 136 };

static void complain(SummaryView *v, const char *format, unsigned value) {
  if (v->bad && !v->bad->len) text_printf(v->bad, format, value);
}

static bool first_fragment(const uint8_t *ip) { return !(get16(ip + 6) & 0x1fff); }

static void check_ip(SummaryView *v, bool careful) {
  Packet *p = v->p;
  const uint8_t *ip = v->ip;
  unsigned n = v->network_length;
  v->ip = NULL;
  if (!ip) return;
  if (n < 4) return complain(v, "!bad truncated IP header\n", 0);
  if (ip[0] >> 4 != 4) return complain(v, "!bad IP version %u\n", ip[0] >> 4);
  unsigned hl = ip[0] & 15, len = get16(ip + 2);
  if (hl < 5) return complain(v, "!bad IP header length %u\n", hl);
  if (len < hl * 4) return complain(v, "!bad IP length %u\n", len);
  v->ip = ip;
  uint32_t extra = anno_u32(p, ANNO_EXTRA_LENGTH);
  if (n > len) {
    v->padding = n - len;
    extra += v->padding;
  } else if (careful && n + extra < len)
    complain(v, "!bad truncated IP missing %u\n", len - n - extra);
  v->length -= v->padding;
  v->network_length -= v->padding;
  v->transport_length -= v->transport_length < v->padding ? v->transport_length : v->padding;
  if (extra) { /* lengths are taken from the IP header from here on */
    uint64_t full = (uint64_t)v->network_length + extra;
    extra = len != 0xffff || full <= 0xffff ? 0 : (uint32_t)(full - 0xffff);
  }
  if (extra != anno_u32(p, ANNO_EXTRA_LENGTH)) set_anno_u32(p, ANNO_EXTRA_LENGTH, extra);
}

void summary_view(SummaryView *v, Packet *p, bool headers, bool careful, bool extra_length, Text *bad) {
  *v = (SummaryView){.p = p, .length = p->len, .extra_length = extra_length, .bad = bad};
  const uint8_t *end = packet_end(p), *t = p->transport;
  if (p->network && p->network <= end) {
    v->ip = p->network;
    v->network_length = (uint32_t)(end - p->network);
  }
  if (t && t <= end) v->transport_length = (uint32_t)(end - t);
  if (!headers) return;
  check_ip(v, careful);
  const uint8_t *ip = v->ip;
  if (!ip || !t || t > end || v->network_length <= (ip[0] & 15u) * 4 || !first_fragment(ip)) return;
  if (ip[9] == PROTO_TCP) {
    if (v->transport_length > 12 && t[12] >> 4 < 5)
      complain(v, "!bad TCP header length %u\n", t[12] >> 4);
    else
      v->tcp = t;
  } else if (ip[9] == PROTO_UDP)
    v->udp = t;
  else if (ip[9] == PROTO_ICMP)
    v->icmp = t;
}

/* ---- What is missing, for BAD_PACKETS
 * -------------------------------------------------------------------------------- */

enum { NEEDS_IP, NEEDS_ETHER = 256, NEEDS_PORTS };

static bool missing(SummaryView *v, unsigned proto, uint32_t n) {
  if (!v->bad || v->bad->len) return false;
  const char *name = proto == PROTO_TCP    ? "TCP"
                     : proto == PROTO_UDP  ? "UDP"
                     : proto == PROTO_ICMP ? "ICMP"
                                           : "TCP/UDP";
  if (proto == NEEDS_ETHER)
    text_add_string(v->bad, "!bad Ethernet header\n");
  else if (!v->ip)
    text_add_string(v->bad, "!bad no IP header\n");
  else if (proto == NEEDS_IP)
    text_add_string(v->bad, "!bad truncated IP header capture\n");
  else if (v->network_length > 9 &&
           (proto == NEEDS_PORTS ? v->ip[9] != PROTO_TCP && v->ip[9] != PROTO_UDP : v->ip[9] != proto))
    return false; /* of another protocol: nothing is wrong with it */
  else if (v->network_length > 7 && !first_fragment(v->ip))
    text_printf(v->bad, "!bad fragmented %s header\n", name);
  else
    text_printf(v->bad, "!bad truncated %s header%s\n", name,
                v->transport_length + anno_u32(v->p, ANNO_EXTRA_LENGTH) >= n ? " capture" : "");
  return false;
}

/* ---- Values
 * ----------------------------------------------------------------------------------------------------------
 */

/* A number, or bytes. */
typedef struct Value {
  uint64_t n;
  const uint8_t *from;
  uint32_t length;
} Value;

/* Where the payload begins and how long it is by the headers; false if it was not captured. */
static bool payload_place(const SummaryView *v, uint64_t *at, uint32_t *length) {
  if (!v->ip) {
    *at = 0;
    *length = v->length;
    return true;
  }
  uint32_t header = 0, hl = (v->ip[0] & 15u) * 4, len = get16(v->ip + 2);
  const uint8_t *t = v->ip + hl;
  uint32_t have = v->network_length > hl ? v->network_length - hl : 0;
  if (v->network_length > 9 && first_fragment(v->ip)) {
    if (v->ip[9] == PROTO_TCP)
      header = have >= 13 && t[12] >> 4 >= 5 ? (t[12] >> 4) * 4u : 20;
    else if (v->ip[9] == PROTO_UDP || v->ip[9] == PROTO_UDPLITE)
      header = 8;
  }
  *at = (uint64_t)(t - v->p->data) + header;
  *length = len - hl - header;
  return *length == 0 || *at < v->p->len;
}

static bool tcp_options(SummaryView *v, bool whole, Value *x) {
  const uint8_t *t = v->tcp;
  uint32_t off = t && v->transport_length >= 13 ? (t[12] >> 4) * 4u : 0;
  if (!off) return missing(v, PROTO_TCP, v->transport_length + 1);
  if (off <= 20 || (!whole && off == 32 && v->transport_length >= 24 && get32(t + 20) == 0x0101080a))
    return true; /* none (but a timestamp) */
  if (v->transport_length < off) return missing(v, PROTO_TCP, v->transport_length + 1);
  x->from = t + 20;
  x->length = off - 20;
  return true;
}

static bool has_ports(const SummaryView *v) {
  const uint8_t *ip = v->ip;
  return ip && v->network_length > (ip[0] & 15u) * 4 && first_fragment(ip) &&
         (ip[9] == PROTO_TCP || ip[9] == PROTO_UDP || ip[9] == PROTO_DCCP || ip[9] == PROTO_UDPLITE);
}

static bool icmp_has_flow(const uint8_t *icmp) {
  return icmp[0] == 0 || icmp[0] == 8 || (icmp[0] >= 13 && icmp[0] <= 16);
}

#define NEED(proto, header, have, bytes)                                                                     \
  if (!(header) || (have) < (bytes)) return missing(v, proto, bytes)
#define IP_FIELD(bytes) NEED(NEEDS_IP, v->ip, v->network_length, bytes)
#define TCP_FIELD(bytes) NEED(PROTO_TCP, v->tcp, v->transport_length, bytes)
#define ICMP_FIELD(bytes) NEED(PROTO_ICMP, v->icmp, v->transport_length, bytes)

static bool value_of(SummaryView *v, SummaryId id, Value *x) {
  const Packet *p = v->p;
  const uint8_t *ip = v->ip;
  switch (id) {
  case SUM_timestamp:
  case SUM_ntimestamp:
    x->n = (uint64_t)p->timestamp;
    return true;
  case SUM_ts_sec:
    x->n = (uint32_t)(p->timestamp / NSEC_PER_SEC);
    return true;
  case SUM_ts_usec:
    x->n = (uint32_t)(p->timestamp % NSEC_PER_SEC / 1000);
    return true;
  case SUM_ts_usec1:
    x->n = (uint64_t)(p->timestamp / 1000);
    return true;
  case SUM_first_timestamp:
  case SUM_first_ntimestamp:
    x->n = load64(p->anno + ANNO_FIRST_TIMESTAMP);
    return true;
  case SUM_count:
    x->n = 1 + anno_u32(p, ANNO_EXTRA_PACKETS);
    return true;
  case SUM_link:
  case SUM_paint:
  case SUM_direction:
    x->n = anno_u8(p, ANNO_PAINT);
    return true;
  case SUM_aggregate:
    x->n = anno_u32(p, ANNO_AGGREGATE);
    return true;
  case SUM_wire_len:
    x->n = p->len;
    return true;
  case SUM_eth_src:
  case SUM_eth_dst:
  case SUM_eth_type: {
    const uint8_t *mac = p->mac                                ? p->mac
                         : !p->network || p->data < p->network ? p->data
                                                               : NULL,
                  *net = p->network ? p->network : packet_end(p);
    if (!mac || mac + 14 != net || net > packet_end(p)) return missing(v, NEEDS_ETHER, 0);
    x->from = id == SUM_eth_src ? mac + 6 : mac;
    x->length = 6;
    x->n = get16(mac + 12);
    return true;
  }
  case SUM_ip_src:
    IP_FIELD(16);
    x->n = get32(ip + 12);
    return true;
  case SUM_ip_dst:
    IP_FIELD(20);
    x->n = get32(ip + 16);
    return true;
  case SUM_ip_tos:
    IP_FIELD(2);
    x->n = ip[1];
    return true;
  case SUM_ip_dscp:
    IP_FIELD(2);
    x->n = ip[1] >> 2;
    return true;
  case SUM_ip_ecn:
    IP_FIELD(2);
    x->n = ip[1] & 3;
    return true;
  case SUM_ip_ttl:
    IP_FIELD(9);
    x->n = ip[8];
    return true;
  case SUM_ip_frag: {
    IP_FIELD(8);
    unsigned off = get16(ip + 6);
    x->n = (uint64_t)(off & 0x1fff ? 'f' : off & 0x2000 ? 'F' : off & 0x4000 ? '!' : '.');
    return true;
  }
  case SUM_ip_fragoff:
    IP_FIELD(8);
    x->n = get16(ip + 6);
    return true;
  case SUM_ip_id:
    IP_FIELD(6);
    x->n = get16(ip + 4);
    return true;
  case SUM_ip_sum:
    IP_FIELD(12);
    x->n = get16(ip + 10);
    return true;
  case SUM_ip_proto:
    IP_FIELD(10);
    x->n = ip[9];
    return true;
  case SUM_ip_hl:
    IP_FIELD(1);
    x->n = (ip[0] & 15u) * 4;
    return true;
  case SUM_ip_len:
    x->n = (ip ? get16(ip + 2) : v->length) + (v->extra_length ? anno_u32(p, ANNO_EXTRA_LENGTH) : 0);
    return true;
  case SUM_ip_capture_len: {
    uint32_t have = ip ? v->network_length : v->length, len = ip ? get16(ip + 2) : have;
    x->n = len < have ? len : have;
    return true;
  }
  case SUM_ip_opt: {
    uint32_t hl = ip ? (ip[0] & 15u) * 4 : 0;
    if (!ip || (hl > 20 && v->network_length < hl)) return missing(v, NEEDS_IP, ip ? hl : 20);
    x->from = ip + 20;
    x->length = hl - 20;
    return true;
  }
  case SUM_sport:
  case SUM_dport: {
    uint32_t need = id == SUM_dport ? 4 : 2;
    if (!has_ports(v) || v->transport_length < need) return missing(v, NEEDS_PORTS, need);
    x->n = get16(p->transport + need - 2);
    return true;
  }
  case SUM_tcp_seq:
    TCP_FIELD(8);
    x->n = get32(v->tcp + 4);
    return true;
  case SUM_tcp_ack:
    TCP_FIELD(12);
    x->n = get32(v->tcp + 8);
    return true;
  case SUM_tcp_off:
    TCP_FIELD(13);
    x->n = (v->tcp[12] >> 4) * 4u;
    return true;
  case SUM_tcp_flags:
    TCP_FIELD(14);
    x->n = v->tcp[13] | (v->tcp[12] & 15u) << 8;
    return true;
  case SUM_tcp_window:
    TCP_FIELD(16);
    x->n = get16(v->tcp + 14);
    return true;
  case SUM_tcp_urp:
    TCP_FIELD(20);
    x->n = get16(v->tcp + 18);
    return true;
  case SUM_tcp_opt:
    return tcp_options(v, true, x);
  case SUM_tcp_ntopt:
  case SUM_tcp_sack:
    return tcp_options(v, false, x);
  case SUM_udp_len:
    NEED(PROTO_UDP, v->udp, v->transport_length, 6);
    x->n = get16(v->udp + 4);
    return true;
  case SUM_icmp_type:
  case SUM_icmp_type_name:
    ICMP_FIELD(1);
    x->n = v->icmp[0];
    return true;
  case SUM_icmp_code:
  case SUM_icmp_code_name:
    ICMP_FIELD(2);
    x->n = v->icmp[1];
    return true;
  case SUM_icmp_flowid:
  case SUM_icmp_seq: {
    ICMP_FIELD(1);
    if (!icmp_has_flow(v->icmp)) return false;
    uint32_t need = id == SUM_icmp_seq ? 8 : 6;
    ICMP_FIELD(need);
    x->n = get16(v->icmp + need - 2);
    return true;
  }
  case SUM_icmp_nextmtu:
    ICMP_FIELD(2);
    if (v->icmp[0] != 3 || v->icmp[1] != 4) return false;
    ICMP_FIELD(8);
    x->n = get16(v->icmp + 6);
    return true;
  case SUM_payload_len: {
    uint64_t at;
    uint32_t length;
    payload_place(v, &at, &length);
    x->n = (uint32_t)(length + (!v->ip || v->extra_length ? anno_u32(p, ANNO_EXTRA_LENGTH) : 0));
    return true;
  }
  case SUM_payload:
  case SUM_payload_md5:
  case SUM_payload_md5_hex: {
    uint64_t at;
    uint32_t length;
    if (!payload_place(v, &at, &length)) return false;
    if (at > v->length) at = v->length;
    if (length > v->length - at) length = (uint32_t)(v->length - at);
    x->from = p->data + at;
    x->length = length;
    return true;
  }
  default:
    return false;
  }
}

/* ---- Text
 * -------------------------------------------------------------------------------------------------------------
 */

static const char *icmp_name(int type, unsigned value) {
  for (unsigned i = 0; i < countof(icmp_names); i++)
    if (icmp_names[i].type == type && icmp_names[i].value == value) return icmp_names[i].name;
  return NULL;
}

static void flags_text(uint64_t flags, Text *out) {
  if (!flags) text_add_char(out, '.');
  for (int i = 0; i < 9; i++)
    if (flags >> i & 1) text_add_char(out, "FSRPAUECN"[i]);
}

/* 22 characters for 128 bits, least significant bits first. */
static void md5_text(const uint8_t *digest, Text *out) {
  static const char digits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@";
  for (unsigned bit = 0; bit < 128; bit += 6) {
    unsigned k = bit / 8, two = digest[k] | (k < 15 ? digest[k + 1] << 8 : 0);
    text_add_char(out, digits[two >> bit % 8 & 63]);
  }
}

void summary_text(SummaryView *v, SummaryId id, Text *out) {
  Value x = {0};
  const char *name = NULL;
  if (!value_of(v, id, &x)) {
    text_add_char(out, '-');
    return;
  }
  switch (id) {
  case SUM_timestamp:
  case SUM_ntimestamp:
  case SUM_first_timestamp:
  case SUM_first_ntimestamp:
    text_printf(out, "%pT", &x.n);
    return;
  case SUM_direction:
    if (x.n > 1) break;
    text_add_char(out, x.n ? '<' : '>');
    return;
  case SUM_eth_src:
  case SUM_eth_dst:
    text_printf(out, "%pE", x.from);
    return;
  case SUM_eth_type:
    text_printf(out, "%04X", (unsigned)x.n);
    return;
  case SUM_ip_src:
  case SUM_ip_dst: {
    uint32_t a = be32((uint32_t)x.n);
    text_printf(out, "%pI", &a);
    return;
  }
  case SUM_ip_frag:
    text_add_char(out, (char)x.n);
    return;
  case SUM_ip_fragoff:
    text_printf(out, "%u%s%s", (unsigned)(x.n & 0x1fff) * 8, x.n & 0x2000 ? "+" : "",
                x.n & 0x4000 ? "!" : "");
    return;
  case SUM_ip_proto:
    name = x.n == PROTO_TCP ? "T" : x.n == PROTO_UDP ? "U" : x.n == PROTO_ICMP ? "I" : NULL;
    break;
  case SUM_ip_ecn:
    text_add_string(out, (const char *const[]){"no", "ect1", "ect2", "ce"}[x.n]);
    return;
  case SUM_ip_opt:
    ip_options_text(x.from, x.length, out);
    return;
  case SUM_tcp_flags:
    flags_text(x.n & 0x1ff, out);
    return;
  case SUM_tcp_opt:
    tcp_options_text(x.from, x.length, 0, out);
    return;
  case SUM_tcp_ntopt:
    tcp_options_text(x.from, x.length, OPTIONS_NO_TIMESTAMP, out);
    return;
  case SUM_tcp_sack:
    tcp_options_text(x.from, x.length, OPTIONS_ONLY_SACK, out);
    return;
  case SUM_icmp_type_name:
    name = icmp_name(-1, (unsigned)x.n);
    break;
  case SUM_icmp_code_name:
    name = icmp_name(v->icmp[0], (unsigned)x.n);
    break;
  case SUM_payload:
    summary_quote(x.from, x.length, out);
    return;
  case SUM_payload_md5:
  case SUM_payload_md5_hex: {
    uint8_t digest[16];
    md5(x.from, x.length, digest);
    if (id == SUM_payload_md5) md5_text(digest, out);
    for (int i = 0; id == SUM_payload_md5_hex && i < 16; i++) text_printf(out, "%02x", digest[i]);
    return;
  }
  default:
    break;
  }
  if (name)
    text_add_string(out, name);
  else
    text_printf(out, "%llu", (unsigned long long)x.n);
}

/* ---- Binary
 * ------------------------------------------------------------------------------------------------------------
 */

static void put(Text *out, uint64_t n, int bytes) {
  while (bytes--) text_add_char(out, (char)(n >> 8 * bytes));
}

void summary_binary(SummaryView *v, SummaryId id, Text *out) {
  Value x = {0};
  bool ok = value_of(v, id, &x);
  int64_t t = (int64_t)x.n;
  static const uint8_t zeros[16];
  switch (id) {
  case SUM_timestamp:
  case SUM_first_timestamp:
    put(out, (uint64_t)(t / NSEC_PER_SEC), 4), put(out, (uint64_t)(t % NSEC_PER_SEC / 1000), 4);
    return;
  case SUM_ntimestamp:
  case SUM_first_ntimestamp:
    put(out, (uint64_t)(t % NSEC_PER_SEC), 4), put(out, (uint64_t)(t / NSEC_PER_SEC), 4);
    return; /* so the reference has it */
  case SUM_eth_src:
  case SUM_eth_dst:
    text_add(out, (const char *)(ok ? x.from : zeros), 6);
    return;
  case SUM_ip_opt:
  case SUM_tcp_opt:
    put(out, ok ? x.length : 0, 1);
    if (ok && x.length) text_add(out, (const char *)x.from, x.length);
    return;
  case SUM_tcp_ntopt:
  case SUM_tcp_sack: {
    Text chosen = {0};
    if (ok && x.length)
      tcp_options_select(x.from, x.length, id == SUM_tcp_sack ? OPTIONS_ONLY_SACK : OPTIONS_NO_TIMESTAMP,
                         &chosen);
    put(out, chosen.len, 1);
    text_add(out, text_cstr(&chosen), chosen.len);
    text_free(&chosen);
    return;
  }
  case SUM_payload_md5:
  case SUM_payload_md5_hex: {
    uint8_t digest[16] = {0};
    if (ok) md5(x.from, x.length, digest);
    text_add(out, (const char *)digest, 16);
    return;
  }
  default:
    put(out, ok ? x.n : 0, summary_fields[id].width);
  }
}
