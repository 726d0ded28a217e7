/** ToIPFlowDumps: writes an IP summary dump for each TCP or UDP flow, in a file of its own.
 *
 * Synopsis: `ToIPFlowDumps([FILEPATTERN, <keywords> NOTIFIER, ABSOLUTE_TIME, ABSOLUTE_SEQ, BINARY, GZIP,
 * ALL_TCP_OPT, TCP_OPT, TCP_WINDOW, IP_ID, MINCOUNT])`
 *
 * Flows are told apart by the aggregate annotation, their directions by the paint annotation, as
 * AggregateIPFlows sets them; packets without one, and those that are neither TCP nor UDP, are not written.
 * The file says whose flow it is, and of each packet: time, direction, TCP flags, sequence number, length of
 * the payload, acknowledgement. Times count from the flow's first packet (which is at 1 ns), sequence numbers
 * from the first one seen in their direction; `!firsttime` and `!firstseq` say what to add. ICMP errors that
 * belong to a flow are comments. Files are written when the flow ends, and now and then in between. With an
 * output, packets go on; on a pull input it pulls.
 *
 * Arguments: FILEPATTERN (file name; also OUTPUT_PATTERN): default `-`, standard output. In it `%n` stands
 * for the flow's number, `%x`, `%X` for it in hexadecimal (`%.0n` to `%.3n`: one byte of it, the highest
 * first;
 * `%.4n`, `%.5n`: its upper, lower half), `%s`, `%d` for source and destination address (`%.0s` to `%.3s`:
 * one byte), `%S`, `%D` for the ports, `%p` for `T` or `U`, `%%` for a percent sign. A width pads: `%06n`
 * with zeroes, `%6n` with `_`. Missing directories are made. NOTIFIER (element): one that numbers aggregates,
 * as AggregateIPFlows; flows that it says have ended are finished a quarter of a second later. ABSOLUTE_TIME,
 * ABSOLUTE_SEQ (bool): times, sequence numbers as they are; default false. BINARY (bool): packed records;
 * default false. GZIP (bool): compresses finished files with the program gzip; default false. TCP_OPT (bool):
 * TCP options for maximum segment size, window scale and selective acknowledgements. ALL_TCP_OPT (bool):
 * every option but padding. TCP_WINDOW, IP_ID (bool): these fields too. All default false. MINCOUNT
 * (unsigned): flows of fewer packets leave no file. Default 0.
 *
 * Handlers: `clear` (write): finishes all flows. On a pull input `scheduled`, `tickets`.
 *
 * Unlike the reference it writes IP_ID in host byte order, counts no IP header as payload of UDP, names the
 * field of TCP_WINDOW in text files, writes unknown options with ALL_TCP_OPT as documented, the flag CWR, and
 * the flows that end together in the order of their numbers.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> a :: AggregateIPFlows -> ToIPFlowDumps(flow%03n,
 * NOTIFIER a) -> Discard;`
 */
#include "toipflowdumps.h"
#include "../analysis/ipsumdump.h"
#include "../ip/ip.h"
#include <stdlib.h>
#include <string.h>

enum { FLOW_PACKETS = 128, FLOW_NOTES = 32 }; /* held at most before they are written */
#define FLOW_GRACE (250 * NSEC_PER_MSEC)

/* ---- Packets
 * ---------------------------------------------------------------------------------------------------- */

/* The IP header of the flow that a packet belongs to, with 4 bytes behind it: its own, or for an ICMP error
 * the one that it is about. NULL if it has none, or of neither TCP nor UDP. */
static const uint8_t *flow_header(const Packet *p) {
  const uint8_t *ip = p->network, *end = packet_end(p);
  for (int depth = 0; depth < 2; depth++) {
    if (!ip || end - ip < 24 || ip[0] >> 4 != 4) return NULL;
    const uint8_t *next = ip + (ip[0] & 15) * 4;
    if ((ip[0] & 15) < 5 || end - next < 4) return NULL;
    if (ip[9] == IP_PROTO_TCP || ip[9] == IP_PROTO_UDP) return ip;
    if (ip[9] != IP_PROTO_ICMP) return NULL;
    ip = next + 8;
  }
  return NULL;
}

