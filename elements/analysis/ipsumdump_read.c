/* ipsumdump_read.c: packets from the fields of an IP summary dump. */
#include "../icmp/icmpnames.h"
#include "ipsumdump.h"

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_DCCP = 33, PROTO_UDPLITE = 136, HEADER_MAX = 60 };

void summary_build_clear(SummaryBuild *b) {
  b->given = 0;
  text_clear(&b->options[0]);
  text_clear(&b->options[1]);
  text_clear(&b->payload);
}

void summary_build_free(SummaryBuild *b) {
  text_free(&b->options[0]);
  text_free(&b->options[1]);
  text_free(&b->payload);
}

static bool has(const SummaryBuild *b, SummaryId id) { return b->given >> id & 1; }
static bool has_between(const SummaryBuild *b, SummaryId first, SummaryId last) {
  return (b->given & ((UINT64_C(2) << last) - 1)) >> first != 0;
}

/* ---- Values
 * ---------------------------------------------------------------------------------------------------------
 */

static bool parse_fragment(const SummaryBuild *b, const char *s, uint64_t *v) {
  static const struct {
    char c;
    uint16_t v;
  } letters[] = {{'.', 0}, {'!', 0x4000}, {'F', 0x2000}, {'f', 100}}; /* some offset */
  for (unsigned i = 0; i < countof(letters); i++)
    if (s[0] == letters[i].c && !s[1]) return *v = letters[i].v, true;
  if (!is_digit(*s)) return false;
  uint64_t n = 0;
  for (; is_digit(*s); s++) n = n < 1 << 20 ? n * 10 + (uint64_t)(*s - '0') : n;
  if (b->version > 0) n >>= 3; /* the first version had units of 8 bytes */
  n &= 0x1fff;
  for (; *s == '+' || *s == '!'; s++) n |= *s == '+' ? 0x2000 : 0x4000;
  *v = n;
  return !*s;
}

static bool parse_flags(const char *s, uint64_t *v) {
  static const char letters[] = "FSRPAUECN", old[] = "XYW"; /* ECE, CWR, CWR */
  if (!strcmp(s, ".")) return *v = 0, true;
  if (is_digit(*s)) return parse_u64(s, v) && *v < 0x1000;
  for (*v = 0; *s; s++) {
    const char *l = strchr(letters, *s), *o = strchr(old, *s);
    if (!l && !o) return false;
    *v |= l ? 1u << (l - letters) : o == old ? 0x40u : 0x80u;
  }
  return true;
}

static bool parse_protocol(const char *s, uint64_t *v) {
  if (s[0] && !s[1] && strchr("TUI", *s))
    return *v = *s == 'T' ? PROTO_TCP : *s == 'U' ? PROTO_UDP : PROTO_ICMP, true;
  return parse_u64(s, v) && *v < 256;
}

static bool parse_ecn(const char *s, uint64_t *v) {
  static const char *const names[][4] = {
      {"0", "no"}, {"1", "ect1", "ECT(1)"}, {"2", "ect2", "ECT(0)"}, {"3", "ce", "CE"}};
  for (unsigned i = 0; i < 4; i++)
    for (unsigned k = 0; k < 4 && names[i][k]; k++)
      if (!strcmp(names[i][k], s)) return *v = i, true;
  return false;
}

static bool parse_hex(const char *s, uint64_t *v) {
  uint64_t n = 0;
  if (!*s) return false;
  for (; hex_value(*s) >= 0 && n < 65536; s++) n = n << 4 | (uint64_t)hex_value(*s);
  *v = n;
  return !*s && n < 65536;
}

/* Options that are there take the place of those a former field gave. */
static bool take_options(SummaryBuild *b, SummaryId id, const char *s) {
  Text t = {0};
  bool ok = id == SUM_ip_opt ? ip_options_parse(s, &t)
                             : tcp_options_parse(s,
                                                 id == SUM_tcp_sack    ? OPTIONS_ONLY_SACK
                                                 : id == SUM_tcp_ntopt ? OPTIONS_NO_TIMESTAMP
                                                                       : 0,
                                                 &t);
  if (ok && t.len) {
    Text *to = &b->options[id != SUM_ip_opt];
    text_clear(to);
    text_add(to, t.s, t.len);
  }
  text_free(&t);
  return ok;
}

