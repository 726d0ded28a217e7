/** FromTcpdump: makes packets from the text that tcpdump prints.
 *
 * Synopsis: `FromTcpdump(FILENAME [, <keywords> STOP, ACTIVE, ZERO, CHECKSUM, SAMPLE])`
 *
 * Reads lines such as `987.654321 1.0.0.1.20 > 2.0.0.2.80: S 5:5(0) ack 7 win 512 <mss 1460> (DF) (ttl 64, id
 * 1)`, of old tcpdumps run with -n and -tt: TCP with flags, sequence numbers, window, urgent pointer and
 * options, UDP with its length, of others the addresses; then what stands in parentheses: tos, ECN, DF,
 * fragments, TTL, id, length. Sequence numbers relative to a connection's first become absolute again.
 * Packets hold headers only; the extra length annotation says what is missing. Lines that begin with # and
 * blank lines are skipped; one message tells of the first line that is not understood. Compressed files and
 * `-` as in FromDump. ECT(0) and ECT(1) are set as in RFC 3168 (the reference exchanges them).
 *
 * Arguments: FILENAME. STOP (bool): stops the driver at the end; default false. ACTIVE (bool): default true.
 * ZERO (bool): what the text does not say is zero, else random; default true. CHECKSUM (bool): sets
 * checksums; default false. SAMPLE (0 to 1): probability with which a packet is given out; default 1.
 *
 * Handlers: `encap`, `filename`, `filesize`, `sampling_prob` (read); `active`, `filepos` (read/write); `stop`
 * (write); `scheduled`, `tickets`.
 *
 * Example: `FromTcpdump(in.txt, STOP true) -> IPPrint -> Discard;`
 */
#include "../analysis/ipsumdump.h"
#include "textscan.h"
#include "tracesource.h"
#include <stdlib.h>
#include <string.h>

enum { FIN = 1, SYN = 2, ACK = 16, TCP = 6, UDP = 17, ICMP = 1 };

/* Of a connection: sequence numbers of the two directions. */
typedef struct TcpFlow {
  struct TcpFlow *next;
  uint32_t src, dst;
  uint16_t sport, dport;
  uint32_t first[2], last[2];
} TcpFlow;

enum { BUCKETS = 4096 };

typedef struct FromTcpdump {
  TraceSource t;
  bool zero, checksum;
  int absolute; /* sequence numbers are: -1: not known yet */
  Text line;
  TcpFlow **flows;
} FromTcpdump;

static TcpFlow *find_flow(FromTcpdump *f, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport) {
  uint64_t hash = (((uint64_t)src << 16 ^ sport) * 0x9e3779b97f4a7c15u) ^ ((uint64_t)dst << 16 ^ dport);
  hash *= 0x9e3779b97f4a7c15u;
  TcpFlow **bucket = &f->flows[hash >> 52];
  for (TcpFlow *x = *bucket; x; x = x->next)
    if (x->src == src && x->dst == dst && x->sport == sport && x->dport == dport) return x;
  TcpFlow *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->src = src, x->dst = dst, x->sport = sport, x->dport = dport, x->next = *bucket;
  return *bucket = x;
}

/* Makes relative sequence numbers absolute, as far as what was seen of the connection allows. */
static TcpFlow *absolute_numbers(FromTcpdump *f, const Packet *p, uint32_t *seq, uint32_t *end, uint32_t *ack,
                                 bool *reverse) {
  uint32_t src = load32(p->network + 12), dst = load32(p->network + 16);
  uint16_t sport = load16(p->transport), dport = load16(p->transport + 2);
  uint8_t flags = p->transport[13];
  bool r = *reverse = sport < dport || (sport == dport && src < dst);
  TcpFlow *x = r ? find_flow(f, src, sport, dst, dport) : find_flow(f, dst, dport, src, sport);
  if (!x) return NULL;
  if ((!x->first[0] && !x->first[1]) || (flags & SYN)) {
    x->first[r] = *seq;
    x->first[!r] = *ack - 1;
  } else {
    if (f->absolute < 0) f->absolute = (int32_t)(*ack - x->first[!r]) >= 0 && *ack > 8000;
    if (*seq == 0 && *end == 0)
      *seq = *end = x->last[r];
    else if (!f->absolute)
      *seq += x->first[r], *end += x->first[r];
    if (!f->absolute) *ack += x->first[!r];
  }
  x->last[r] = *end + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
  if (!x->last[!r]) x->last[!r] = *ack;
  return x;
}