static FlowDump *flow_new(const ToIPFlowDumps *d, uint32_t aggregate, const Packet *p, const uint8_t *ip) {
  FlowDump *f = mem_alloc(sizeof *f);
  if (!f) return NULL;
  const uint8_t *ports = ip + (ip[0] & 15) * 4;
  int back = anno_u8(p, ANNO_PAINT) & 1;
  f->addr[back] = load32(ip + 12);
  f->addr[!back] = load32(ip + 16);
  f->port[back] = load16(ports);
  f->port[!back] = load16(ports + 2);
  f->proto = ip[9];
  f->have_seq[0] = f->have_seq[1] = d->absolute_seq;
  f->time = d->absolute_time ? 0 : p->timestamp - 1;
  Text name = {0};
  /* The name is the first packet's: its source is the flow's only in direction 0. */
  FlowDump first = {
      .addr = {load32(ip + 12), load32(ip + 16)}, .port = {load16(ports), load16(ports + 2)}, .proto = ip[9]};
  flow_dump_name(d->pattern, aggregate, &first, &name);
  f->filename = strdup(text_cstr(&name));
  text_free(&name);
  return f;
}

/* Adds the options wanted to `out`, with sequence numbers as in the dump. */
static void select_options(const ToIPFlowDumps *d, FlowDump *f, int from, const uint8_t *tcp, Text *out) {
  enum { EOL, NOP, MSS, WSCALE, SACK_OK, SACK, TIMES = 8 };
  static const uint8_t lengths[TIMES + 1] = {[MSS] = 4, [WSCALE] = 3, [SACK_OK] = 2, [TIMES] = 10};
  uint32_t n = (tcp[12] >> 4) * 4u, before = out->len;
  for (uint32_t i = 20; i < n && tcp[i] != EOL;) {
    if (tcp[i] == NOP) {
      i++;
      continue;
    }
    uint8_t kind = tcp[i], length = i + 1 < n ? tcp[i + 1] : 0;
    bool known = kind <= TIMES && (lengths[kind] || kind == SACK);
    if (length < 2 || i + length > n || (known && kind != SACK && length != lengths[kind]) ||
        (kind == SACK && length % 8 != 2)) {
      out->len = before; /* malformed: none of them */
      return;
    }
    if (d->all_options || (known && kind != TIMES)) text_add(out, (const char *)tcp + i, length);
    for (uint32_t at = 2; kind == SACK && at < length && !out->failed; at += 4) {
      uint32_t seq = be32(load32(tcp + i + at));
      if (!f->have_seq[!from]) f->seq[!from] = seq, f->have_seq[!from] = true;
      store32(out->s + out->len - length + at, be32(seq - f->seq[!from]));
    }
    i += length;
  }
}

typedef struct DumpedPacket {
  int64_t time;
  int from;
  uint32_t seq, ack, payload;
  uint16_t id, window;
  uint8_t flags;
} DumpedPacket;

static void packet_text(const ToIPFlowDumps *d, const FlowDump *f, const DumpedPacket *x, const Text *options,
                        Text *out) {
  text_printf(out, "%pT %c ", &x->time, "><"[x->from]);
  if (d->id) text_printf(out, "%u ", x->id);
  if (f->proto == IP_PROTO_TCP) {
    if (!x->flags) text_add_char(out, '.');
    for (int i = 0; i < 8; i++)
      if (x->flags >> i & 1) text_add_char(out, "FSRPAUEC"[i]);
    text_printf(out, " %u %u %u", x->seq, x->payload, x->ack);
    if (d->window) text_printf(out, " %u", x->window);
    if (options->len) {
      text_add_char(out, ' ');
      tcp_options_text((const uint8_t *)options->s, options->len, 0, out);
    }
  } else {
    text_printf(out, "%u", x->payload);
  }
  text_add_char(out, '\n');
}

static void put32(Text *out, uint32_t v) {
  v = be32(v);
  text_add(out, (const char *)&v, 4);
}
static void put16(Text *out, uint16_t v) {
  v = be16(v);
  text_add(out, (const char *)&v, 2);
}

static void packet_record(const ToIPFlowDumps *d, const FlowDump *f, const DumpedPacket *x,
                          const Text *options, Text *out) {
  uint32_t at = out->len;
  bool tcp = f->proto == IP_PROTO_TCP;
  put32(out, 0); /* the length, when it is known */
  put32(out, (uint32_t)(x->time / NSEC_PER_SEC));
  put32(out, (uint32_t)(x->time % NSEC_PER_SEC));
  if (tcp) put32(out, x->seq);
  put32(out, x->payload);
  if (tcp) put32(out, x->ack);
  if (d->id) put16(out, x->id);
  if (tcp && d->window) put16(out, x->window);
  if (tcp) text_add_char(out, (char)x->flags);
  text_add_char(out, (char)x->from);
  if (options->len) {
    text_add_char(out, (char)options->len);
    text_add(out, options->s, options->len);
  }
  if (!out->failed) store32(out->s + at, be32(out->len - at));
}

