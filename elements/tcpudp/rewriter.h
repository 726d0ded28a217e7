/* rewriter.h: what the rewriters (NAT) share: flow records, the tables that find them, expiry, input
 * specifications.
 *
 * A flow is one 64-byte record with two directions. A table finds it by the flow identifier of either: open
 * addressing, 8 bytes a slot, so that a packet of a known flow costs two cache misses at most; both are
 * prefetched for a batch. A packet renews its flow by storing the time in the record. Where the record stands
 * in the queue for expiry is put right only when somebody looks for old flows (RwWheel), so neither packets
 * nor timers pay for flows that are idle.
 */
#ifndef CLICKLET_ELEMENTS_REWRITER_H
#define CLICKLET_ELEMENTS_REWRITER_H
#include "../ethernet/wire.h"
#include "../standard/port_handlers.h"

/* All in network byte order, as in the packet. 12 bytes, hashed and compared as a whole. */
typedef struct RwFlowId {
  uint32_t src, dst;
  uint16_t sport, dport;
} RwFlowId;
_Static_assert(sizeof(RwFlowId) == 12, "flow identifier");

always_inline RwFlowId rw_reverse(RwFlowId f) { return (RwFlowId){f.dst, f.src, f.dport, f.sport}; }
always_inline bool rw_same(const RwFlowId *a, const RwFlowId *b) {
  return load64(a) == load64(b) && load32(&a->sport) == load32(&b->sport);
}
always_inline uint32_t rw_hash(const RwFlowId *f, uint64_t seed) {
  uint64_t a = load64(f) ^ seed, b = load32(&f->sport) + seed;
  uint64_t h = a * UINT64_C(0x9fb21c651e98df25) ^ (b * UINT64_C(0xd6e8feb86659fd93) >> 7);
  h = (h ^ h >> 32) * UINT64_C(0x9fb21c651e98df25);
  return (uint32_t)(h >> 32);
}

typedef struct RwLink {
  uint32_t next, prev;
} RwLink; /* flow numbers; RW_HEAD + bucket for the list's head */
#define RW_HEAD 0x80000000u

/* What decides a flow's timeout. TCP: until both sides sent data; then; after both sides are done. UDP: at
 * first; once both sides sent something and there were three packets. Rewriters without such states use the
 * first. */
enum {
  RW_TCP_NODATA,
  RW_TCP_DATA,
  RW_TCP_DONE,
  RW_UDP,
  RW_UDP_STREAMING,
  RW_CLASSES,
  RW_PLAIN = RW_TCP_NODATA
};

typedef struct RwFlow {
  RwFlowId id[2]; /* as packets of each direction arrive: [1] is how the rewritten packets are answered */
  uint16_t output[2];
  uint16_t ip_delta, port_delta; /* of checksums in forward direction; 0: no change */
  uint32_t last;                 /* time of the last packet, ms modulo 2^32 */
  RwLink link;
  uint8_t class, flags; /* RW_TCP_NODATA ...; state of the connection */
  uint8_t proto, reply_anno;
  uint16_t member, input; /* which rewriter of the set and which of its inputs made it */
  uint32_t born;          /* counts flows, for the order of tables */
  uint8_t map;            /* of its rewriter's tables, where it is */
  uint8_t spare[3];
  uint32_t sequence; /* its changes of TCP sequence numbers + 1, 0: none */
} RwFlow;
_Static_assert(sizeof(RwFlow) == 64, "flow record");

/* The flows of one class of one rewriter by the time of their last packet, in buckets of `grain` ms. A flow
 * stands in the bucket of its last packet or an older one. The oldest bucket takes all that is older. */
#define RW_BUCKETS 128
typedef struct RwWheel {
  uint32_t timeout, guarantee, grain; /* ms */
  uint64_t newest;                    /* its tick: ms / grain */
  uint64_t first;                     /* no flow is in a bucket older than this tick */
  RwLink list[RW_BUCKETS];
} RwWheel;

typedef struct RwSlot {
  uint32_t hash, ref;
} RwSlot; /* ref: 2 * flow + direction + 1, 0: empty */
/* A table that is full is replaced by one of twice the size; each new flow then moves a few slots, so that no
 * packet waits for all of them. Until that is done a flow is looked for in both. */
