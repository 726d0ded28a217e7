/* source.h: packets made from configured data, for the sources. */
#ifndef CLICKLET_STANDARD_SOURCE_H
#define CLICKLET_STANDARD_SOURCE_H
#include <clicklet/element.h>

/* What sources send unless told otherwise: the reference's 69 bytes. */
#define SOURCE_DATA "\"Random bullshit in a packet, at least 64 bytes long. Well, now it is.\""
#define SOURCE_RETRY_NS NSEC_PER_MSEC /* how long a source waits that found no memory for a packet */
#define SOURCE_SHARE_FROM 512         /* bytes from which packets share their data until someone writes */

/* Any bytes, with NULs. */
typedef struct SourceData {
  uint8_t *bytes;
  uint32_t len;
} SourceData;

typedef struct SourceModel {
  uint8_t *bytes; /* `len` of them, and room for whole-line copies */
  uint32_t len, headroom;
  Packet *shared; /* for large packets: the one they are copies of */
} SourceModel;

static inline int source_data_set(SourceData *d, const char *s, uint32_t n, Errors *errs) {
  uint8_t *bytes = mem_alloc(n + 1u);
  if (!bytes) return error(errs, "out of memory for %u bytes of data", n);
  memcpy(bytes, s, n);
  mem_free(d->bytes);
  d->bytes = bytes;
  d->len = n;
  return 0;
}

/* For ARG_CUSTOM: a string. */
static inline int source_data_parse(Element *e, const char *text, void *field, Errors *errs, int arg) {
  Text t = {0};
  (void)e, (void)arg;
  unquote(text, &t);
  int rc = source_data_set(field, text_cstr(&t), t.len, errs);
  text_free(&t);
  return rc;
}

static inline void source_model_free(SourceModel *m) {
  if (m->shared) packet_free(m->shared);
  mem_free(m->bytes);
  *m = (SourceModel){0};
}

/* Packets of `length` bytes, the data repeated or cut; negative: as long as the data. */
static inline int source_model_set(SourceModel *m, const SourceData *d, int64_t length, uint32_t headroom,
                                   Errors *errs) {
  uint32_t n = length < 0 ? d->len : (uint32_t)length;
  uint8_t *bytes = mem_alloc(n + 64u);
  if (!bytes) return error(errs, "out of memory for packets of %u bytes", n);
  for (uint32_t i = 0; d->len && i < n; i++) bytes[i] = d->bytes[i % d->len];
  source_model_free(m);
  *m = (SourceModel){.bytes = bytes, .len = n, .headroom = headroom};
  return 0;
}

/* NULL when memory is out. */
static inline Packet *source_model_packet(SourceModel *m) {
  if (likely(m->len <= SOURCE_SHARE_FROM && m->headroom <= PACKET_HEADROOM)) {
    Packet *p = packet_alloc(m->len);
    if (unlikely(!p)) return NULL;
    for (uint32_t i = 0; i < m->len; i += 64) memcpy(p->data + i, m->bytes + i, 64); /* the buffer has room */
    return p;
  }
  if (!m->shared && !(m->shared = packet_make(m->headroom, m->bytes, m->len, 0))) return NULL;
  return packet_clone(m->shared);
}

/* Up to n packets with that timestamp; fewer when memory is out. */
static inline unsigned source_model_packets(SourceModel *m, Packet **p, unsigned n, int64_t timestamp) {
  unsigned k = 0;
  if (likely(m->len <= 64 && m->headroom <= PACKET_HEADROOM)) {
    PacketWords data[2]; /* stays in registers */
    Packet **from;
    PacketStart start = packet_start(m->len, timestamp);
    memcpy(data, m->bytes, sizeof data);
    k = packet_alloc_raw_batch(n, &from);
    for (unsigned i = 0; i < k; i++) {
      Packet *x = p[i] = from[k - 1 - i];
      packet_begin(x, &start);
      for (unsigned j = 0; j < 2; j++) memcpy(x->buffer + PACKET_HEADROOM + 32 * j, &data[j], 32);
    }
    return k;
  }
  for (; k < n && (p[k] = source_model_packet(m)); k++) p[k]->timestamp = timestamp;
  return k;
}

#endif
