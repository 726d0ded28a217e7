/* args_names.c: parsers of addresses, ports, protocols and annotations that know names, too. */
#include "router.h"

/* What stands in front of one of the space-separated suffixes, in any case; false if s has none of them. */
static bool strip_suffix(const char *s, const char *suffixes, char buf[128]) {
  const char *colon = NULL;
  for (const char *p = s; *p; p++)
    if (*p == ':') colon = p;
  if (!colon || colon - s >= 128) return false;
  for (size_t n; *suffixes; suffixes += n + (suffixes[n] == ' ')) {
    char one[16];
    for (n = 0; suffixes[n] && suffixes[n] != ' '; n++) one[n] = suffixes[n];
    one[n] = 0;
    if (compare_ignore_case(colon, one)) continue;
    memcpy(buf, s, (size_t)(colon - s));
    buf[colon - s] = 0;
    return true;
  }
  return false;
}

/* "name:ip" names the same as "name" where an IP address is asked for, and so on. */
static bool query(const Element *e, int kind, const char *s, const char *suffixes, void *value, size_t size) {
  char buf[128];
  return name_query(e, kind, s, value, size) ||
         (strip_suffix(s, suffixes, buf) && name_query(e, kind, buf, value, size));
}

/* "name:bcast" is the broadcast address of a network, "name:gw" its first address unless there is a better
 * one. */
static bool query_derived(const Element *e, const char *s, uint32_t *out) {
  char buf[128];
  IPPrefix p;
  bool broadcast = strip_suffix(s, ":bcast", buf);
  if ((!broadcast && !strip_suffix(s, ":gw", buf)) || !name_query(e, NAME_IP_PREFIX, buf, &p, sizeof p))
    return false;
  *out = broadcast ? p.addr | ~p.mask : (p.addr & p.mask) | be32(1);
  return true;
}

bool arg_parse_ip(const Element *e, const char *s, uint32_t *out) {
  return parse_ip(s, out) || query(e, NAME_IP, s, ":ip :ip4", out, 4) || query_derived(e, s, out);
}

bool arg_parse_ip_prefix(const Element *e, const char *s, bool bare_ok, IPPrefix *out) {
  if (parse_ip_prefix(s, bare_ok, &out->addr, &out->mask)) return true;
  const char *slash = strchr(s, '/');
  if (slash) { /* NAME/len */
    char buf[64];
    uint32_t addr, ignored;
    size_t n = (size_t)(slash - s);
    if (n >= 40 || strlen(slash) > 20) return false;
    memcpy(buf, s, n);
    buf[n] = 0;
    if (!arg_parse_ip(e, buf, &addr)) return false;
    format_into(buf, sizeof buf, "0.0.0.0%s", slash);
    if (!parse_ip_prefix(buf, false, &ignored, &out->mask)) return false;
    out->addr = addr;
    return true;
  }
  if (bare_ok &&
      arg_parse_ip(e, s, &out->addr)) { /* a name of both is the address; "name:ipnet" the network */
    out->mask = 0xffffffff;
    return true;
  }
  return query(e, NAME_IP_PREFIX, s, ":ipnet :net :ip4net", out, sizeof *out);
}

bool arg_parse_ip6(const Element *e, const char *s, uint8_t out[16]) {
  return parse_ip6(s, out) || query(e, NAME_IP6, s, ":ip6", out, 16);
}

bool arg_parse_ip6_prefix(const Element *e, const char *s, IP6Prefix *out) {
  return parse_ip6_prefix(s, out->addr, &out->len) ||
         query(e, NAME_IP6_PREFIX, s, ":ip6net", out, sizeof *out);
}

bool arg_parse_ether(const Element *e, const char *s, uint8_t out[6]) {
  return parse_ether(s, out) || query(e, NAME_ETHER, s, ":eth :ether :ethernet", out, 6);
}

/* Names that every router knows, for TCP and UDP alike, whatever the host says. */
static const struct {
  const char *name;
  uint16_t port;
} known_ports[] = {
    {"auth", 113},   {"bootpc", 68},       {"bootps", 67},      {"chargen", 19},      {"daytime", 13},
    {"discard", 9},  {"dns", 53},          {"domain", 53},      {"echo", 7},          {"finger", 79},
    {"ftp", 21},     {"ftp-data", 20},     {"https", 443},      {"imap3", 220},       {"imaps", 993},
    {"irc", 194},    {"netbios-dgm", 138}, {"netbios-ns", 137}, {"netbios-ssn", 139}, {"nntp", 119},
    {"ntp", 123},    {"pop3", 110},        {"pop3s", 995},      {"pptp", 1723},       {"rip", 520},
    {"route", 520},  {"smtp", 25},         {"snmp", 161},       {"snmp-trap", 162},   {"ssh", 22},
    {"sunrpc", 111}, {"telnet", 23},       {"tftp", 69},        {"www", 80}};

