/** PktgenSink: counts what PktgenSource sent: packets, loss, reordering, duplicates and latency.
 *
 * Synopsis: `PktgenSink(<keywords> STREAMS, WINDOW, LATENCY, KEY)`
 *
 * Packets of a PktgenSource are known by the signature at their end, whatever headers they have. They are
 * counted and end here; others, and those of streams beyond STREAMS, are foreign: they leave on output 0, or
 * are dropped.
 *
 * A packet is lost while a later one of its stream has come and it has not. When it comes after all it is
 * reordered, and no longer lost. A packet that came before is a duplicate; it is not counted in `count`. Both
 * are recognised among the last WINDOW packets of a stream; what is older counts as late, which is reordered
 * too. Numbers before the first packet that came are not known to be lost. Latency is the difference of two
 * readings of this machine's steady clock, one taken for each batch sent, one for each batch received.
 *
 * Arguments: STREAMS (unsigned): streams 0 to STREAMS - 1 are known. Default 16. WINDOW (unsigned): packets,
 * rounded up to a power of 2 from 128 on. Default 8192. LATENCY (bool): default true. KEY (unsigned): that of
 * the sources; packets of others, as of an earlier run in a trace, are foreign. Default 0xc11cce75.
 *
 * Handlers: `count`, `byte_count` (without frame check sequences), `lost`, `reordered`, `duplicates`, `late`,
 * `foreign` (read). `rate` (read): packets a second, a moving average. `latency` (read): JSON, in ns: count,
 * min, mean, p50, p90, p99, p999, p9999, max. `histogram` (read): lines `VALUE COUNT`, the smallest value of
 * each bucket that is not empty, in ns; the buckets are those of HdrHistogram with three digits. `clock`
 * (read): JSON, in ns: the smallest, median, 99 % and largest step between 1000 readings of the clock, one
 * directly after the other, made when it is read: what a time stamp can be wrong by. `streams`,
 * `summary` (read): all of it as JSON. `reset` (write): back to zero.
 *
 * Example: `PktgenSource(LIMIT 1000, STOP true) -> sink :: PktgenSink;`
 *
 * See also: PktgenSource, Counter
 */
#include "histogram.h"
#include "payload.h"
#include <clicklet/rate.h>

typedef struct SinkStream {
  uint64_t next, first; /* sequence numbers: the next one in order; the first that came */
  uint64_t received, bytes, lost, reordered, duplicates, late;
  uint64_t *seen; /* a bit for each of the last `window` sequence numbers */
} SinkStream;

typedef struct PktgenSink {
  Element base;
  uint32_t streams, window, key;
  bool latency;
  uint64_t words; /* of the window, a power of 2 */
  SinkStream *stream;
  uint64_t *seen;
  Histogram *histogram;
  uint64_t foreign;
  Rate rate;
} PktgenSink;

/* ---- Sequence numbers
 * -------------------------------------------------------------------------------------------- */

/* Forgets the words that hold the numbers from `from` up to and including `to`, except what lies before
 * `from` in its word. */
static void sink_forget(PktgenSink *s, SinkStream *t, uint64_t from, uint64_t to) {
  uint64_t w = (from + 63) / 64, end = to / 64;
  if (end + 1 < w) return;
  if (end + 1 - w > s->words) w = end + 1 - s->words;
  for (; w <= end; w++) t->seen[w & (s->words - 1)] = 0;
}