/* An ICMP error is a comment. It travels against the packet that it is about. */
static void flow_note(ToIPFlowDumps *d, uint32_t aggregate, FlowDump *f, const Packet *p) {
  if (f->notes >= FLOW_NOTES) flow_dump_write(d, aggregate, f);
  uint32_t at = f->body.len;
  if (d->binary) put32(&f->body, 0);
  text_printf(&f->body, "#%pT %c ICMP_error\n", &p->timestamp, "<>"[anno_u8(p, ANNO_PAINT) & 1]);
  if (d->binary && !f->body.failed) store32(f->body.s + at, be32((f->body.len - at) | 0x80000000u));
  f->notes++;
}

static void flow_packet(ToIPFlowDumps *d, uint32_t aggregate, FlowDump *f, const Packet *p) {
  const uint8_t *ip = p->network, *l4 = ip + (ip[0] & 15) * 4;
  uint32_t headers = (ip[0] & 15) * 4u, length = be16(load16(ip + 2));
  if (ip[9] != f->proto || packet_end(p) - l4 < (f->proto == IP_PROTO_TCP ? 20 : 8)) return;
  if (f->packets >= FLOW_PACKETS) flow_dump_write(d, aggregate, f);
  int from = anno_u8(p, ANNO_PAINT) & 1;
  DumpedPacket x = {.time = p->timestamp - f->time, .from = from, .id = be16(load16(ip + 4))};
  text_clear(&d->line);
  if (f->proto == IP_PROTO_TCP) {
    uint32_t tcp_header = (l4[12] >> 4) * 4u, ack = be32(load32(l4 + 8));
    x.seq = be32(load32(l4 + 4));
    x.flags = l4[13];
    x.window = be16(load16(l4 + 14));
    if (!f->have_seq[from]) f->seq[from] = x.seq, f->have_seq[from] = true;
    if (!(x.flags & 0x10))
      ack = f->seq[!from];
    else if (!f->have_seq[!from])
      f->seq[!from] = ack, f->have_seq[!from] = true;
    x.seq -= f->seq[from];
    x.ack = ack - f->seq[!from];
    headers += tcp_header;
    if ((d->options || d->all_options) && tcp_header > 20 && l4 + tcp_header <= packet_end(p))
      select_options(d, f, from, l4, &d->line);
  } else {
    headers += 8;
  }
  x.payload = length > headers ? length - headers : 0;
  (d->binary ? packet_record : packet_text)(d, f, &x, &d->line, &f->body);
  f->packets++;
}

static inline int dump_flow(ToIPFlowDumps *d, Packet *p) {
  uint32_t aggregate = anno_u32(p, ANNO_AGGREGATE);
  const uint8_t *ip = aggregate ? flow_header(p) : NULL;
  bool made = false;
  AggregatePlace *place = ip ? aggregate_place(&d->flows, aggregate, &made) : NULL;
  if (made && !(place->value = flow_new(d, aggregate, p, ip))) {
    aggregate_remove(&d->flows, place);
    place = NULL;
  }
  if (place) {
    FlowDump *f = place->value;
    d->seen++;
    f->count++;
    if (ip != p->network)
      flow_note(d, aggregate, f, p);
    else
      flow_packet(d, aggregate, f, p);
  } else {
    d->ignored++;
  }
  return d->base.noutputs ? 0 : PACKET_DROP;
}

ACTION(ToIPFlowDumps, dump_flow)

static bool flow_dumps_task(Element *e, Task *t) {
  ToIPFlowDumps *d = (ToIPFlowDumps *)e;
  Packet *p = input_pull(e, 0);
  if (p) {
    dump_flow(d, p);
    packet_free(p);
  }
  if (p || signals_active(&d->signals)) task_schedule(t);
  return p != NULL;
}

/* ---- Flows that end
 * ---------------------------------------------------------------------------------------------- */

static void flow_dumps_hear(Element *e, uint32_t aggregate, bool begins, const Packet *p) {
  ToIPFlowDumps *d = (ToIPFlowDumps *)e;
  (void)p;
  if (begins || !aggregate_find(&d->flows, aggregate)) return;
  if (d->nended == d->ended_room) {
    uint32_t room = d->ended_room ? 2 * d->ended_room : 64;
    EndedFlow *more = mem_resize(d->ended, d->ended_room * sizeof *more, room * sizeof *more);
    if (!more) return; /* it then ends with the router */
    d->ended = more;
    d->ended_room = room;
  }
  d->ended[d->nended++] = (EndedFlow){aggregate, time_steady(e)};
  if (!timer_scheduled(&d->timer)) timer_after(&d->timer, FLOW_GRACE);
}

