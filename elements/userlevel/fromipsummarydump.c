/** FromIPSummaryDump: makes packets from a file of packet descriptions.
 *
 * Synopsis: `FromIPSummaryDump(FILENAME [, <keywords> STOP, TIMING, ACTIVE, ZERO, CHECKSUM, PROTO,
 * MULTIPACKET, SAMPLE, FIELDS, FLOWID, ALLOW_NONEXISTENT, DATA])`
 *
 * Reads what ToIPSummaryDump writes, as text or packed, and what people write by hand: a line `!data` names
 * the fields, each further line describes a packet; `#` begins a comment. What a line does not say is 0, or
 * for IP packets a sensible value: version 4, TTL 100, right lengths. Packets have the bytes that were
 * described; what the lengths say beyond them is in the extra length annotation. `-` is standard input;
 * compressed files are decompressed. Pushes, or answers pulls.
 *
 * Arguments: FILENAME. STOP (bool): stops the driver at the end; default false. TIMING (bool): keeps the
 * packets' distances in time; default false. ACTIVE (bool): default true. ZERO (bool): accepted; data that is
 * not described is always 0. CHECKSUM (bool): packets have their full length and right checksums; default
 * false. PROTO (0 to 255): the protocol where none is said; default 6, TCP. MULTIPACKET (bool): as many
 * packets as the field `count` says; default false. SAMPLE (0 to 1): probability with which a packet is given
 * out; default 1. FIELDS (words; also CONTENTS): fields until a
 * `!data` line. FLOWID (`SRC SPORT DST DPORT [PROTO]`): addresses and ports of packets that say none.
 * ALLOW_NONEXISTENT (bool): no file is as good as an empty one; default false. DATA (string): read instead of
 * a file.
 *
 * Handlers: `active` (read/write); `encap`, `filename`, `filesize`, `filepos`, `sampling_prob` (read); `stop`
 * (write); `scheduled`, `tickets`.
 *
 * Unlike the reference it reads the directions L, R and X, applies FLOWID, and puts a payload where it
 * belongs when the IP length is larger than headers and payload.
 *
 * Example: `FromIPSummaryDump(in.txt, STOP true, CHECKSUM true) -> IPPrint -> Discard;`
 */
#define _GNU_SOURCE
#include "fromipsummarydump.h"
#include <unistd.h>

#define SAMPLE_ONE (1 << 28)

/* ---- Several packets from one line
 * ------------------------------------------------------------------------------------ */

static void set_lengths(Packet *p, uint32_t extra) {
  uint32_t n = p->len + extra;
  if (!p->network || p->network + 20 > packet_end(p) || be16(load16(p->network + 2)) == (uint16_t)n ||
      !packet_unique(p))
    return;
  store16(p->network + 2, be16((uint16_t)n));
  if (p->network[9] == 17 && p->transport + 6 <= packet_end(p))
    store16(p->transport + 4, be16((uint16_t)(n - (p->network[0] & 15u) * 4)));
}

/* One packet of those that f->held stands for. */
static Packet *split(FromIPSummaryDump *f) {
  Packet *p = f->held;
  uint32_t extra = anno_u32(p, ANNO_EXTRA_PACKETS), count = 1 + extra;
  if (!extra) {
    f->held = NULL;
    f->splitting = false;
    return p;
  }
  if (!f->splitting) {
    f->splitting = true;
    f->each = (p->len + anno_u32(p, ANNO_EXTRA_LENGTH)) / count;
    if (f->each < p->len) {
      f->each = p->len;
      set_anno_u32(p, ANNO_EXTRA_LENGTH, f->each * extra);
    }
    int64_t first = (int64_t)load64(p->anno + ANNO_FIRST_TIMESTAMP);
    f->end_time = p->timestamp;
    f->step = first ? (p->timestamp - first) / extra : 0;
    if (first) p->timestamp = first;
    set_lengths(p, f->each - p->len);
  }
  Packet *q = packet_clone(p);
  if (q) {
    set_anno_u32(q, ANNO_EXTRA_PACKETS, 0);
    set_anno_u32(q, ANNO_EXTRA_LENGTH, f->each - q->len);
  }
  set_anno_u32(p, ANNO_EXTRA_PACKETS, count - 2);
  set_anno_u32(p, ANNO_EXTRA_LENGTH, anno_u32(p, ANNO_EXTRA_LENGTH) - f->each);
  if (count == 2) {
    p->timestamp = f->end_time;
    set_lengths(p, anno_u32(p, ANNO_EXTRA_LENGTH));
  } else
    p->timestamp += f->step;
  return q;
}

/* ---- Giving them out
 * -------------------------------------------------------------------------------------------------- */