/* Not the next number: a gap, an old one, or the first. Returns false for a duplicate. */
__attribute__((noinline)) static bool sink_odd(PktgenSink *s, SinkStream *t, uint64_t n) {
  if (!t->received) {
    memset(t->seen, 0, s->words * 8);
    t->first = n;
  } else if ((int64_t)(n - t->next) < 0) {
    bool counted_lost = n >= t->first && t->lost;
    if ((t->next - 1) / 64 - n / 64 >= s->words) {
      t->late++;
    } else {
      uint64_t *word = &t->seen[(n / 64) & (s->words - 1)], bit = UINT64_C(1) << (n & 63);
      if (*word & bit) {
        t->duplicates++;
        return false;
      }
      *word |= bit;
    }
    t->reordered++;
    t->lost -= counted_lost;
    return true;
  } else {
    t->lost += n - t->next;
    sink_forget(s, t, t->next, n);
  }
  t->seen[(n / 64) & (s->words - 1)] |= UINT64_C(1) << (n & 63);
  t->next = n + 1;
  return true;
}

/* The next n numbers came in order, after others. */
static void sink_run(PktgenSink *s, SinkStream *t, unsigned n) {
  uint64_t at = t->next;
  t->next += n;
  t->received += n;
  while (n) { /* what is above in a word is of the last time round */
    unsigned bit = at & 63, k = n < 64 - bit ? n : 64 - bit;
    uint64_t *word = &t->seen[(at / 64) & (s->words - 1)], below = (UINT64_C(1) << bit) - 1;
    *word = (*word & below) | (UINT64_MAX >> (64 - k)) << bit;
    at += k;
    n -= k;
  }
}

always_inline const uint8_t *sink_signature(const PktgenSink *s, const Packet *p) {
  if (unlikely(p->len < PKTGEN_ETHER + PKTGEN_SIGNATURE)) return NULL;
  const uint8_t *d = p->data + pktgen_signature_at(p->len);
  return likely(load32(d) == be32(s->key)) ? d : NULL;
}

/* Time of sending as it lies in the packet, by which packets that were made together are known. */
always_inline uint64_t sink_stamp(const uint8_t *signature) { return load64(signature + 10) >> 16; }

/* A packet of a stream that is not a repetition, and those behind it that continue it: the next numbers, sent
 * at the same time. Returns how many. */
static unsigned sink_count(PktgenSink *s, Packet **p, unsigned n, SinkStream *t, uint64_t number,
                           uint64_t stamp, uint64_t now) {
  uint64_t bytes = p[0]->len;
  unsigned k = 1;
  packet_free(p[0]);
  if (unlikely(t->next != (number & PKTGEN_LOW48) + 1)) n = 1; /* it is an old one */
  for (; k < n; k++) {
    const uint8_t *d = sink_signature(s, p[k]);
    if (unlikely(!d || be64(load64(d + 4)) != number + k || sink_stamp(d) != stamp)) break;
    bytes += p[k]->len;
    packet_free(p[k]);
  }
  sink_run(s, t, k - 1);
  t->bytes += bytes;
  if (stamp && s->latency) histogram_record(s->histogram, pktgen_age(now, be64(stamp << 16)), k);
  return k;
}

static void sink_push(Element *e, int port, Packet **p, unsigned n) {
  PktgenSink *s = (PktgenSink *)e;
  Packet *foreign[BATCH_MAX];
  unsigned nforeign = 0;
  uint64_t now = s->latency ? pktgen_stamp(time_steady(e)) : 0;
  for (unsigned i = 0; i < n;) {
    const uint8_t *d = sink_signature(s, p[i]);
    uint64_t number = d ? be64(load64(d + 4)) : UINT64_MAX;
    if (unlikely(!d || number >> 48 >= s->streams)) {
      foreign[nforeign++] = p[i++];
      continue;
    }
    SinkStream *t = &s->stream[number >> 48];
    if (likely((number & PKTGEN_LOW48) == t->next && t->received)) {
      sink_run(s, t, 1);
    } else if (sink_odd(s, t, number & PKTGEN_LOW48)) {
      t->received++;
    } else {
      packet_free(p[i++]);
      continue;
    }
    i += sink_count(s, p + i, n - i, t, number, sink_stamp(d), now);
  }
  if (unlikely(nforeign)) {
    s->foreign += nforeign;
    output_push_batch(e, 0, foreign, nforeign);
  }
}