static bool take(SummaryBuild *b, SummaryId id, const char *s, uint64_t *v) {
  int64_t t;
  uint32_t ip;
  uint8_t small;
  int width = summary_fields[id].width;
  switch (id) {
  case SUM_timestamp:
  case SUM_ntimestamp:
  case SUM_first_timestamp:
  case SUM_first_ntimestamp:
    if (!parse_interval(s, NSEC_PER_SEC, &t)) return false;
    *v = (uint64_t)t;
    return true;
  case SUM_link:
  case SUM_paint:
  case SUM_direction:
    if (s[0] && !s[1] && strchr("><LRX", *s)) return *v = *s == '<' || *s == 'R' || *s == 'X', true;
    return parse_u64(s, v) && *v < 256;
  case SUM_eth_src:
  case SUM_eth_dst:
    return arg_parse_ether(b->e, s, b->ether[id - SUM_eth_src]);
  case SUM_eth_type:
    return parse_hex(s, v);
  case SUM_ip_src:
  case SUM_ip_dst:
    if (!arg_parse_ip(b->e, s, &ip)) return false;
    *v = be32(ip);
    return true;
  case SUM_ip_frag:
  case SUM_ip_fragoff:
    return parse_fragment(b, s, v);
  case SUM_ip_proto:
    return parse_protocol(s, v);
  case SUM_ip_ecn:
    return parse_ecn(s, v);
  case SUM_ip_opt:
  case SUM_tcp_opt:
  case SUM_tcp_ntopt:
  case SUM_tcp_sack:
    return take_options(b, id, s);
  case SUM_tcp_flags:
    return parse_flags(s, v);
  case SUM_icmp_type:
  case SUM_icmp_type_name:
    if (!icmp_parse_name(-1, s, &small)) return false;
    *v = small;
    return true;
  case SUM_icmp_code:
  case SUM_icmp_code_name: {
    SummaryId type = has(b, SUM_icmp_type) ? SUM_icmp_type : SUM_icmp_type_name;
    if (!icmp_parse_name(has(b, type) ? (int)b->value[type] : -2, s, &small)) return false;
    *v = small;
    return true;
  }
  case SUM_payload:
    text_clear(&b->payload);
    unquote(s, &b->payload);
    return true;
  case SUM_ts_usec1:
    return parse_u64(s, v);
  default:
    return parse_u64(s, v) && *v <= (width == 1 ? 255u : width == 2 ? 65535u : UINT32_MAX);
  }
}

bool summary_take_text(SummaryBuild *b, SummaryId id, const char *s) {
  if (id >= SUM_COUNT || summary_fields[id].order < 0 || !take(b, id, s, &b->value[id])) return false;
  b->given |= UINT64_C(1) << id;
  return true;
}

int summary_take_binary(SummaryBuild *b, SummaryId id, const uint8_t *s, size_t n) {
  int width = summary_fields[id].width;
  if (width == SUM_TEXT_ONLY || !n) return width ? -1 : 0;
  if (width == SUM_VARIABLE) width = s[0] + 1;
  if ((size_t)width > n) return -1;
  if (id >= SUM_COUNT || summary_fields[id].order < 0) return width;
  uint64_t v = 0;
  if (width <= 8)
    for (int i = 0; i < width; i++) v = v << 8 | s[i];
  switch (id) {
  case SUM_timestamp:
  case SUM_first_timestamp:
    v = (v >> 32) * NSEC_PER_SEC + (v & UINT32_MAX) * 1000;
    break;
  case SUM_ntimestamp:
  case SUM_first_ntimestamp:
    v = (v & UINT32_MAX) * NSEC_PER_SEC + (v >> 32);
    break;
  case SUM_eth_src:
  case SUM_eth_dst:
    memcpy(b->ether[id - SUM_eth_src], s, 6);
    break;
  case SUM_ip_opt:
  case SUM_tcp_opt:
  case SUM_tcp_ntopt:
  case SUM_tcp_sack: {
    Text *to = &b->options[id != SUM_ip_opt];
    if (s[0] > 40) return width;
    if (s[0]) {
      text_clear(to);
      text_add(to, (const char *)s + 1, s[0]);
    }
    break;
  }
  case SUM_ip_frag:
    v = v == '!' ? 0x4000 : v == 'F' ? 0x2000 : v == 'f' ? 100 : 0;
    break;
  default:
    break;
  }
  b->value[id] = v;
  b->given |= UINT64_C(1) << id;
  return width;
}

