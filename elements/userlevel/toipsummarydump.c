/** ToIPSummaryDump: writes one line for each packet, with the fields asked for.
 *
 * Synopsis: `ToIPSummaryDump(FILENAME [, <keywords> FIELDS, HEADER, VERBOSE, BANNER, BINARY, MULTIPACKET,
 * BAD_PACKETS, CAREFUL_TRUNC, EXTRA_LENGTH])`
 *
 * With an output, packets go on. On a pull input it pulls. `-` is standard output. A field that a packet does
 * not have is `-`. IP packets need their header marked.
 *
 * Arguments: FILENAME. FIELDS (words; also CONTENTS): default `timestamp ip_src`. Known are timestamp
 * ntimestamp ts_sec ts_usec ts_usec1 first_timestamp count link paint direction aggregate wire_len; eth_src
 * eth_dst eth_type; ip_src ip_dst ip_tos ip_dscp ip_ecn ip_ttl ip_frag ip_fragoff ip_id ip_sum ip_proto ip_hl
 * ip_len ip_capture_len ip_opt; sport dport; tcp_seq tcp_ack tcp_off tcp_flags tcp_window tcp_urp tcp_opt
 * tcp_ntopt tcp_sack; udp_len; icmp_type icmp_code icmp_type_name icmp_code_name icmp_flowid icmp_seq
 * icmp_nextmtu; payload payload_len payload_md5 payload_md5_hex. HEADER (bool): the lines that say what the
 * file is; default true. VERBOSE (bool): host and time there too; default false. BANNER (string): a
 * `!creator` line. BINARY (bool): packed records; default false. MULTIPACKET (bool): several lines for a
 * packet that stands for several; default false. BAD_PACKETS (bool): `!bad` lines in front of packets with
 * wrong headers; default false. CAREFUL_TRUNC (bool): a packet shorter than its IP length is bad too; default
 * true. EXTRA_LENGTH (bool): counts the extra length annotation; default true.
 *
 * Handlers: `flush` (write). On a pull input `scheduled`, `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 1, STOP true) -> UDPIPEncap(1.0.0.1, 1, 2.0.0.2, 2) -> ToIPSummaryDump(-,
 * FIELDS ip_src sport ip_len) -> Discard;`
 */
#define _GNU_SOURCE
#include "../analysis/ipsumdump.h"
#include "dumpfile.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

typedef struct ToIPSummaryDump {
  Element base;
  char *filename, *fields_text, *banner;
  bool header, verbose, binary, multipacket, bad_packets, careful, extra_length, headers;
  int16_t fields[64];
  unsigned nfields;
  uint64_t count;
  Text line, bad;
  DumpOutput file;
  Task task;
  SignalSet signals;
} ToIPSummaryDump;

static void write_note(ToIPSummaryDump *d, const Text *t) {
  uint32_t mark = be32(t->len | 0x80000000u);
  if (d->binary) dump_write(&d->file, &mark, 4);
  dump_write(&d->file, t->s, t->len);
}

static void write_one(ToIPSummaryDump *d, Packet *p) {
  SummaryView v;
  text_clear(&d->line);
  text_clear(&d->bad);
  summary_view(&v, p, d->headers, d->careful, d->extra_length, d->bad_packets ? &d->bad : NULL);
  if (d->binary) text_add(&d->line, "\0\0\0", 4);
  for (unsigned i = 0; i < d->nfields; i++) {
    if (d->binary) {
      summary_binary(&v, (SummaryId)d->fields[i], &d->line);
      continue;
    }
    if (i) text_add_char(&d->line, ' ');
    summary_text(&v, (SummaryId)d->fields[i], &d->line);
  }
  if (d->binary)
    store32(d->line.s, be32(d->line.len));
  else
    text_add_char(&d->line, '\n');
  if (d->bad.len) write_note(d, &d->bad);
  dump_write(&d->file, d->line.s, d->line.len);
  d->count++;
}

/* A packet that stands for several: their lengths and times are spread evenly. */
static void write_several(ToIPSummaryDump *d, Packet *p) {
  uint32_t count = 1 + anno_u32(p, ANNO_EXTRA_PACKETS), length = p->len;
  uint64_t total = (uint64_t)length + (d->extra_length ? anno_u32(p, ANNO_EXTRA_LENGTH) : 0);
  if (total < (uint64_t)count * length) total = (uint64_t)count * length;
  int64_t end = p->timestamp, first = (int64_t)load64(p->anno + ANNO_FIRST_TIMESTAMP),
          step = first ? (end - first) / (count - 1) : 0;
  if (first) p->timestamp = first;
  set_anno_u32(p, ANNO_EXTRA_PACKETS, 0);
  for (uint32_t i = count; i > 0; i--) {
    uint64_t mine = total / i;
    set_anno_u32(p, ANNO_EXTRA_LENGTH, (uint32_t)(mine - length));
    total -= mine;
    write_one(d, p);
    p->timestamp = i == 1 ? end : p->timestamp + step;
  }
}

static inline int summarise(ToIPSummaryDump *d, Packet *p) {
  if (d->multipacket && anno_u32(p, ANNO_EXTRA_PACKETS))
    write_several(d, p);
  else
    write_one(d, p);
  return d->base.noutputs ? 0 : PACKET_DROP;
}

ACTION(ToIPSummaryDump, summarise)