/* The next packet, NULL if there is none now; *more: there may be one at the next call. */
static Packet *next_packet(FromIPSummaryDump *f, bool *more) {
  *more = f->active && !f->ended;
  while (f->active) {
    if (!f->held && !f->ended) f->held = summary_read_packet(f);
    if (!f->held && f->ended) {
      if (*more && f->stop) router_stop(f->base.router);
      return *more = false, NULL;
    }
    if (!f->held) return NULL; /* a line without a packet: one turn each */
    if (f->timing) {
      int64_t now = time_steady(&f->base);
      if (!f->has_offset) f->offset = now - f->held->timestamp;
      f->has_offset = true;
      if (now < f->held->timestamp + f->offset) {
        timer_at(&f->timer, f->held->timestamp + f->offset);
        return *more = false, NULL;
      }
    }
    Packet *p = f->held;
    if (f->multipacket)
      p = split(f);
    else
      f->held = NULL;
    *more = true;
    if (p && (f->sampling >= SAMPLE_ONE || (random_u32(&f->base) & (SAMPLE_ONE - 1)) < f->sampling)) return p;
    if (p) packet_free(p);
  }
  return NULL;
}

static bool dump_task(Element *e, Task *t) {
  FromIPSummaryDump *f = (FromIPSummaryDump *)e;
  bool more;
  Packet *p = next_packet(f, &more);
  if (more) task_schedule(t);
  if (p) output_push(e, 0, p);
  return p != NULL;
}

static unsigned dump_pull(Element *e, int port, Packet **p, unsigned max) {
  FromIPSummaryDump *f = (FromIPSummaryDump *)e;
  (void)port;
  unsigned n = 0;
  bool more = true;
  while (n < max && more) {
    Packet *q = next_packet(f, &more);
    if (q) p[n++] = q;
  }
  signal_set(&f->not_empty, more);
  return n;
}

static void dump_wake(FromIPSummaryDump *f) {
  if (!f->active) return;
  if (f->task.element)
    task_schedule(&f->task);
  else
    signal_set(&f->not_empty, true);
}

static void dump_timer(Element *e, Timer *t) {
  (void)t;
  dump_wake((FromIPSummaryDump *)e);
}

static int dump_configure(Element *e, const Args *args, Errors *errs) {
  FromIPSummaryDump *f = (FromIPSummaryDump *)e;
  (void)args;
  f->file.fd = -1;
  if (f->sample < 0) return error(errs, "SAMPLE: expected a probability");
  if (f->sample > 1) warning(errs, "SAMPLE is reduced to 1"), f->sample = 1;
  f->sampling = (uint32_t)(f->sample * SAMPLE_ONE + 0.5);
  if (f->data && f->filename) return error(errs, "FILENAME and DATA exclude each other");
  if (!f->data && !f->filename) return error(errs, "missing argument FILENAME");
  if (f->fields_text) {
    Text word = {0};
    int rc = 0;
    for (const char *s = f->fields_text; (s = next_word(s, &word, NULL)); text_clear(&word))
      if (summary_find(text_cstr(&word)) == SUM_UNKNOWN)
        rc = error(errs, "FIELDS: there is no field '%s'", text_cstr(&word));
    text_free(&word);
    if (rc < 0) return -1;
    summary_set_fields(f, f->fields_text);
  }
  if (f->flow_text && !summary_set_flow(f, f->flow_text))
    return error(errs, "FLOWID: expected 'SRC SPORT DST DPORT [PROTO]', not '%s'", f->flow_text);
  return 0;
}

/* The first line says which version the file is of. */
static void read_banner(FromIPSummaryDump *f) {
  size_t left;
  const uint8_t *s = dump_peek(&f->file, 19, &left);
  unsigned major = 1, minor = 3;
  f->build.version = 3;
  if (!s || memcmp(s, "!IPSummaryDump ", 15)) {
    s = dump_peek(&f->file, 1, NULL);
    if (s && *s != '!' && !f->nfields)
      summary_complain(f, "no '!IPSummaryDump' line%s: is this an IP summary dump?", "");
    return;
  }
  if (is_digit((char)s[15]) && s[16] == '.' && is_digit((char)s[17]))
    major = s[15] - '0', minor = s[17] - '0';
  if (major != 1 || minor > 3)
    summary_complain(f, "unknown version of IP summary dumps%s", "");
  else
    f->build.version = (int)minor;
  dump_line(&f->file, &f->line);
}

