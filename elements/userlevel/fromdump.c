/** FromDump: reads packets from a pcap file.
 *
 * Synopsis: `FromDump(FILENAME [, TIMING, <keywords> STOP, ACTIVE, SAMPLE, FORCE_IP, START, START_AFTER, END,
 * END_AFTER, INTERVAL, END_CALL, FILEPOS, MMAP])`
 *
 * Reads what tcpdump -w, Wireshark and ToDump write: pcap and pcapng, in either byte order, with any
 * resolution of time (kept to nanoseconds); files compressed by gzip, bzip2 or compress are decompressed by
 * those programs. `-` is standard input. Timestamps, the extra length annotation (bytes on the wire beyond
 * those in the file) and the link header are set. In pcapng the simple, enhanced and old packet blocks of all
 * sections and interfaces are read, other blocks are skipped; `encap` follows the interface of the last
 * packet. Files of raw IP packets are read as with FORCE_IP. Pushes, or answers pulls. A file that ends in
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
#include "tracesource.h"
#include "pcapng.h"

typedef struct FromDump {
  TraceSource t;
  bool swapped, nano;
  unsigned header_extra; /* bytes behind each packet header in some files */
  int minor_version;
  Pcapng ng;
} FromDump;

static uint32_t file32(const FromDump *f, const uint8_t *s) {
  return f->swapped ? be32(load32(s)) : load32(s);
}

static int pcap_record(TraceSource *t, TraceRecord *r) {
  FromDump *f = (FromDump *)t;
  size_t left;
  const uint8_t *h = dump_peek(&t->file, 16u + f->header_extra, &left);
  if (!h) {
    if (left) trace_complain(t, "the file ends within a packet header");
    return TRACE_END;
  }
  r->time = (int64_t)file32(f, h) * NSEC_PER_SEC + (int64_t)file32(f, h + 4) * (f->nano ? 1 : 1000);
  uint32_t captured = file32(f, h + 8), length = file32(f, h + 12);
  if (f->minor_version < 3 ||
      (f->minor_version == 3 && captured > length)) { /* old files have the two the other way round */
    uint32_t x = captured;
    captured = length;
    length = x;
  }
  if (captured > PCAP_LONGEST) return trace_complain(t, "there is no packet header"), TRACE_END;
  if (captured > length) { /* written by faulty programs */
    r->skip = captured - length;
    captured = length;
  }
  r->captured = captured;
  r->extra = length - captured;
  dump_take(&t->file, 16u + f->header_extra);
  return TRACE_RECORD;
}

static int ng_record(TraceSource *t, TraceRecord *r) {
  PcapngPacket p;
  FromDump *f = (FromDump *)t;
  int k = pcapng_next(&f->ng, &t->file, &p);
  if (k == PCAPNG_END) return TRACE_END;
  if (k == PCAPNG_BAD) return trace_complain(t, f->ng.what), TRACE_END;
  if (k == PCAPNG_OTHER) return TRACE_SKIPPED;
  if (t->force_ip && !link_knows_ip(p.link))
    return trace_complain(t, "FORCE_IP: cannot find IP in packets of this interface's link type"), TRACE_END;
  t->link = p.link;
  t->ip_only = t->force_ip || p.link == LINK_RAW;
  r->time = p.time, r->captured = p.captured, r->skip = p.skip, r->extra = p.length - p.captured;
  return TRACE_RECORD;
}

