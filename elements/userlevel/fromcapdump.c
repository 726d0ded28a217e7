/** FromCapDump: makes packets from the text of Mark Allman's cap tool.
 *
 * Synopsis: `FromCapDump(FILENAME [, <keywords> STOP, ACTIVE, ZERO, CHECKSUM, AGGREGATE, FLOWID, SAMPLE])`
 *
 * Reads lines `DAT > 1046102983.156531 2 2 1500 1460 [FIN DSACK:N SACK:N-M ...]`: type (SYN, DAT or ACK),
 * direction, time, unique number of the packet, its sequence number counted in packets, IP length, payload
 * length, remarks. Each becomes a TCP header with sequence numbers in bytes, and with SACK options as
 * remarked; the extra length annotation says what is missing. Set are too: the paint annotation (0 for data,
 * 1 for acknowledgements), the aggregate, packet number and sequence number annotations. Compressed files and
 * `-` as in FromDump.
 *
 * Arguments: FILENAME. STOP (bool): stops the driver at the end; default false. ACTIVE (bool): default true.
 * ZERO (bool): what the text does not say is zero, else random; default true. CHECKSUM (bool): sets
 * checksums; default false. AGGREGATE (unsigned): aggregate annotation; default 1. FLOWID (`IP PORT IP
 * PORT`): addresses and ports of the sender and the receiver; default 1.0.0.1 1 2.0.0.2 2 (the reference
 * documents it but refuses it). SAMPLE (0 to 1): probability with which a packet is given out; default 1.
 *
 * Handlers: `encap`, `filename`, `filesize`, `sampling_prob` (read); `active`, `filepos` (read/write); `stop`
 * (write); `scheduled`, `tickets`.
 *
 * Example: `FromCapDump(in.cap, STOP true) -> IPPrint -> Discard;`
 */
#include "../analysis/ipsumdump.h"
#include "textscan.h"
#include "tracesource.h"
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN = 0xffffffff, MOST_NUMBERS = 1 << 24, FIN = 1, SYN = 2, ACK = 16 };

typedef struct FromCapDump {
  TraceSource t;
  bool zero, checksum, receiver;
  char *flow_text;
  uint32_t aggregate, ip[2];
  uint16_t port[2];
  Text line;
  uint32_t *numbers, count; /* from packets to bytes; UNKNOWN */
} FromCapDump;

/* The sequence number of packet n; where lines are missing, packets before it count as the last known one. */
static bool to_bytes(FromCapDump *f, uint32_t n, uint32_t *out) {
  if (n >= MOST_NUMBERS) return false;
  if (n + 1 >= f->count) {
    uint32_t count = f->count;
    while (n + 1 >= count) count *= 2;
    uint32_t *more = realloc(f->numbers, count * sizeof *more);
    if (!more) return false;
    memset(more + f->count, 0xff, (count - f->count) * sizeof *more);
    f->numbers = more;
    f->count = count;
  }
  if (f->numbers[n] == UNKNOWN) {
    uint32_t k = n;
    while (f->numbers[k - 1] == UNKNOWN) k--; /* the first is known */
    uint32_t length = k > 1 ? f->numbers[k - 1] - f->numbers[k - 2] : 1460;
    for (; k <= n; k++) f->numbers[k] = f->numbers[k - 1] + length;
  }
  *out = f->numbers[n];
  return true;
}

/* Appends a SACK option of the blocks behind the word; DSACK has one number, SACK ranges. */
static bool sack(FromCapDump *f, const char **s, Packet *p, bool ranges) {
  uint8_t o[36] = {1, 1, 5};
  uint32_t n = 4, a, b;
  while (scan_number_after(s, ":", &a)) {
    b = a;
    if (ranges && !scan_number_after(s, "-", &b)) return false;
    if (!to_bytes(f, a, &a) || !to_bytes(f, b + 1, &b)) return false;
    if (n + 8 <= sizeof o) {
      store32(o + n, be32(a));
      store32(o + n + 4, be32(b));
      n += 8;
    }
    if (!ranges) break;
  }
  o[3] = (uint8_t)(n - 2);
  if (n == 4 || p->len + n > 80 || !packet_put(p, n)) return false;
  packet_set_network(p, p->data, 20);
  memcpy(packet_end(p) - n, o, n);
  return true;
}