/* ---- The packet
 * ------------------------------------------------------------------------------------------------------- */

typedef struct Layout {
  uint8_t ip[HEADER_MAX], transport[HEADER_MAX];
  uint32_t mac, ip_length, transport_length; /* bytes of each; the transport header may be cut short */
  uint32_t want;                             /* length of the whole packet as the dump says, 0: not said */
  uint8_t proto;
  bool is_ip, first;
} Layout;

static void set16(uint8_t *s, uint64_t v) { store16(s, be16((uint16_t)v)); }
static void set32(uint8_t *s, uint64_t v) { store32(s, be32((uint32_t)v)); }

static void set_nibble(uint8_t *s, int shift, uint32_t length) {
  *s = (uint8_t)((*s & (0xf0 >> shift)) | (length / 4) << shift);
}

static uint32_t clamp_header(uint64_t v) { return v > HEADER_MAX ? HEADER_MAX : (uint32_t)(v + 3) & ~3u; }

static void build_ip(const SummaryBuild *b, Layout *l) {
  uint8_t *h = l->ip;
  const uint64_t *v = b->value;
  l->proto = has(b, SUM_ip_proto) ? (uint8_t)v[SUM_ip_proto] : b->default_proto;
  h[0] = 0x45;
  h[1] = has(b, SUM_ip_tos) ? (uint8_t)v[SUM_ip_tos] : 0;
  if (has(b, SUM_ip_dscp)) h[1] = (uint8_t)((h[1] & 3) | v[SUM_ip_dscp] << 2);
  if (has(b, SUM_ip_ecn)) h[1] = (uint8_t)((h[1] & 0xfc) | (v[SUM_ip_ecn] & 3));
  if (has(b, SUM_ip_id)) set16(h + 4, v[SUM_ip_id]);
  uint64_t off = has(b, SUM_ip_fragoff) ? v[SUM_ip_fragoff] : has(b, SUM_ip_frag) ? v[SUM_ip_frag] : 0;
  set16(h + 6, off);
  l->first = !(off & 0x1fff);
  h[8] = has(b, SUM_ip_ttl) ? (uint8_t)v[SUM_ip_ttl] : 100;
  h[9] = l->proto;
  if (has(b, SUM_ip_sum)) set16(h + 10, v[SUM_ip_sum]);
  if (b->flow) {
    store32(h + 12, b->flow->src);
    store32(h + 16, b->flow->dst);
  }
  if (has(b, SUM_ip_src)) set32(h + 12, v[SUM_ip_src]);
  if (has(b, SUM_ip_dst)) set32(h + 16, v[SUM_ip_dst]);
  l->ip_length = 20;
  if (has(b, SUM_ip_hl)) {
    uint32_t n = clamp_header(v[SUM_ip_hl]);
    set_nibble(h, 0, n);
    if (n > 20) l->ip_length = n;
  }
  if (has(b, SUM_ip_opt) && b->options[0].len) {
    uint32_t n = clamp_header(20 + b->options[0].len);
    memcpy(h + 20, b->options[0].s, b->options[0].len);
    if (n > l->ip_length) {
      l->ip_length = n;
      set_nibble(h, 0, n);
    }
  }
}

