/** FromDump: reads packets from a pcap file.
 *
 * Synopsis: `FromDump(FILENAME [, TIMING, <keywords> STOP, ACTIVE, SAMPLE, FORCE_IP, START, START_AFTER, END,
 * END_AFTER, INTERVAL, END_CALL, FILEPOS, MMAP])`
 *
 * Reads what tcpdump -w and ToDump write, in either byte order, with microseconds or nanoseconds; files
 * compressed by gzip, bzip2 or compress are decompressed by those programs. `-` is standard input.
 * Timestamps, the extra length annotation (bytes on the wire beyond those in the file) and the link header
 * are set. Files of raw IP packets are read as with FORCE_IP. Pushes, or answers pulls. A file that ends in
 * the middle of a packet gives one message and ends there.
 *
 * Arguments: FILENAME. TIMING (bool): keeps the packets' distances in time; default false. STOP (bool): stops
 * the driver at the end; default false. ACTIVE (bool): default true. SAMPLE (0 to 1): probability with which
 * a packet is given out; default 1. FORCE_IP (bool): gives out IP packets only, with their headers set;
 * others leave on output 1 if there is one. Default false. START, END (time since the epoch), START_AFTER,
 * END_AFTER (time after the first packet), INTERVAL (time after the first packet given out): packets from
 * START on and before END. END_CALL (`HANDLER [VALUE]`): written at END and at the end of the file; default:
 * ACTIVE becomes false at END. FILEPOS (bytes): where in the file to begin. MMAP (bool): accepted, of no
 * effect.
 *
 * Handlers: `count`, `encap`, `filename`, `filesize`, `packet_filepos`, `sampling_prob` (read); `active`,
 * `filepos` (read/write); `reset_counts`, `reset_timing`, `extend_interval` (TIME), `stop` (write);
 * `scheduled`, `tickets`.
 *
 * Example: `FromDump(in.pcap, STOP true) -> Print -> Discard;`
 */
#include "dumpfile.h"
#include <clicklet/platform.h>
#include <string.h>

#define SAMPLE_ONE (1 << 28)

typedef struct FromDump {
  Element base;
  char *filename, *end_call;
  bool timing, stop, active, force_ip, mmap;
  double sample;
  uint32_t sampling; /* of SAMPLE_ONE */
  int64_t start, start_after, end, end_after, interval;
  bool has_start, has_start_after, has_end, has_end_after, has_interval;
  uint64_t filepos, packet_filepos, count;
  DumpInput file;
  bool swapped, nano, first_seen, started, ended, complained;
  unsigned header_extra; /* bytes behind each packet header in some files */
  int minor_version, link;
  int64_t from, to; /* times: packets in [from, to) */
  bool has_to;
  int64_t timing_offset;
  Packet *next; /* read, but not yet due */
  Task task;
  Timer timer;
  Signal not_empty;
} FromDump;

static uint32_t file32(const FromDump *f, const uint8_t *s) {
  return f->swapped ? be32(load32(s)) : load32(s);
}

static int fromdump_configure(Element *e, const Args *args, Errors *errs) {
  FromDump *f = (FromDump *)e;
  (void)args;
  f->file.fd = -1;
  int rc = 0;
  if (f->has_start && f->has_start_after) rc = error(errs, "START and START_AFTER exclude each other");
  if (f->has_end + f->has_end_after + f->has_interval > 1)
    rc = error(errs, "END, END_AFTER and INTERVAL exclude each other");
  if (f->stop && f->end_call) rc = error(errs, "END_CALL and STOP exclude each other");
  if (f->sample < 0) rc = error(errs, "SAMPLE: expected a probability");
  if (f->sample > 1) warning(errs, "SAMPLE is reduced to 1"), f->sample = 1;
  f->sampling = (uint32_t)(f->sample * SAMPLE_ONE + 0.5);
  if (!rc && !f->sampling) warning(errs, "SAMPLE is 0: no packets");
  return rc;
}