static int dump_initialize(Element *e, Errors *errs) {
  FromIPSummaryDump *f = (FromIPSummaryDump *)e;
  timer_init(&f->timer, e);
  f->not_empty.active = f->active;
  if (output_is_push(e, 0)) task_init(&f->task, e, f->active);
  if (f->allow_nonexistent && f->filename && strcmp(f->filename, "-") && access(f->filename, F_OK)) {
    f->ended = true;
    return 0;
  }
  if ((f->data ? dump_open_text(&f->file, f->data, errs) : dump_open(&f->file, f->filename, errs)) < 0)
    return -1;
  if (!dump_peek(&f->file, 1, NULL) && !f->allow_nonexistent)
    return error(errs, "%s: the file is empty", f->file.name);
  read_banner(f);
  return 0;
}

static void dump_cleanup(Element *e) {
  FromIPSummaryDump *f = (FromIPSummaryDump *)e;
  timer_cancel(&f->timer);
  if (f->held) packet_free(f->held);
  dump_close(&f->file);
  mem_free(f->file.name);
  mem_free(f->filename);
  mem_free(f->fields_text);
  mem_free(f->flow_text);
  mem_free(f->data);
  text_free(&f->line);
  summary_build_free(&f->build);
  signal_cleanup(&f->not_empty);
}

static Signal *dump_notifier(Element *e, bool full, int port) {
  (void)port;
  return full ? NULL : &((FromIPSummaryDump *)e)->not_empty;
}

static int dump_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  FromIPSummaryDump *f = (FromIPSummaryDump *)e;
  (void)param, (void)errs;
  switch (h->data) {
  case 0:
    text_add_string(out, "IP");
    break;
  case 1:
    text_add_string(out, f->file.name ? f->file.name : f->filename ? f->filename : "");
    break;
  case 2:
    dump_size_text(&f->file, out);
    break;
  case 3:
    text_printf(out, "%llu", (unsigned long long)f->file.position);
    break;
  case 4:
    text_printf(out, "%.9g", (double)f->sampling / SAMPLE_ONE);
    break;
  }
  return 0;
}

static int dump_write_active(Element *e, const Handler *h, const char *value, Errors *errs) {
  FromIPSummaryDump *f = (FromIPSummaryDump *)e;
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (!f->active) signal_set(&f->not_empty, false);
  dump_wake(f);
  return 0;
}

static int dump_stop(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((FromIPSummaryDump *)e)->active = false;
  router_stop(e->router);
  return 0;
}

ELEMENT(FromIPSummaryDump, .ports = "0/1", .processing = "a/a", .targets = TARGET_HOST, .pull = dump_pull,
        .run_task = dump_task, .run_timer = dump_timer, .configure = dump_configure,
        .initialize = dump_initialize, .cleanup = dump_cleanup, .notifier = dump_notifier,
        .args = ARGS(ARG_POS(FromIPSummaryDump, FILENAME, "FILENAME", filename, NULL),
                     ARG(FromIPSummaryDump, BOOL, "STOP", stop, "false"),
                     ARG(FromIPSummaryDump, BOOL, "ACTIVE", active, "true"),
                     ARG(FromIPSummaryDump, BOOL, "ZERO", zero, "true"),
                     ARG(FromIPSummaryDump, BOOL, "TIMING", timing, "false"),
                     ARG(FromIPSummaryDump, BOOL, "CHECKSUM", checksum, "false"),
                     ARG(FromIPSummaryDump, F64, "SAMPLE", sample, "1"),
                     ARG(FromIPSummaryDump, U8, "PROTO", proto, "6"),
                     ARG(FromIPSummaryDump, BOOL, "MULTIPACKET", multipacket, "false"),
                     ARG(FromIPSummaryDump, RAW, "FIELDS", fields_text, NULL),
                     ARG(FromIPSummaryDump, RAW, "CONTENTS", fields_text, NULL),
                     ARG(FromIPSummaryDump, RAW, "DEFAULT_FIELDS", fields_text, NULL),
                     ARG(FromIPSummaryDump, RAW, "DEFAULT_CONTENTS", fields_text, NULL),
                     ARG(FromIPSummaryDump, RAW, "FLOWID", flow_text, NULL),
                     ARG(FromIPSummaryDump, RAW, "DEFAULT_FLOWID", flow_text, NULL),
                     ARG(FromIPSummaryDump, BOOL, "ALLOW_NONEXISTENT", allow_nonexistent, "false"),
                     ARG(FromIPSummaryDump, STRING, "DATA", data, NULL)),
        .handlers = HANDLERS(READ_FN("encap", dump_read), READ_FN("filename", dump_read, .data = 1),
                             READ_FN("filesize", dump_read, .data = 2),
                             READ_FN("filepos", dump_read, .data = 3),
                             READ_FN("sampling_prob", dump_read, .data = 4),
                             RW_FIELD(FromIPSummaryDump, BOOL, "active", active, .write = dump_write_active,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                             WRITE_FN("stop", dump_stop, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(FromIPSummaryDump, task)));