static bool summary_task(Element *e, Task *t) {
  ToIPSummaryDump *d = (ToIPSummaryDump *)e;
  Packet *p = input_pull(e, 0);
  if (p && summarise(d, p) == 0)
    output_push(e, 0, p);
  else if (p)
    packet_free(p);
  if (p || signals_active(&d->signals)) task_schedule(t);
  return p != NULL;
}

static int summary_configure(Element *e, const Args *args, Errors *errs) {
  ToIPSummaryDump *d = (ToIPSummaryDump *)e;
  (void)args;
  d->file.fd = -1;
  int rc = 0;
  Text word = {0};
  d->nfields = 0;
  d->headers = false;
  for (const char *s = d->fields_text; (s = next_word(s, &word, NULL)); text_clear(&word)) {
    SummaryId id = summary_find(text_cstr(&word));
    if (id == SUM_UNKNOWN || id == SUM_none)
      rc = error(errs, "FIELDS: there is no field '%s'", text_cstr(&word));
    else if (d->binary && summary_fields[id].width == SUM_TEXT_ONLY)
      rc = error(errs, "FIELDS: '%s' cannot be in a BINARY dump", text_cstr(&word));
    else if (d->nfields == countof(d->fields))
      rc = error(errs, "FIELDS: more than %u fields", (unsigned)countof(d->fields));
    else {
      d->fields[d->nfields++] = (int16_t)id;
      d->headers |= summary_needs_headers(id);
      if (id == SUM_count) d->multipacket = false;
    }
  }
  text_free(&word);
  if (!rc && !d->nfields) rc = error(errs, "FIELDS: expected names of fields");
  return rc;
}

static int summary_initialize(Element *e, Errors *errs) {
  ToIPSummaryDump *d = (ToIPSummaryDump *)e;
  if (dump_create(&d->file, d->filename, false, errs) < 0) return -1;
  if (input_is_pull(e, 0)) {
    task_init(&d->task, e, true);
    upstream_signals(e, 0, &d->task, &d->signals);
  }
  if (!d->header) return 0;
  Text t = {0};
  text_add_string(&t, "!IPSummaryDump 1.3\n");
  if (d->banner && *d->banner) {
    text_add_string(&t, "!creator ");
    summary_quote((const uint8_t *)d->banner, strlen(d->banner), &t);
    text_add_char(&t, '\n');
  }
  if (d->verbose) {
    char host[256] = "", when[64];
    time_t seconds = time(NULL);
    int64_t now = time_now(e);
    gethostname(host, sizeof host - 1);
    strftime(when, sizeof when, "%a %b %e %H:%M:%S %Y", localtime(&seconds));
    text_printf(&t, "!host %s\n!runtime %pT (%s)\n", host, &now, when);
  }
  text_add_string(&t, "!data");
  for (unsigned i = 0; i < d->nfields; i++)
    text_printf(&t, " %s",
                d->fields[i] == SUM_ntimestamp && !d->binary ? "timestamp"
                                                             : summary_fields[d->fields[i]].name);
  text_add_string(&t, d->binary ? "\n!binary\n" : "\n");
  dump_write(&d->file, t.s, t.len);
  text_free(&t);
  return 0;
}

static void summary_cleanup(Element *e) {
  ToIPSummaryDump *d = (ToIPSummaryDump *)e;
  dump_finish(&d->file);
  text_free(&d->line);
  text_free(&d->bad);
  mem_free(d->filename);
  mem_free(d->fields_text);
  mem_free(d->banner);
  signals_cleanup(&d->signals);
}

static int summary_flush(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  dump_flush(&((ToIPSummaryDump *)e)->file);
  return 0;
}

ELEMENT(ToIPSummaryDump, .ports = "1/0-1", .processing = "a/h", .flags = "S2", .targets = TARGET_HOST,
        .ordered = true, USE_ACTION(ToIPSummaryDump, summarise), .run_task = summary_task,
        .configure = summary_configure, .initialize = summary_initialize, .cleanup = summary_cleanup,
        .args = ARGS(ARG_MUST(ToIPSummaryDump, FILENAME, "FILENAME", filename),
                     ARG(ToIPSummaryDump, RAW, "FIELDS", fields_text, "timestamp ip_src"),
                     ARG(ToIPSummaryDump, RAW, "CONTENTS", fields_text, NULL),
                     ARG(ToIPSummaryDump, RAW, "DATA", fields_text, NULL, .flags = ARG_DEPRECATED),
                     ARG(ToIPSummaryDump, BOOL, "VERBOSE", verbose, "false"),
                     ARG(ToIPSummaryDump, BOOL, "HEADER", header, "true"),
                     ARG(ToIPSummaryDump, STRING, "BANNER", banner, NULL),
                     ARG(ToIPSummaryDump, BOOL, "MULTIPACKET", multipacket, "false"),
                     ARG(ToIPSummaryDump, BOOL, "BAD_PACKETS", bad_packets, "false"),
                     ARG(ToIPSummaryDump, BOOL, "CAREFUL_TRUNC", careful, "true"),
                     ARG(ToIPSummaryDump, BOOL, "EXTRA_LENGTH", extra_length, "true"),
                     ARG(ToIPSummaryDump, BOOL, "BINARY", binary, "false")),
        .handlers = HANDLERS(WRITE_FN("flush", summary_flush), TASK_HANDLERS(ToIPSummaryDump, task)));
