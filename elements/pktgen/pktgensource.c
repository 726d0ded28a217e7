/** PktgenSource: makes numbered and timed test packets at an exact rate, or as fast as they are taken.
 *
 * Synopsis: `PktgenSource(<keywords> RATE, SIZE, SRC_ETH, DST_ETH, SRC_IP, DST_IP, SRC_PORT, DST_PORT, ...)`
 *
 * Each packet is an Ethernet frame: IPv4 or IPv6 with UDP, or with FRAME any headers. Its last 18 bytes are a
 * signature by which PktgenSink knows it: stream, sequence number, time of sending. Sizes are Ethernet frame
 * sizes as benchmarks state them, with the 4 bytes of frame check sequence that hardware adds: size 64 is a
 * packet of 60 bytes here. IPv6 with UDP needs 84.
 *
 * The output is push or pull. Pulled by a device it never makes more than the device takes. With a RATE,
 * packet n is due at n/RATE seconds after the start; what falls further behind than LAG is not made up for,
 * but counted in `missed`. Between packets that are far apart it sleeps.
 *
 * Arguments: RATE (packets a second): 0, the default, is as fast as possible. PACE (`constant` or `poisson`):
 * with equal or with exponentially distributed gaps; default constant. BURST (unsigned): so many packets are
 * due together, at the time of the first, at the same rate in the mean; default 1. SIZE (`64`, `64 128 512`,
 * `64*7 594*4` or `imix`, which is `64*7 594*4 1518*1`): taken in turn, weighted; up to 9216. Default: the
 * smallest. SRC_ETH, DST_ETH (Ethernet address): default 02:00:00:00:00:01 and 02:00:00:00:00:02. SRC_IP,
 * DST_IP (`ADDR`, `FIRST-LAST` or `ADDR/LEN`, then `random` if they are not to be taken in turn): both IPv4
 * or both IPv6. With a prefix, its host addresses. Default 10.0.0.2 and 10.0.1.2. SRC_PORT, DST_PORT (`N` or
 * `FIRST-LAST`, then perhaps `random`): default 1024 and 9 (discard). CHECKSUM (bool): correct UDP checksums;
 * default false, 0 is sent; always true with IPv6. TTL (1 to 255): default 64. TOS (0 to 255): default 0.
 *
 * FRAME (hexadecimal): all headers, in place of the arguments from SRC_ETH to TOS. FIELDS (words): what
 * changes in them, each word `AT/BYTES/SHIFT/inc|dec|random/FIRST/COUNT/STEP/EVERY`, or
 * `AT/BYTES/SHIFT/list/VALUE/VALUE...`: bits in the 2 or 4 bytes at the even offset AT, which are 0 in FRAME,
 * take COUNT values from FIRST on (COUNT, STEP and EVERY are 1 if left out), each for EVERY packets. LENGTHS
 * (words `AT/LESS`): the 16 bits at AT are the length of the packet less LESS. CHECKSUMS (words `AT/FROM/TO`
 * or `AT/FROM/0/ADDRESSES/END/PROTOCOL`, inner headers first): Internet checksums of the bytes from FROM to
 * before TO (0: the end), perhaps with a pseudo header whose addresses are at ADDRESSES to END.
 *
 * TRACK (bool): false leaves the signature out; then PktgenSink does not know the packets. Default true.
 * KEY (unsigned): its first four bytes, as the sink has it; default 0xc11cce75.
 * STREAM (0 to 65535): default 0. SEED (unsigned): of the random choices; default 1. SAMPLE (unsigned): takes
 * the time of every SAMPLEth packet; 0: of none. Default 1. LIMIT (int): packets at most; negative: no limit.
 * Default -1. DURATION (interval): ends that long after the first packet; 0, the default: does not. LAG
 * (interval): default 1ms. SPIN (interval): sleeping ends that long before a packet is due, and the rest is
 * waited for by looking at the clock; default 25us. BATCH (1 to 64): packets in one go at most; default: the
 * router's batch. ACTIVE (bool): default true. STOP (bool): stops the driver at the end. Default false.
 *
 * Handlers: `count`, `byte_count` (without frame check sequences), `missed`, `elapsed` (ns), `mean_size`
 * (bytes, with frame check sequence), `late` (JSON: how late packets were made, in ns; of each batch its
 * first packet), `summary` (JSON) (read). `rate`, `limit`, `duration`, `size`, `active` (read/write):
 * `active` becomes false at the end. `reset` (write): all counts, sequence numbers and ranges from the
 * beginning. `scheduled`, `tickets`.
 *
 * Example: `PktgenSource(LIMIT 1000, RATE 1000000, STOP true) -> sink :: PktgenSink;`
 *
 * See also: PktgenSink, PktgenReplay, InfiniteSource, RatedSource
 */