static int fromdump_open(FromDump *f, Errors *errs) {
  if (dump_open(&f->file, f->filename, errs) < 0) return -1;
  const char *name = f->file.name;
  size_t left;
  const uint8_t *h = dump_peek(&f->file, 24, &left);
  if (!h) return error(errs, "%s: not a pcap file: %llu bytes are too short", name, (unsigned long long)left);
  uint32_t magic = load32(h);
  f->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1 || magic == 0x34cdb2a1;
  if (f->swapped) magic = be32(magic);
  if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d && magic != 0xa1b2cd34)
    return error(errs,
                 magic == 0x0a0d0d0a ? "%s: pcapng is not supported, only pcap"
                                     : "%s: not a pcap file (unknown magic number)",
                 name);
  f->nano = magic == 0xa1b23c4d;
  f->header_extra = magic == 0xa1b2cd34 ? 8 : 0;
  unsigned major = f->swapped ? be16(load16(h + 4)) : load16(h + 4);
  f->minor_version = f->swapped ? be16(load16(h + 6)) : load16(h + 6);
  if (major != 2) return error(errs, "%s: unknown major version %u", name, major);
  f->link = (int)(file32(f, h + 20) & 0x0fffffff);
  if (f->link == LINK_RAW_BSD) f->link = LINK_RAW;
  dump_take(&f->file, 24);
  if (f->link == LINK_RAW) f->force_ip = true;
  if (f->force_ip && !link_knows_ip(f->link))
    return error(errs, "%s: FORCE_IP: cannot find IP in packets of link type %d", name, f->link);
  return f->filepos ? dump_seek(&f->file, f->filepos, errs) : 0;
}

static void fromdump_times(FromDump *f, int64_t first) {
  f->first_seen = true;
  f->from = f->has_start ? f->start : f->has_start_after ? first + f->start_after : INT64_MIN;
  f->has_to = f->has_end || f->has_end_after || f->has_interval;
  f->to = f->has_end         ? f->end
          : f->has_end_after ? first + f->end_after
                             : (f->from == INT64_MIN ? first : f->from) + f->interval;
  if (f->timing) f->timing_offset = time_steady(&f->base) - first;
}

/* END was reached, or the end of the file. */
static void fromdump_end(FromDump *f) {
  if (f->end_call) {
    char *value = f->end_call;
    while (*value && !is_space(*value)) value++;
    char *name = mem_string(f->end_call, (size_t)(value - f->end_call));
    while (is_space(*value)) value++;
    handler_call_write(f->base.router, &f->base, name, value, NULL);
    mem_free(name);
  } else if (f->stop) {
    f->active = false;
    router_stop(f->base.router);
  } else if (f->has_end || f->has_end_after || f->has_interval)
    f->active = false;
}

static void fromdump_complain(FromDump *f, const char *what) {
  if (!f->complained)
    chatter(&f->base, "%s: %s at byte %llu; reading ends here", f->file.name, what,
            (unsigned long long)f->packet_filepos);
  f->complained = true;
  dump_close(&f->file);
}

enum { READ_END, READ_SKIPPED, READ_PACKET };

/* Reads one packet into f->next. */
static int fromdump_read(FromDump *f) {
  size_t left;
  f->packet_filepos = f->file.position;
  const uint8_t *h = dump_peek(&f->file, 16u + f->header_extra, &left);
  if (!h) {
    if (left) fromdump_complain(f, "the file ends within a packet header");
    return READ_END;
  }
  int64_t time = (int64_t)file32(f, h) * NSEC_PER_SEC + (int64_t)file32(f, h + 4) * (f->nano ? 1 : 1000);
  uint32_t captured = file32(f, h + 8), length = file32(f, h + 12), skip = 0;
  if (f->minor_version < 3 ||
      (f->minor_version == 3 && captured > length)) { /* old files have the two the other way round */
    uint32_t t = captured;
    captured = length;
    length = t;
  }
  if (captured > 262144) return fromdump_complain(f, "there is no packet header"), READ_END;
  if (captured > length) { /* written by faulty programs */
    skip = captured - length;
    captured = length;
  }
  if (!f->first_seen) fromdump_times(f, time);
  bool early = time < f->from;
  if (!early && f->has_to && time >= f->to) {
    f->has_to = false;
    fromdump_end(f); /* if that leaves us active, reading goes on */
    if (!f->active) {
      dump_take(&f->file, 16u + f->header_extra);
      dump_skip(&f->file, (uint64_t)captured + skip);
      f->ended = true;
      return READ_END;
    }
  }
  dump_take(&f->file, 16u + f->header_extra);
  if (early || (f->sampling < SAMPLE_ONE && (random_u32(&f->base) & (SAMPLE_ONE - 1)) >= f->sampling)) {
    if (!dump_skip(&f->file, (uint64_t)captured + skip))
      return fromdump_complain(f, "the file ends within a packet"), READ_END;
    return READ_SKIPPED;
  }
  const uint8_t *data = dump_peek(&f->file, captured, &left);
  if (!data) return fromdump_complain(f, "the file ends within a packet"), READ_END;
  Packet *p = packet_make(PACKET_HEADROOM, data, captured, 0);
  if (!p) return fromdump_complain(f, "out of memory"), READ_END;
  dump_take(&f->file, captured);
  dump_skip(&f->file, skip);
  p->timestamp = time;
  p->mac = p->data;
  set_anno_u32(p, ANNO_EXTRA_LENGTH, length - captured);
  f->next = p;
  return READ_PACKET;
}