/* ---- Configuration
 * ----------------------------------------------------------------------------------------------- */

static void sink_reset(PktgenSink *s) {
  for (uint32_t i = 0; i < s->streams; i++) s->stream[i] = (SinkStream){.seen = s->seen + i * s->words};
  if (s->histogram) histogram_reset(s->histogram);
  s->foreign = 0;
  s->rate = (Rate){0};
}

static int sink_configure(Element *e, const Args *args, Errors *errs) {
  PktgenSink *s = (PktgenSink *)e;
  for (s->words = 2; s->words * 64 < s->window;) s->words *= 2;
  s->stream = mem_alloc(s->streams * sizeof *s->stream);
  s->seen = mem_alloc(s->streams * s->words * 8);
  if (s->latency) s->histogram = mem_alloc(sizeof *s->histogram);
  if (!s->stream || !s->seen || (s->latency && !s->histogram))
    return error(errs, "out of memory for %u streams with windows of %u packets", s->streams, s->window);
  sink_reset(s);
  return 0;
}

static void sink_cleanup(Element *e) {
  PktgenSink *s = (PktgenSink *)e;
  mem_free(s->stream);
  mem_free(s->seen);
  mem_free(s->histogram);
}

/* ---- Handlers
 * ---------------------------------------------------------------------------------------------------- */

static SinkStream sink_total(const PktgenSink *s) {
  SinkStream sum = {0};
  for (uint32_t i = 0; i < s->streams; i++) {
    const SinkStream *t = &s->stream[i];
    sum.received += t->received;
    sum.bytes += t->bytes;
    sum.lost += t->lost;
    sum.reordered += t->reordered;
    sum.duplicates += t->duplicates;
    sum.late += t->late;
  }
  return sum;
}

static void sink_print_stream(const SinkStream *t, Text *out) {
  text_printf(
      out,
      "\"packets\":%llu,\"bytes\":%llu,\"lost\":%llu,\"reordered\":%llu,\"duplicates\":%llu,\"late\":%llu",
      (unsigned long long)t->received, (unsigned long long)t->bytes, (unsigned long long)t->lost,
      (unsigned long long)t->reordered, (unsigned long long)t->duplicates, (unsigned long long)t->late);
}

static void sink_print_latency(const PktgenSink *s, Text *out) {
  static const double percent[] = {50, 90, 99, 99.9, 99.99};
  static const char *const names[] = {"p50", "p90", "p99", "p999", "p9999"};
  uint64_t values[countof(percent)];
  const Histogram *h = s->histogram;
  if (!h || !h->total) {
    text_add_string(out, "null");
    return;
  }
  histogram_percentiles(h, percent, values, countof(percent));
  text_printf(out, "{\"count\":%llu,\"min\":%llu,\"mean\":%.1f", (unsigned long long)h->total,
              (unsigned long long)h->min, h->sum / (double)h->total);
  for (unsigned i = 0; i < countof(percent); i++)
    text_printf(out, ",\"%s\":%llu", names[i], (unsigned long long)(values[i] < h->max ? values[i] : h->max));
  text_printf(out, ",\"max\":%llu}", (unsigned long long)h->max);
}

static void sink_print_streams(const PktgenSink *s, Text *out) {
  const char *comma = "";
  text_add_char(out, '[');
  for (uint32_t i = 0; i < s->streams; i++) {
    if (!s->stream[i].received) continue;
    text_printf(out, "%s{\"stream\":%u,", comma, i);
    sink_print_stream(&s->stream[i], out);
    text_add_char(out, '}');
    comma = ",";
  }
  text_add_char(out, ']');
}

enum { SINK_COUNT, SINK_BYTES, SINK_LOST, SINK_REORDERED, SINK_DUPLICATES, SINK_LATE };

static int sink_read_count(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  SinkStream t = sink_total((PktgenSink *)e);
  uint64_t values[] = {t.received, t.bytes, t.lost, t.reordered, t.duplicates, t.late};
  text_printf(out, "%llu", (unsigned long long)values[h->data]);
  return 0;
}