typedef struct RwMap {
  RwSlot *slots, *old;
  uint32_t mask, count;
  uint32_t old_mask, old_at, old_left; /* next slot to move, slots still to look at */
  /* The next table, of twice the size, while its memory is touched for the first time, page by page: that can
   * take long, and new flows would touch all of it at once. NULL: not yet. */
  RwSlot *next;
  size_t next_at; /* bytes touched */
  /* For the order in which tables are shown: the reference's number of buckets, one less than 2^n, and how
   * many flows had been born when it grew to each n. */
  uint8_t growths;
  uint32_t grown_at[24];
} RwMap;

/* What identifies the flows of a rewriter: addresses and ports; addresses and a ping's identifier, which
 * stands for the source port, the destination port being one more; a pair of addresses; the source address.
 */
enum { RW_PORTS, RW_PING, RW_PAIR, RW_SOURCE };

typedef struct Rewriter Rewriter;
typedef struct RwSequence RwSequence;

/* The flows that share one capacity: of one rewriter or of several. */
always_inline uint32_t rw_buckets(unsigned growths) { return (2u << growths) - 1; } /* as shown */

#define RW_FIRST_BITS 8 /* 256 flows in the first chunk, each further chunk doubles the number */
typedef struct RwSet {
  RwFlow *chunk[24];
  uint32_t made, unused; /* flows in chunks; first free one + 1, along link.next */
  uint32_t count;
  int32_t capacity;
  uint32_t born, refs;
  uint64_t seed;
  RwSequence *sequences;
  uint32_t nsequences, unused_sequence; /* first free one + 1 */
  Rewriter **members;
  uint32_t nmembers;
} RwSet;

always_inline RwFlow *rw_flow(const RwSet *s, uint32_t i) {
  uint32_t n = i + (1u << RW_FIRST_BITS), k = 31 - (uint32_t)__builtin_clz(n);
  return s->chunk[k - RW_FIRST_BITS] + (n - (1u << k));
}

/* A range of source ports (or addresses) to choose from, and what else to change; 0 where the packet's own
 * stays. */
typedef struct RwPattern {
  RwFlowId to;
  uint32_t top;  /* range: first to first + top; 0: no choice */
  uint32_t next; /* the next to try when sequential */
  bool ports;    /* the range is one of ports */
  bool sequential, same_first;
} RwPattern;

enum { RW_DROP = -1, RW_MAP = -2 }; /* results of asking for a mapping, else an output */

typedef struct RwInput RwInput;
/* A mapper's services, by cast "IPMapper". */
typedef struct RwMapper {
  Element *element;
  int (*rewrite)(Element *e, RwInput *in, const RwFlowId *f, RwFlowId *to,
                 int map); /* RW_DROP, RW_MAP or an output */
  int (*check)(Element *e, const RwInput *in, Errors *errs);
} RwMapper;

struct RwInput {
  enum { RW_IN_DROP, RW_IN_PASS, RW_IN_KEEP, RW_IN_PATTERN, RW_IN_MAPPER } kind;
  int foutput, routput;
  uint32_t count, failures; /* flows there are; mappings refused */
  RwPattern *pattern;       /* own or a named one */
  RwMapper *mapper;
  bool own_pattern;
  Rewriter *owner;
  uint16_t index;
};

typedef void (*RwTextFn)(const Rewriter *e, const RwFlow *f, int direction, Text *out);
/* The flow of the answers that an ICMP error quotes, or 0. */
typedef uint32_t (*RwLookupFn)(const Rewriter *e, uint8_t proto, const RwFlowId *id);
/* How other elements ask for that, by cast "RwLookup". */
typedef struct RwLookup {
  RwLookupFn find;
} RwLookup;

/* What makes a class of rewriters: the text of its flows, how ICMP errors find them, a set of bits with the
 * timeouts they can have, what identifies them. */
typedef struct RwKind {
  RwTextFn text;
  RwLookup lookup;
  uint8_t classes, shape;
} RwKind;

