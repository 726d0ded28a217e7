/** FromNetFlowSummaryDump: makes packets from flows in a NetFlow summary.
 *
 * Synopsis: `FromNetFlowSummaryDump(FILENAME [, <keywords> STOP, ACTIVE, ZERO, MULTIPACKET, LINK, TIMING])`
 *
 * Reads lines of 15 or more fields between vertical bars: source and destination address, one unused, input
 * and output interface, packets, bytes, times of the first and the last packet in seconds, source and
 * destination port, one unused, TCP flags, IP protocol, TOS. Blank lines and lines that begin with ! or # are
 * skipped; the first other line ends the trace, with a message. A flow becomes one packet of headers with the
 * flow's length: its extra packets and extra length annotations say what is missing; the first timestamp
 * annotation is the flow's beginning, the timestamp its end. Compressed files and `-` as in FromDump.
 *
 * Arguments: FILENAME. STOP (bool): stops the driver at the end; default false. ACTIVE (bool): default true.
 * ZERO (bool): what the text does not say is zero, else random; default true. MULTIPACKET (bool): makes as
 * many packets as the flow had, spread over its time and length; default false. LINK (input, output or both):
 * the interface that becomes the paint annotation, at most 255; both: 4 bits each. Default input. TIMING
 * (bool): keeps the packets' distances in time; default false.
 *
 * Handlers: `encap`, `filename`, `filesize` (read); `active`, `filepos` (read/write); `stop` (write);
 * `scheduled`, `tickets`.
 *
 * Example: `FromNetFlowSummaryDump(in.txt, STOP true) -> IPPrint -> Discard;`
 */
#include "tracesource.h"
#include <string.h>

enum { FIELDS = 15, TCP = 6, UDP = 17 };

typedef struct FromNetFlowSummaryDump {
  TraceSource t;
  bool zero, multipacket;
  int link;
  Text line;
  Packet *flow; /* of which packets are still to be made */
  uint32_t flow_left, flow_length;
  int64_t flow_end, flow_step;
} FromNetFlowSummaryDump;

static void set_lengths(Packet *p, uint32_t length) {
  uint8_t *h = p->network;
  if (load16(h + 2) == be16((uint16_t)length) || !packet_unique(p)) return;
  h = p->network;
  store16(h + 2, be16((uint16_t)length));
  if (h[9] == UDP && packet_transport_length(p) >= 8)
    store16(p->transport + 4, be16((uint16_t)(length - 20)));
}

static bool number(const char *s, uint64_t max, uint32_t *out) {
  uint64_t v;
  if (!parse_u64(s, &v) || v > max) return false;
  *out = (uint32_t)v;
  return true;
}

/* A flow's packet from its fields; false if too few of them are right. */
static bool read_flow(FromNetFlowSummaryDump *f, char *const *w, Packet *p) {
  uint8_t *h = p->network, *t = p->transport;
  uint32_t v, bytes = 0, in = 0, out = 0, ip;
  unsigned ok = 0;
  int64_t first = 0;
  if (number(w[7], UINT32_MAX, &v)) first = v * NSEC_PER_SEC, ok++;
  if (number(w[8], UINT32_MAX, &v)) p->timestamp = v ? v * NSEC_PER_SEC : first, ok++;
  store64(p->anno + ANNO_FIRST_TIMESTAMP, (uint64_t)first);
  if (number(w[5], UINT32_MAX, &v)) set_anno_u32(p, ANNO_EXTRA_PACKETS, v - 1), ok++;
  if (number(w[6], UINT32_MAX, &bytes)) ok++;
  if ((f->link == 1 || number(w[3], UINT32_MAX, &in)) && (f->link == 0 || number(w[4], UINT32_MAX, &out))) {
    uint32_t most = f->link == 2 ? 15 : 255;
    ok++;
    in = (in < most ? in : most) << (f->link == 2 ? 4 : 0);
    set_anno_u8(p, ANNO_PAINT, (uint8_t)(in | (out < most ? out : most)));
  }
  if (arg_parse_ip(&f->t.base, w[0], &ip)) store32(h + 12, ip), ok++;
  if (arg_parse_ip(&f->t.base, w[1], &ip)) store32(h + 16, ip), ok++;
  if (number(w[13], 255, &v)) h[9] = (uint8_t)v, ok++;
  if (number(w[14], 255, &v)) h[1] = (uint8_t)v, ok++;
  if (number(w[9], 65535, &v)) store16(t, be16((uint16_t)v)), ok++;
  if (number(w[10], 65535, &v)) store16(t + 2, be16((uint16_t)v)), ok++;
  if (number(w[12], 255, &v)) t[13] = (uint8_t)v, ok++;
  if (ok < 10) return false;
  uint32_t length = bytes < 65535 ? bytes : 65535;
  store16(h + 2, be16((uint16_t)length));
  if (h[9] == TCP)
    t[12] = 5 << 4;
  else if (h[9] == UDP)
    store16(t + 4, be16((uint16_t)(length - 20))), packet_take(p, 12);
  else
    packet_take(p, 20);
  set_anno_u32(p, ANNO_EXTRA_LENGTH, bytes - p->len);
  return true;
}