static int sink_read_rate(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  PktgenSink *s = (PktgenSink *)e;
  text_printf(out, "%g", rate_read(&s->rate, sink_total(s).received, time_steady(e)));
  return 0;
}

static int sink_read_latency(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  sink_print_latency((PktgenSink *)e, out);
  return 0;
}

static int sink_read_histogram(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const Histogram *g = ((PktgenSink *)e)->histogram;
  uint64_t width;
  for (unsigned i = 0; g && i < HISTOGRAM_SIZE; i++)
    if (g->counts[i])
      text_printf(out, "%llu %llu\n", (unsigned long long)histogram_value(i, &width),
                  (unsigned long long)g->counts[i]);
  return 0;
}

/* How exact time stamps are: the steps of the clock between readings one after the other. */
static int sink_read_clock(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  enum { READINGS = 1000 };
  int64_t step[READINGS], last = time_steady(e);
  for (unsigned i = 0; i < READINGS; i++) {
    int64_t now = time_steady(e);
    step[i] = now - last;
    last = now;
  }
  for (unsigned i = 1; i < READINGS; i++) { /* nearly all are alike: insertion is fast */
    int64_t v = step[i];
    unsigned k = i;
    for (; k && step[k - 1] > v; k--) step[k] = step[k - 1];
    step[k] = v;
  }
  text_printf(out, "{\"min\":%lld,\"p50\":%lld,\"p99\":%lld,\"max\":%lld}", (long long)step[0],
              (long long)step[READINGS / 2], (long long)step[READINGS * 99 / 100],
              (long long)step[READINGS - 1]);
  return 0;
}

static int sink_read_summary(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  PktgenSink *s = (PktgenSink *)e;
  if (h->data) return sink_print_streams(s, out), 0;
  SinkStream t = sink_total(s);
  text_add_char(out, '{');
  sink_print_stream(&t, out);
  text_printf(out, ",\"foreign\":%llu,\"latencyNs\":", (unsigned long long)s->foreign);
  sink_print_latency(s, out);
  text_add_string(out, ",\"streams\":");
  sink_print_streams(s, out);
  text_add_char(out, '}');
  return 0;
}

static int sink_write_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  sink_reset((PktgenSink *)e);
  return 0;
}

ELEMENT(PktgenSink, .ports = "1/0-1", .processing = "h/h", .push = sink_push, .configure = sink_configure,
        .cleanup = sink_cleanup,
        .args = ARGS(ARG(PktgenSink, U32, "STREAMS", streams, "16", .min = 1, .max = 65536),
                     ARG(PktgenSink, U32, "WINDOW", window, "8192", .min = 128, .max = 1 << 24),
                     ARG(PktgenSink, BOOL, "LATENCY", latency, "true"),
                     ARG(PktgenSink, U32, "KEY", key, PKTGEN_KEY)),
        .handlers = HANDLERS(READ_FN("count", sink_read_count, .data = SINK_COUNT),
                             READ_FN("byte_count", sink_read_count, .data = SINK_BYTES),
                             READ_FN("lost", sink_read_count, .data = SINK_LOST),
                             READ_FN("reordered", sink_read_count, .data = SINK_REORDERED),
                             READ_FN("duplicates", sink_read_count, .data = SINK_DUPLICATES),
                             READ_FN("late", sink_read_count, .data = SINK_LATE),
                             READ_FIELD(PktgenSink, U64, "foreign", foreign), READ_FN("rate", sink_read_rate),
                             READ_FN("latency", sink_read_latency), READ_FN("histogram", sink_read_histogram),
                             READ_FN("clock", sink_read_clock),
                             READ_FN("streams", sink_read_summary, .data = 1),
                             READ_FN("summary", sink_read_summary),
                             WRITE_FN("reset", sink_write_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