struct Rewriter {
  Element base;
  const RwKind *kind;
  RwSet *set;
  RwMap map[2]; /* [1]: UDP, where it is kept apart from TCP */
  RwInput *inputs;
  RwWheel *wheel[RW_CLASSES];
  uint16_t member;
  bool dst_anno, reply_anno_given;
  int reply_anno;
  Timer timer;
  PortHandlers patterns; /* pattern0 ... */
  /* arguments; times in ns */
  int64_t timeout[RW_CLASSES], guarantee, udp_guarantee, reap_interval;
  char *capacity_text;
  Element *shares_with;
  int32_t capacity;
  bool streaming_given;
};

always_inline uint32_t rw_now(const Rewriter *e) {
  return (uint32_t)((uint64_t)time_recent(&e->base) / NSEC_PER_MSEC);
}

always_inline uint32_t rw_find_in(const RwSet *set, const RwSlot *slots, uint32_t mask, const RwFlowId *id,
                                  uint32_t hash, RwFlow **flow) {
  for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
    RwSlot s = slots[i];
    if (!s.ref) return 0;
    if (unlikely(s.hash != hash)) continue;
    *flow = rw_flow(set, (s.ref - 1) / 2);
    if (likely(rw_same(&(*flow)->id[(s.ref - 1) & 1], id))) return s.ref;
  }
}
/* 0, or what a slot says of the flow, and the flow itself. */
always_inline uint32_t rw_find_flow(const Rewriter *e, int map, const RwFlowId *id, uint32_t hash,
                                    RwFlow **flow) {
  const RwMap *m = &e->map[map];
  uint32_t ref = rw_find_in(e->set, m->slots, m->mask, id, hash, flow);
  if (unlikely(m->old) && !ref) ref = rw_find_in(e->set, m->old, m->old_mask, id, hash, flow);
  return ref;
}
always_inline uint32_t rw_find(const Rewriter *e, int map, const RwFlowId *id, uint32_t hash) {
  RwFlow *flow;
  return rw_find_flow(e, map, id, hash, &flow);
}

/* A new mapping as the input says. Returns RW_DROP or an output where there is none; else the output is in
 * the flow that *ref names. p (may be NULL) lends its reply annotation. */
int rw_new_flow(Rewriter *e, int port, int map, const RwFlowId *id, uint8_t proto, int class, const Packet *p,
                uint32_t *ref);
/* For other elements: the flow of these addresses and ports, begun by input `port` if there is none and port
 * is not -1. 0: none. */
uint32_t rw_ensure(Rewriter *e, int port, uint8_t proto, const RwFlowId *f);
void rw_set_class(Rewriter *e, RwFlow *f, uint32_t number, int class); /* a flow's timeout changes */

/* What an element does: the key of a packet (false: it has none, it is passed or dropped), the table and the
 * class of the flow that it begins; and the rewriting, after which f->flags may say that the class changed.
 */
typedef struct RwKey {
  RwFlowId id;
  uint32_t hash;
  uint8_t proto, map, class;
  bool valid;
} RwKey;
typedef bool (*RwKeyFn)(const Rewriter *e, const Packet *p, RwKey *k);
typedef int (*RwApplyFn)(const Rewriter *e, RwFlow *f, int direction,
                         Packet *p); /* returns the flow's class */

always_inline int rw_one(Rewriter *e, int port, Packet *p, const RwKey *k, uint32_t now, RwApplyFn apply) {
  if (unlikely(!k->valid)) return e->inputs[port].kind == RW_IN_PASS ? e->inputs[port].foutput : PACKET_DROP;
  RwFlow *f;
  uint32_t ref = rw_find_flow(e, k->map, &k->id, k->hash, &f);
  if (unlikely(!ref)) {
    RwFlowId id = k->id; /* so that what packets of known flows need can stay in registers */
    uint32_t made;
    int out = rw_new_flow(e, port, k->map, &id, k->proto, k->class, p, &made);
    if (!made) return out;
    ref = made;
    f = rw_flow(e->set, (ref - 1) / 2);
  }
  if (unlikely(!packet_unique(p))) return PACKET_DROP;
  uint32_t number = (ref - 1) / 2, direction = (ref - 1) & 1;
  int class = apply(e, f, (int)direction, p);
  f->last = now;
  if (unlikely(class != f->class)) rw_set_class(e, f, number, class);
  return f->output[direction];
}

