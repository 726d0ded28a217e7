/* ipfilter_names.c: names in the patterns of IPFilter and IPClassifier. */
#include "ipfilterlang.h"

const NamedKind ip_lang_kinds[] = {{"ce", KIND_CE, {0}},
                                   {"dest", KIND_SYNTAX, {0}},
                                   {"dscp", KIND_FIELD, {0, 8, 6}},
                                   {"dst", KIND_SYNTAX, {0}},
                                   {"ect", KIND_ECT, {0}},
                                   {"ether", KIND_SYNTAX, {0}},
                                   {"frag", KIND_FRAG, {0}},
                                   {"hl", KIND_FIELD, {0, 4, 4}},
                                   {"host", KIND_HOST, {0}},
                                   {"id", KIND_FIELD, {0, 32, 16}},
                                   {"ip", KIND_SYNTAX, {0}},
                                   {"len", KIND_FIELD, {0, 16, 16}},
                                   {"net", KIND_NET, {0}},
                                   {"not", KIND_SYNTAX, {0}},
                                   {"opt", KIND_TCPOPT, {0}},
                                   {"port", KIND_PORT, {0}},
                                   {"proto", KIND_PROTO, {0}},
                                   {"src", KIND_SYNTAX, {0}},
                                   {"tos", KIND_FIELD, {0, 8, 8}},
                                   {"ttl", KIND_FIELD, {0, 64, 8}},
                                   {"type", KIND_FIELD, {1, 0, 8}},
                                   {"unfrag", KIND_UNFRAG, {0}},
                                   {"vers", KIND_FIELD, {0, 0, 4}},
                                   {"win", KIND_FIELD, {6, 112, 16}}};

typedef struct Named {
  const char *name;
  uint16_t value;
} Named;
static const Named proto_names[] = {{"dccp", 33},
                                    {"gre", 47},
                                    {"icmp", 1},
                                    {"igmp", 2},
                                    {"ipip", 4},
                                    {"payload", PROTO_PAYLOAD},
                                    {"sctp", 132},
                                    {"tcp", 6},
                                    {"tcpudp", PROTO_TCP_OR_UDP},
                                    {"transp", PROTO_TRANSP},
                                    {"udp", 17},
                                    {"esp", 50},
                                    {"ah", 51},
                                    {"ospf", 89},
                                    {"pim", 103},
                                    {"vrrp", 112},
                                    {"ipv6", 41},
                                    {"rsvp", 46},
                                    {"egp", 8},
                                    {"ggp", 3},
                                    {"igp", 9},
                                    {NULL, 0}};
static const Named tcp_opt_names[] = {{"fin", 1},  {"syn", 2},  {"rst", 4}, {"psh", 8},
                                      {"ack", 16}, {"urg", 32}, {NULL, 0}};
static const Named icmp_type_names[] = {{"echo-reply", 0},
                                        {"unreachable", 3},
                                        {"sourcequench", 4},
                                        {"redirect", 5},
                                        {"echo", 8},
                                        {"routeradvert", 9},
                                        {"routersolicit", 10},
                                        {"timeexceeded", 11},
                                        {"parameterproblem", 12},
                                        {"timestamp", 13},
                                        {"timestamp-reply", 14},
                                        {"inforeq", 15},
                                        {"inforeq-reply", 16},
                                        {"maskreq", 17},
                                        {"maskreq-reply", 18},
                                        {NULL, 0}};
static bool find_name(const Named *table, const char *s, uint32_t *out) {
  for (; table->name; table++)
    if (!strcmp(table->name, s)) return *out = table->value, true;
  return false;
}

/* Service names are looked up in the host's files: the answers are kept while a configuration is read. */
static bool find_port(const Lang *l, int kind, const char *s, uint32_t *out) {
  uint16_t port = 0;
  if (is_digit(*s)) return false;
  uint32_t hash = (uint32_t)kind;
  for (const char *c = s; *c; c++) hash = (hash ^ (uint8_t)*c) * 16777619u;
  KnownService *k = &l->services[(hash ^ hash >> 16) % SERVICES_KEPT];
  if (k->kind != kind || strcmp(k->name, s) != 0) {
    bool found = known_port(s, &port) || name_query(l->scope, kind, s, &port, sizeof port);
    if (strlen(s) >= sizeof k->name) return *out = port, found;
    *k = (KnownService){.kind = kind, .found = found, .port = port};
    memcpy(k->name, s, strlen(s));
  }
  return *out = k->port, k->found;
}

