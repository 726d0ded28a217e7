/** PktgenReplay: sends the packets of a trace file again, with their own timing, scaled, or at a rate.
 *
 * Synopsis: `PktgenReplay(FILENAME, <keywords> SPEED, RATE, PACE, BURST, LOOP, SRC_ETH, DST_ETH, ...)`
 *
 * The file (pcap or pcapng, Ethernet; compressed ones are decompressed) is read whole before the first packet
 * is sent, so that nothing is read while packets are sent. Packets that the capture cut off are filled up
 * with zeros. Unlike FromDump it repeats, changes addresses, and its packets are due on the same clock as
 * PktgenSource's.
 *
 * Arguments: FILENAME. SPEED (double): 1, the default, is the timing of the file, 2 twice as fast; 0: as fast
 * as they are taken. RATE (packets a second): if not 0, takes the place of the file's timing; PACE and BURST
 * are as for PktgenSource. LOOP (unsigned): how often the file is sent; 0: without end; between the end and
 * the beginning is the mean gap. Default 1. SRC_ETH, DST_ETH (Ethernet address): written into all frames, the
 * destination not into those to groups. LIMIT (int): packets at most. DURATION, LAG, SPIN, BATCH, SEED,
 * ACTIVE, STOP: as for PktgenSource; with the file's timing no packet is given up for being late.
 *
 * Handlers: `count`, `byte_count` (without frame check sequences), `missed`, `elapsed` (ns), `packets` (in
 * the file), `mean_size` (bytes, with frame check sequence), `late`, `summary` (read). `rate`, `limit`,
 * `duration`, `active` (read/write). `dst_eth` (write). `reset` (write). `scheduled`, `tickets`.
 *
 * Example: `PktgenReplay(in.pcap, LOOP 3, SPEED 10, STOP true) -> Discard;`
 *
 * See also: PktgenSource, FromDump
 */
#include "../pktgen/pacer.h"
#include "pcapng.h"

enum { REPLAY_LONGEST = 9212 };

typedef struct ReplayPacket {
  double at; /* ns from the first */
  size_t offset;
  uint32_t len, captured;
} ReplayPacket;

typedef struct PktgenReplay {
  Element base;
  Pacer pacer;
  uint64_t byte_count, npackets, capacity;
  ReplayPacket *packets;
  uint8_t *data;
  size_t used, room;
  int64_t first; /* time of the first packet, ns since the epoch */
  double period; /* ns from one time round to the next */
  uint64_t at;   /* the next packet */
  double speed, mean;
  uint32_t loop, batch;
  uint8_t src[6], dst[6];
  bool set_src, set_dst, stop;
  char *filename;
  Task task;
  Timer timer;
  Signal not_empty;
  SignalSet signals;
} PktgenReplay;

/* ---- Packets ------------------------------------------------------------------------------------------ */

static double replay_schedule(const Pacer *p, uint64_t n) {
  const PktgenReplay *r = container_of(p, PktgenReplay, pacer);
  return ((double)(n / r->npackets) * r->period + r->packets[n % r->npackets].at) / r->speed;
}

static Packet *replay_packet(PktgenReplay *r) {
  const ReplayPacket *x = &r->packets[r->at];
  Packet *p = packet_make(PACKET_HEADROOM, NULL, x->len, 0);
  if (!p) return NULL;
  memcpy(p->data, r->data + x->offset, x->captured);
  if (r->set_dst && !(p->data[0] & 1)) memcpy(p->data, r->dst, 6);
  if (r->set_src) memcpy(p->data + 6, r->src, 6);
  p->mac = p->data;
  r->at = r->at + 1 == r->npackets ? 0 : r->at + 1;
  return p;
}

static unsigned replay_make(PktgenReplay *r, Packet **p, unsigned max) {
  unsigned n = pacer_allow(&r->pacer, &r->base, max), k = 0;
  for (; k < n; k++) {
    if (!(p[k] = replay_packet(r))) break;
    r->byte_count += p[k]->len;
  }
  pacer_made(&r->pacer, k);
  if (!r->pacer.active) {
    signal_set(&r->not_empty, false);
    if (r->stop && r->pacer.started) router_stop(r->base.router);
  }
  return k;
}

static bool replay_task(Element *e, Task *t) {
  PktgenReplay *r = (PktgenReplay *)e;
  Packet *p[BATCH_MAX];
  if (!r->pacer.active || !signals_active(&r->signals)) return false;
  unsigned limit = r->batch && r->batch < batch_limit(e) ? r->batch : batch_limit(e),
           n = replay_make(r, p, limit);
  if (n) output_push_batch(e, 0, p, n);
  if (r->pacer.active && (n || !pacer_sleep(&r->pacer, &r->timer))) task_schedule(t);
  return n > 0;
}

static unsigned replay_pull(Element *e, int port, Packet **p, unsigned max) {
  PktgenReplay *r = (PktgenReplay *)e;
  if (!r->pacer.active) return signal_set(&r->not_empty, false), 0;
  unsigned n = replay_make(r, p, r->batch && r->batch < max ? r->batch : max);
  if (!n && pacer_sleep(&r->pacer, &r->timer)) signal_set(&r->not_empty, false);
  return n;
}