#define RW_NEAR 4096 /* flows whose records and slots the second-level cache holds */
always_inline void rw_push(Rewriter *e, int port, Packet **p, unsigned n, RwKeyFn key, RwApplyFn apply) {
  RwKey k[BATCH_MAX];
  int16_t outs[BATCH_MAX];
  uint32_t now = rw_now(e);
  bool far = n > 1 && e->set->made > RW_NEAR; /* fetch ahead what is not in the cache */
  for (unsigned i = 0; i < n; i++) {
    k[i].valid = key(e, p[i], &k[i]);
    if (!k[i].valid) continue;
    k[i].hash = rw_hash(&k[i].id, e->set->seed);
    if (far) __builtin_prefetch(&e->map[k[i].map].slots[k[i].hash & e->map[k[i].map].mask]);
  }
  for (unsigned i = 0; far && i < n; i++) {
    if (!k[i].valid) continue;
    const RwMap *m = &e->map[k[i].map];
    RwSlot s = m->slots[k[i].hash & m->mask];
    if (s.ref) __builtin_prefetch(rw_flow(e->set, (s.ref - 1) / 2), 1);
  }
  bool mixed = false;
  for (unsigned i = 0; i < n; i++) {
    outs[i] = (int16_t)rw_one(e, port, p[i], &k[i], now, apply);
    mixed |= outs[i] != outs[0];
  }
  if (likely(!mixed && outs[0] >= 0))
    output_push_batch(&e->base, outs[0], p, n);
  else
    scatter(&e->base, p, outs, n);
}

/* ---- Rewriting: the parts that kinds of flows share
 * ---------------------------------------------------------------- */

always_inline void rw_adjust(uint8_t *checksum, int direction, uint16_t delta) {
  if (!delta) return;
  uint32_t sum = (uint32_t)(uint16_t)~load16(checksum) + (direction ? (uint16_t)~delta : delta);
  store16(checksum, (uint16_t) ~(sum + (sum >> 16))); /* one carry at most */
}
/* UDP: a checksum of 0 means none, before and after. */
always_inline void rw_adjust_udp(uint8_t *checksum, int direction, uint16_t delta) {
  if (!load16(checksum) || !delta) return;
  rw_adjust(checksum, direction, delta);
  if (unlikely(!load16(checksum))) store16(checksum, 0xffff);
}
always_inline void rw_apply_annos(const Rewriter *e, const RwFlow *f, int direction, Packet *p,
                                  uint32_t dst) {
  if (e->dst_anno) packet_set_dst_ip(p, dst);
  if (direction && e->reply_anno_given) set_anno_u8(p, e->reply_anno, f->reply_anno);
}
/* Addresses, their checksum and annotations; returns the IP header. */
always_inline uint8_t *rw_apply_ip(const Rewriter *e, const RwFlow *f, int direction, Packet *p) {
  const RwFlowId *back = &f->id[!direction];
  uint8_t *ip = p->network;
  store32(ip + 12, back->dst);
  store32(ip + 16, back->src);
  rw_apply_annos(e, f, direction, p, back->src);
  rw_adjust(ip + 10, direction, f->ip_delta);
  return ip;
}
always_inline void rw_apply_ports(const RwFlow *f, int direction, uint8_t *transport) {
  const RwFlowId *back = &f->id[!direction];
  store16(transport, back->dport);
  store16(transport + 2, back->sport);
}

enum {
  RW_FORWARD_DONE = 1,
  RW_REPLY_DONE = 2,
  RW_BOTH_DONE = 3,
  RW_FORWARD_DATA = 4,
  RW_REPLY_DATA = 8,
  RW_BOTH_DATA = 12
};

/* TCP sequence and acknowledgement numbers, see rewritersequence.c. */
void rw_apply_sequence(RwSet *s, const RwFlow *f, int direction, uint8_t *tcp, uint32_t there);
/* From sequence number `from` on, the payload of that direction is `delta` bytes longer than it was sent.
 * False when memory is out. */