static int fromdump_open(FromDump *f, Errors *errs) {
  TraceSource *t = &f->t;
  if (dump_open(&t->file, t->filename, errs) < 0) return -1;
  const char *name = t->file.name;
  size_t left;
  const uint8_t *h = dump_peek(&t->file, 24, &left);
  if (!h) return error(errs, "%s: not a pcap file: %llu bytes are too short", name, (unsigned long long)left);
  uint32_t magic = load32(h);
  if (magic == PCAPNG_MAGIC) {
    t->record = ng_record;
    if (pcapng_begin(&f->ng, &t->file) < 0)
      return error(errs, "%s: %s at byte %llu", name, f->ng.what, (unsigned long long)t->file.position);
    t->link = f->ng.count ? f->ng.interfaces[0].link : -1;
  } else {
    f->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1 || magic == 0x34cdb2a1;
    if (f->swapped) magic = be32(magic);
    if (magic != 0xa1b2c3d4 && magic != 0xa1b23c4d && magic != 0xa1b2cd34)
      return error(errs, "%s: neither a pcap nor a pcapng file (unknown magic number)", name);
    f->nano = magic == 0xa1b23c4d;
    f->header_extra = magic == 0xa1b2cd34 ? 8 : 0;
    unsigned major = f->swapped ? be16(load16(h + 4)) : load16(h + 4);
    f->minor_version = f->swapped ? be16(load16(h + 6)) : load16(h + 6);
    if (major != 2) return error(errs, "%s: unknown major version %u", name, major);
    t->link = (int)(file32(f, h + 20) & 0x0fffffff);
    if (t->link == LINK_RAW_BSD) t->link = LINK_RAW;
    t->record = pcap_record;
    dump_take(&t->file, 24);
  }
  t->ip_only = t->force_ip || t->link == LINK_RAW;
  if (t->ip_only && t->link >= 0 && !link_knows_ip(t->link))
    return error(errs, "%s: FORCE_IP: cannot find IP in packets of link type %d", name, t->link);
  return 0;
}

static int fromdump_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  int rc = trace_configure((TraceSource *)e, errs);
  return trace_configure_sample((TraceSource *)e, errs) < 0 ? -1 : rc;
}

static int fromdump_initialize(Element *e, Errors *errs) {
  FromDump *f = (FromDump *)e;
  if (!f->t.file.name && fromdump_open(f, errs) < 0) return -1;
  return trace_initialize(&f->t, errs);
}

static void fromdump_cleanup(Element *e) {
  pcapng_end(&((FromDump *)e)->ng);
  trace_cleanup(e);
}

static void fromdump_take_state(Element *e, Element *old) {
  FromDump *f = (FromDump *)e, *o = (FromDump *)old;
  if (!trace_take_state(&f->t, &o->t)) return;
  f->swapped = o->swapped, f->nano = o->nano, f->header_extra = o->header_extra,
  f->minor_version = o->minor_version;
  f->t.record = o->t.record;
  Pcapng ng = f->ng;
  f->ng = o->ng;
  o->ng = ng;
}

static void *fromdump_cast(Element *e, const char *name) { return !strcmp(name, "FromDump") ? e : NULL; }

ELEMENT(FromDump, .ports = "0/1-2", .processing = "a/ah", TRACE_MEMBERS, .cleanup = fromdump_cleanup,
        .configure = fromdump_configure, .initialize = fromdump_initialize, .take_state = fromdump_take_state,
        .cast = fromdump_cast,
        .args = ARGS(ARG_MUST(TraceSource, FILENAME, "FILENAME", filename),
                     ARG_POS(TraceSource, BOOL, "TIMING", timing, "false"),
                     ARG(TraceSource, BOOL, "STOP", stop, "false"),
                     ARG(TraceSource, BOOL, "ACTIVE", active, "true"), TRACE_SAMPLE_ARG, TRACE_TIME_ARGS,
                     ARG(TraceSource, U64, "FILEPOS", filepos, NULL)),
        .handlers = HANDLERS(READ_FIELD(TraceSource, U64, "count", count), TRACE_BASIC_HANDLERS,
                             TRACE_SAMPLE_HANDLER, TRACE_TIME_HANDLERS,
                             WRITE_FN("reset_counts", trace_write, .flags = HANDLER_WRITE | HANDLER_BUTTON,
                                      .data = TRACE_RESET_COUNTS),
                             WRITE_FN("reset_timing", trace_write, .flags = HANDLER_WRITE | HANDLER_BUTTON,
                                      .data = TRACE_RESET_TIMING)));