static bool find_proto(const Lang *l, const char *s, uint32_t *out) {
  uint8_t v;
  if (find_name(proto_names, s, out)) return true;
  if (is_digit(*s) || !name_query(l->scope, NAME_IP_PROTO, s, &v, 1)) return false;
  return *out = v, true;
}

const char *ip_lang_kind_name(Kind kind, Field field) {
  switch (kind) {
  case KIND_HOST:
    return "ip host";
  case KIND_NET:
    return "ip net";
  case KIND_PROTO:
    return "proto";
  case KIND_PORT:
    return "port";
  case KIND_TCPOPT:
    return "tcp opt";
  case KIND_ETHER:
    return "ether host";
  case KIND_FRAG:
    return "ip frag";
  case KIND_UNFRAG:
    return "ip unfrag";
  case KIND_ECT:
    return "ip ect";
  case KIND_CE:
    return "ip ce";
  case KIND_FIELD:
    for (unsigned i = 0; i < IP_LANG_KINDS; i++)
      if (ip_lang_kinds[i].kind == KIND_FIELD && !memcmp(&ip_lang_kinds[i].field, &field, sizeof field))
        return ip_lang_kinds[i].name;
    return "[...]";
  default:
    return "<none>";
  }
}

Kind ip_lang_lookup(Lang *l, const char *s, Kind kind, Field field, int proto, uint32_t *out, bool report) {
  static const Kind kinds[] = {KIND_PROTO, KIND_PORT, KIND_PORT, KIND_TCPOPT, KIND_FIELD};
  uint32_t v[5];
  bool got[5], fits[5];
  if (kind == KIND_NONE)
    for (unsigned i = 0; i < IP_LANG_KINDS; i++)
      if (!strcmp(ip_lang_kinds[i].name, s))
        return ip_lang_kinds[i].kind == KIND_SYNTAX ? KIND_NONE : (*out = i + 1, KIND_SYNTAX);
  got[0] = find_proto(l, s, &v[0]);
  got[1] = find_port(l, NAME_TCP_PORT, s, &v[1]);
  got[2] = find_port(l, NAME_UDP_PORT, s, &v[2]);
  got[3] = find_name(tcp_opt_names, s, &v[3]);
  got[4] = find_name(icmp_type_names, s, &v[4]);
  bool any = proto == PROTO_UNKNOWN, tcp_udp = proto == PROTO_TCP_OR_UDP;
  bool icmp_type = kind == KIND_FIELD && field.proto == 1 && field.bit == 0 && field.bits == 8;
  fits[0] = got[0] && (kind == KIND_NONE || kind == KIND_PROTO);
  fits[1] = got[1] && (kind == KIND_NONE || kind == KIND_PORT) && (any || tcp_udp || proto == 6);
  fits[2] = got[2] && (kind == KIND_NONE || kind == KIND_PORT) && (any || tcp_udp || proto == 17);
  fits[3] = got[3] && (kind == KIND_NONE || kind == KIND_TCPOPT) && (any || tcp_udp || proto == 6);
  fits[4] = got[4] && (kind == KIND_NONE || icmp_type) && (any || proto == 1);
  if (fits[1] && fits[2] && v[1] == v[2]) fits[2] = false;
  int which = -1, ngot = 0, nfits = 0;
  for (int i = 0; i < 5; i++) {
    ngot += got[i];
    nfits += fits[i];
    if (fits[i]) which = i;
  }
  if (nfits == 1) return *out = v[which], kinds[which];
  if (!ngot) return KIND_NONE;
  if (report) {
    static const char *const what[] = {"proto", "tcp port", "udp port", "tcp opt", "icmp type"};
    Text could = {0};
    for (int i = 0; i < 5; i++)
      if (got[i]) text_printf(&could, "%s'%s %s'", could.len ? ", " : "", what[i], s);
    FAIL(l, "'%s' is %s; try %s", s, nfits > 1 ? "ambiguous" : "meaningless here", text_cstr(&could));
    text_free(&could);
  }
  return KIND_BAD;
}