bool rw_sequence_change(RwSet *s, RwFlow *f, int direction, uint32_t from, int32_t delta);
int32_t rw_sequence_delta(const RwSet *s, const RwFlow *f, int direction); /* of what is sent now */

/* TCP behind a rewritten IP header; returns the class. */
always_inline int rw_apply_tcp(const Rewriter *e, RwFlow *f, int direction, uint8_t *ip, const Packet *p) {
  uint32_t header = wire_ip_header(ip);
  uint8_t *tcp = ip + header;
  ptrdiff_t there = packet_end(p) - tcp;
  if (unlikely(there < 18)) return f->class;
  bool payload = header + (tcp[12] >> 4) * 4u < wire_get16(ip + 2); /* read before anything is written */
  rw_apply_ports(f, direction, tcp);
  rw_adjust(tcp + 16, direction, f->port_delta);
  uint8_t done = (uint8_t)(RW_FORWARD_DONE << direction), flags = f->flags;
  if (unlikely(tcp[13] & 4))
    flags |= RW_BOTH_DONE; /* RST */
  else if (unlikely(tcp[13] & 1))
    flags |= done; /* FIN */
  else if ((tcp[13] & 2) || payload)
    flags &= (uint8_t)~done; /* SYN, or there is more */
  if (payload) flags |= (uint8_t)(RW_FORWARD_DATA << direction);
  if (flags != f->flags) f->flags = flags;
  if (unlikely(f->sequence)) rw_apply_sequence(e->set, f, direction, tcp, (uint32_t)there);
  if (unlikely((flags & RW_BOTH_DONE) == RW_BOTH_DONE)) return RW_TCP_DONE;
  return (flags & RW_BOTH_DATA) == RW_BOTH_DATA ? RW_TCP_DATA : RW_TCP_NODATA;
}

/* Counts up to three packets in bits 1 and 2 and notes a reply in bit 0; returns the class. */
always_inline int rw_udp_state(RwFlow *f, int direction) {
  uint8_t flags = (uint8_t)(f->flags | direction);
  if (flags < 6) flags += 2;
  if (flags != f->flags) f->flags = flags;
  return flags > 6 ? RW_UDP_STREAMING : RW_UDP;
}
always_inline int rw_apply_udp(RwFlow *f, int direction, uint8_t *udp) {
  rw_apply_ports(f, direction, udp);
  rw_adjust_udp(udp + 6, direction, f->port_delta);
  return rw_udp_state(f, direction);
}

/* The checksums of TCP and UDP where only addresses change. */
always_inline void rw_apply_addresses(const RwFlow *f, int direction, uint8_t *ip, const Packet *p) {
  if (!wire_first_fragment(ip)) return;
  uint8_t *transport = ip + wire_ip_header(ip);
  ptrdiff_t there = packet_end(p) - transport;
  if (ip[9] == WIRE_PROTO_TCP && there >= 18)
    rw_adjust(transport + 16, direction, f->port_delta);
  else if (ip[9] == WIRE_PROTO_UDP && there >= WIRE_UDP)
    rw_adjust_udp(transport + 6, direction, f->port_delta);
}

/* The key of a packet with ports: IPv4, not a later fragment, 8 bytes of transport header. */
always_inline bool rw_port_key(const Packet *p, RwKey *k) {
  uint32_t n = wire_network_bytes(p);
  if (unlikely(n < WIRE_IP + 8)) return false;
  const uint8_t *ip = p->network;
  uint32_t header = wire_ip_header(ip);
  if (unlikely(header < WIRE_IP || n < header + 8 || !wire_first_fragment(ip))) return false;
  store64(&k->id,
          load64(ip + 12)); /* whole words: what is hashed next must not be in parts in the store buffer */
  store32(&k->id.sport, load32(ip + header));
  k->proto = ip[9];
  return true;
}

/* ---- For configuration and handlers
 * --------------------------------------------------------------------------------- */