static void flow_dumps_timer(Element *e, Timer *t) {
  ToIPFlowDumps *d = (ToIPFlowDumps *)e;
  int64_t until = time_steady(e) - FLOW_GRACE;
  uint32_t n = 0;
  for (; n < d->nended && d->ended[n].at <= until; n++) {
    AggregatePlace *place = aggregate_find(&d->flows, d->ended[n].aggregate);
    if (!place) continue;
    FlowDump *f = place->value;
    aggregate_remove(&d->flows, place);
    flow_dump_end(d, d->ended[n].aggregate, f);
  }
  d->nended -= n;
  memmove(d->ended, d->ended + n, d->nended * sizeof *d->ended);
  if (d->nended) timer_after(t, FLOW_GRACE);
}

/* ---- The element
 * ------------------------------------------------------------------------------------------------ */

static int flow_dumps_configure(Element *e, const Args *args, Errors *errs) {
  ToIPFlowDumps *d = (ToIPFlowDumps *)e;
  (void)args;
  Text name = {0};
  const char *wrong = flow_dump_name(d->pattern, 0, NULL, &name);
  text_free(&name);
  if (wrong) return error(errs, "FILEPATTERN: there is no escape '%%%c'", *wrong);
  if (!strchr(d->pattern, '%') && strcmp(d->pattern, "-"))
    warning(errs, "FILEPATTERN has no %% escapes: each flow overwrites the file of the one before");
  return 0;
}

static int flow_dumps_initialize(Element *e, Errors *errs) {
  ToIPFlowDumps *d = (ToIPFlowDumps *)e;
  d->listener = (AggregateListener){.element = e, .hear = flow_dumps_hear};
  timer_init(&d->timer, e);
  if (input_is_pull(e, 0) && !e->noutputs) {
    task_init(&d->task, e, true);
    upstream_signals(e, 0, &d->task, &d->signals);
  }
  return d->notifier ? aggregate_listen(d->notifier, &d->listener, errs) : 0;
}

static void flow_dumps_cleanup(Element *e) {
  ToIPFlowDumps *d = (ToIPFlowDumps *)e;
  flow_dumps_end(d);
  while (d->child || d->nfinished) flow_dumps_compress(d, true);
  if (d->ignored && !d->seen) chatter(e, "warning: saw no packets with aggregate annotations");
  mem_free(d->ended);
  mem_free(d->pattern);
  text_free(&d->line);
  signals_cleanup(&d->signals);
}

static int flow_dumps_clear(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  flow_dumps_end((ToIPFlowDumps *)e);
  return 0;
}

ELEMENT(ToIPFlowDumps, .ports = "1/0-1", .targets = TARGET_HOST, .ordered = true,
        USE_ACTION(ToIPFlowDumps, dump_flow), .run_task = flow_dumps_task, .run_timer = flow_dumps_timer,
        .configure = flow_dumps_configure, .initialize = flow_dumps_initialize, .cleanup = flow_dumps_cleanup,
        .args = ARGS(ARG_POS(ToIPFlowDumps, FILENAME, "FILEPATTERN", pattern, "-"),
                     ARG(ToIPFlowDumps, FILENAME, "OUTPUT_PATTERN", pattern, NULL),
                     ARG(ToIPFlowDumps, ELEMENT, "NOTIFIER", notifier, NULL),
                     ARG(ToIPFlowDumps, BOOL, "ABSOLUTE_TIME", absolute_time, "false"),
                     ARG(ToIPFlowDumps, BOOL, "ABSOLUTE_SEQ", absolute_seq, "false"),
                     ARG(ToIPFlowDumps, BOOL, "BINARY", binary, "false"),
                     ARG(ToIPFlowDumps, BOOL, "ALL_TCP_OPT", all_options, "false"),
                     ARG(ToIPFlowDumps, BOOL, "TCP_OPT", options, "false"),
                     ARG(ToIPFlowDumps, BOOL, "TCP_WINDOW", window, "false"),
                     ARG(ToIPFlowDumps, BOOL, "GZIP", gzip, "false"),
                     ARG(ToIPFlowDumps, BOOL, "IP_ID", id, "false"),
                     ARG(ToIPFlowDumps, U32, "MINCOUNT", mincount, "0")),
        .handlers = HANDLERS(WRITE_FN("clear", flow_dumps_clear), TASK_HANDLERS(ToIPFlowDumps, task)));
