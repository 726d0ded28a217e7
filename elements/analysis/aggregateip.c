/** AggregateIP: sets the aggregate annotation to a field of the packet.
 *
 * Synopsis: `AggregateIP(FIELD [, <keywords> INCREMENTAL, UNSHIFT_IP_ADDR])`
 *
 * Packets that lack the field (too short, a later fragment, another protocol) leave on output 1 or are
 * dropped.
 *
 * Arguments: FIELD: `HEADER NAME`, as `ip src` or `tcp dport`, or a place in a header: `ip[OFFSET]`,
 * `ip[FROM-TO]`, `ip[OFFSET:LENGTH]` in bytes, with braces in bits; then perhaps `/N`, its first N bits, or
 * `& MASK`. HEADER is ip, tcp, udp, icmp, transp (any protocol) or payload (also data: behind TCP's or UDP's
 * header). Names: ip vers hl tos dscp ecn len id off rf df mf fragoff ttl proto sum src dst; tcp sport dport
 * seq ack hl flags fin syn rst psh ackf urg win sum urp; udp sport dport len sum; icmp type code sum; and
 * sport and dport alone, of TCP or UDP. INCREMENTAL (bool): the value goes behind the annotation's old bits;
 * default false. UNSHIFT_IP_ADDR (bool): a part of an address keeps its place in it; default false.
 *
 * Handlers: `header`, `bit_offset`, `bit_length`, `field` (read).
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> AggregateIP(ip src/8) -> AggregateCounter ->
 * Discard;`
 */
#include <clicklet/element.h>

enum { IN_IP = 0, IN_ICMP = 1, IN_TCP = 6, IN_UDP = 17, IN_PORTS = 256, IN_TRANSPORT, IN_PAYLOAD };

static const struct {
  const char *name;
  int header;
} headers[] = {{"ip", IN_IP},        {"tcp", IN_TCP},          {"udp", IN_UDP},         {"icmp", IN_ICMP},
               {"tcpudp", IN_PORTS}, {"transp", IN_TRANSPORT}, {"payload", IN_PAYLOAD}, {"data", IN_PAYLOAD}};
static const struct {
  int16_t header;
  uint16_t at, length;
  const char *name;
} names[] = {{IN_IP, 0, 4, "vers"},      {IN_IP, 4, 4, "hl"},        {IN_IP, 8, 8, "tos"},
             {IN_IP, 8, 6, "dscp"},      {IN_IP, 14, 2, "ecn"},      {IN_IP, 16, 16, "len"},
             {IN_IP, 32, 16, "id"},      {IN_IP, 48, 16, "off"},     {IN_IP, 48, 1, "rf"},
             {IN_IP, 49, 1, "df"},       {IN_IP, 50, 1, "mf"},       {IN_IP, 51, 13, "fragoff"},
             {IN_IP, 64, 8, "ttl"},      {IN_IP, 72, 8, "proto"},    {IN_IP, 80, 16, "sum"},
             {IN_IP, 96, 32, "src"},     {IN_IP, 128, 32, "dst"},    {IN_TCP, 0, 16, "sport"},
             {IN_TCP, 16, 16, "dport"},  {IN_TCP, 32, 32, "seq"},    {IN_TCP, 64, 32, "ack"},
             {IN_TCP, 96, 4, "hl"},      {IN_TCP, 104, 8, "flags"},  {IN_TCP, 111, 1, "fin"},
             {IN_TCP, 110, 1, "syn"},    {IN_TCP, 109, 1, "rst"},    {IN_TCP, 108, 1, "psh"},
             {IN_TCP, 107, 1, "ackf"},   {IN_TCP, 106, 1, "urg"},    {IN_TCP, 112, 16, "win"},
             {IN_TCP, 128, 16, "sum"},   {IN_TCP, 144, 16, "urp"},   {IN_UDP, 0, 16, "sport"},
             {IN_UDP, 16, 16, "dport"},  {IN_UDP, 32, 16, "len"},    {IN_UDP, 48, 16, "sum"},
             {IN_ICMP, 0, 8, "type"},    {IN_ICMP, 8, 8, "code"},    {IN_ICMP, 16, 16, "sum"},
             {IN_PORTS, 0, 16, "sport"}, {IN_PORTS, 16, 16, "dport"}};

