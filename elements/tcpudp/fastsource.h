/* fastsource.h: what FastUDPSource, FastUDPSourceIP6, FastUDPFlows and FastTCPFlows share: packets with
 * constant Ethernet and IP headers, pulled at a rate. A packet is a copy of a template with its ports put in;
 * of the checksum only what differs is added. */
#ifndef CLICKLET_ELEMENTS_FASTSOURCE_H
#define CLICKLET_ELEMENTS_FASTSOURCE_H
#include "../ethernet/wire.h"
#include "../standard/gap_rate.h"

typedef struct FastSource {
  Element base;
  uint32_t rate_arg; /* packets a second, 0: as fast as pulled */
  int32_t limit;     /* negative: none */
  uint32_t length;   /* bytes of a packet */
  uint8_t dst[6], src[6];
  uint32_t src_ip, dst_ip;
  bool active, checksum;
  GapRate rate;
  uint64_t count;
  int64_t first, last; /* ns; when the first and the last packet were sent, 0: not yet */
  uint8_t *template;
  uint64_t sum; /* of pseudo header and transport header */
} FastSource;

enum { FAST_TRANSPORT = WIRE_ETHER + WIRE_IP, FAST_LENGTH_MIN = 60 };

static inline int fast_template(FastSource *e, uint8_t proto, Errors *errs) {
  if (e->length < FAST_LENGTH_MIN) {
    chatter(NULL, "warning: packet length < 60, defaulting to 60");
    e->length = FAST_LENGTH_MIN;
  }
  uint8_t *d = mem_alloc(e->length + 64u);
  if (!d) return error(errs, "out of memory");
  mem_free(e->template);
  e->template = d;
  memcpy(d, e->dst, 12);
  wire_put16(d + 12, ETHERTYPE_IP);
  uint8_t *ip = d + WIRE_ETHER;
  ip[0] = 0x45;
  wire_put16(ip + 2, (uint16_t)(e->length - WIRE_ETHER));
  ip[8] = 250;
  ip[9] = proto;
  store32(ip + 12, e->src_ip);
  store32(ip + 16, e->dst_ip);
  store16(ip + 10, wire_checksum(ip, WIRE_IP));
  uint16_t length = (uint16_t)(e->length - FAST_TRANSPORT);
  if (proto == WIRE_PROTO_UDP) {
    wire_put16(d + FAST_TRANSPORT + 4, length);
  } else {
    d[FAST_TRANSPORT + 12] = 5 << 4;
    wire_put16(d + FAST_TRANSPORT + 14, 65535);
  }
  e->sum = wire_sum(d + FAST_TRANSPORT, length, wire_pseudo(e->src_ip, e->dst_ip, proto, length));
  return 0;
}

/* A copy of the template without headers set; NULL when memory is out. */
static inline Packet *fast_copy(const FastSource *e) {
  Packet *p;
  if (likely(e->length <= PACKET_BUFFER - PACKET_HEADROOM - 64)) {
    if (!(p = packet_alloc(e->length))) return NULL;
    for (uint32_t i = 0; i < e->length; i += 64) memcpy(p->data + i, e->template + i, 64);
  } else if (!(p = packet_make(PACKET_HEADROOM, e->template, e->length, 0))) {
    return NULL;
  }
  return p;
}

/* The same for IPv4. */
static inline Packet *fast_packet(const FastSource *e) {
  Packet *p = fast_copy(e);
  if (!p) return NULL;
  packet_set_network(p, p->data + WIRE_ETHER, WIRE_IP);
  packet_set_dst_ip(p, e->dst_ip);
  return p;
}

/* The ports of a UDP packet, both as in the packet, and its checksum. */
always_inline void fast_put_ports(const FastSource *e, uint8_t *udp, uint32_t ports) {
  store32(udp, ports);
  if (!e->checksum) return;
  uint16_t c = (uint16_t)~wire_fold(e->sum + ports);
  store16(udp + 6, c ? c : 0xffff);
}

static inline uint32_t fast_random(const FastSource *e) { return (random_u32(&e->base) >> 3) % 0xffff; }

/* Makes up to max packets, as many as are due. */
always_inline unsigned fast_pull(FastSource *e, Packet **p, unsigned max, Packet *(*make)(FastSource *)) {
  unsigned n = 0;
  if (!e->active) return 0;
  int64_t now = e->rate_arg ? time_now(&e->base) : 0;
  for (; n < max && (!e->rate_arg || gap_rate_due(&e->rate, now)) && (p[n] = make(e)); n++) {
    e->rate.count++;
    e->count++;
  }
  if (n && !e->first) e->first = time_steady(&e->base);
  if (n && e->limit >= 0 && e->count >= (uint64_t)e->limit) e->last = time_steady(&e->base);
  return n;
}

always_inline bool fast_done(const FastSource *e) { return e->limit >= 0 && e->count >= (uint64_t)e->limit; }

static inline void fast_reset(FastSource *e) {
  e->count = 0;
  e->first = e->last = 0;
}

static inline int fast_read_rate(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const FastSource *e = (const FastSource *)el;
  int64_t ms = (e->last - e->first) / NSEC_PER_MSEC;
  (void)h, (void)param, (void)errs;
  text_printf(out, "%llu", e->last ? (unsigned long long)(e->count * 1000 / (uint64_t)(ms < 1 ? 1 : ms)) : 0);
  return 0;
}

static inline int fast_write(Element *el, const Handler *h, const char *value, Errors *errs) {
  FastSource *e = (FastSource *)el;
  if (h->offset && handler_write_field(el, h, value, errs) < 0) return -1;
  if (!h->offset || (h->offset == offsetof(FastSource, active) && e->active)) fast_reset(e);
  if (h->offset == offsetof(FastSource, rate_arg)) {
    e->rate.rate = e->rate_arg;
    gap_rate_reset(&e->rate);
  }
  return 0;
}

#define FAST_ANY_ARGS                                                                                        \
  ARG_MUST(FastSource, U32, "RATE", rate_arg), ARG_MUST(FastSource, I32, "LIMIT", limit),                    \
      ARG_MUST(FastSource, U32, "LENGTH", length, .min = 0, .max = 65535),                                   \
      ARG_MUST(FastSource, ETHER, "SRCETH", src)
#define FAST_ARGS FAST_ANY_ARGS, ARG_MUST(FastSource, IP, "SRCIP", src_ip)
#define FAST_HANDLERS                                                                                        \
  READ_FIELD(FastSource, U64, "count", count),                                                               \
      RW_FN("rate", fast_read_rate, fast_write, .type = ARG_U32, FIELD_OF(FastSource, rate_arg)),            \
      WRITE_FN("reset", fast_write, .flags = HANDLER_WRITE | HANDLER_BUTTON),                                \
      WRITE_FN("active", fast_write, .type = ARG_BOOL, FIELD_OF(FastSource, active)),                        \
      WRITE_FN("limit", fast_write, .type = ARG_I32, FIELD_OF(FastSource, limit))

#endif
