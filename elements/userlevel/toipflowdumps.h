/* toipflowdumps.h: between the parts of ToIPFlowDumps: packets (toipflowdumps.c) and files
 * (toipflowdumps_files.c). */
#ifndef CLICKLET_ELEMENTS_TOIPFLOWDUMPS_H
#define CLICKLET_ELEMENTS_TOIPFLOWDUMPS_H
#include "../analysis/aggregate.h"
#include <sys/types.h>

enum { GZIP_FILES = 10 }; /* to one gzip */

typedef struct FlowDump {
  uint32_t addr[2]; /* source and destination of direction 0, as are the ports; as in packets */
  uint16_t port[2];
  uint8_t proto;
  bool begun; /* the file exists */
  bool have_seq[2];
  uint32_t seq[2]; /* first of each direction */
  int64_t time;    /* that the times count from */
  char *filename;
  Text body; /* not yet written */
  unsigned packets, notes;
  uint64_t count;
} FlowDump;

typedef struct EndedFlow {
  uint32_t aggregate;
  int64_t at; /* steady clock */
} EndedFlow;

typedef struct ToIPFlowDumps {
  Element base;
  char *pattern;
  Element *notifier;
  AggregateListener listener;
  bool absolute_time, absolute_seq, binary, gzip, all_options, options, window, id;
  uint32_t mincount;
  AggregateMap flows;
  uint64_t seen, ignored;
  EndedFlow *ended; /* oldest first */
  uint32_t nended, ended_room;
  char *finished[GZIP_FILES]; /* to be compressed */
  unsigned nfinished;
  pid_t child; /* gzip, 0: none runs */
  Text line;
  Timer timer;
  Task task;
  SignalSet signals;
} ToIPFlowDumps;

/* Writes what is held of a flow. */
void flow_dump_write(ToIPFlowDumps *d, uint32_t aggregate, FlowDump *f);
/* Finishes a flow and forgets it. */
void flow_dump_end(ToIPFlowDumps *d, uint32_t aggregate, FlowDump *f);
void flow_dumps_end(ToIPFlowDumps *d); /* all of them */
/* Starts gzip for what is finished. If it runs already: waits for it, or does nothing. */
void flow_dumps_compress(ToIPFlowDumps *d, bool wait);
/* The file's name for a flow, or, without one, whether the pattern is right: an error message or NULL. */
const char *flow_dump_name(const char *pattern, uint32_t aggregate, const FlowDump *f, Text *out);

#endif
