/* args.c: one parser for every element's argument table. */
#include "router.h"
#include <clicklet/platform.h>

struct Args {
  char *const *texts;
  unsigned n;
  uint16_t *left; /* indexes of the arguments that no table entry took */
  unsigned nleft;
};

unsigned args_count(const Args *a) { return a->nleft; }
const char *args_text(const Args *a, unsigned i) { return i < a->nleft ? a->texts[a->left[i]] : ""; }
int args_index(const Args *a, unsigned i) { return i < a->nleft ? a->left[i] : -1; }

/* ---- Parsers that know names
 * ------------------------------------------------------------------------------------- */

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

static bool parse_protocol(const Element *e, const char *s, uint8_t *out) {
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

/* ---- One argument
 * ------------------------------------------------------------------------------------------------ */

static int wrong(Errors *errs, int i, const ArgSpec *a, const char *expected, const char *text) {
  return arg_error(errs, i, "%s: expected %s, not '%s'", a->key, expected, text);
}

static int out_of_range(Errors *errs, int i, const ArgSpec *a, const char *text, double lo, double hi) {
  return arg_error(errs, i, "%s: %s is out of range, expected %.15g to %.15g", a->key, text, lo, hi);
}

static int store_string(void *field, Text *t) {
  char **s = field;
  mem_free(*s);
  *s = mem_string(text_cstr(t), t->len);
  text_free(t);
  return *s ? 0 : -1;
}

static const struct {
  double lo, hi;
  const char *name;
} integer_types[] = {
    [ARG_I32] = {-2147483648., 2147483647., "an integer"},
    [ARG_U8] = {0, 255, "an integer from 0 to 255"},
    [ARG_U16] = {0, 65535, "an integer from 0 to 65535"},
    [ARG_U32] = {0, 4294967295., "an unsigned integer"},
};

static int parse_one(Element *e, const ArgSpec *a, const char *text, Errors *errs, int i) {
  void *field = (char *)e + a->offset;
  Text t = {0};
  unquote(text, &t);
  const char *s = text_cstr(&t);
  int rc = 0;
  switch ((ArgType)a->type) {
  case ARG_BOOL:
    if (!parse_bool(s, field)) rc = wrong(errs, i, a, "true or false", text);
    break;
  case ARG_I32:
  case ARG_U8:
  case ARG_U16:
  case ARG_U32: {
    int64_t v;
    double lo = integer_types[a->type].lo, hi = integer_types[a->type].hi;
    if (!parse_i64(s, &v)) {
      rc = wrong(errs, i, a, integer_types[a->type].name, text);
      break;
    }
    if (a->min < a->max) lo = a->min, hi = a->max;
    if ((double)v < lo || (double)v > hi) {
      rc = out_of_range(errs, i, a, text, lo, hi);
      break;
    }
    memcpy(field, &v, a->size); /* little endian */
    break;
  }
  case ARG_I64: {
    int64_t v;
    if (!parse_i64(s, &v))
      rc = wrong(errs, i, a, "an integer", text);
    else if (a->min < a->max && ((double)v < a->min || (double)v > a->max))
      rc = out_of_range(errs, i, a, text, a->min, a->max);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_U64: {
    uint64_t v;
    if (!parse_u64(s, &v))
      rc = wrong(errs, i, a, "an unsigned integer", text);
    else if (a->min < a->max && ((double)v < a->min || (double)v > a->max))
      rc = out_of_range(errs, i, a, text, a->min, a->max);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_F64: {
    double v;
    if (!parse_double(s, &v))
      rc = wrong(errs, i, a, "a number", text);
    else if (a->min < a->max && (v < a->min || v > a->max))
      rc = out_of_range(errs, i, a, text, a->min, a->max);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_WORD:
    if (!*s || strchr(s, ' ')) {
      rc = wrong(errs, i, a, "one word", text);
      break;
    }
    return store_string(field, &t);
  case ARG_FILENAME:
    if (!*s) {
      rc = wrong(errs, i, a, "a file name", text);
      break;
    }
    return store_string(field, &t);
  case ARG_STRING:
  case ARG_HANDLER:
    return store_string(field, &t);
  case ARG_RAW:
    text_clear(&t);
    text_add_string(&t, text);
    return store_string(field, &t);
  case ARG_IP:
    if (!arg_parse_ip(e, s, field)) rc = wrong(errs, i, a, "an IP address", text);
    break;
  case ARG_IP_PREFIX:
  case ARG_IP_OR_PREFIX:
    if (!arg_parse_ip_prefix(e, s, a->type == ARG_IP_OR_PREFIX, field))
      rc = wrong(errs, i, a,
                 a->type == ARG_IP_PREFIX ? "an IP address and prefix length (as 10.0.0.0/8)"
                                          : "an IP address or prefix",
                 text);
    break;
  case ARG_IP6:
    if (!arg_parse_ip6(e, s, field)) rc = wrong(errs, i, a, "an IPv6 address", text);
    break;
  case ARG_IP6_PREFIX:
    if (!arg_parse_ip6_prefix(e, s, field)) rc = wrong(errs, i, a, "an IPv6 address and prefix length", text);
    break;
  case ARG_ETHER:
    if (!arg_parse_ether(e, s, field)) rc = wrong(errs, i, a, "an Ethernet address", text);
    break;
  case ARG_ANNO:
    if (!arg_parse_anno(e, s, (int)a->min, field))
      rc = wrong(errs, i, a, "a packet annotation of the right size", text);
    break;
  case ARG_INTERVAL:
  case ARG_TIMESTAMP: {
    int64_t v;
    if (!parse_interval(s, NSEC_PER_SEC, &v))
      rc =
          wrong(errs, i, a, a->type == ARG_INTERVAL ? "a time (as 1.5s or 20ms)" : "a time in seconds", text);
    else if (a->min < a->max && ((double)v < a->min || (double)v > a->max))
      rc = arg_error(errs, i, "%s: %s is out of range, expected %.9gs to %.9gs", a->key, text, a->min / 1e9,
                     a->max / 1e9);
    else
      memcpy(field, &v, 8);
    break;
  }
  case ARG_BANDWIDTH:
    if (!parse_bandwidth(s, field)) rc = wrong(errs, i, a, "a bandwidth (as 10Mbps)", text);
    break;
  case ARG_PORT_NUMBER:
    if (!arg_parse_port(e, 6, s, field)) rc = wrong(errs, i, a, "a port number", text);
    break;
  case ARG_IP_PROTO:
    if (!parse_protocol(e, s, field)) rc = wrong(errs, i, a, "an IP protocol", text);
    break;
  case ARG_ELEMENT: {
    Element *x = router_find(e->router, e, s);
    if (!x)
      rc = arg_error(errs, i, "%s: there is no element '%s'", a->key, s);
    else
      memcpy(field, &x, sizeof x);
    break;
  }
  case ARG_CHOICE: {
    int k = 0;
    while (a->choices[k] && compare_ignore_case(a->choices[k], s)) k++;
    if (a->choices[k]) {
      memcpy(field, &k, sizeof k);
      break;
    }
    Text list = {0};
    for (k = 0; a->choices[k]; k++) text_printf(&list, "%s%s", k ? ", " : "", a->choices[k]);
    rc = arg_error(errs, i, "%s: expected one of %s, not '%s'", a->key, text_cstr(&list), text);
    text_free(&list);
    break;
  }
  case ARG_CUSTOM:
    rc = a->parse(e, text, field, errs, i);
    break;
  case ARG_REST:
    break;
  }
  text_free(&t);
  return rc;
}

/* ---- A table
 * ----------------------------------------------------------------------------------------------------- */

static size_t key_length(const char *text) {
  size_t n = 0;
  while ((text[n] >= 'A' && text[n] <= 'Z') || (n && (is_digit(text[n]) || text[n] == '_' || text[n] == '-')))
    n++;
  return n && (is_space(text[n]) || !text[n]) ? n : 0;
}

static const ArgSpec *find_key(const ArgSpec *specs, const char *text, size_t n) {
  for (const ArgSpec *a = specs; n && a->key; a++)
    if (a->type != ARG_REST && strlen(a->key) == n && !strncmp(a->key, text, n)) return a;
  return NULL;
}

static void set_given(Element *e, const ArgSpec *a) {
  if (a->given) *((bool *)e + a->given - 1) = true;
}

static int unknown(const ArgSpec *specs, const char *text, int i, Errors *errs) {
  size_t n = key_length(text);
  Text list = {0};
  unsigned positional = 0;
  for (const ArgSpec *a = specs; a->key; a++) {
    if (!(a->flags & ARG_DEPRECATED)) text_printf(&list, "%s%s", list.len ? ", " : "", a->key);
    positional += a->flags & ARG_POSITIONAL ? 1 : 0;
  }
  if (n && text[n])
    arg_error(errs, i, "unknown argument '%.*s' (valid: %s)", (int)n, text,
              list.len ? text_cstr(&list) : "none");
  else if (!positional)
    arg_error(errs, i, "too many arguments: '%s' (%s)", text, list.len ? "only by keyword" : "none expected");
  else
    arg_error(errs, i, "too many arguments: '%s' (at most %u without keyword)", text, positional);
  text_free(&list);
  return -1;
}

/* The reference takes the last of the arguments for one key and does not look at the others. */
static bool given_again(const ArgSpec *specs, const ArgSpec *a, const Args *args, unsigned i, Errors *errs) {
  if (a->flags & ARG_REPEATED) return false;
  for (unsigned k = i + 1; k < args->n; k++) {
    size_t n = key_length(args->texts[k]);
    if (!n || !args->texts[k][n] || find_key(specs, args->texts[k], n) != a) continue;
    warning(errs, "%s is given twice: '%s' is ignored", a->key, args->texts[i]);
    return true;
  }
  return false;
}

static int apply(Element *e, const ArgSpec *specs, Args *args, bool defaults, Errors *errs) {
  uint32_t before = errs->errors;
  unsigned nspecs = 0;
  while (specs[nspecs].key) nspecs++;
  bool *taken = mem_alloc(nspecs + 1);
  if (!taken) return error(errs, "out of memory");
  if (defaults)
    for (unsigned k = 0; k < nspecs; k++) {
      if (specs[k].given) *((bool *)e + specs[k].given - 1) = false;
      if (specs[k].def) parse_one(e, &specs[k], specs[k].def, errs, -1);
    }
  const ArgSpec *next = specs; /* the next positional entry */
  for (unsigned i = 0; i < args->n; i++) {
    const char *text = args->texts[i];
    size_t n = key_length(text);
    const ArgSpec *a = find_key(specs, text, n);
    if (a && text[n]) {
      while (is_space(text[n])) n++;
      taken[a - specs] = true;
      if (given_again(specs, a, args, i, errs)) continue;
      set_given(e, a);
      parse_one(e, a, text + n, errs, (int)i);
      continue;
    }
    while (next->key && (!(next->flags & ARG_POSITIONAL) || (taken[next - specs] && next->type != ARG_REST)))
      next++;
    if (!next->key) {
      unknown(specs, text, (int)i, errs);
    } else if (next->type == ARG_REST) {
      taken[next - specs] = true;
      args->left[args->nleft++] = (uint16_t)i;
    } else {
      a = next++;
      taken[a - specs] = true;
      if (given_again(specs, a, args, i, errs)) continue;
      if (!*text) { /* an empty place keeps the default */
        if (a->flags & ARG_MANDATORY) arg_error(errs, (int)i, "%s is missing", a->key);
        continue;
      }
      set_given(e, a);
      parse_one(e, a, text, errs, (int)i);
    }
  }
  for (unsigned k = 0; k < nspecs; k++)
    if ((specs[k].flags & ARG_MANDATORY) && !taken[k]) error(errs, "missing argument %s", specs[k].key);
  mem_free(taken);
  return errs->errors > before ? -1 : 0;
}

int args_apply(Element *e, const ArgSpec *specs, char *const *texts, unsigned n, Errors *errs) {
  Errors unheard = {.silent = true};
  if (!errs) errs = &unheard;
  Args args = {.texts = texts, .n = n, .left = mem_alloc((n + 1) * sizeof(uint16_t))};
  if (!args.left) return error(errs, "out of memory");
  int rc = apply(e, specs, &args, true, errs);
  mem_free(args.left);
  return rc;
}

int args_configure(Element *e, char *const *texts, unsigned n, Errors *errs) {
  Errors unheard = {.silent = true};
  if (!errs) errs = &unheard;
  if (n > 65535) return error(errs, "more than 65535 arguments");
  Args args = {.texts = texts, .n = n, .left = mem_alloc((n + 1) * sizeof(uint16_t))};
  if (!args.left) return error(errs, "out of memory");
  const ElementClass *c = e->class;
  int rc = 0;
  if (c->args)
    rc = apply(e, c->args, &args, true, errs);
  else
    for (unsigned i = 0; i < n; i++) args.left[args.nleft++] = (uint16_t)i;
  if (!rc && c->configure)
    rc = c->configure(e, &args, errs);
  else if (!rc && !c->args && n)
    rc = arg_error(errs, 0, "too many arguments: none expected");
  mem_free(args.left);
  return rc;
}