typedef struct AggregateIP {
  Element base;
  char *field;
  bool incremental, unshift;
  int header;
  uint32_t at, length; /* bits */
  uint32_t word;       /* bytes: where the 32 bits are in which the field lies */
  uint32_t shift, mask;
} AggregateIP;

/* Where the header begins that the field is in, NULL if the packet has none. */
static inline const uint8_t *header_of(int header, const Packet *p) {
  const uint8_t *ip = p->network, *t = p->transport, *end = packet_end(p);
  if (!ip || ip + 20 > end) return NULL;
  if (header == IN_IP) return ip;
  bool later = (be16(load16(ip + 6)) & 0x1fff) != 0;
  if (later || !t || t > end) return NULL;
  if (header == IN_TRANSPORT || header == ip[9] ||
      (header == IN_PORTS && (ip[9] == IN_TCP || ip[9] == IN_UDP)))
    return t;
  if (header != IN_PAYLOAD) return NULL;
  return ip[9] == IN_TCP && t + 20 <= end ? t + (t[12] >> 4) * 4 : ip[9] == IN_UDP ? t + 8 : NULL;
}

static inline int aggregate_ip(AggregateIP *e, Packet *p) {
  const uint8_t *h = header_of(e->header, p), *end = packet_end(p);
  if (!h || h > end || (size_t)(end - h) < e->word + 4) return 1;
  uint32_t v = be32(load32(h + e->word)) >> e->shift & e->mask;
  set_anno_u32(p, ANNO_AGGREGATE, e->incremental ? (anno_u32(p, ANNO_AGGREGATE) << e->length) + v : v);
  return 0;
}

ACTION(AggregateIP, aggregate_ip)

static void skip_space(const char **s) {
  while (is_space(**s)) ++*s;
}

static bool take_number(const char **s, uint32_t *out) {
  char buf[24];
  size_t n = 0;
  uint64_t v;
  skip_space(s);
  while ((is_digit(**s) || hex_value(**s) >= 0 || **s == 'x' || **s == 'X') && n < sizeof buf - 1)
    buf[n++] = *(*s)++;
  buf[n] = 0;
  skip_space(s);
  if (!parse_u64(buf, &v) || v > UINT32_MAX) return false;
  *out = (uint32_t)v;
  return true;
}

static size_t take_name(const char **s, char *out, size_t size) {
  size_t n = 0;
  skip_space(s);
  while (is_alpha(**s) && n < size - 1) out[n++] = *(*s)++;
  out[n] = 0;
  skip_space(s);
  return n;
}

static bool find_name(AggregateIP *a, const char *name) {
  for (unsigned i = 0; i < countof(names); i++)
    if (names[i].header == a->header && !strcmp(names[i].name, name))
      return a->at = names[i].at, a->length = names[i].length, true;
  return false;
}

/* "[12]", "[12-13]", "[12:2]"; braces: bits */
static bool parse_place(AggregateIP *a, const char **s) {
  uint32_t unit = **s == '[' ? 8 : 1, from, n = 1;
  char close = **s == '[' ? ']' : '}';
  ++*s;
  if (!take_number(s, &from)) return false;
  if (**s == ':' || **s == ',') {
    ++*s;
    if (!take_number(s, &n)) return false;
  } else if (**s == '-') {
    ++*s;
    if (!take_number(s, &n) || n < from) return false;
    n = n - from + 1;
  }
  if (**s != close || !n || from > 65535 || n > 65535) return false;
  ++*s;
  a->at = from * unit;
  a->length = n * unit;
  return true;
}

/* "& MASK": the mask's ones are the field. */
static bool apply_mask(AggregateIP *a, uint32_t mask) {
  if (!mask || a->length > 32 || (a->length < 32 && mask >> a->length)) return false;
  uint32_t low = (uint32_t)__builtin_ctz(mask), high = 31 - (uint32_t)__builtin_clz(mask), n = high - low + 1;
  if ((mask >> low & (n == 32 ? ~0u : (1u << n) - 1)) != (n == 32 ? ~0u : (1u << n) - 1)) return false;
  a->at += a->length - 1 - high;
  a->length = n;
  return true;
}