int rw_pattern_parse(const Element *e, char *const *words, unsigned n, RwPattern *out, Errors *errs, int arg);
void rw_pattern_text(const RwPattern *p, Text *out);
RwPattern *rw_pattern_named(const Element *e, const char *name); /* NULL if none */
#define RW_NAME_PATTERN 0x5057 /* a kind of name: a pointer to an RwPattern */
/* The words of a pattern (or a pattern's name) and two outputs. The pattern is owned by `in` unless it is a
 * named one. */
int rw_parse_pattern_outputs(const Element *e, char *const *words, unsigned n, RwInput *in, Errors *errs,
                             int arg);
int rw_spec_parse(Rewriter *e, int index, const char *text, RwInput *in, Errors *errs,
                  int arg); /* one input specification */
void rw_input_free(RwInput *in);
int rw_pattern_rewrite(const Element *e, RwPattern *pattern, Rewriter *rewriter, const RwFlowId *f,
                       RwFlowId *to, int map);

int rw_configure(Element *e, const Args *args, Errors *errs); /* one specification for each input */
int rw_initialize(Rewriter *e, const RwKind *kind, Errors *errs);
void rw_cleanup(Element *e);
void rw_take_state(Element *e, Element *old); /* flows that came by inputs with the same specification */
void rw_timer(Element *e, Timer *t);
void *rw_cast(Element *e, const char *name);
const Handler *rw_extra_handler(Element *e, const char *name, unsigned index);
void rw_text_ports(const Rewriter *e, const RwFlow *f, int direction,
                   Text *out); /* "(A, P, B, Q) => (C, R, D, S)" */
int rw_read_table(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int rw_read_lookup(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int rw_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int rw_write(Element *e, const Handler *h, const char *value, Errors *errs);
int rw_read_pattern(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int rw_write_pattern(Element *e, const Handler *h, const char *value, Errors *errs);

/* What all classes of rewriters have in common. */
#define RW_ELEMENT                                                                                           \
  .names_elements = true, .ports = "1-/1-", .processing = "h/h", .configure = rw_configure,                  \
  .cleanup = rw_cleanup, .batched = true, .run_timer = rw_timer, .extra_handler = rw_extra_handler,          \
  .cast = rw_cast, .take_state = rw_take_state

/* T begins with a Rewriter `rw`. */
#define RW_ARGS(T)                                                                                           \
  ARG_ALL_REST("INPUTSPEC"), ARG(T, WORD, "CAPACITY", rw.capacity_text, NULL),                               \
      ARG(T, WORD, "MAPPING_CAPACITY", rw.capacity_text, NULL),                                              \
      ARG(T, INTERVAL, "REAP_INTERVAL", rw.reap_interval, "900", .min = 0, .max = 1e18),                     \
      ARG(T, INTERVAL, "REAP_TIME", rw.reap_interval, NULL, .flags = ARG_DEPRECATED, .min = 0, .max = 1e18), \
      ARG(T, ANNO, "REPLY_ANNO", rw.reply_anno, NULL, .min = 1, GIVEN(T, rw.reply_anno_given))
#define RW_ARG_DST_ANNO(T) ARG(T, BOOL, "DST_ANNO", rw.dst_anno, "true")
#define RW_ARG_TIME(T, KEY, f, def)                                                                          \
  ARG(T, INTERVAL, KEY, rw.f, def, .min = 0, .max = 2.1e15) /* below 2^31 ms */

/* One table, with a lookup by addresses and ports or none. */
#define RW_TABLE READ_FN("table", rw_read_table), READ_FN("mappings", rw_read_table)
#define RW_TABLE_AND_LOOKUP RW_TABLE, READ_PARAM_FN("lookup", rw_read_lookup)

#define RW_HANDLERS                                                                                          \
  READ_FN("table_size", rw_read, .data = 'n'), READ_FN("nmappings", rw_read, .data = 'n'),                   \
      READ_FN("mapping_failures", rw_read, .data = 'f'), READ_FN("patterns", rw_read, .data = 'p'),          \
      READ_FN("size", rw_read, .data = 's'), RW_FN("capacity", rw_read, rw_write, .data = 'c'),              \
      WRITE_FN("clear", rw_write, .data = 'x', .flags = HANDLER_WRITE | HANDLER_BUTTON)

#endif