/* The next packet for output 0, NULL if there is none now; *more: there may be later, without a timer. */
static Packet *fromdump_next(FromDump *f, bool *more) {
  *more = true;
  for (int tries = 0; tries < 16; tries++) {
    if (!f->active) return *more = false, NULL;
    if (!f->next) {
      int r = f->ended ? READ_END : fromdump_read(f);
      if (r == READ_SKIPPED) continue;
      if (r == READ_END) {
        *more = false;
        if (!f->ended) fromdump_end(f);
        f->ended = true;
        return NULL;
      }
    }
    if (f->timing) {
      int64_t due = f->next->timestamp + f->timing_offset;
      if (time_steady(&f->base) < due) {
        timer_at(&f->timer, due);
        return *more = false, NULL;
      }
    }
    Packet *p = f->next;
    f->next = NULL;
    if (!f->force_ip || link_find_ip(p, f->link)) {
      f->count++;
      return p;
    }
    if (f->base.noutputs > 1)
      output_push(&f->base, 1, p);
    else
      packet_free(p);
  }
  return NULL;
}

static bool fromdump_task(Element *e, Task *t) {
  FromDump *f = (FromDump *)e;
  Packet *p[BATCH_MAX];
  unsigned limit = batch_limit(e), n = 0;
  bool more = true;
  while (n < limit && more && (p[n] = fromdump_next(f, &more))) n++;
  if (more) task_schedule(t);
  if (n) output_push_batch(e, 0, p, n);
  return n > 0;
}

static unsigned fromdump_pull(Element *e, int port, Packet **p, unsigned max) {
  FromDump *f = (FromDump *)e;
  (void)port;
  unsigned n = 0;
  bool more = true;
  while (n < max && more && (p[n] = fromdump_next(f, &more))) n++;
  signal_set(&f->not_empty, more);
  return n;
}

static void fromdump_wake(FromDump *f) {
  if (!f->active) return;
  if (f->task.element)
    task_schedule(&f->task);
  else
    signal_set(&f->not_empty, true);
}

static void fromdump_timer(Element *e, Timer *t) {
  (void)t;
  fromdump_wake((FromDump *)e);
}

static int fromdump_initialize(Element *e, Errors *errs) {
  FromDump *f = (FromDump *)e;
  f->not_empty.active = f->active;
  timer_init(&f->timer, e);
  if (output_is_push(e, 0)) task_init(&f->task, e, f->active);
  if (!f->file.name && fromdump_open(f, errs) < 0) return -1;
  return 0;
}

static void fromdump_cleanup(Element *e) {
  FromDump *f = (FromDump *)e;
  timer_cancel(&f->timer);
  if (f->next) packet_free(f->next);
  dump_close(&f->file);
  mem_free(f->file.name);
  mem_free(f->filename);
  mem_free(f->end_call);
  signal_cleanup(&f->not_empty);
}

static void fromdump_take_state(Element *e, Element *old) {
  FromDump *f = (FromDump *)e, *o = (FromDump *)old;
  if (strcmp(f->filename, o->filename)) return;
  DumpInput file = f->file;
  f->file = o->file;
  o->file = file;
  f->swapped = o->swapped, f->nano = o->nano, f->header_extra = o->header_extra,
  f->minor_version = o->minor_version;
  f->next = o->next;
  o->next = NULL;
  f->timing_offset = o->timing_offset;
  f->packet_filepos = o->packet_filepos;
  f->count = o->count;
}

static Signal *fromdump_notifier(Element *e, bool full, int port) {
  return full || port ? NULL : &((FromDump *)e)->not_empty;
}