static uint32_t transport_header(uint8_t proto) {
  return proto == PROTO_TCP                                                    ? 20
         : proto == PROTO_UDP || proto == PROTO_UDPLITE || proto == PROTO_ICMP ? 8
         : proto == PROTO_DCCP                                                 ? 12
                                                                               : 0;
}

static void at_least(Layout *l, uint32_t n) {
  if (l->transport_length < n) l->transport_length = n;
}

static void build_tcp(const SummaryBuild *b, Layout *l) {
  uint8_t *h = l->transport;
  const uint64_t *v = b->value;
  if (l->transport_length >= 13) set_nibble(h + 12, 4, 20);
  if (has(b, SUM_tcp_off)) {
    uint32_t n = clamp_header(v[SUM_tcp_off]), old = (h[12] >> 4) * 4u;
    if (n > old) l->transport_length += n - old;
    if (l->transport_length > HEADER_MAX) l->transport_length = HEADER_MAX;
    set_nibble(h + 12, 4, n);
  }
  if (has(b, SUM_tcp_seq)) set32(h + 4, v[SUM_tcp_seq]);
  if (has(b, SUM_tcp_ack)) set32(h + 8, v[SUM_tcp_ack]);
  if (has(b, SUM_tcp_flags)) {
    h[13] = (uint8_t)v[SUM_tcp_flags];
    h[12] = (uint8_t)((h[12] & 0xf0) | (v[SUM_tcp_flags] >> 8 & 15));
  }
  if (has(b, SUM_tcp_window)) set16(h + 14, v[SUM_tcp_window]);
  if (has(b, SUM_tcp_urp)) set16(h + 18, v[SUM_tcp_urp]);
  if (b->options[1].len) {
    uint32_t n = clamp_header(20 + b->options[1].len);
    memcpy(h + 20, b->options[1].s, b->options[1].len);
    at_least(l, n);
    if (n > (h[12] >> 4) * 4u) set_nibble(h + 12, 4, n);
  }
}

static void build_icmp(const SummaryBuild *b, Layout *l) {
  uint8_t *h = l->transport;
  const uint64_t *v = b->value;
  SummaryId type = has(b, SUM_icmp_type_name) ? SUM_icmp_type_name : SUM_icmp_type,
            code = has(b, SUM_icmp_code_name) ? SUM_icmp_code_name : SUM_icmp_code;
  if (!has_between(b, SUM_icmp_type, SUM_icmp_nextmtu)) return;
  at_least(l, 8);
  if (has(b, type)) {
    h[0] = (uint8_t)v[type];
    at_least(l, h[0] == 13 || h[0] == 14 ? 20 : 8);
  }
  if (has(b, code)) h[1] = (uint8_t)v[code];
  bool flow = !has(b, type) || h[0] == 0 || h[0] == 8 || (h[0] >= 13 && h[0] <= 16);
  if (flow && has(b, SUM_icmp_flowid)) set16(h + 4, v[SUM_icmp_flowid]);
  if (flow && has(b, SUM_icmp_seq)) set16(h + 6, v[SUM_icmp_seq]);
  if (has(b, SUM_icmp_nextmtu) && (!has(b, type) || h[0] == 3) && (!has(b, code) || h[1] == 4))
    set16(h + 6, v[SUM_icmp_nextmtu]);
}

static void build_transport(const SummaryBuild *b, Layout *l) {
  if (!l->first) return;
  uint8_t *h = l->transport;
  uint32_t n = transport_header(l->proto), before = l->mac + l->ip_length;
  if (l->want && l->want < before + n) n = l->want > before ? l->want - before : 0;
  l->transport_length = n;
  if (l->proto == PROTO_ICMP) {
    build_icmp(b, l);
    return;
  }
  if (!transport_header(l->proto)) return;
  if (b->flow) {
    store16(h, b->flow->sport);
    store16(h + 2, b->flow->dport);
  }
  if (has(b, SUM_sport)) set16(h, b->value[SUM_sport]);
  if (has(b, SUM_dport)) set16(h + 2, b->value[SUM_dport]);
  if (l->proto == PROTO_TCP)
    build_tcp(b, l);
  else if (has(b, SUM_udp_len) && l->proto != PROTO_DCCP) {
    at_least(l, 8);
    set16(h + 4, b->value[SUM_udp_len]);
  }
}

