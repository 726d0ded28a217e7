/** FromNLANRDump: reads packets from a trace in one of NLANR's formats.
 *
 * Synopsis: `FromNLANRDump(FILENAME [, <keywords> FORMAT, STOP, ACTIVE, FORCE_IP, START, START_AFTER, END,
 * END_AFTER, INTERVAL, END_CALL, FILEPOS, SAMPLE, TIMING, MMAP])`
 *
 * Records of FR+ and TSH files hold a time and the first 36 bytes of an IP packet; TSH also the number of the
 * interface, which becomes the paint annotation. Network headers are set. Packets with IP options, whose
 * transport header is not in the record, leave on output 1 if there is one. Compressed files and `-` as in
 * FromDump. Records of FR files hold no packet; like the reference this reads none from them.
 *
 * Arguments: FILENAME. FORMAT (fr, fr+, tsh or guess): default guess, by the name's ending. FORCE_IP: of no
 * effect. STOP, ACTIVE, START, START_AFTER, END, END_AFTER, INTERVAL, END_CALL, FILEPOS, SAMPLE, TIMING,
 * MMAP: those of FromDump.
 *
 * Handlers: `encap`, `filename`, `filesize`, `packet_filepos`, `sampling_prob` (read); `active`, `filepos`
 * (read/write); `extend_interval` (TIME), `stop` (write); `scheduled`, `tickets`.
 *
 * Example: `FromNLANRDump(in.tsh, STOP true) -> IPPrint -> Discard;`
 */
#include "tracesource.h"
#include <string.h>

enum { FORMAT_FR, FORMAT_FRPLUS, FORMAT_TSH, FORMAT_GUESS };

typedef struct FromNLANRDump {
  TraceSource t;
  char *format_name;
  int format;
} FromNLANRDump;

static int nlanr_record(TraceSource *t, TraceRecord *r) {
  FromNLANRDump *f = (FromNLANRDump *)t;
  size_t left, size = 44;
  if (f->format == FORMAT_FR) return TRACE_END;
  for (;;) {
    const uint8_t *h = dump_peek(&t->file, size, &left);
    if (!h) {
      if (left) trace_complain(t, "the file ends within a record");
      return TRACE_END;
    }
    uint32_t usec = be32(load32(h + 4));
    uint8_t interface = (uint8_t)(usec >> 24);
    if (f->format == FORMAT_TSH) usec &= 0xffffff;
    r->time = (int64_t)be32(load32(h)) * NSEC_PER_SEC + (int64_t)usec * NSEC_PER_USEC;
    Packet *p = packet_make(PACKET_HEADROOM, h + 8, (uint32_t)size - 8, 0);
    if (!p) return trace_complain(t, "out of memory"), TRACE_END;
    dump_take(&t->file, size);
    p->timestamp = r->time;
    p->mac = p->data;
    link_find_ip(p, LINK_RAW);
    if (!p->network || (p->data[0] & 15) != 5) {
      output_push(&t->base, 1, p);
      continue;
    }
    if (f->format == FORMAT_TSH) set_anno_u8(p, ANNO_PAINT, interface);
    r->packet = p;
    return TRACE_RECORD;
  }
}

static bool ends_in(const char *s, size_t n, const char *tail) {
  size_t k = strlen(tail);
  if (n < k) return false;
  for (size_t i = 0; i < k; i++)
    if ((s[n - k + i] | (s[n - k + i] >= 'A' && s[n - k + i] <= 'Z' ? 32 : 0)) != tail[i]) return false;
  return true;
}

static int guess_format(const char *name, Errors *errs) {
  size_t n = strlen(name);
  n -= ends_in(name, n, ".gz") ? 3 : ends_in(name, n, ".z") ? 2 : ends_in(name, n, ".bz2") ? 4 : 0;
  if (ends_in(name, n, ".fr")) return FORMAT_FR;
  if (ends_in(name, n, ".fr+")) return FORMAT_FRPLUS;
  if (!ends_in(name, n, ".tsh")) warning(errs, "cannot guess file format from filename, assuming 'tsh'");
  return FORMAT_TSH;
}

static int nlanr_configure(Element *e, const Args *args, Errors *errs) {
  FromNLANRDump *f = (FromNLANRDump *)e;
  static const char *const names[] = {"fr", "fr+", "tsh", "guess"};
  (void)args;
  f->t.record = nlanr_record;
  f->t.link = LINK_RAW;
  int rc = trace_configure(&f->t, errs) | trace_configure_sample(&f->t, errs);
  f->format = FORMAT_GUESS;
  if (f->format_name)
    for (f->format = 0; f->format < 4 && compare_ignore_case(f->format_name, names[f->format]);) f->format++;
  if (f->format > FORMAT_GUESS)
    return error(errs, "FORMAT: expected fr, fr+, tsh or guess, not '%s'", f->format_name);
  if (f->format == FORMAT_GUESS) f->format = guess_format(f->t.filename, errs);
  return rc;
}

static int nlanr_initialize(Element *e, Errors *errs) {
  FromNLANRDump *f = (FromNLANRDump *)e;
  if (!f->t.file.name && dump_open(&f->t.file, f->t.filename, errs) < 0) return -1;
  return trace_initialize(&f->t, errs);
}

static void nlanr_cleanup(Element *e) {
  mem_free(((FromNLANRDump *)e)->format_name);
  trace_cleanup(e);
}

static void nlanr_take_state(Element *e, Element *old) {
  trace_take_state((TraceSource *)e, (TraceSource *)old);
}

ELEMENT(FromNLANRDump, .ports = "0/1-2", .processing = "a/ah", TRACE_MEMBERS, .cleanup = nlanr_cleanup,
        .configure = nlanr_configure, .initialize = nlanr_initialize, .take_state = nlanr_take_state,
        .args = ARGS(TRACE_BASIC_ARGS, ARG(FromNLANRDump, WORD, "FORMAT", format_name, NULL),
                     ARG(TraceSource, BOOL, "TIMING", timing, "false"), TRACE_SAMPLE_ARG, TRACE_TIME_ARGS,
                     ARG(TraceSource, U64, "FILEPOS", filepos, NULL)),
        .handlers = HANDLERS(TRACE_BASIC_HANDLERS, TRACE_SAMPLE_HANDLER, TRACE_TIME_HANDLERS));
