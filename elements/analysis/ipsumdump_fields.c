/* ipsumdump_fields.c: the names of the fields of IP summary dumps. */
#include "ipsumdump.h"

#define SUMMARY_ENTRY(name, width, order) {#name, width, order},
const SummaryField summary_fields[SUM_COUNT + 1] = {SUMMARY_FIELDS(SUMMARY_ENTRY){"none", 0, 100}};

static const char *const synonyms[][2] = {{"utimestamp", "timestamp"},
                                          {"ts", "timestamp"},
                                          {"sec", "ts_sec"},
                                          {"usec", "ts_usec"},
                                          {"usec1", "ts_usec1"},
                                          {"first_utimestamp", "first_timestamp"},
                                          {"first_ts", "first_timestamp"},
                                          {"pkt_count", "count"},
                                          {"packet_count", "count"},
                                          {"agg", "aggregate"},
                                          {"wire_length", "wire_len"},
                                          {"ether_src", "eth_src"},
                                          {"ether_dst", "eth_dst"},
                                          {"ether_type", "eth_type"},
                                          {"length", "ip_len"},
                                          {"ip_p", "ip_proto"},
                                          {"tcp_seqno", "tcp_seq"},
                                          {"tcp_ackno", "tcp_ack"},
                                          {"tcp_win", "tcp_window"},
                                          {"payload_length", "payload_len"}};

static SummaryId find(const char *name) {
  for (unsigned i = 0; i < countof(synonyms); i++)
    if (!strcmp(synonyms[i][0], name)) name = synonyms[i][1];
  for (int i = 0; i <= SUM_COUNT; i++)
    if (!strcmp(summary_fields[i].name, name)) return (SummaryId)i;
  return SUM_UNKNOWN;
}

SummaryId summary_find(const char *name) {
  char buf[40];
  SummaryId id = find(name);
  if (id != SUM_UNKNOWN || strlen(name) >= sizeof buf - 4) return id;
  format_into(buf, sizeof buf, "%s", name); /* old dumps: "tcp seq", "src" */
  for (char *p = buf; *p; p++)
    if (*p == ' ') *p = '_';
  if ((id = find(buf)) != SUM_UNKNOWN || strchr(buf, '_')) return id;
  format_into(buf, sizeof buf, "ip_%s", name);
  return find(buf);
}

bool summary_needs_headers(SummaryId id) { return id >= SUM_ip_src && id < SUM_COUNT; }