static bool read_line(FromCapDump *f, const char *s, Packet *p) {
  static const char *const remarks[] = {"SACK_NEW", "SACK_REXMT", "FR", "RTO", "TIM"};
  uint8_t flags = *s == 'S' ? SYN : 0;
  char type = *s;
  s = scan_space(s + 4);
  if (*s != '<' && *s != '>') return false;
  bool reverse = (*s == '>') == f->receiver;
  s = scan_space(s + 1);
  uint32_t sec, usec = 0, unique, number, length, payload, bytes, digit = 100000;
  if (!scan_number(&s, &sec)) return false;
  if (*s == '.')
    for (s++; is_digit(*s); s++, digit /= 10) usec += (uint32_t)(*s - '0') * digit;
  p->timestamp = (int64_t)sec * NSEC_PER_SEC + (int64_t)usec * NSEC_PER_USEC;
  uint32_t *const fields[] = {&unique, &number, &length, &payload};
  for (unsigned i = 0; i < countof(fields); i++) {
    s = scan_space(s);
    if (!scan_number(&s, fields[i])) return false;
  }
  for (bool more = true; more;) {
    s = scan_space(s);
    more = false;
    if (scan_word(&s, "DSACK")) {
      more = sack(f, &s, p, false);
    } else if (scan_word(&s, "FIN")) {
      flags |= FIN;
      more = true;
    } else {
      for (unsigned i = 0; i < countof(remarks) && !more; i++) more = scan_word(&s, remarks[i]);
      if (!more && scan_word(&s, "SACK")) more = sack(f, &s, p, true);
    }
  }
  uint8_t *t = p->transport;
  uint32_t grows = payload + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
  if (!to_bytes(f, type == 'A' ? number + 1 : number, &bytes)) return false;
  if (type != 'A') f->numbers[number + 1] = bytes + grows;
  store32(t + 4, type == 'D' ? be32(bytes) : type == 'A' ? be32(1) : 0);
  bool acks = type != 'S' || f->receiver != reverse;
  store32(t + 8, be32(type == 'A' ? bytes : acks));
  t[13] = acks ? flags | ACK : flags;
  t[12] = (uint8_t)((packet_transport_length(p) / 4) << 4);
  store16(t + 14, 0xffff);
  uint8_t *h = p->network;
  h[9] = 6;
  store16(h + 2, be16((uint16_t)(p->len + payload)));
  unsigned from = f->receiver != reverse;
  store32(h + 12, f->ip[from]);
  store32(h + 16, f->ip[!from]);
  store16(t, f->port[from]);
  store16(t + 2, f->port[!from]);
  set_anno_u32(p, ANNO_EXTRA_LENGTH, payload);
  set_anno_u8(p, ANNO_PAINT, reverse);
  set_anno_u32(p, ANNO_AGGREGATE, f->aggregate);
  set_anno_u32(p, ANNO_PACKET_NUMBER, unique);
  set_anno_u32(p, ANNO_SEQUENCE_NUMBER, number);
  if (f->checksum) summary_set_checksums(p);
  return true;
}

static int cap_record(TraceSource *t, TraceRecord *r) {
  FromCapDump *f = (FromCapDump *)t;
  if (!dump_line(&t->file, &f->line)) return TRACE_END;
  const char *s = text_cstr(&f->line);
  if (f->line.len < 5 || !is_space(s[3])) return TRACE_SKIPPED;
  if (!strncmp(s, "RCV", 3) || !strncmp(s, "SND", 3)) f->receiver = *s == 'R';
  if (strncmp(s, "DAT", 3) != 0 && strncmp(s, "ACK", 3) != 0 && strncmp(s, "SYN", 3) != 0)
    return TRACE_SKIPPED;
  Packet *p = trace_ip_packet(t, 20, f->zero);
  if (p && read_line(f, s, p)) {
    r->packet = p;
    r->time = p->timestamp;
    return TRACE_RECORD;
  }
  if (p) packet_free(p);
  return TRACE_SKIPPED;
}

static int read_flow(FromCapDump *f, Errors *errs) {
  char *words[8];
  unsigned n = split_words(f->flow_text, words, countof(words));
  bool ok = n == 4 || (n == 5 && (!strcmp(words[4], "T") || !strcmp(words[4], "6")));
  for (unsigned i = 0; ok && i < 2; i++) {
    ok = arg_parse_ip(&f->t.base, words[2 * i], &f->ip[i]) &&
         arg_parse_port(&f->t.base, 6, words[2 * i + 1], &f->port[i]);
    f->port[i] = be16(f->port[i]);
  }
  for (unsigned i = 0; i < n && i < countof(words); i++) mem_free(words[i]);
  return ok ? 0 : error(errs, "FLOWID: expected IP PORT IP PORT, not '%s'", f->flow_text);
}

static int cap_configure(Element *e, const Args *args, Errors *errs) {
  FromCapDump *f = (FromCapDump *)e;
  (void)args;
  f->t.record = cap_record;
  f->t.link = LINK_RAW;
  f->ip[0] = be32(0x01000001), f->ip[1] = be32(0x02000002);
  f->port[0] = be16(1), f->port[1] = be16(2);
  int rc = trace_configure(&f->t, errs) | trace_configure_sample(&f->t, errs);
  return f->flow_text && read_flow(f, errs) < 0 ? -1 : rc;
}

static int cap_initialize(Element *e, Errors *errs) {
  FromCapDump *f = (FromCapDump *)e;
  f->count = 1024;
  if (!(f->numbers = malloc(f->count * sizeof *f->numbers))) return error(errs, "out of memory");
  memset(f->numbers, 0xff, f->count * sizeof *f->numbers);
  f->numbers[0] = 0;
  if (!f->t.file.name && dump_open(&f->t.file, f->t.filename, errs) < 0) return -1;
  return trace_initialize(&f->t, errs);
}

static void cap_cleanup(Element *e) {
  FromCapDump *f = (FromCapDump *)e;
  free(f->numbers);
  text_free(&f->line);
  mem_free(f->flow_text);
  trace_cleanup(e);
}

ELEMENT(FromCapDump, .ports = "0/1", TRACE_MEMBERS, .cleanup = cap_cleanup, .configure = cap_configure,
        .initialize = cap_initialize,
        .args = ARGS(TRACE_BASIC_ARGS, ARG(FromCapDump, BOOL, "ZERO", zero, "true"),
                     ARG(FromCapDump, BOOL, "CHECKSUM", checksum, "false"),
                     ARG(FromCapDump, U32, "AGGREGATE", aggregate, "1"),
                     ARG(FromCapDump, STRING, "FLOWID", flow_text, NULL), TRACE_SAMPLE_ARG),
        .handlers = HANDLERS(TRACE_BASIC_HANDLERS, TRACE_SAMPLE_HANDLER));