static int fromdump_read_text(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  FromDump *f = (FromDump *)e;
  (void)param, (void)errs;
  switch (h->data) {
  case 0:
    link_text(f->link, out);
    break;
  case 1:
    text_add_string(out, f->file.name ? f->file.name : f->filename);
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

static int fromdump_write_active(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  ((FromDump *)e)->ended = false;
  fromdump_wake((FromDump *)e);
  return 0;
}

static int fromdump_write_filepos(Element *e, const Handler *h, const char *value, Errors *errs) {
  FromDump *f = (FromDump *)e;
  uint64_t v;
  (void)h;
  if (!parse_u64(value, &v)) return error(errs, "expected a position in bytes, not '%s'", value);
  if (f->next) packet_free(f->next);
  f->next = NULL;
  if (f->file.fd < 0 && dump_open(&f->file, f->filename, errs) < 0) return -1;
  if (dump_seek(&f->file, v, errs) < 0) return -1;
  f->ended = false; /* after the end, `active true` begins again */
  return 0;
}

static int fromdump_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  FromDump *f = (FromDump *)e;
  int64_t t;
  switch (h->data) {
  case 0:
    f->count = 0;
    break;
  case 1: /* the next packet counts as the first for TIMING */
    f->first_seen = false;
    if (f->has_start_after) f->has_start_after = false, f->has_start = true, f->start = f->from;
    if (f->has_end_after || f->has_interval)
      f->has_end_after = f->has_interval = false, f->has_end = true, f->end = f->to;
    break;
  case 2:
    if (!parse_interval(value, NSEC_PER_SEC, &t)) return error(errs, "expected a time, not '%s'", value);
    f->to += t;
    f->has_to = f->has_end || f->has_end_after || f->has_interval;
    f->active = true;
    f->ended = false;
    fromdump_wake(f);
    break;
  case 3:
    f->active = false;
    router_stop(e->router);
    break;
  }
  return 0;
}

static void *fromdump_cast(Element *e, const char *name) { return !strcmp(name, "FromDump") ? e : NULL; }

ELEMENT(
    FromDump, .ports = "0/1-2", .processing = "a/ah", .targets = TARGET_HOST, .pull = fromdump_pull,
    .run_task = fromdump_task, .run_timer = fromdump_timer, .configure = fromdump_configure,
    .initialize = fromdump_initialize, .cleanup = fromdump_cleanup, .take_state = fromdump_take_state,
    .notifier = fromdump_notifier, .cast = fromdump_cast,
    .args = ARGS(ARG_MUST(FromDump, FILENAME, "FILENAME", filename),
                 ARG_POS(FromDump, BOOL, "TIMING", timing, "false"),
                 ARG(FromDump, BOOL, "STOP", stop, "false"), ARG(FromDump, BOOL, "ACTIVE", active, "true"),
                 ARG(FromDump, F64, "SAMPLE", sample, "1"),
                 ARG(FromDump, BOOL, "FORCE_IP", force_ip, "false"),
                 ARG(FromDump, TIMESTAMP, "START", start, NULL, GIVEN(FromDump, has_start)),
                 ARG(FromDump, INTERVAL, "START_AFTER", start_after, NULL, GIVEN(FromDump, has_start_after)),
                 ARG(FromDump, TIMESTAMP, "END", end, NULL, GIVEN(FromDump, has_end)),
                 ARG(FromDump, INTERVAL, "END_AFTER", end_after, NULL, GIVEN(FromDump, has_end_after)),
                 ARG(FromDump, INTERVAL, "INTERVAL", interval, NULL, GIVEN(FromDump, has_interval)),
                 ARG(FromDump, HANDLER, "END_CALL", end_call, NULL),
                 ARG(FromDump, U64, "FILEPOS", filepos, NULL), ARG(FromDump, BOOL, "MMAP", mmap, "false")),
    .handlers = HANDLERS(READ_FIELD(FromDump, U64, "count", count), READ_FN("encap", fromdump_read_text),
                         READ_FN("filename", fromdump_read_text, .data = 1),
                         READ_FN("filesize", fromdump_read_text, .data = 2),
                         RW_FN("filepos", fromdump_read_text, fromdump_write_filepos, .data = 3),
                         READ_FN("sampling_prob", fromdump_read_text, .data = 4),
                         READ_FIELD(FromDump, U64, "packet_filepos", packet_filepos),
                         RW_FIELD(FromDump, BOOL, "active", active, .write = fromdump_write_active,
                                  .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                         WRITE_FN("reset_counts", fromdump_write, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                         WRITE_FN("reset_timing", fromdump_write, .flags = HANDLER_WRITE | HANDLER_BUTTON,
                                  .data = 1),
                         WRITE_FN("extend_interval", fromdump_write, .data = 2),
                         WRITE_FN("stop", fromdump_write, .flags = HANDLER_WRITE | HANDLER_BUTTON, .data = 3),
                         TASK_HANDLERS(FromDump, task)));