#include "pacer.h"
#include "udpframe.h"

typedef struct PktgenSource {
  Element base;
  uint64_t byte_count;
  uint32_t sample, sample_left;
  Frame frame;
  Pacer pacer;
  uint32_t batch;
  bool stop, track;
  Task task;
  Timer timer;
  Signal not_empty;
  SignalSet signals;
  /* as given */
  UdpFlow udp;
  uint16_t stream;
  char *size_text, *frame_text, *fields_text, *lengths_text, *sums_text;
} PktgenSource;

/* The time is taken of every SAMPLEth packet only. */
static unsigned pktgen_sampled(PktgenSource *s, Packet **p, unsigned n, uint64_t stamp) {
  unsigned k = 0;
  while (k < n) {
    bool timed = s->sample && !s->sample_left;
    if (timed) s->sample_left = s->sample;
    unsigned want = timed ? 1 : s->sample && s->sample_left < n - k ? s->sample_left : n - k;
    unsigned made = frame_batch(&s->frame, p + k, want, s->pacer.count + k, timed ? stamp : 0);
    s->sample_left -= s->sample ? made : 0;
    k += made;
    if (made < want) break;
  }
  return k;
}

static unsigned pktgen_make(PktgenSource *s, Packet **p, unsigned max) {
  unsigned n = pacer_allow(&s->pacer, &s->base, max), k;
  uint64_t stamp = pktgen_stamp(s->pacer.now), bytes = 0;
  if (likely(s->sample == 1))
    k = frame_batch(&s->frame, p, n, s->pacer.count, stamp);
  else
    k = pktgen_sampled(s, p, n, stamp);
  if (likely(s->frame.period == 1))
    bytes = (uint64_t)k * s->frame.models->len;
  else
    for (unsigned i = 0; i < k; i++) bytes += p[i]->len;
  s->byte_count += bytes;
  pacer_made(&s->pacer, k);
  if (unlikely(!s->pacer.active)) {
    signal_set(&s->not_empty, false);
    if (s->stop && s->pacer.started) router_stop(s->base.router);
  }
  return k;
}

static bool pktgen_task(Element *e, Task *t) {
  PktgenSource *s = (PktgenSource *)e;
  Packet *p[BATCH_MAX];
  if (!s->pacer.active || !signals_active(&s->signals)) return false; /* woken when there is room */
  unsigned limit = s->batch && s->batch < batch_limit(e) ? s->batch : batch_limit(e),
           n = pktgen_make(s, p, limit);
  if (n) output_push_batch(e, 0, p, n);
  if (s->pacer.active && (n || !pacer_sleep(&s->pacer, &s->timer))) task_schedule(t);
  return n > 0;
}

static unsigned pktgen_pull(Element *e, int port, Packet **p, unsigned max) {
  PktgenSource *s = (PktgenSource *)e;
  if (!s->pacer.active) return signal_set(&s->not_empty, false), 0;
  unsigned n = pktgen_make(s, p, s->batch && s->batch < max ? s->batch : max);
  if (unlikely(!n) && pacer_sleep(&s->pacer, &s->timer)) signal_set(&s->not_empty, false);
  return n;
}

static void pktgen_wake(PktgenSource *s) {
  if (!s->pacer.active) return;
  if (s->task.element) task_schedule(&s->task);
  signal_set(&s->not_empty, true);
}

static void pktgen_timer(Element *e, Timer *t) { pktgen_wake((PktgenSource *)e); }

static Signal *pktgen_notifier(Element *e, bool full, int port) {
  return full ? NULL : &((PktgenSource *)e)->not_empty;
}

/* ---- Configuration ------------------------------------------------------------------------------------ */

static void pktgen_restart(PktgenSource *s) {
  pacer_reset(&s->pacer);
  frame_reset(&s->frame, s->pacer.seed);
  s->byte_count = 0;
  s->sample_left = 0;
}

static int pktgen_program(PktgenSource *s, Errors *errs) {
  Frame *f = &s->frame;
  int rc = frame_parse_header(f, s->frame_text, errs, -1);
  if (rc < 0) return rc;
  rc |= frame_parse_fields(f, s->fields_text, errs, -1);
  rc |= frame_parse_lengths(f, s->lengths_text, errs, -1);
  rc |= frame_parse_sums(f, s->sums_text, errs, -1);
  return rc;
}