bool known_port(const char *name, uint16_t *out) {
  for (unsigned i = 0; i < countof(known_ports); i++)
    if (!strcmp(known_ports[i].name, name)) return *out = known_ports[i].port, true;
  return false;
}

bool arg_parse_port(const Element *e, int ip_proto, const char *s, uint16_t *out) {
  uint64_t v;
  if (parse_u64(s, &v)) {
    if (v > 65535) return false;
    *out = (uint16_t)v;
    return true;
  }
  return name_query(e, ip_proto == 17 ? NAME_UDP_PORT : NAME_TCP_PORT, s, out, 2) || known_port(s, out);
}

bool arg_parse_anno(const Element *e, const char *s, int size, int *out) {
  static const struct {
    const char *name;
    uint8_t at, size;
  } annos[] = {{"DST_IP", 0, 4},           {"DST_IP6", 0, 16},
               {"WIFI_EXTRA", 16, 24},     {"PAINT", 16, 1},
               {"ICMP_PARAMPROB", 17, 1},  {"FIX_IP_SRC", 19, 1},
               {"VLAN_TCI", 20, 2},        {"VLAN", 20, 2},
               {"AGGREGATE", 20, 4},       {"FWD_RATE", 20, 4},
               {"MISC_IP", 20, 4},         {"EXTRA_PACKETS", 24, 4},
               {"REV_RATE", 24, 4},        {"SEND_ERR", 26, 1},
               {"IPREASSEMBLER", 28, 4},   {"EXTRA_LENGTH", 28, 4},
               {"FIRST_TIMESTAMP", 32, 8}, {"PACKET_NUMBER", 32, 4},
               {"IPSEC_SPI", 32, 4},       {"SEQUENCE_NUMBER", 36, 4},
               {"PERFCTR", 40, 8}};
  uint64_t at = UINT64_MAX, width = 0;
  char buf[64];
  const char *slash = strchr(s, '/');
  size_t n = slash ? (size_t)(slash - s) : strlen(s);
  if (n >= sizeof buf) return false;
  memcpy(buf, s, n);
  buf[n] = 0;
  size_t strip = n > 5 && !strcmp(buf + n - 5, "_ANNO") ? n - 5 : n;
  for (unsigned i = 0; i < countof(annos); i++)
    if (strlen(annos[i].name) == strip && !strncmp(annos[i].name, buf, strip))
      at = annos[i].at, width = annos[i].size;
  if (at == UINT64_MAX && !parse_u64(buf, &at)) {
    uint32_t v;
    if (!name_query(e, NAME_ANNO, buf, &v, 4)) return false;
    at = v & 0xffff;
    width = v >> 16;
  }
  if (slash && !parse_u64(slash + 1, &width)) return false;
  if (at >= PACKET_ANNO || at + (size > 0 ? (uint64_t)size : 1) > PACKET_ANNO) return false;
  if (size > 0 && width && width != (uint64_t)size) return false;
  *out = (int)at;
  return true;
}

bool arg_parse_protocol(const Element *e, const char *s, uint8_t *out) {
  static const struct {
    const char *name;
    uint8_t v;
  } known[] = {{"icmp", 1},   {"igmp", 2},       {"ipip", 4},  {"ipencap", 4},
               {"tcp", 6},    {"egp", 8},        {"udp", 17},  {"dccp", 33},
               {"rsvp", 46},  {"gre", 47},       {"esp", 50},  {"ah", 51},
               {"icmp6", 58}, {"ipv6-icmp", 58}, {"ospf", 89}, {"payload-compress", 108},
               {"vrrp", 112}, {"sctp", 132}};
  uint64_t v;
  if (parse_u64(s, &v)) {
    if (v > 255) return false;
    *out = (uint8_t)v;
    return true;
  }
  for (unsigned i = 0; i < countof(known); i++)
    if (!compare_ignore_case(s, known[i].name)) return *out = known[i].v, true;
  return name_query(e, NAME_IP_PROTO, s, out, 1);
}