/* Where the payload begins: behind TCP's and UDP's headers; an ICMP header is payload. */
static uint32_t payload_offset(const Layout *l) {
  uint32_t n = 0;
  if (l->is_ip && l->first && l->proto == PROTO_TCP)
    n = l->transport_length >= 13 && l->transport[12] >> 4 >= 5 ? (l->transport[12] >> 4) * 4u : 20;
  else if (l->is_ip && l->first && (l->proto == PROTO_UDP || l->proto == PROTO_UDPLITE))
    n = 8;
  return l->mac + (l->is_ip ? l->ip_length : 0) + n;
}

/* A payload of n bytes. Where the IP length leaves room for more, options fill it: those of TCP first. */
static void account_payload(const SummaryBuild *b, Layout *l, uint32_t n) {
  if (!l->is_ip || !l->want) {
    l->want = payload_offset(l) + n;
    return;
  }
  int64_t room = (int64_t)l->want - payload_offset(l) - n;
  bool tcp_known = has_between(b, SUM_tcp_opt, SUM_tcp_sack),
       ip_known = has(b, SUM_ip_hl) || has(b, SUM_ip_opt);
  if (room > 3 && l->first && l->proto == PROTO_TCP && !tcp_known && l->transport[12] >> 4 == 5) {
    uint32_t grow = room > 40 ? 40 : (uint32_t)room & ~3u;
    l->transport_length += grow;
    set_nibble(l->transport + 12, 4, 20 + grow);
    room -= grow;
  }
  if (room > 3 && !ip_known && (l->ip[0] & 15) == 5) {
    uint32_t grow = room > 40 ? 40 : (uint32_t)room & ~3u;
    l->ip_length += grow;
    set_nibble(l->ip, 0, l->ip_length);
  }
}

static uint32_t sum16(uint32_t sum, const uint8_t *s, uint32_t n) {
  uint64_t total = sum;
  for (; n > 1; s += 2, n -= 2) total += load16(s);
  if (n) total += *s;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return (uint32_t)total;
}

void summary_set_checksums(Packet *p) {
  uint8_t *ip = p->network, *t = p->transport;
  uint32_t hl = (ip[0] & 15u) * 4, have = (uint32_t)(packet_end(p) - t);
  if (ip + hl > packet_end(p)) return;
  store16(ip + 10, 0);
  store16(ip + 10, (uint16_t)~sum16(0, ip, hl));
  if (be16(load16(ip + 6)) & 0x3fff) return;
  uint32_t at = ip[9] == PROTO_TCP ? 16 : ip[9] == PROTO_UDP ? 6 : ip[9] == PROTO_ICMP ? 2 : 0;
  if (!at || have < at + 2) return;
  store16(t + at, 0);
  uint32_t sum = 0;
  if (ip[9] != PROTO_ICMP) {
    uint8_t pseudo[4] = {0, ip[9], (uint8_t)(have >> 8), (uint8_t)have};
    sum = sum16(sum16(0, ip + 12, 8), pseudo, 4);
  }
  uint16_t c = (uint16_t)~sum16(sum, t, have);
  store16(t + at, ip[9] == PROTO_UDP && !c ? 0xffff : c);
}