/* `<...>`: the options that are known, padded; s is behind the <. */
static const char *read_options(const char *s, Packet *p, uint32_t sack_base) {
  uint8_t o[40], *at = o, *end = o + sizeof o;
  memset(o, 0, sizeof o);
  while (*s && *s != '>') {
    uint32_t u, v;
    uint8_t *before = at;
    if (scan_word(&s, "nop") && at < end)
      *at++ = 1;
    else if (scan_word(&s, "eol") && at < end)
      *at++ = 0;
    else if (scan_number_after(&s, "mss ", &u) && end - at >= 4) {
      memcpy(at, "\2\4", 2);
      store16(at + 2, be16((uint16_t)u));
      at += 4;
    } else if (scan_number_after(&s, "wscale ", &u) && end - at >= 3) {
      *at++ = 3, *at++ = 3, *at++ = (uint8_t)u;
    } else if (scan_word(&s, "sackOK") && end - at >= 2) {
      *at++ = 4, *at++ = 2;
    } else if (scan_number_after(&s, "timestamp ", &u) && scan_number_after(&s, " ", &v) && end - at >= 10) {
      *at++ = 8, *at++ = 10;
      store32(at, be32(u));
      store32(at + 4, be32(v));
      at += 8;
    } else if (scan_number_after(&s, "sack sack ", &u) && end - at >= 2) {
      uint8_t *length = at + 1;
      *at = 5, at += 2;
      s = scan_space(s);
      while (scan_number_after(&s, "{", &u) && scan_number_after(&s, ":", &v) && end - at >= 8) {
        scan_word(&s, "}");
        store32(at, be32(u + sack_base));
        store32(at + 4, be32(v + sack_base));
        at += 8;
      }
      *length = (uint8_t)(at - length + 1);
      s = scan_space(s);
    }
    if (*s == ',') {
      s++;
    } else if (*s && *s != '>') { /* not the option that it seemed */
      memset(before, 0, (size_t)(at - before));
      at = before;
      while (*s && *s != ',' && *s != '>') s++;
    }
  }
  uint32_t n = ((uint32_t)(at - o) + 3) & ~3u;
  if (packet_put(p, n)) {
    packet_set_network(p, p->data, 20);
    memcpy(p->transport + 20, o, n);
    p->transport[12] = (uint8_t)((20 + n) << 2);
  }
  return *s == '>' ? s + 1 : s;
}

/* "[bad hdr length 4]", "[tcp sum ok]" and the like; s is at the space in front. */
static const char *skip_remarks(const char *s, const char *protocol) {
  while (s[0] == ' ' && s[1] == '[' &&
         (!strncmp(s + 2, "bad hdr", 7) || !strncmp(s + 2, protocol, 3) ||
          (!strncmp(s + 2, "bad ", 4) && !strncmp(s + 6, protocol, 3)))) {
    const char *close = strchr(s, ']');
    if (!close || close[1] != ' ') break;
    s = close + 1;
  }
  return s;
}

static const char *read_tcp(FromTcpdump *f, const char *s, Packet *p, int64_t *data) {
  static const char letters[] = "FSRPAUECN";
  uint8_t *t = p->transport;
  t[13] = 0;
  t[12] = 5 << 4;
  if (*s == '.')
    t[13] = ACK, s++;
  else
    for (const char *l; *s && (l = strchr(letters, *s)); s++)
      if (l - letters < 8) t[13] |= (uint8_t)(1 << (l - letters));
  s = skip_remarks(s, "tcp");
  if (*s != ' ') return s;
  s++;
  uint32_t seq = 0, end = 0, ack = 0, u;
  if (*s != 'a') {
    const char *x = s;
    if (!scan_number(&x, &seq) || !scan_number_after(&x, ":", &end) || *x != '(') return s;
    while (is_digit(*++x)) {}
    if (*x++ != ')') return s;
    s = *x == ' ' ? x + 1 : x;
  }
  *data = end - seq;
  if (scan_number_after(&s, "ack ", &ack)) {
    t[13] |= ACK;
    if (*s == ' ') s++;
  }
  TcpFlow *flow = NULL;
  bool reverse = false;
  if (t[13] & ACK) flow = absolute_numbers(f, p, &seq, &end, &ack, &reverse);
  store32(t + 4, be32(seq));
  store32(t + 8, be32(ack));
  if (scan_number_after(&s, "win ", &u)) {
    store16(t + 14, be16((uint16_t)u));
    if (*s == ' ') s++;
  }
  if (scan_number_after(&s, "urg ", &u)) {
    store16(t + 18, be16((uint16_t)u));
    if (*s == ' ') s++;
  }
  return *s == '<' ? read_options(s + 1, p, flow && f->absolute <= 0 ? flow->first[!reverse] : 0) : s;
}

