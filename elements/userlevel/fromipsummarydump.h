/* fromipsummarydump.h: between the parts of FromIPSummaryDump: packets given out (fromipsummarydump.c) and
 * what is read (fromipsummarydump_lines.c). */
#ifndef CLICKLET_ELEMENTS_FROMIPSUMMARYDUMP_H
#define CLICKLET_ELEMENTS_FROMIPSUMMARYDUMP_H
#include "../analysis/ipsumdump.h"
#include "dumpfile.h"

typedef struct FromIPSummaryDump {
  Element base;
  char *filename, *fields_text, *flow_text, *data;
  bool stop, timing, active, zero, checksum, multipacket, allow_nonexistent;
  uint8_t proto;
  double sample;
  uint32_t sampling; /* of SAMPLE_ONE */
  DumpInput file;
  int16_t fields[64];
  uint8_t order[64]; /* places in `fields`, in the order in which they are applied */
  unsigned nfields;
  bool binary, complained, ended, has_offset, has_flow, has_aggregate;
  uint32_t aggregate;
  SummaryFlow flow;
  SummaryBuild build;
  Text line;
  int64_t offset; /* TIMING: from packets' time to the steady clock */
  Packet *held;   /* not yet due, or standing for several */
  int64_t end_time, step;
  uint32_t each; /* bytes of each of several */
  bool splitting;
  Task task;
  Timer timer;
  Signal not_empty;
} FromIPSummaryDump;

/* With the file's name and the line. `format` has one %s. */
void summary_complain(FromIPSummaryDump *f, const char *format, const char *what);
void summary_set_fields(FromIPSummaryDump *f, const char *s);  /* names of fields, as in !data */
bool summary_set_flow(FromIPSummaryDump *f, const char *text); /* as in !flowid; false: it is none */
/* The next packet; NULL with f->ended at the end, else a line that gave none. */
Packet *summary_read_packet(FromIPSummaryDump *f);

#endif