static void set_annotations(const SummaryBuild *b, Packet *p) {
  const uint64_t *v = b->value;
  if (has(b, SUM_timestamp)) p->timestamp = (int64_t)v[SUM_timestamp];
  if (has(b, SUM_ntimestamp)) p->timestamp = (int64_t)v[SUM_ntimestamp];
  if (has(b, SUM_ts_usec1)) p->timestamp = (int64_t)v[SUM_ts_usec1] * 1000;
  if (has(b, SUM_ts_sec)) p->timestamp = (int64_t)v[SUM_ts_sec] * NSEC_PER_SEC + p->timestamp % NSEC_PER_SEC;
  if (has(b, SUM_ts_usec))
    p->timestamp = p->timestamp / NSEC_PER_SEC * NSEC_PER_SEC + (int64_t)v[SUM_ts_usec] * 1000;
  if (has(b, SUM_first_timestamp)) store64(p->anno + ANNO_FIRST_TIMESTAMP, v[SUM_first_timestamp]);
  if (has(b, SUM_first_ntimestamp)) store64(p->anno + ANNO_FIRST_TIMESTAMP, v[SUM_first_ntimestamp]);
  if (has(b, SUM_count)) set_anno_u32(p, ANNO_EXTRA_PACKETS, v[SUM_count] ? (uint32_t)v[SUM_count] - 1 : 0);
  for (SummaryId i = SUM_link; i <= SUM_direction; i++)
    if (has(b, i)) set_anno_u8(p, ANNO_PAINT, (uint8_t)v[i]);
  if (has(b, SUM_aggregate)) set_anno_u32(p, ANNO_AGGREGATE, (uint32_t)v[SUM_aggregate]);
}

Packet *summary_build(SummaryBuild *b, bool checksum) {
  Layout l = {.mac = has_between(b, SUM_eth_src, SUM_eth_type) ? 14 : 0};
  uint64_t type = has(b, SUM_eth_type) ? b->value[SUM_eth_type] : 0x0800;
  l.is_ip = (type == 0x0800 || type == 0x86dd) && (has_between(b, SUM_ip_src, SUM_payload) || b->flow);
  if (has(b, SUM_wire_len)) l.want = (uint32_t)b->value[SUM_wire_len];
  if (l.is_ip && has(b, SUM_ip_len)) l.want = l.mac + (uint32_t)b->value[SUM_ip_len];
  if (l.is_ip) {
    build_ip(b, &l);
    build_transport(b, &l);
  }
  bool payload = has(b, SUM_payload) && b->payload.len;
  if (payload) account_payload(b, &l, b->payload.len);
  if (has(b, SUM_payload_len)) account_payload(b, &l, (uint32_t)b->value[SUM_payload_len]);
  uint32_t headers = l.mac + l.ip_length + l.transport_length, at = payload_offset(&l), length = headers;
  if (payload && at + b->payload.len > length) length = at + b->payload.len;
  uint32_t ip_total = 0;
  if (l.is_ip) {
    ip_total = l.want >= l.mac ? l.want - l.mac : l.want;
    if (!ip_total) ip_total = length - l.mac;
    if (ip_total > 0xffff) ip_total = 0xffff;
    set16(l.ip + 2, ip_total);
    if (l.proto == PROTO_UDP && l.first && !load16(l.transport + 4))
      set16(l.transport + 4, ip_total - l.ip_length);
    if (checksum && l.mac + ip_total > length) length = l.mac + ip_total;
  }
  Packet *p = packet_make(PACKET_HEADROOM, NULL, length, 64);
  if (!p) return NULL;
  if (l.mac) {
    memcpy(p->data, b->ether[1], 6);
    memcpy(p->data + 6, b->ether[0], 6);
    for (int i = 0; i < 2; i++)
      if (!has(b, SUM_eth_src + (SummaryId)i)) memset(p->data + (i ? 0 : 6), 0, 6);
    set16(p->data + 12, type);
    p->mac = p->data;
  }
  if (l.is_ip) {
    memcpy(p->data + l.mac, l.ip, l.ip_length);
    memcpy(p->data + l.mac + l.ip_length, l.transport, l.transport_length);
    packet_set_network(p, p->data + l.mac, l.ip_length);
    packet_set_dst_ip(p, load32(l.ip + 16));
  }
  if (payload) memcpy(p->data + at, b->payload.s, b->payload.len);
  if (l.is_ip && checksum) summary_set_checksums(p);
  set_annotations(b, p);
  if (l.want > p->len) set_anno_u32(p, ANNO_EXTRA_LENGTH, l.want - p->len);
  return p;
}