static void replay_wake(PktgenReplay *r) {
  if (!r->pacer.active) return;
  if (r->task.element) task_schedule(&r->task);
  signal_set(&r->not_empty, true);
}

static void replay_timer(Element *e, Timer *t) { replay_wake((PktgenReplay *)e); }

static Signal *replay_notifier(Element *e, bool full, int port) {
  return full ? NULL : &((PktgenReplay *)e)->not_empty;
}

/* ---- Reading ------------------------------------------------------------------------------------------ */

/* Room for `more` bytes and another packet. */
static bool replay_room(PktgenReplay *r, size_t more) {
  if (r->npackets == r->capacity) {
    uint64_t capacity = r->capacity ? 2 * r->capacity : 1024;
    ReplayPacket *p = mem_resize(r->packets, r->capacity * sizeof *p, capacity * sizeof *p);
    if (!p) return false;
    r->packets = p;
    r->capacity = capacity;
  }
  if (r->used + more > r->room) {
    size_t room = 2 * r->room + more + 65536;
    uint8_t *d = mem_resize(r->data, r->room, room);
    if (!d) return false;
    r->data = d;
    r->room = room;
  }
  return true;
}

/* Takes the bytes of the next packet. */
static int replay_add(PktgenReplay *r, DumpInput *f, int64_t time, uint32_t captured, uint32_t len,
                      Errors *errs) {
  unsigned long long number = r->npackets + 1;
  size_t left;
  if (len < captured) len = captured;
  if (len < PKTGEN_ETHER || len > REPLAY_LONGEST)
    return error(errs, "%s: packet %llu has %u bytes: only %d to %d can be sent", f->name, number, len,
                 PKTGEN_ETHER, REPLAY_LONGEST);
  if (!replay_room(r, captured)) return error(errs, "%s: out of memory", f->name);
  const uint8_t *d = dump_peek(f, captured, &left);
  if (!d) return error(errs, "%s: the file ends within packet %llu", f->name, number);
  memcpy(r->data + r->used, d, captured);
  dump_take(f, captured);
  if (!r->npackets) r->first = time;
  double at = (double)(time - r->first), before = r->npackets ? r->packets[r->npackets - 1].at : 0;
  if (at < before) at = before; /* clocks are set back */
  r->packets[r->npackets++] = (ReplayPacket){at, r->used, len, captured};
  r->used += captured;
  r->mean += len;
  return 0;
}

static int replay_link(const DumpInput *f, int link, Errors *errs) {
  return link == LINK_ETHER ? 0 : error(errs, "%s: link type %d: only Ethernet can be sent", f->name, link);
}

static int replay_read_pcap(PktgenReplay *r, DumpInput *f, const uint8_t *h, bool swapped, bool nano,
                            Errors *errs) {
  size_t left;
  uint32_t link = swapped ? be32(load32(h + 20)) : load32(h + 20);
  if (replay_link(f, (int)(link & 0x0fffffff), errs) < 0) return -1;
  dump_take(f, 24);
  while ((h = dump_peek(f, 16, &left))) {
    uint32_t v[4];
    for (int i = 0; i < 4; i++) v[i] = swapped ? be32(load32(h + 4 * i)) : load32(h + 4 * i);
    dump_take(f, 16);
    int64_t time = (int64_t)v[0] * NSEC_PER_SEC + (int64_t)v[1] * (nano ? 1 : 1000);
    if (replay_add(r, f, time, v[2], v[3], errs) < 0) return -1;
  }
  return left ? error(errs, "%s: the file ends within a packet header", f->name) : 0;
}

static int replay_read_pcapng(PktgenReplay *r, DumpInput *f, Errors *errs) {
  Pcapng n = {0};
  PcapngPacket p;
  int rc = 0, k = pcapng_begin(&n, f) < 0 ? PCAPNG_BAD : PCAPNG_OTHER;
  while (!rc && k != PCAPNG_BAD && (k = pcapng_next(&n, f, &p)) != PCAPNG_END) {
    if (k != PCAPNG_PACKET) continue;
    rc = replay_link(f, p.link, errs);
    if (!rc) rc = replay_add(r, f, p.time, p.captured, p.length, errs);
    if (!rc && !dump_skip(f, p.skip)) k = PCAPNG_BAD, n.what = "the file ends within a block";
  }
  if (!rc && k == PCAPNG_BAD)
    rc = error(errs, "%s: %s at byte %llu", f->name, n.what, (unsigned long long)f->position);
  pcapng_end(&n);
  return rc;
}

