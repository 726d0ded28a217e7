/* tracesource.h: what the elements that read traces share: push and pull, times, sampling, the end, handlers.
 * A format gives one function that reads a record. */
#ifndef CLICKLET_TRACESOURCE_H
#define CLICKLET_TRACESOURCE_H
#include "dumpfile.h"

typedef struct TraceSource TraceSource;

enum { TRACE_END, TRACE_SKIPPED, TRACE_RECORD };

/* What a format says of a record. The packet's bytes are the next in the file, unless it made the packet. */
typedef struct TraceRecord {
  int64_t time;
  uint32_t captured; /* bytes of the packet in the file */
  uint32_t skip;     /* bytes behind those that belong to the record */
  uint32_t extra;    /* extra length annotation */
  Packet *packet;    /* made, or NULL */
} TraceRecord;

struct TraceSource {
  Element base;
  char *filename, *end_call;
  bool timing, stop, active, force_ip, mmap;
  double sample;
  uint32_t sampling; /* of TRACE_SAMPLE_ONE */
  int64_t start, start_after, end, end_after, interval;
  bool has_start, has_start_after, has_end, has_end_after, has_interval;
  uint64_t filepos, packet_filepos, count;
  DumpInput file;
  int (*record)(TraceSource *f, TraceRecord *r); /* TRACE_... */
  bool ip_only; /* packets whose network header link_find_ip does not find are not given out */
  bool first_seen, ended, complained;
  int link;
  int64_t from, to; /* times: packets in [from, to) */
  bool has_to;
  int64_t timing_offset;
  Packet *next; /* read, but not yet due */
  Task task;
  Timer timer;
  Signal not_empty;
};

int trace_configure(TraceSource *f, Errors *errs);        /* to be called by configure; record is to be set */
int trace_configure_sample(TraceSource *f, Errors *errs); /* likewise, of those with SAMPLE */
/* The file is open and its header taken. */
int trace_initialize(TraceSource *f, Errors *errs);
unsigned trace_batch_cap(Element *e);
void trace_cleanup(Element *e);
bool trace_take_state(TraceSource *f, TraceSource *old);    /* false: another file */
void trace_complain(TraceSource *f, const char *what);      /* once; nothing is read from then on */
void trace_complain_line(TraceSource *f, const char *what); /* once; with the line's number */

bool trace_task(Element *e, Task *t);
unsigned trace_pull(Element *e, int port, Packet **p, unsigned max);
void trace_timer(Element *e, Timer *t);
Signal *trace_notifier(Element *e, bool full, int port);

enum { TRACE_ENCAP, TRACE_FILENAME, TRACE_FILESIZE, TRACE_FILEPOS, TRACE_SAMPLING };
enum { TRACE_RESET_COUNTS, TRACE_RESET_TIMING, TRACE_EXTEND_INTERVAL, TRACE_STOP };
int trace_read_text(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int trace_write(Element *e, const Handler *h, const char *value, Errors *errs);
int trace_write_active(Element *e, const Handler *h, const char *value, Errors *errs);
int trace_write_filepos(Element *e, const Handler *h, const char *value, Errors *errs);

/* A packet of a text format: an IP header of 20 bytes and n zero or random bytes, version and header length
 * set. NULL when out of memory. */
Packet *trace_ip_packet(TraceSource *f, uint32_t n, bool zero);

#define TRACE_MEMBERS                                                                                        \
  .targets = TARGET_HOST, .pull = trace_pull, .run_task = trace_task, .run_timer = trace_timer,              \
  .cleanup = trace_cleanup, .notifier = trace_notifier, .batch_cap = trace_batch_cap

#define TRACE_BASIC_ARGS                                                                                     \
  ARG_MUST(TraceSource, FILENAME, "FILENAME", filename), ARG(TraceSource, BOOL, "STOP", stop, "false"),      \
      ARG(TraceSource, BOOL, "ACTIVE", active, "true")
#define TRACE_SAMPLE_ARG ARG(TraceSource, F64, "SAMPLE", sample, "1")
#define TRACE_TIME_ARGS                                                                                      \
  ARG(TraceSource, BOOL, "FORCE_IP", force_ip, "false"),                                                     \
      ARG(TraceSource, TIMESTAMP, "START", start, NULL, GIVEN(TraceSource, has_start)),                      \
      ARG(TraceSource, INTERVAL, "START_AFTER", start_after, NULL, GIVEN(TraceSource, has_start_after)),     \
      ARG(TraceSource, TIMESTAMP, "END", end, NULL, GIVEN(TraceSource, has_end)),                            \
      ARG(TraceSource, INTERVAL, "END_AFTER", end_after, NULL, GIVEN(TraceSource, has_end_after)),           \
      ARG(TraceSource, INTERVAL, "INTERVAL", interval, NULL, GIVEN(TraceSource, has_interval)),              \
      ARG(TraceSource, HANDLER, "END_CALL", end_call, NULL), ARG(TraceSource, BOOL, "MMAP", mmap, "false")

#define TRACE_BASIC_HANDLERS                                                                                 \
  READ_FN("encap", trace_read_text, .data = TRACE_ENCAP),                                                    \
      READ_FN("filename", trace_read_text, .data = TRACE_FILENAME),                                          \
      READ_FN("filesize", trace_read_text, .data = TRACE_FILESIZE),                                          \
      RW_FN("filepos", trace_read_text, trace_write_filepos, .data = TRACE_FILEPOS),                         \
      RW_FIELD(TraceSource, BOOL, "active", active, .write = trace_write_active,                             \
               .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),                                    \
      WRITE_FN("stop", trace_write, .flags = HANDLER_WRITE | HANDLER_BUTTON, .data = TRACE_STOP),            \
      TASK_HANDLERS(TraceSource, task)
#define TRACE_SAMPLE_HANDLER READ_FN("sampling_prob", trace_read_text, .data = TRACE_SAMPLING)
#define TRACE_TIME_HANDLERS                                                                                  \
  READ_FIELD(TraceSource, U64, "packet_filepos", packet_filepos),                                            \
      WRITE_FN("extend_interval", trace_write, .data = TRACE_EXTEND_INTERVAL)

#endif