static int pktgen_configure(Element *e, const Args *args, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  if (!(s->pacer.rate >= 0)) return error(errs, "RATE must not be negative");
  s->frame.tracked = s->track;
  s->frame.stream = (uint64_t)s->stream << 48;
  if (*s->frame_text) {
    if (pktgen_program(s, errs) < 0) return -1;
  } else if (s->udp.src.ip6 != s->udp.dst.ip6) {
    return error(errs, "SRC_IP and DST_IP must both be IPv4 or both be IPv6");
  } else {
    udp_frame(&s->frame, &s->udp);
  }
  if (frame_build(&s->frame, s->size_text, errs) < 0) return -1;
  pktgen_restart(s);
  return 0;
}

static int pktgen_initialize(Element *e, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  timer_init(&s->timer, e);
  s->not_empty.active = s->pacer.active;
  if (!output_is_push(e, 0)) return 0;
  task_init(&s->task, e, s->pacer.active);
  downstream_signals(e, 0, &s->task, &s->signals);
  return 0;
}

static void pktgen_cleanup(Element *e) {
  PktgenSource *s = (PktgenSource *)e;
  timer_cancel(&s->timer);
  frame_free(&s->frame);
  mem_free(s->size_text);
  mem_free(s->frame_text);
  mem_free(s->fields_text);
  mem_free(s->lengths_text);
  mem_free(s->sums_text);
  signals_cleanup(&s->signals);
  signal_cleanup(&s->not_empty);
}

/* ---- Handlers ----------------------------------------------------------------------------------------- */

static int pktgen_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  pacer_read(&s->pacer, e, (int)h->data, s->byte_count, frame_mean(&s->frame), out);
  return 0;
}

static int pktgen_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  if (pacer_write(&s->pacer, e, &s->timer, h, value, errs) < 0) return -1;
  pktgen_wake(s);
  return 0;
}

static int pktgen_write_size(Element *e, const Handler *h, const char *value, Errors *errs) {
  PktgenSource *s = (PktgenSource *)e;
  if (frame_build(&s->frame, value, errs) < 0) return -1;
  mem_free(s->size_text);
  s->size_text = mem_string(value, strlen(value));
  return 0;
}

static int pktgen_write_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  pktgen_restart((PktgenSource *)e);
  pktgen_wake((PktgenSource *)e);
  return 0;
}

ELEMENT(PktgenSource, .ports = "0/1", .processing = "/a", .pull = pktgen_pull, .run_task = pktgen_task,
        .run_timer = pktgen_timer, .configure = pktgen_configure, .initialize = pktgen_initialize,
        .cleanup = pktgen_cleanup, .notifier = pktgen_notifier,
        .args = ARGS(ARG(PktgenSource, STRING, "SIZE", size_text, ""),
                     ARG(PktgenSource, ETHER, "SRC_ETH", udp.src_ether, "02:00:00:00:00:01"),
                     ARG(PktgenSource, ETHER, "DST_ETH", udp.dst_ether, "02:00:00:00:00:02"),
                     ARG(PktgenSource, CUSTOM, "SRC_IP", udp.src, "10.0.0.2", .parse = pktgen_parse_address),
                     ARG(PktgenSource, CUSTOM, "DST_IP", udp.dst, "10.0.1.2", .parse = pktgen_parse_address),
                     ARG(PktgenSource, CUSTOM, "SRC_PORT", udp.src_port, "1024", .parse = pktgen_parse_port),
                     ARG(PktgenSource, CUSTOM, "DST_PORT", udp.dst_port, "9", .parse = pktgen_parse_port),
                     ARG(PktgenSource, BOOL, "CHECKSUM", udp.checksum, "false"),
                     ARG(PktgenSource, U8, "TTL", udp.ttl, "64", .min = 1, .max = 255),
                     ARG(PktgenSource, U8, "TOS", udp.tos, "0"),
                     ARG(PktgenSource, STRING, "FRAME", frame_text, ""),
                     ARG(PktgenSource, STRING, "FIELDS", fields_text, ""),
                     ARG(PktgenSource, STRING, "LENGTHS", lengths_text, ""),
                     ARG(PktgenSource, STRING, "CHECKSUMS", sums_text, ""),
                     ARG(PktgenSource, BOOL, "TRACK", track, "true"),
                     ARG(PktgenSource, U32, "KEY", frame.key, PKTGEN_KEY),
                     ARG(PktgenSource, U16, "STREAM", stream, "0"),
                     ARG(PktgenSource, U32, "SAMPLE", sample, "1"), PACER_ARGS(PktgenSource)),
        .handlers = HANDLERS(PACER_HANDLERS(PktgenSource, pktgen_read, pktgen_write, pktgen_write_reset),
                             RW_FIELD(PktgenSource, STRING, "size", size_text, .write = pktgen_write_size)));
