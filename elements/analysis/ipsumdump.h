/* ipsumdump.h: the fields of IP summary dumps: what ToIPSummaryDump writes of a packet and FromIPSummaryDump
 * makes one from. */
#ifndef CLICKLET_IPSUMDUMP_H
#define CLICKLET_IPSUMDUMP_H
#include <clicklet/element.h>

/* name, bytes in the binary format (SUM_VARIABLE: one byte of length in front; SUM_TEXT_ONLY), place in the
 * order in which fields are applied to a packet that is made (-1: cannot be read) */
// clang-format off
#define SUMMARY_FIELDS(X)                                                                                    \
  X(timestamp, 8, 100)                                                                                       \
  X(ntimestamp, 8, 100)                                                                                      \
  X(ts_sec, 4, 100)                                                                                          \
  X(ts_usec, 4, 100) X(ts_usec1, 8, 100) X(first_timestamp, 8, 100) X(first_ntimestamp, 8, 100)              \
      X(count, 4, 100) X(link, 1, 100) X(paint, 1, 100) X(direction, 1, 100) X(aggregate, 4, 100)            \
          X(wire_len, 4, 100) X(eth_src, 6, 200) X(eth_dst, 6, 200) X(eth_type, 2, 200) X(ip_src, 4, 300)    \
              X(ip_dst, 4, 300) X(ip_tos, 1, 300) X(ip_dscp, 1, 300) X(ip_ecn, 1, 300) X(ip_ttl, 1, 300)     \
                  X(ip_frag, 1, 298) X(ip_fragoff, 2, 299) X(ip_id, 2, 300) X(ip_sum, 2, 302)                \
                      X(ip_proto, 1, 300) X(ip_hl, 1, 299) X(ip_len, 4, 301) X(ip_capture_len, 4, 502)       \
                          X(ip_opt, SUM_VARIABLE, 300) X(sport, 2, 400) X(dport, 2, 400) X(tcp_seq, 4, 400)  \
                              X(tcp_ack, 4, 400) X(tcp_off, 1, 399) X(tcp_flags, 1, 400)                     \
                                  X(tcp_window, 2, 400) X(tcp_urp, 2, 400) X(tcp_opt, SUM_VARIABLE, 403)     \
                                      X(tcp_ntopt, SUM_VARIABLE, 402) X(tcp_sack, SUM_VARIABLE, 401)         \
                                          X(udp_len, 4, 400) X(icmp_type, 1, 400) X(icmp_code, 1, 401)       \
                                              X(icmp_type_name, 1, 400) X(icmp_code_name, 1, 401)            \
                                                  X(icmp_flowid, 2, 402) X(icmp_seq, 2, 402)                 \
                                                      X(icmp_nextmtu, 2, 402) X(payload_len, 4, 501)         \
                                                          X(payload, SUM_TEXT_ONLY, 500)                     \
                                                              X(payload_md5, 16, -1)                         \
                                                                  X(payload_md5_hex, 16, -1)
// clang-format on

enum { SUM_VARIABLE = -1, SUM_TEXT_ONLY = -2 };
#define SUMMARY_ENUM(name, width, order) SUM_##name,
typedef enum SummaryId {
  SUMMARY_FIELDS(SUMMARY_ENUM) SUM_COUNT,
  SUM_none = SUM_COUNT,
  SUM_UNKNOWN = -1
} SummaryId;

typedef struct SummaryField {
  const char *name;
  int width, order;
} SummaryField;
extern const SummaryField summary_fields[SUM_COUNT + 1]; /* the last is "none" */

/* By name, old name, or name without "ip_" or with spaces; SUM_UNKNOWN. */
SummaryId summary_find(const char *name);

/* ---- Packets to text
 * ------------------------------------------------------------------------------------------------ */

typedef struct SummaryView {
  Packet *p;
  const uint8_t *ip, *tcp, *udp, *icmp; /* valid headers, or NULL */
  uint32_t length, network_length,
      transport_length; /* bytes there are, without what lies behind the IP packet */
  uint32_t padding;
  bool extra_length; /* counts the extra length annotation */
  Text *bad;         /* where the first thing that is wrong with the packet goes, or NULL */
} SummaryView;

/* Looks at the headers. With `headers` (a field needs them) the extra length annotation is made to be what
 * lies beyond the IP length, as the reference does. */
void summary_view(SummaryView *v, Packet *p, bool headers, bool careful_truncation, bool extra_length,
                  Text *bad);
bool summary_needs_headers(SummaryId id);
void summary_text(SummaryView *v, SummaryId id, Text *out); /* "-" if the packet has none */
void summary_binary(SummaryView *v, SummaryId id, Text *out);

/* IP and TCP options as text and back. */
enum { OPTIONS_NO_TIMESTAMP = 1, OPTIONS_ONLY_SACK = 2 };
void ip_options_text(const uint8_t *o, uint32_t n, Text *out);
void tcp_options_text(const uint8_t *o, uint32_t n, int which, Text *out);
bool ip_options_parse(const char *s, Text *out);
bool tcp_options_parse(const char *s, int which, Text *out);
void tcp_options_select(const uint8_t *o, uint32_t n, int which, Text *out);

void md5(const uint8_t *data, size_t n, uint8_t out[16]);
void summary_quote(const uint8_t *s, size_t n, Text *out); /* "..." with escapes */

/* ---- Text to packets
 * ------------------------------------------------------------------------------------------------ */

typedef struct SummaryFlow {
  uint32_t src, dst;
  uint16_t sport, dport;
} SummaryFlow; /* network byte order */

typedef struct SummaryBuild {
  const Element *e; /* whose names are known */
  int version;      /* minor, of the file */
  uint8_t default_proto;
  const SummaryFlow *flow; /* for packets that say nothing, or NULL */
  uint64_t given;          /* bit n: field n has a value */
  uint64_t value[SUM_COUNT];
  uint8_t ether[2][6]; /* source, destination */
  Text options[2];     /* IP, TCP */
  Text payload;
} SummaryBuild;

void summary_build_clear(SummaryBuild *b);
void summary_build_free(SummaryBuild *b);
/* Takes one field's value. False if it is not understood. */
bool summary_take_text(SummaryBuild *b, SummaryId id, const char *s);
/* The same from binary; returns the bytes used, -1 if there are too few. */
int summary_take_binary(SummaryBuild *b, SummaryId id, const uint8_t *s, size_t n);
/* The packet described; NULL when out of memory. `checksum`: full length, checksums set. */
Packet *summary_build(SummaryBuild *b, bool checksum);
void summary_set_checksums(Packet *p);

#endif
