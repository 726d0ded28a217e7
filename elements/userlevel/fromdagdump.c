/** FromDAGDump: reads packets from an ERF file, as Endace's DAG cards write.
 *
 * Synopsis: `FromDAGDump(FILENAME [, <keywords> STOP, ACTIVE, FORCE_IP, START, START_AFTER, END, END_AFTER,
 * INTERVAL, END_CALL, SAMPLE, TIMING, ENCAP, MMAP])`
 *
 * Records say their link type: HDLC, Ethernet, ATM or AAL5. Records of the legacy format are cells of 64
 * bytes without a type: ENCAP says what they hold. Timestamps, the link header and the extra length
 * annotation are set. Compressed files and `-` as in FromDump.
 *
 * Arguments: FILENAME. ENCAP (IP, ATM, SUNATM, ETHER, PPP, PPP_HDLC or HDLC): of legacy records; when given,
 * all records are taken for such. Default: ATM. FORCE_IP (bool): gives out IP packets only, with their
 * headers set; others leave on output 1 if there is one; excludes TIMING. Default false. STOP, ACTIVE, START,
 * START_AFTER, END, END_AFTER, INTERVAL, END_CALL, SAMPLE, TIMING, MMAP: those of FromDump.
 *
 * Handlers: `encap` (of the last packet), `filename`, `filesize`, `packet_filepos`, `sampling_prob` (read);
 * `active`, `filepos` (read/write); `extend_interval` (TIME), `stop` (write); `scheduled`, `tickets`.
 *
 * Example: `FromDAGDump(in.erf, STOP true, FORCE_IP true) -> IPPrint -> Discard;`
 */
#include "tracesource.h"
#include <string.h>

enum { HEADER = 16, CELL = 64 };
enum { TYPE_LEGACY, TYPE_HDLC, TYPE_ETHER, TYPE_ATM, TYPE_AAL5 };

typedef struct FromDAGDump {
  TraceSource t;
  char *encap;
  int legacy; /* link type of legacy records, -1: not said */
} FromDAGDump;

/* A little-endian time: seconds and a binary fraction of 32 bits, to the nearest nanosecond. */
static int64_t erf_time(const uint8_t *s) {
  uint64_t v = load64(s), fraction = (v & 0xffffffff) * NSEC_PER_SEC;
  fraction += (fraction & 0x80000000) << 1;
  return (int64_t)(v >> 32) * NSEC_PER_SEC + (int64_t)(fraction >> 32);
}

/* A legacy record: where the packet begins in the cell, and how long it says it was (0: it does not). */
static void legacy_record(FromDAGDump *f, const uint8_t *h, TraceRecord *r, uint32_t *wire) {
  f->t.link = f->legacy < 0 ? LINK_ATM : f->legacy;
  uint32_t at = f->t.link == LINK_SUNATM  ? 12
                : f->t.link == LINK_ETHER ? 10
                : f->t.link == LINK_RAW   ? 8
                                          : HEADER;
  *wire = f->t.link == LINK_ETHER ? be16(load16(h + 8)) : f->t.link == LINK_HDLC ? be16(load16(h + 10)) : 0;
  r->captured = CELL - at;
  dump_take(&f->t.file, at);
}

static int dag_record(TraceSource *t, TraceRecord *r) {
  FromDAGDump *f = (FromDAGDump *)t;
  size_t left;
  const uint8_t *h = dump_peek(&t->file, HEADER, &left);
  if (!h) {
    if (left) trace_complain(t, "the file ends within a record header");
    return TRACE_END;
  }
  r->time = erf_time(h);
  unsigned type = h[8];
  uint32_t length = be16(load16(h + 10)), wire = be16(load16(h + 14));
  if (type > TYPE_AAL5 && f->legacy < 0) {
    chatter(&t->base,
            "%s: record of unknown type %u at byte %llu: taking it and all that follow for legacy ATM; "
            "ENCAP says otherwise",
            t->file.name, type, (unsigned long long)t->file.position);
    f->legacy = LINK_ATM;
  }
  if (type == TYPE_LEGACY || f->legacy >= 0) {
    legacy_record(f, h, r, &wire);
  } else {
    uint32_t header = type == TYPE_ETHER ? HEADER + 2 : HEADER;
    if (length < header) return trace_complain(t, "a record is shorter than its header"), TRACE_END;
    t->link = type == TYPE_ETHER ? LINK_ETHER : type == TYPE_HDLC ? LINK_HDLC : LINK_SUNATM;
    if (type == TYPE_ETHER) wire = wire > 4 ? wire - 4 : 0; /* it counts the CRC */
    r->captured = length - header;
    if (!dump_skip(&t->file, header))
      return trace_complain(t, "the file ends within a record header"), TRACE_END;
  }
  r->extra = wire ? wire - r->captured : 0; /* below zero where the record is padded or holds the CRC, as in
                                               the reference */
  return TRACE_RECORD;
}

static int dag_configure(Element *e, const Args *args, Errors *errs) {
  FromDAGDump *f = (FromDAGDump *)e;
  static const int known[] = {LINK_RAW, LINK_ATM,      LINK_SUNATM, LINK_ETHER,
                              LINK_PPP, LINK_PPP_HDLC, LINK_HDLC};
  (void)args;
  f->t.record = dag_record;
  f->t.ip_only = f->t.force_ip;
  f->t.link = f->legacy = -1;
  int rc = trace_configure(&f->t, errs) | trace_configure_sample(&f->t, errs);
  if (f->t.force_ip && f->t.timing) rc = error(errs, "FORCE_IP and TIMING exclude each other");
  if (!f->encap) return rc;
  int link = link_parse(f->encap);
  for (unsigned i = 0; i < countof(known); i++)
    if (link == known[i]) f->legacy = link;
  return f->legacy < 0
             ? error(errs, "ENCAP: expected IP, ATM, SUNATM, ETHER, PPP, PPP_HDLC or HDLC, not '%s'",
                     f->encap)
             : rc;
}

static int dag_initialize(Element *e, Errors *errs) {
  FromDAGDump *f = (FromDAGDump *)e;
  if (!f->t.file.name && dump_open(&f->t.file, f->t.filename, errs) < 0) return -1;
  return trace_initialize(&f->t, errs);
}

static void dag_cleanup(Element *e) {
  mem_free(((FromDAGDump *)e)->encap);
  trace_cleanup(e);
}

static void dag_take_state(Element *e, Element *old) {
  trace_take_state((TraceSource *)e, (TraceSource *)old);
}

ELEMENT(FromDAGDump, .ports = "0/1-2", .processing = "a/ah", TRACE_MEMBERS, .cleanup = dag_cleanup,
        .configure = dag_configure, .initialize = dag_initialize, .take_state = dag_take_state,
        .args = ARGS(TRACE_BASIC_ARGS, ARG(FromDAGDump, WORD, "ENCAP", encap, NULL),
                     ARG(TraceSource, BOOL, "TIMING", timing, "false"), TRACE_SAMPLE_ARG, TRACE_TIME_ARGS),
        .handlers = HANDLERS(TRACE_BASIC_HANDLERS, TRACE_SAMPLE_HANDLER, TRACE_TIME_HANDLERS));