/* What one pair of parentheses at the end says: "ttl 64, id 1, len 60". */
static void read_remark(const char *s, const char *end, Packet *p, int64_t *data) {
  uint8_t *h = p->network;
  uint32_t u;
  while (s < end) {
    if (scan_word(&s, "tos 0x")) {
      h[1] = (uint8_t)scan_hex(&s);
    } else if (scan_word(&s, "ECT(0)")) {
      h[1] = (h[1] & 0xfc) | 2;
    } else if (scan_word(&s, "ECT(1)")) {
      h[1] = (h[1] & 0xfc) | 1;
    } else if (scan_word(&s, "CE")) {
      h[1] |= 3;
    } else if (scan_word(&s, "DF")) {
      h[6] |= 0x40;
    } else if (scan_number_after(&s, "frag ", &u)) {
      store16(h + 4, be16((uint16_t)u));
      if (!scan_number_after(&s, ":", &u)) return;
      *data = u;
      if (!scan_number_after(&s, "@", &u)) return;
      store16(h + 6, (load16(h + 6) & be16(0xe000)) | be16(u & 0x1fff));
      if (*s == '+') h[6] |= 0x20, s++;
    } else if (scan_number_after(&s, "ttl ", &u)) {
      h[8] = (uint8_t)u;
    } else if (scan_number_after(&s, "id ", &u)) {
      store16(h + 4, be16((uint16_t)u));
    } else if (scan_number_after(&s, "len ", &u)) {
      if (*data < 0 || u == p->len + *data) {
        *data = (int64_t)u - p->len;
      } else if (h[9] == TCP && u - *data > p->len && u - *data <= 80) { /* there are options unknown to us */
        uint32_t more = (uint32_t)(u - *data) - p->len, at = p->len;
        if (!packet_put(p, more)) return;
        packet_set_network(p, p->data, 20);
        memset(p->data + at, 0, more);
        p->transport[12] = (uint8_t)((p->len - 20) / 4 << 4);
        h = p->network;
      }
    } else {
      return;
    }
    while (s < end && (*s == ',' || is_space(*s))) s++;
  }
}

/* The pairs of parentheses or brackets at the end of the line, from the last to the first. */
static void read_remarks(char *from, Packet *p, int64_t *data) {
  char *s = from + strlen(from);
  for (;;) {
    while (s > from && is_space(s[-1])) s--;
    if (s == from || (s[-1] != ')' && s[-1] != ']')) return;
    char *close = s - 1, opener = *close == ')' ? '(' : '[', *open = close;
    if (close - from >= 5 && (!memcmp(close - 4, "ECT(", 4) || !memcmp(close - 5, "ECT(", 4))) return;
    while (open > from && *open != opener) open--;
    if (*open != opener) return;
    if (open > from + 3 && !memcmp(open - 3, "ECT(", 4)) { /* (tos 0x2,ECT(0)): ends in two */
      s = open;
      continue;
    }
    char kept = *close;
    *close = 0;
    read_remark(open + 1, close, p, data);
    *close = kept;
    s = open;
  }
}

/* An address, with a port behind a dot or colon if `port`; the text ends at `end`. */
static bool read_address(FromTcpdump *f, char *s, char *end, int proto, uint8_t *address, uint8_t *port) {
  char *name = end, kept = *end;
  uint16_t number = 0;
  uint32_t ip;
  *end = 0;
  bool ok = true;
  if (proto == TCP || proto == UDP) {
    while (name > s && *name != '.' && *name != ':') name--;
    ok = name > s && arg_parse_port(&f->t.base, proto, name + 1, &number);
    if (ok) store16(port, be16(number));
    *end = kept;
    kept = *(end = name);
    *end = 0;
  }
  ok = ok && arg_parse_ip(&f->t.base, s, &ip);
  if (ok) store32(address, ip);
  *end = kept;
  return ok;
}