static bool parse_field(AggregateIP *a, const char *s) {
  char word[16];
  uint32_t v;
  if (!take_name(&s, word, sizeof word)) return false;
  a->header = -1;
  for (unsigned i = 0; i < countof(headers); i++)
    if (!strcmp(headers[i].name, word)) a->header = headers[i].header;
  if (a->header < 0) { /* sport, dport */
    a->header = IN_PORTS;
    if (!find_name(a, word)) return false;
  } else if (*s == '[' || *s == '{') {
    if (!parse_place(a, &s)) return false;
  } else {
    take_name(&s, word, sizeof word);
    if (!find_name(a, word)) return false;
  }
  skip_space(&s);
  if (*s == '/') {
    s++;
    if (!take_number(&s, &v) || !v || v > a->length) return false;
    a->length = v;
  } else if (*s == '&') {
    s++;
    if (!take_number(&s, &v) || !apply_mask(a, v)) return false;
  }
  skip_space(&s);
  return !*s;
}

static int aggregate_configure(Element *e, const Args *args, Errors *errs) {
  AggregateIP *a = (AggregateIP *)e;
  (void)args;
  Text t = {0};
  unquote(a->field, &t);
  bool ok = parse_field(a, text_cstr(&t));
  text_free(&t);
  if (!ok)
    return error(
        errs, "FIELD: expected 'HEADER NAME' or 'HEADER[OFFSET:LENGTH]', perhaps with /N or & MASK, not '%s'",
        a->field);
  uint32_t last = a->at + a->length - 1;
  if (a->at / 32 != last / 32)
    return error(errs, "FIELD: '%s' does not lie within one 32-bit word", a->field);
  if (a->length == 32 && a->incremental) return error(errs, "INCREMENTAL: a field of 32 bits leaves no room");
  a->mask = a->length == 32 ? ~0u : (1u << a->length) - 1;
  a->word = a->at / 32 * 4;
  a->shift = 31 - last % 32;
  if (a->unshift && a->header == IN_IP && a->at >= 96 && a->at < 160) {
    a->mask <<= a->shift;
    a->shift = 0;
  }
  return 0;
}

static void aggregate_cleanup(Element *e) { mem_free(((AggregateIP *)e)->field); }

static int aggregate_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  AggregateIP *a = (AggregateIP *)e;
  (void)param, (void)errs;
  const char *header = "";
  for (unsigned i = countof(headers); i-- > 0;)
    if (headers[i].header == a->header) header = headers[i].name;
  if (h->data == 0) {
    text_add_string(out, header);
    return 0;
  }
  for (unsigned i = 0; i < countof(names); i++)
    if (names[i].header == a->header && names[i].at == a->at && names[i].length >= a->length) {
      text_printf(out, a->length == names[i].length ? "%s %s" : "%s %s/%u", header, names[i].name, a->length);
      return 0;
    }
  if (a->at % 8 || a->length % 8)
    text_printf(out, a->length > 1 ? "%s{%u:%u}" : "%s{%u}", header, a->at, a->length);
  else
    text_printf(out, a->length > 8 ? "%s[%u:%u]" : "%s[%u]", header, a->at / 8, a->length / 8);
  return 0;
}

ELEMENT(AggregateIP, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(AggregateIP, aggregate_ip),
        .configure = aggregate_configure, .cleanup = aggregate_cleanup,
        .args = ARGS(ARG_MUST(AggregateIP, RAW, "FIELD", field),
                     ARG(AggregateIP, BOOL, "INCREMENTAL", incremental, "false"),
                     ARG(AggregateIP, BOOL, "UNSHIFT_IP_ADDR", unshift, "false")),
        .handlers = HANDLERS(READ_FN("header", aggregate_read),
                             READ_FIELD(AggregateIP, U32, "bit_offset", at),
                             READ_FIELD(AggregateIP, U32, "bit_length", length),
                             READ_FN("field", aggregate_read, .data = 1)));