static int replay_read(PktgenReplay *r, DumpInput *f, Errors *errs) {
  size_t left;
  const uint8_t *h = dump_peek(f, 24, &left);
  uint32_t magic = h ? load32(h) : 0;
  bool swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
  if (swapped) magic = be32(magic);
  int rc = magic == PCAPNG_MAGIC ? replay_read_pcapng(r, f, errs)
           : magic == 0xa1b2c3d4 || magic == 0xa1b23c4d
               ? replay_read_pcap(r, f, h, swapped, magic == 0xa1b23c4d, errs)
               : error(errs, "%s: neither a pcap nor a pcapng file", f->name);
  if (rc < 0) return rc;
  if (!r->npackets) return error(errs, "%s: no packets", f->name);
  double last = r->packets[r->npackets - 1].at;
  r->period = r->npackets > 1 ? last + last / (double)(r->npackets - 1) : (double)NSEC_PER_SEC;
  r->mean /= (double)r->npackets;
  return 0;
}

/* ---- Configuration ------------------------------------------------------------------------------------ */

/* The pace follows from the arguments; also after `rate` was written. */
static void replay_pace(PktgenReplay *r, int kind) {
  bool timing = r->pacer.rate <= 0 && r->speed > 0;
  r->pacer.kind = timing ? PACE_SCHEDULE : kind == PACE_SCHEDULE ? PACE_CONSTANT : kind;
  r->pacer.schedule = replay_schedule;
}

static void replay_restart(PktgenReplay *r) {
  pacer_reset(&r->pacer);
  r->byte_count = r->at = 0;
}

static int replay_configure(Element *e, const Args *args, Errors *errs) {
  PktgenReplay *r = (PktgenReplay *)e;
  int rc = 0;
  if (!(r->speed >= 0)) rc = error(errs, "SPEED must not be negative");
  if (!(r->pacer.rate >= 0)) rc = error(errs, "RATE must not be negative");
  DumpInput f = {.fd = -1};
  if (!rc) rc = dump_open(&f, r->filename, errs);
  if (!rc) rc = replay_read(r, &f, errs);
  dump_close(&f);
  mem_free(f.name);
  if (rc) return rc;
  replay_pace(r, r->pacer.kind);
  if (r->loop) {
    int64_t most = (int64_t)(r->loop * r->npackets);
    if (r->pacer.limit < 0 || r->pacer.limit > most) r->pacer.limit = most;
  }
  replay_restart(r);
  return 0;
}

static int replay_initialize(Element *e, Errors *errs) {
  PktgenReplay *r = (PktgenReplay *)e;
  timer_init(&r->timer, e);
  r->not_empty.active = r->pacer.active;
  if (!output_is_push(e, 0)) return 0;
  task_init(&r->task, e, r->pacer.active);
  downstream_signals(e, 0, &r->task, &r->signals);
  return 0;
}

static void replay_cleanup(Element *e) {
  PktgenReplay *r = (PktgenReplay *)e;
  timer_cancel(&r->timer);
  mem_free(r->packets);
  mem_free(r->data);
  mem_free(r->filename);
  signals_cleanup(&r->signals);
  signal_cleanup(&r->not_empty);
}

/* ---- Handlers ----------------------------------------------------------------------------------------- */

static int replay_read_handler(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  PktgenReplay *r = (PktgenReplay *)e;
  pacer_read(&r->pacer, e, (int)h->data, r->byte_count, r->mean, out);
  return 0;
}

static int replay_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  PktgenReplay *r = (PktgenReplay *)e;
  if (pacer_write(&r->pacer, e, &r->timer, h, value, errs) < 0) return -1;
  if (!strcmp(h->name, "rate")) replay_pace(r, r->pacer.kind);
  replay_wake(r);
  return 0;
}

static int replay_write_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  replay_restart((PktgenReplay *)e);
  replay_wake((PktgenReplay *)e);
  return 0;
}

static int replay_write_dst(Element *e, const Handler *h, const char *value, Errors *errs) {
  PktgenReplay *r = (PktgenReplay *)e;
  if (!arg_parse_ether(e, value, r->dst)) return error(errs, "expected an Ethernet address, not '%s'", value);
  r->set_dst = true;
  return 0;
}

ELEMENT(PktgenReplay, .ports = "0/1", .processing = "/a", .targets = TARGET_HOST, .pull = replay_pull,
        .run_task = replay_task, .run_timer = replay_timer, .configure = replay_configure,
        .initialize = replay_initialize, .cleanup = replay_cleanup, .notifier = replay_notifier,
        .args = ARGS(ARG_MUST(PktgenReplay, FILENAME, "FILENAME", filename),
                     ARG(PktgenReplay, F64, "SPEED", speed, "1"), ARG(PktgenReplay, U32, "LOOP", loop, "1"),
                     ARG(PktgenReplay, ETHER, "SRC_ETH", src, NULL, GIVEN(PktgenReplay, set_src)),
                     ARG(PktgenReplay, ETHER, "DST_ETH", dst, NULL, GIVEN(PktgenReplay, set_dst)),
                     PACER_ARGS(PktgenReplay)),
        .handlers = HANDLERS(PACER_HANDLERS(PktgenReplay, replay_read_handler, replay_write,
                                            replay_write_reset),
                             READ_FIELD(PktgenReplay, U64, "packets", npackets),
                             WRITE_FN("dst_eth", replay_write_dst)));