/* Begins to make the packets of a flow of several. */
static void spread(FromNetFlowSummaryDump *f, Packet *p) {
  uint32_t packets = 1 + anno_u32(p, ANNO_EXTRA_PACKETS);
  int64_t first = (int64_t)load64(p->anno + ANNO_FIRST_TIMESTAMP);
  f->flow = p;
  f->flow_left = packets;
  f->flow_length = (p->len + anno_u32(p, ANNO_EXTRA_LENGTH)) / packets;
  if (f->flow_length < p->len) {
    f->flow_length = p->len;
    set_anno_u32(p, ANNO_EXTRA_LENGTH, p->len * (packets - 1));
  }
  f->flow_end = p->timestamp;
  f->flow_step = first ? (p->timestamp - first) / (int64_t)(packets - 1) : 0;
  if (first) p->timestamp = first;
  set_lengths(p, f->flow_length);
}

static Packet *next_of_flow(FromNetFlowSummaryDump *f) {
  Packet *p = f->flow;
  if (f->flow_left == 1) {
    f->flow = NULL;
    set_anno_u32(p, ANNO_EXTRA_PACKETS, 0);
    return p;
  }
  Packet *q = packet_clone(p);
  if (q) {
    set_anno_u32(q, ANNO_EXTRA_PACKETS, 0);
    set_anno_u32(q, ANNO_EXTRA_LENGTH, f->flow_length - q->len);
  }
  set_anno_u32(p, ANNO_EXTRA_LENGTH, anno_u32(p, ANNO_EXTRA_LENGTH) - f->flow_length);
  if (--f->flow_left == 1) {
    p->timestamp = f->flow_end;
    set_lengths(p, p->len + anno_u32(p, ANNO_EXTRA_LENGTH));
  } else
    p->timestamp += f->flow_step;
  return q;
}

static int netflow_record(TraceSource *t, TraceRecord *r) {
  FromNetFlowSummaryDump *f = (FromNetFlowSummaryDump *)t;
  if (!f->flow) {
    if (!dump_line(&t->file, &f->line)) return TRACE_END;
    char *s = f->line.len ? f->line.s : (char[]){0}, *words[FIELDS];
    if (!*s || *s == '!' || *s == '#') return TRACE_SKIPPED;
    unsigned n = 0;
    while (s && *s && n < FIELDS) {
      words[n++] = s;
      if ((s = strchr(s, '|'))) *s++ = 0;
    }
    Packet *p = n == FIELDS ? trace_ip_packet(t, 20, f->zero) : NULL;
    if (!p || !read_flow(f, words, p)) {
      if (p) packet_free(p);
      trace_complain_line(t, "bad format");
      return TRACE_END;
    }
    if (!f->multipacket || !anno_u32(p, ANNO_EXTRA_PACKETS) ||
        anno_u32(p, ANNO_EXTRA_PACKETS) == UINT32_MAX) {
      r->packet = p;
      r->time = p->timestamp;
      return TRACE_RECORD;
    }
    spread(f, p);
  }
  if (!(r->packet = next_of_flow(f))) return TRACE_END;
  r->time = r->packet->timestamp;
  return TRACE_RECORD;
}

static int netflow_configure(Element *e, const Args *args, Errors *errs) {
  FromNetFlowSummaryDump *f = (FromNetFlowSummaryDump *)e;
  (void)args;
  f->t.record = netflow_record;
  f->t.link = LINK_RAW;
  return trace_configure(&f->t, errs);
}

static int netflow_initialize(Element *e, Errors *errs) {
  TraceSource *t = (TraceSource *)e;
  if (!t->file.name && dump_open(&t->file, t->filename, errs) < 0) return -1;
  return trace_initialize(t, errs);
}

static void netflow_cleanup(Element *e) {
  FromNetFlowSummaryDump *f = (FromNetFlowSummaryDump *)e;
  if (f->flow) packet_free(f->flow);
  text_free(&f->line);
  trace_cleanup(e);
}

static const char *const links[] = {"input", "output", "both", NULL};

ELEMENT(FromNetFlowSummaryDump, .ports = "0/1", TRACE_MEMBERS, .cleanup = netflow_cleanup,
        .configure = netflow_configure, .initialize = netflow_initialize,
        .args = ARGS(TRACE_BASIC_ARGS, ARG(FromNetFlowSummaryDump, BOOL, "ZERO", zero, "true"),
                     ARG(FromNetFlowSummaryDump, BOOL, "MULTIPACKET", multipacket, "false"),
                     ARG(FromNetFlowSummaryDump, CHOICE, "LINK", link, "input", .choices = links),
                     ARG(TraceSource, BOOL, "TIMING", timing, "false")),
        .handlers = HANDLERS(TRACE_BASIC_HANDLERS));