static bool read_line(FromTcpdump *f, char *s, Packet *p) {
  char *end = strchr(s, ' ');
  if (!end) return false;
  *end = 0;
  if (!parse_interval(s, NSEC_PER_SEC, &p->timestamp)) return false;
  s = end + 1;
  char *colon = strchr(s, ':'), *what = colon ? colon + 1 : NULL, *space = strchr(s, ' ');
  if (!colon || !space || strncmp(space, " > ", 3)) return false;
  while (*what == ' ') what++;
  uint8_t proto = *what == 'i'                                         ? ICMP
                  : *what == 'u' || (what[0] == '[' && what[1] == 'u') ? UDP
                  : *what == '.' || (*what >= 'A' && *what <= 'Z')     ? TCP
                                                                       : 0;
  uint8_t *h = p->network;
  h[1] = 0, h[8] = 2, h[9] = proto;
  if (space + 3 > colon || !read_address(f, s, space, proto, h + 12, p->transport) ||
      !read_address(f, space + 3, colon, proto, h + 16, p->transport + 2))
    return false;
  int64_t data = -1;
  const char *rest = what;
  if (proto == TCP) {
    rest = read_tcp(f, what, p, &data);
  } else if (proto == UDP) {
    uint32_t u;
    rest = what[0] == '[' ? skip_remarks(what - 1, "udp") : what;
    if (*rest == ' ') rest++;
    if (scan_number_after(&rest, "udp ", &u)) data = u;
    packet_take(p, 12);
  } else {
    packet_take(p, 20);
  }
  read_remarks((char *)(uintptr_t)rest, p, &data);
  if (data < 0) data = 0;
  h = p->network;
  store16(h + 2, be16((uint16_t)(p->len + data)));
  set_anno_u32(p, ANNO_EXTRA_LENGTH, (uint32_t)data);
  if (proto == UDP && !(load16(h + 6) & be16(0x1fff)))
    store16(p->transport + 4, be16((uint16_t)(p->len + data - 20)));
  if (f->checksum) summary_set_checksums(p);
  return true;
}

static int tcpdump_record(TraceSource *t, TraceRecord *r) {
  FromTcpdump *f = (FromTcpdump *)t;
  if (!dump_line(&t->file, &f->line)) return TRACE_END;
  char *s = f->line.len ? f->line.s : (char[]){0};
  if (!*s || *s == '#') return TRACE_SKIPPED;
  Packet *p = is_digit(*s) ? trace_ip_packet(t, 20, f->zero) : NULL;
  if (p && read_line(f, s, p)) {
    r->packet = p;
    r->time = p->timestamp;
    return TRACE_RECORD;
  }
  if (p) packet_free(p);
  if (*scan_space(s)) trace_complain_line(t, "packet parse error");
  return TRACE_SKIPPED;
}

static int tcpdump_configure(Element *e, const Args *args, Errors *errs) {
  FromTcpdump *f = (FromTcpdump *)e;
  (void)args;
  f->t.record = tcpdump_record;
  f->t.link = LINK_RAW;
  f->absolute = -1;
  return trace_configure(&f->t, errs) | trace_configure_sample(&f->t, errs);
}

static int tcpdump_initialize(Element *e, Errors *errs) {
  FromTcpdump *f = (FromTcpdump *)e;
  if (!(f->flows = calloc(BUCKETS, sizeof *f->flows))) return error(errs, "out of memory");
  if (!f->t.file.name && dump_open(&f->t.file, f->t.filename, errs) < 0) return -1;
  size_t left;
  const uint8_t *first = dump_peek(&f->t.file, 1, &left);
  if (!first || !is_digit((char)*first))
    warning(errs, "%s: first line suspicious; is this a tcpdump output file?", f->t.file.name);
  return trace_initialize(&f->t, errs);
}

static void tcpdump_cleanup(Element *e) {
  FromTcpdump *f = (FromTcpdump *)e;
  for (unsigned i = 0; f->flows && i < BUCKETS; i++)
    for (TcpFlow *x = f->flows[i], *next; x; x = next) {
      next = x->next;
      free(x);
    }
  free(f->flows);
  text_free(&f->line);
  trace_cleanup(e);
}

ELEMENT(FromTcpdump, .ports = "0/1", TRACE_MEMBERS, .cleanup = tcpdump_cleanup,
        .configure = tcpdump_configure, .initialize = tcpdump_initialize,
        .args = ARGS(TRACE_BASIC_ARGS, ARG(FromTcpdump, BOOL, "ZERO", zero, "true"),
                     ARG(FromTcpdump, BOOL, "CHECKSUM", checksum, "false"), TRACE_SAMPLE_ARG),
        .handlers = HANDLERS(TRACE_BASIC_HANDLERS, TRACE_SAMPLE_HANDLER));
