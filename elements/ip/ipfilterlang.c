/* ipfilterlang.c: the pattern language of IPFilter and IPClassifier.
 *
 *   expr   = or [ "?" expr ":" or ]...          or   = and { ("or" | "||") and }
 *   and    = factor { ["and" | "&&"] factor }   factor = ("not" | "!") factor | "(" expr ")" | test
 *   test   = "true" | "false" | { qualifier } [ "[" field "]" ] [ "&" mask ] [ relation ] [ data ]
 *
 * A test that has no qualifiers takes them from the test before it: "src port 80 or 81". Like the reference,
 * relations and negated values say nothing about packets too short to hold the field: "port != 5" is false
 * for those, while "not port 5" is true.
 */
#include "ipfilter.h"

typedef enum {
  KIND_NONE,
  KIND_INT,
  KIND_HOST,
  KIND_NET,
  KIND_PROTO,
  KIND_PORT,
  KIND_TCPOPT,
  KIND_ETHER,
  KIND_FRAG,
  KIND_UNFRAG,
  KIND_ECT,
  KIND_CE,
  KIND_FIELD,
  KIND_SYNTAX,
  KIND_BAD,
} Kind;

enum { FROM_SRC = 1, FROM_DST, FROM_BOTH, FROM_EITHER };
enum { PROTO_UNKNOWN = -1, PROTO_TCP_OR_UDP = 256, PROTO_TRANSP = 258, PROTO_PAYLOAD = 259 };

typedef struct Field { /* bits of the network header, or of the transport header if proto is not 0 */
  int proto;
  uint32_t bit, bits;
} Field;

typedef struct Primitive {
  Kind kind, data;
  Field field;
  char relation; /* '=', '>', '<' */
  bool negated;
  int from, proto;
  uint32_t value, mask;
  uint8_t ether[6], ether_mask[6];
} Primitive;

#define SERVICES_KEPT 32
typedef struct KnownService {
  char name[20];
  int kind; /* NAME_TCP_PORT, NAME_UDP_PORT; 0: none yet */
  bool found;
  uint16_t port;
} KnownService;

typedef struct Lang {
  Filter *f;
  const Element *scope;
  Errors *errs;
  int arg;
  char **words;
  unsigned n, at, depth;
  Primitive previous;
  bool failed;
  KnownService *services;
} Lang;

static const char *word_at(const Lang *l, unsigned i) { return i < l->n ? l->words[i] : ""; }
static bool is(const Lang *l, const char *s) { return l->at < l->n && !strcmp(l->words[l->at], s); }
static bool is_either(const Lang *l, const char *s, const char *t) { return is(l, s) || is(l, t); }
#define FAIL(l, ...) ((l)->failed = true, arg_error((l)->errs, (l)->arg, __VA_ARGS__))

/* ---- Names
 * ------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  uint8_t kind;
  Field field;
} kind_names[] = {{"ce", KIND_CE, {0}},
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

static const char *kind_name(Kind kind, Field field) {
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
    for (unsigned i = 0; i < countof(kind_names); i++)
      if (kind_names[i].kind == KIND_FIELD && !memcmp(&kind_names[i].field, &field, sizeof field))
        return kind_names[i].name;
    return "[...]";
  default:
    return "<none>";
  }
}

/* What a word stands for, where `kind` and `proto` are asked for: KIND_NONE if it is no name; KIND_BAD if it
 * cannot be told (reported if `report`). Names of kinds themselves give KIND_SYNTAX with *out = index + 1. */
static Kind lookup(Lang *l, const char *s, Kind kind, Field field, int proto, uint32_t *out, bool report) {
  static const Kind kinds[] = {KIND_PROTO, KIND_PORT, KIND_PORT, KIND_TCPOPT, KIND_FIELD};
  uint32_t v[5];
  bool got[5], fits[5];
  if (kind == KIND_NONE)
    for (unsigned i = 0; i < countof(kind_names); i++)
      if (!strcmp(kind_names[i].name, s))
        return kind_names[i].kind == KIND_SYNTAX ? KIND_NONE : (*out = i + 1, KIND_SYNTAX);
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

/* ---- From primitives to tests
 * ------------------------------------------------------------------------------------ */

static uint32_t negate(Lang *l, uint32_t e, bool flip_short) {
  if (e && flip_short) filter_flip_short(l->f, l->f->exprs[e - 1].first);
  return filter_not(l->f, e);
}

static uint32_t word_test(Lang *l, unsigned offset, uint32_t value, uint32_t mask) {
  return filter_test(l->f, offset, be32(value), be32(mask));
}

/* (word & mask) > value, for value within mask, by looking at the top bits first: where those of the value
 * are 0, a bit among them that is set decides; where they are 1, they must be set and the rest decides. */
static uint32_t greater_test(Lang *l, unsigned offset, unsigned shift, uint32_t value, uint32_t mask) {
  bool high = value > mask >> 1;
  uint32_t differ = high ? ~(value + 1) & mask : value;
  uint32_t top = differ ? mask & ~(0xffffffffu >> __builtin_clz(differ)) : mask, rest = mask & ~top;
  uint32_t group = filter_open(l->f, high ? FILTER_AND : FILTER_OR);
  uint32_t test = word_test(l, offset, (high ? top : 0) << shift, top << shift);
  filter_add(l->f, group, high ? test : negate(l, test, true));
  value &= rest;
  if (value < rest) filter_add(l->f, group, greater_test(l, offset, shift, value, rest));
  return group;
}

static uint32_t compare_test(Lang *l, const Primitive *p, unsigned offset, unsigned shift, uint32_t value,
                             uint32_t mask, bool negated) {
  value &= mask;
  uint32_t e = p->relation == '=' ? word_test(l, offset, value << shift, mask << shift)
                                  : greater_test(l, offset, shift, value, mask);
  return negated ? negate(l, e, true) : e;
}

/* The source (of two) address, port or Ethernet address. */
static uint32_t side_test(Lang *l, const Primitive *p, bool dst) {
  if (p->kind == KIND_HOST)
    return compare_test(l, p, CLASSIFY_NETWORK + (dst ? 16 : 12), 0, p->value, p->mask, false);
  if (p->kind == KIND_PORT)
    return compare_test(l, p, CLASSIFY_TRANSPORT, dst ? 0 : 16, p->value, p->mask, false);
  uint8_t v[8] = {0},
          m[8] = {
              0}; /* the two words that hold the address: it is at 2 (destination) or 0 (source) in them */
  uint32_t group = filter_open(l->f, FILTER_AND);
  memcpy(v + (dst ? 2 : 0), p->ether, 6);
  memcpy(m + (dst ? 2 : 0), p->ether_mask, 6);
  for (unsigned i = 0; i < 8; i += 4)
    filter_add(l->f, group,
               filter_test(l->f, CLASSIFY_MAC + (dst ? 0 : 8) + i, load32(v + i), load32(m + i)));
  return group;
}

static uint32_t proto_test(Lang *l, int proto) {
  if (proto != PROTO_TCP_OR_UDP) return word_test(l, CLASSIFY_NETWORK + 8, (uint32_t)proto << 16, 0xff0000);
  uint32_t either = filter_open(l->f, FILTER_OR);
  filter_add(l->f, either, proto_test(l, IP_PROTO_TCP));
  filter_add(l->f, either, proto_test(l, IP_PROTO_UDP));
  return either;
}

static uint32_t compile(Lang *l, const Primitive *p) {
  Filter *f = l->f;
  uint32_t all = filter_open(f, FILTER_AND), start = f->ntests;
  bool of_transport = p->kind == KIND_FIELD && p->field.proto;
  if (p->proto != PROTO_UNKNOWN && (p->proto < 256 || p->proto == PROTO_TCP_OR_UDP))
    filter_add(f, all, proto_test(l, p->proto));
  if (p->kind == KIND_PORT || p->kind == KIND_TCPOPT || of_transport)
    filter_add(f, all, word_test(l, CLASSIFY_NETWORK + 4, 0, IP_OFFMASK));
  switch (p->kind) {
  case KIND_HOST:
  case KIND_ETHER:
  case KIND_PORT: {
    uint32_t sides = filter_open(f, p->from == FROM_EITHER ? FILTER_OR : FILTER_AND);
    if (p->from != FROM_DST) filter_add(f, sides, side_test(l, p, false));
    if (p->from != FROM_SRC) filter_add(f, sides, side_test(l, p, true));
    filter_add(f, all, p->negated ? negate(l, sides, true) : sides);
    break;
  }
  case KIND_PROTO:
    if (p->proto < 256)
      filter_add(f, all, compare_test(l, p, CLASSIFY_NETWORK + 8, 16, p->value, p->mask, p->negated));
    break;
  case KIND_FRAG: {
    uint32_t whole = word_test(l, CLASSIFY_NETWORK + 4, 0, 0x3fff);
    filter_add(f, all, p->negated ? whole : negate(l, whole, true));
    break;
  }
  case KIND_TCPOPT:
    filter_add(f, all, word_test(l, CLASSIFY_TRANSPORT + 12, p->value << 16, p->mask << 16));
    break;
  default: {
    unsigned offset = (of_transport ? CLASSIFY_TRANSPORT : CLASSIFY_NETWORK) + (p->field.bit / 32) * 4;
    filter_add(
        f, all,
        compare_test(l, p, offset, 32 - (p->field.bit % 32 + p->field.bits), p->value, p->mask, p->negated));
  }
  }
  if (f->ntests == start) filter_add(f, all, filter_test(f, 0, 0, 0)); /* "transp": any */
  return all;
}

/* ---- Checking a primitive
 * ---------------------------------------------------------------------------------------- */

/* Completes value and mask of an integer that is compared under `full` bits; turns < into >. */
static bool set_mask(Lang *l, Primitive *p, uint32_t full, uint32_t given) {
  uint32_t mask = given ? given : full, value = p->value;
  const char *name = kind_name(p->kind, p->field);
  if (mask & ~full) return FAIL(l, "'%s': mask out of range, bound 0x%X", name, full), false;
  if (p->relation == '=') {
    if (value > full) return FAIL(l, "'%s': out of range, bound %u", name, full), false;
    p->mask = mask;
    return true;
  }
  if ((p->relation == '<' && (value == 0 || value > mask)) || (p->relation == '>' && value >= mask)) {
    bool holds = (p->relation == '<' && value > mask) != p->negated;
    const char *shown = p->relation == '<' ? (p->negated ? ">=" : "<") : p->negated ? "<=" : ">";
    warning(l->errs, "relation '%s %u' is always %s (range 0-%u)", shown, value, holds ? "true" : "false",
            mask);
    p->value = p->mask = 0;
    p->negated = !holds;
    p->relation = '=';
    return true;
  }
  if (p->relation == '<') { /* x < v is not x > v - 1 */
    value--;
    p->negated = !p->negated;
    p->relation = '>';
  }
  uint32_t missing =
      value & full & ~mask; /* bits that x & mask can never have: the next smaller value that it can */
  if (missing) value |= 0xffffffffu >> __builtin_clz(missing);
  p->value = value & mask;
  p->mask = mask;
  return true;
}

static bool check(Lang *l, Primitive *p, char header, Kind mask_kind, uint32_t mask,
                  const uint8_t *ether_mask) {
  const Primitive *before = &l->previous;
  bool had_from = p->from != 0;
  if (p->kind == KIND_BAD) return false;
  if (p->kind == KIND_NONE && p->data == KIND_INT) {
    if (before->kind != KIND_FIELD && before->kind != KIND_PROTO && before->kind != KIND_PORT)
      return FAIL(l, "specify header field or 'port'"), false;
    p->data = before->kind;
    p->field = before->field;
  }
  if (p->kind == KIND_NONE) {
    p->kind = p->data;
    if (p->data == KIND_NONE) {
      if (p->proto == PROTO_UNKNOWN) return FAIL(l, "partial directive"), false;
      p->kind = KIND_PROTO;
    } else if (p->data == KIND_FIELD) {
      if (p->field.proto && p->proto == PROTO_UNKNOWN) p->proto = p->field.proto;
    } else if (p->data != KIND_PROTO) {
      if (!p->from) p->from = before->from;
      if (p->data == KIND_PORT && p->proto == PROTO_UNKNOWN) p->proto = before->proto;
    }
  }
  if (!header) header = p->data == KIND_ETHER ? 'e' : 'i';
  if (header == 'e' && p->kind == KIND_HOST) p->kind = KIND_ETHER;
  const char *name = kind_name(p->kind, p->field);
  if (header != 'i' && p->kind != KIND_ETHER) return FAIL(l, "'%s': ip only", name), false;
#define NEED(condition, what)                                                                                \
  if (!(condition)) return FAIL(l, "'%s': " what, name), false
  bool int_mask = !mask_kind || mask_kind == KIND_INT;
  switch (p->kind) {
  case KIND_HOST:
  case KIND_NET:
    NEED(p->data == p->kind, "address missing");
    NEED(p->relation == '=', "operator not supported");
    NEED(int_mask || mask_kind == KIND_HOST, "bad mask");
    if (p->kind == KIND_HOST) p->mask = 0xffffffff;
    if (mask_kind) p->mask = mask;
    p->kind = KIND_HOST;
    break;
  case KIND_ETHER:
    NEED(header == 'e' && p->data == KIND_ETHER, "address missing");
    NEED(p->relation == '=', "operator not supported");
    NEED(!mask_kind || mask_kind == KIND_ETHER, "bad mask");
    if (mask_kind)
      memcpy(p->ether_mask, ether_mask, 6);
    else
      memset(p->ether_mask, 0xff, 6);
    break;
  case KIND_PROTO:
    if (p->data == KIND_INT || p->data == KIND_PROTO) {
      NEED(p->proto == PROTO_UNKNOWN || p->proto == (int)p->value, "specified twice");
    } else {
      NEED(p->data == KIND_NONE && p->proto != PROTO_UNKNOWN, "value missing");
      p->value = (uint32_t)p->proto;
    }
    p->proto = PROTO_UNKNOWN;
    p->data = KIND_PROTO;
    if (p->value >= 256) {
      NEED(p->value <= PROTO_PAYLOAD, "out of range, bound 255");
      NEED(p->relation == '=' && !mask_kind, "operator or mask not supported");
      p->mask = 0xff;
    } else {
      NEED(int_mask, "bad mask");
      if (!set_mask(l, p, 0xff, mask_kind ? mask : 0)) return false;
    }
    if (p->relation == '=' && p->mask == 0xff && !p->negated) p->proto = (int)p->value;
    break;
  case KIND_PORT:
    NEED(p->data == KIND_INT || p->data == KIND_PORT, "value missing");
    p->data = KIND_PORT;
    if (p->proto == PROTO_UNKNOWN) p->proto = PROTO_TCP_OR_UDP;
    if (p->proto != PROTO_TCP_OR_UDP && p->proto != IP_PROTO_TCP && p->proto != IP_PROTO_UDP &&
        p->proto != IP_PROTO_DCCP)
      return FAIL(l, "'port': bad protocol %d", p->proto), false;
    NEED(int_mask, "bad mask");
    if (!set_mask(l, p, 0xffff, mask_kind ? mask : 0)) return false;
    break;
  case KIND_TCPOPT:
    NEED(p->data == KIND_INT || p->data == KIND_TCPOPT, "value missing");
    if (p->proto == PROTO_UNKNOWN) p->proto = IP_PROTO_TCP;
    if (p->proto != IP_PROTO_TCP) return FAIL(l, "'tcp opt': bad protocol %d", p->proto), false;
    NEED(p->relation == '=' && !p->negated && !mask_kind, "operator or mask not supported");
    if (p->value > 255) return FAIL(l, "'tcp opt': value %d out of range", (int)p->value), false;
    p->mask = p->value;
    break;
  case KIND_ECT:
    NEED(p->data == KIND_NONE || p->data == KIND_INT, "value missing");
    p->field = (Field){0, 8, 8};
    if (p->data == KIND_NONE) {
      p->value = 0;
      p->negated = true;
    }
    NEED(int_mask, "bad mask");
    if (!set_mask(l, p, 3, mask_kind ? mask : 0)) return false;
    p->kind = KIND_FIELD;
    break;
  case KIND_CE:
    NEED(p->data == KIND_NONE && !mask_kind, "value not supported");
    p->kind = KIND_FIELD;
    p->field = (Field){0, 8, 8};
    p->value = p->mask = 3;
    break;
  case KIND_FRAG:
  case KIND_UNFRAG:
    NEED(p->data == KIND_NONE && !mask_kind, "value not supported");
    if (p->kind == KIND_UNFRAG) p->negated = true;
    p->kind = KIND_FRAG;
    break;
  case KIND_FIELD:
    NEED(p->data == KIND_INT || p->data == KIND_FIELD, "value missing");
    NEED(int_mask, "bad mask");
    if (!set_mask(l, p, p->field.bits == 32 ? 0xffffffff : (1u << p->field.bits) - 1, mask_kind ? mask : 0))
      return false;
    break;
  default:
    return FAIL(l, "'%s': value missing", name), false;
  }
  if (p->kind == KIND_HOST || p->kind == KIND_PORT || p->kind == KIND_ETHER) {
    if (!p->from) p->from = FROM_EITHER;
  } else if (had_from)
    warning(l->errs, "'%s': 'src' or 'dst' ignored", name);
  return true;
}

/* ---- Parsing
 * ----------------------------------------------------------------------------------------------------- */

static void set_kind(Lang *l, Primitive *p, unsigned index) {
  if (p->kind != KIND_NONE) FAIL(l, "type specified twice");
  p->kind = (Kind)kind_names[index].kind;
  p->field = kind_names[index].field;
}
static void set_from(Lang *l, Primitive *p, int from) {
  if (p->from) FAIL(l, "'src' or 'dst' specified twice");
  p->from = from;
}
static void set_proto(Lang *l, Primitive *p, int proto) {
  if (p->proto != PROTO_UNKNOWN && p->proto != proto) FAIL(l, "transport protocol specified twice");
  p->proto = proto;
}

/* "[POS]", "[POS:LEN]" or "[FIRST,LAST]", in bytes. */
static void parse_brackets(Lang *l, Primitive *p) {
  char text[40];
  size_t n = 0;
  unsigned at = l->at + 1;
  for (; at < l->n && strcmp(l->words[at], "]"); at++)
    for (const char *s = l->words[at]; *s && n < sizeof text - 1; s++) text[n++] = *s;
  text[n] = 0;
  if (at >= l->n) {
    FAIL(l, "missing ']'");
    l->at++;
    return;
  }
  l->at = at + 1;
  int64_t pos, len = 1;
  char *cut = strchr(text, ':');
  bool range = !cut && (cut = strchr(text, ','));
  if (cut) *cut++ = 0;
  if (!parse_i64(text, &pos) || (cut && !parse_i64(cut, &len))) {
    FAIL(l, "syntax error after '[', expected '[POS]' or '[POS:LEN]'");
    return;
  }
  if (range) len = len - pos + 1;
  if (len < 1 || len > 4)
    FAIL(l, "LEN in '[POS:LEN]' out of range, should be between 1 and 4");
  else if (pos < 0 || pos > (p->proto == PROTO_UNKNOWN ? 252 : 8188))
    FAIL(l, "POS in '[POS:LEN]' out of range");
  else if (pos / 4 != (pos + len - 1) / 4)
    FAIL(l, "field [%d:%d] does not fit in a single word", (int)pos, (int)len);
  else {
    p->kind = KIND_FIELD;
    p->field = (Field){p->proto == PROTO_UNKNOWN ? 0 : p->proto, (uint32_t)pos * 8, (uint32_t)len * 8};
  }
}

static bool parse_number(const char *s, uint32_t *out) {
  int64_t v;
  if (!parse_i64(s, &v) || v < -2147483648ll || v > 0xffffffffll) return false;
  *out = (uint32_t)v;
  return true;
}

/* A word that is followed by another. */
static const char *inner_word(const Lang *l) { return l->at + 1 < l->n ? l->words[l->at] : ""; }

static uint32_t parse_test(Lang *l) {
  static const char *const ends[] = {")", "||", "or", "?", ":"};
  if (l->at >= l->n) return 0;
  for (unsigned i = 0; i < countof(ends); i++)
    if (is(l, ends[i])) return 0;
  if (is_either(l, "true", "false")) {
    bool yes = is(l, "true");
    l->at++;
    uint32_t t = filter_test(l->f, 0, 0, 0);
    return yes ? t : negate(l, t, false);
  }
  unsigned first = l->at;
  bool negated = false;
  char header = 0;
  Primitive p = {.proto = PROTO_UNKNOWN, .relation = '='};
  for (; l->at < l->n; l->at++) { /* qualifiers */
    const char *w = l->words[l->at];
    uint32_t v;
    Kind k = lookup(l, w, KIND_NONE, p.field, PROTO_UNKNOWN, &v, false);
    if (k == KIND_SYNTAX) {
      set_kind(l, &p, v - 1);
      if (p.kind == KIND_FIELD && p.field.proto) set_proto(l, &p, p.field.proto);
    } else if (k == KIND_PROTO)
      set_proto(l, &p, (int)v);
    else if (k != KIND_NONE)
      break;
    else if (!strcmp(w, "src")) {
      const char *join = word_at(l, l->at + 1), *dst = word_at(l, l->at + 2);
      bool both = !strcmp(join, "and") || !strcmp(join, "&&"),
           either = !strcmp(join, "or") || !strcmp(join, "||");
      if ((both || either) && (!strcmp(dst, "dst") || !strcmp(dst, "dest")))
        l->at += 2;
      else
        both = either = false;
      set_from(l, &p, both ? FROM_BOTH : either ? FROM_EITHER : FROM_SRC);
    } else if (!strcmp(w, "dst") || !strcmp(w, "dest"))
      set_from(l, &p, FROM_DST);
    else if ((!strcmp(w, "ip") || !strcmp(w, "ether")) && !header)
      header = w[0];
    else if (!strcmp(w, "not") || !strcmp(w, "!"))
      negated = !negated;
    else
      break;
  }
  if (l->at != first) l->previous = (Primitive){.proto = PROTO_UNKNOWN, .relation = '='};
  if (l->previous.data == KIND_ETHER) header = 'e';
  if (!strcmp(inner_word(l), "[") && l->at > first && p.kind == KIND_NONE) parse_brackets(l, &p);

  Kind mask_kind = KIND_NONE;
  uint32_t mask = 0, v;
  uint8_t ether_mask[6] = {0};
  if (!strcmp(inner_word(l), "&")) {
    const char *w = l->words[l->at + 1];
    if (parse_number(w, &mask))
      mask_kind = KIND_INT;
    else if (header != 'e' && arg_parse_ip(l->scope, w, &mask))
      mask_kind = KIND_HOST, mask = be32(mask);
    else if (header != 'i' && arg_parse_ether(l->scope, w, ether_mask))
      mask_kind = KIND_ETHER;
    if (mask_kind != KIND_NONE) l->at += 2;
    if (mask_kind != KIND_NONE && mask_kind != KIND_ETHER && !mask) {
      FAIL(l, "zero mask ignored");
      mask_kind = KIND_NONE;
    }
  }
  const char *w = inner_word(l);
  l->at++;
  if (!strcmp(w, "=") || !strcmp(w, "==")) {
  } else if (!strcmp(w, "!="))
    p.negated = true;
  else if (!strcmp(w, ">") || !strcmp(w, "<"))
    p.relation = w[0];
  else if (!strcmp(w, ">=") || !strcmp(w, "<=")) {
    p.relation = w[0] == '>' ? '<' : '>';
    p.negated = true;
  } else
    l->at--;

  if (l->at < l->n) { /* the value */
    IPPrefix net;
    w = l->words[l->at++];
    Kind k = lookup(l, w, p.kind, p.field, p.proto, &v, true);
    if (k == KIND_BAD)
      p.kind = KIND_BAD;
    else if (k != KIND_NONE && k != KIND_SYNTAX) {
      p.data = k;
      p.value = v;
      if (k == KIND_FIELD) p.field = (Field){1, 0, 8};
    } else if (parse_number(w, &p.value))
      p.data = KIND_INT;
    else if (header != 'e' && arg_parse_ip(l->scope, w, &v)) {
      uint32_t m;
      p.value = be32(v);
      p.data = KIND_HOST;
      if (l->at + 1 < l->n && is(l, "mask") && arg_parse_ip(l->scope, l->words[l->at + 1], &m)) {
        p.mask = be32(m);
        p.data = KIND_NET;
        l->at += 2;
      } else if (p.kind == KIND_NET && arg_parse_ip_prefix(l->scope, w, false, &net)) {
        p.value = be32(net.addr);
        p.mask = be32(net.mask);
        p.data = KIND_NET;
      }
    } else if (header != 'e' && arg_parse_ip_prefix(l->scope, w, false, &net)) {
      p.value = be32(net.addr);
      p.mask = be32(net.mask);
      p.data = KIND_NET;
    } else if (header != 'i' && arg_parse_ether(l->scope, w, p.ether))
      p.data = KIND_ETHER;
    else {
      if (p.relation != '=' || p.negated) FAIL(l, "dangling operator near '%s'", w);
      l->at--;
    }
  }
  if (l->at == first) {
    FAIL(l, "empty term near '%s'", word_at(l, l->at));
    return 0;
  }
  if (!check(l, &p, header, mask_kind, mask, ether_mask)) return l->failed = true, 0;
  uint32_t e = compile(l, &p);
  l->previous = p;
  return negated ? negate(l, e, false) : e;
}

static uint32_t parse_expr(Lang *l);

static uint32_t parse_factor(Lang *l) {
  if (!is_either(l, "not", "!") && !is(l, "(")) return parse_test(l);
  if (++l->depth > 100) return FAIL(l, "nested too deeply"), 0;
  uint32_t e;
  unsigned start = ++l->at;
  if (l->words[start - 1][0] == '(') {
    e = parse_expr(l);
    if (l->at == start) FAIL(l, "missing expression after '('");
    if (is(l, ")"))
      l->at++;
    else if (!l->failed)
      FAIL(l, "missing ')'");
  } else {
    e = parse_factor(l);
    if (l->at == start) FAIL(l, "missing expression after '%s'", l->words[start - 1]);
    e = negate(l, e, false);
  }
  l->depth--;
  return e;
}

static uint32_t parse_and(Lang *l) {
  uint32_t all = filter_open(l->f, FILTER_AND);
  for (bool must = true; !l->failed;) {
    unsigned start = l->at;
    filter_add(l->f, all, parse_factor(l));
    if (l->at == start) {
      if (must && !l->failed) FAIL(l, "missing expression");
      break;
    }
    must = is_either(l, "and", "&&");
    if (must) l->at++;
  }
  return all;
}

static uint32_t parse_or(Lang *l) {
  uint32_t any = filter_open(l->f, FILTER_OR);
  filter_add(l->f, any, parse_and(l));
  while (!l->failed && is_either(l, "or", "||")) {
    l->at++;
    filter_add(l->f, any, parse_and(l));
  }
  return any;
}

static uint32_t parse_expr(Lang *l) {
  if (++l->depth > 100) return FAIL(l, "nested too deeply"), 0;
  uint32_t choose = filter_open(l->f, FILTER_CHOOSE);
  filter_add(l->f, choose, parse_or(l));
  while (!l->failed && is(l, "?")) {
    l->at++;
    filter_add(l->f, choose, parse_expr(l));
    if (l->failed) break;
    if (!is(l, ":")) return FAIL(l, "missing ':' in ternary expression"), 0;
    l->at++;
    filter_add(l->f, choose, parse_or(l));
  }
  l->depth--;
  return choose;
}

/* ---- Patterns
 * ---------------------------------------------------------------------------------------------------- */

static size_t word_length(const char *s) {
  if ((*s == '&' || *s == '|') && s[1] == *s) return 2;
  if (strchr("<>!=", *s)) return s[1] == '=' ? 2 : 1;
  size_t n = 0;
  while (is_alpha(s[n]) || is_digit(s[n]) || (s[n] && strchr("-./@_:", s[n]))) n++;
  return n ? n : 1;
}

/* Splits into words; fills *words (one block, to be freed with mem_free) and returns their number. */
static unsigned split_pattern(const char *text, char ***words) {
  unsigned n = 0, most = 0;
  size_t len = strlen(text);
  for (const char *s = text; *s; s += is_space(*s) ? 1 : word_length(s)) most += !is_space(*s);
  char **w = mem_alloc((most + 1) * sizeof *w + len + most + 1);
  *words = w;
  if (!w) return 0;
  char *store = (char *)(w + most + 1);
  for (const char *s = text; *s;) {
    if (is_space(*s)) {
      s++;
      continue;
    }
    size_t k = word_length(s);
    memcpy(store, s, k);
    store[k] = 0;
    w[n++] = store;
    store += k + 1;
    s += k;
  }
  return n;
}

/* The expression in words [from, n); all packets if there is none or it is "-", "any" or "all". */
static uint32_t parse_pattern(Lang *l, unsigned from) {
  l->at = from;
  l->previous = (Primitive){.proto = PROTO_UNKNOWN, .relation = '='};
  if (l->n == from || (l->n == from + 1 && (is(l, "-") || is(l, "any") || is(l, "all"))))
    return filter_test(l->f, 0, 0, 0);
  uint32_t e = parse_expr(l);
  if (l->at < l->n && !l->failed) FAIL(l, "garbage after expression at '%s'", l->words[l->at]);
  return l->failed ? 0 : e;
}

uint32_t ip_filter_parse(Filter *f, const Element *scope, const char *text, Errors *errs, int arg) {
  KnownService services[SERVICES_KEPT] = {0};
  Lang l = {.f = f, .scope = scope, .errs = errs, .arg = arg, .services = services};
  l.n = split_pattern(text, &l.words);
  uint32_t e = l.words ? parse_pattern(&l, 0) : (error(errs, "out of memory"), 0);
  mem_free(l.words);
  return e;
}

/* The output as a leaf; CLASSIFY_DROP, also after errors. */
static int32_t parse_action(Lang *l, int noutputs) {
  int64_t port = 0;
  const char *w = l->words[0];
  if (!strcmp(w, "deny") || !strcmp(w, "drop")) return CLASSIFY_DROP;
  if (!strcmp(w, "allow")) {
    if (!noutputs) FAIL(l, "'allow' is meaningless, element has zero outputs");
  } else if (!parse_i64(w, &port))
    FAIL(l, "unknown slot ID '%s'", w);
  else if (port < 0 || port >= noutputs)
    FAIL(l, "slot '%d' out of range", (int)port);
  return l->failed ? CLASSIFY_DROP : ~(int32_t)port;
}

int ip_filter_configure(Element *e, const Args *args, Errors *errs, bool actions) {
  IPFilter *x = (IPFilter *)e;
  unsigned n = args_count(args);
  if (!actions && n != e->noutputs)
    return error(errs, "need %d arguments, one per output port", (int)e->noutputs);
  Filter f = {0};
  Classify program;
  int rc = 0;
  KnownService services[SERVICES_KEPT] = {0};
  FilterRule *rules = mem_alloc((n + 1) * sizeof *rules);
  for (unsigned i = 0; rules && i < n; i++) {
    Lang l = {.f = &f, .scope = e, .errs = errs, .arg = args_index(args, i), .services = services};
    Text text = {0};
    unquote(args_text(args, i), &text);
    l.n = split_pattern(text_cstr(&text), &l.words);
    if (!l.words)
      f.failed = true;
    else if (!l.n)
      FAIL(&l, "empty pattern %u", i);
    else {
      rules[i].leaf = actions ? parse_action(&l, e->noutputs) : ~(int32_t)i;
      rules[i].expr = parse_pattern(&l, actions ? 1 : 0);
    }
    if (l.failed) rc = -1;
    mem_free(l.words);
    text_free(&text);
  }
  if (!rc && (!rules || !classify_rules(&program, &f, rules, n, false))) rc = error(errs, "out of memory");
  mem_free(rules);
  filter_free(&f);
  if (rc) return rc;
  if (!actions) classify_warn_unused(&program, e->noutputs, errs);
  classify_free(&x->program);
  x->program = program;
  return 0;
}

void ip_filter_cleanup(Element *e) { classify_free(&((IPFilter *)e)->program); }
bool ip_filter_live(Element *e) { return (void)e, true; }

int ip_filter_read_program(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  classify_print(&((IPFilter *)e)->program, out);
  return 0;
}
