/* packet.h: packets, their buffers and the pool they come from.
 *
 * A Packet is a chunk: 192 bytes of metadata and, behind it, a buffer. The data of a packet lives in the
 * buffer of its `store` packet: its own (the normal case) or, for a clone, that of the packet it was cloned
 * from. Making a packet unique therefore never moves the Packet itself, only its data.
 */
#ifndef CLICKLET_PACKET_H
#define CLICKLET_PACKET_H
#include <clicklet/base.h>

#define PACKET_BUFFER 1920  /* bytes of buffer behind the metadata of a pool packet */
#define PACKET_HEADROOM 128 /* default bytes free in front of the data */
#define PACKET_ANNO 48      /* bytes of user annotations, laid out as in the reference */

#ifdef CLICKLET_GUEST
#define PACKET_POOL_STEP                                                                                     \
  64 /* chunks a pool grows by: memory is touched for the first time in guests, which costs exits */
#else
#define PACKET_POOL_STEP 256
#endif

/* Packet type annotation (link-level addressing), values as in Linux's if_packet.h. */
enum {
  PACKET_HOST,
  PACKET_BROADCAST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  PACKET_OUTGOING,
  PACKET_LOOPBACK,
  PACKET_FASTROUTE
};

#define PACKET_ODD 0x80000000u /* in refs: the data is not in the packet's own chunk */

typedef struct Packet Packet;
typedef struct PacketPool PacketPool;

struct Packet {
  /* line 0: what every element touches */
  uint8_t *data; /* first byte of the packet */
  uint32_t len;  /* bytes of data */
  uint8_t type;  /* PACKET_HOST ... */
  uint8_t spare[3];
  uint8_t *network;   /* network header or NULL */
  uint8_t *transport; /* transport header or NULL */
  Packet *next;       /* link for whoever holds the packet */
  Packet *store;      /* the packet whose buffer holds the data */
  uint8_t *head;      /* first byte of that buffer */
  uint32_t refs; /* one while this packet lives, and one for each other packet whose data is in its buffer;
                    with PACKET_ODD. 1 thus says: an ordinary packet that nobody shares */
  uint32_t size; /* bytes of that buffer */
  /* line 1: annotations */
  uint8_t anno[PACKET_ANNO];
  int64_t timestamp; /* ns since the epoch, 0 if none */
  uint8_t *mac;      /* link header or NULL */
  /* line 2: ownership, cold */
  PacketPool *pool;  /* where the chunk returns to */
  uint8_t *external; /* separately allocated buffer, or NULL while the buffer behind the metadata is in use */
  bool dead;         /* the packet was freed but its buffer is still in use by clones */
  uint8_t pad[CACHE_LINE - 17];
  uint8_t buffer[PACKET_BUFFER];
} __attribute__((aligned(CACHE_LINE)));

/* 33 cache lines: an odd number, so that packet headers spread over all cache sets. */
_Static_assert(sizeof(Packet) == 2112, "packet chunk");
_Static_assert(offsetof(Packet, anno) == 64 && offsetof(Packet, pool) == 128 &&
                   offsetof(Packet, buffer) == 192,
               "packet layout");

/* A pool of packets; one for each engine thread. Allocation and release are a stack of pointers: the packet
 * freed last is handed out first, while its lines are still in the cache. */
struct PacketPool {
  Packet **free;            /* stack */
  uint32_t count;           /* packets on it */
  uint32_t capacity;        /* room on it */
  uint32_t total;           /* chunks made so far */
  uint32_t limit;           /* chunks at most */
  uint64_t failures;        /* allocations refused for want of memory */
  struct PacketSlab *slabs; /* the memory of the chunks */
};

/* Grows the pool by about `want` chunks. Returns false when the limit or the memory is reached. */
bool packet_pool_grow(PacketPool *pool, unsigned want);
/* Frees the pool's memory, unless packets of it are still somewhere else. */
void packet_pool_free(PacketPool *pool);
/* Gives each pool its own free chunks back, where threads have exchanged them. */
void packet_pools_sort(PacketPool **pools, unsigned n);
void packet_release(Packet *p); /* slow path of packet_free */
bool packet_unshare(Packet *p, uint32_t headroom,
                    uint32_t tailroom);      /* slow path of packet_unique and friends */
extern THREAD_LOCAL PacketPool *packet_pool; /* this thread's pool */

always_inline Packet *packet_alloc_raw(void) {
  PacketPool *pool = packet_pool;
  if (unlikely(!pool->count) && !packet_pool_grow(pool, PACKET_POOL_STEP)) return NULL;
  return pool->free[--pool->count];
}

/* What a fresh packet's metadata is from `len` to `next` and from the annotations to `mac`, in few stores. */
typedef long long PacketWords __attribute__((vector_size(32)));
typedef struct PacketStart {
  PacketWords head, anno, rest;
} PacketStart;
_Static_assert(offsetof(Packet, next) + sizeof(Packet *) == offsetof(Packet, len) + sizeof(PacketWords) &&
                   offsetof(Packet, timestamp) == offsetof(Packet, anno) + 48 &&
                   offsetof(Packet, mac) + sizeof(uint8_t *) == offsetof(Packet, anno) + 64,
               "packet layout");
always_inline PacketStart packet_start(uint32_t len, int64_t timestamp) {
  return (PacketStart){{len | (long long)PACKET_HOST << 32}, {0}, {0, 0, timestamp}};
}
/* Makes a chunk from the pool a packet of uninitialised bytes. */
always_inline void packet_begin(Packet *p, const PacketStart *start) {
  p->data = p->buffer + PACKET_HEADROOM;
  memcpy(&p->len, &start->head, sizeof start->head);
  memcpy(p->anno, &start->anno, sizeof start->anno);
  memcpy(p->anno + sizeof start->anno, &start->rest, sizeof start->rest);
}

/* A packet of `len` uninitialised bytes with the default headroom; all annotations zero, no headers set. len
 * must fit: use packet_make for any size. NULL when memory is out. */
always_inline Packet *packet_alloc(uint32_t len) {
  Packet *p = packet_alloc_raw();
  if (unlikely(!p)) return NULL;
  PacketStart start = packet_start(len, 0);
  packet_begin(p, &start);
  return p;
}

/* Takes up to n chunks off the pool's stack, which is made to grow if need be; *first is the lowest of them,
 * to be handed out last. */
static inline unsigned packet_alloc_raw_batch(unsigned n, Packet ***first) {
  PacketPool *pool = packet_pool;
  while (unlikely(pool->count < n))
    if (!packet_pool_grow(pool, PACKET_POOL_STEP)) n = pool->count;
  pool->count -= n;
  *first = pool->free + pool->count;
  return n;
}

/* A packet of any size: `len` bytes copied from `data` (or zeroed when NULL) with at least the given head-
 * and tailroom. NULL when memory is out. */
Packet *packet_make(uint32_t headroom, const void *data, uint32_t len, uint32_t tailroom);

/* A second packet over the same data; both are then shared until one makes itself unique. NULL when memory is
 * out. */
Packet *packet_clone(Packet *p);

always_inline void packet_free(Packet *p) {
  PacketPool *pool = packet_pool;
  if (likely(p->refs == 1 && pool->count < pool->capacity))
    pool->free[pool->count++] = p;
  else
    packet_release(p);
}
/* Up to BATCH_MAX ordinary packets. */
always_inline void packet_free_ordinary(Packet **p, unsigned n) {
  PacketPool *pool = packet_pool;
  if (likely(pool->capacity - pool->count >= n)) {
    memcpy(pool->free + pool->count, p, n * sizeof *p);
    pool->count += n;
  } else
    for (unsigned i = 0; i < n; i++) packet_release(p[i]);
}
void packet_free_list(Packet *list); /* along next */

/* True if nobody else sees the data. */
always_inline bool packet_is_unique(const Packet *p) {
  return likely(p->refs == 1) || (p->store->refs & ~PACKET_ODD) == 1;
}

/* True if the data lies in the packet's own chunk and nobody else sees it, as for nearly all packets. */
always_inline bool packet_is_ordinary(const Packet *p) { return likely(p->refs == 1); }

/* Makes the data writable, copying it if it is shared. False when memory is out: the caller still owns p. */
always_inline bool packet_unique(Packet *p) {
  return likely(packet_is_unique(p)) || packet_unshare(p, PACKET_HEADROOM, 0);
}

always_inline uint32_t packet_headroom(const Packet *p) { return (uint32_t)(p->data - p->head); }
always_inline uint32_t packet_tailroom(const Packet *p) {
  return (uint32_t)(p->head + p->size - p->data) - p->len;
}
always_inline uint8_t *packet_end(const Packet *p) { return p->data + p->len; }

/* Adds n bytes (uninitialised) in front and makes the packet unique. False when memory is out. */
always_inline bool packet_push(Packet *p, uint32_t n) {
  if (unlikely(packet_headroom(p) < n || !packet_is_unique(p)) && !packet_unshare(p, n + PACKET_HEADROOM, 0))
    return false;
  p->data -= n;
  p->len += n;
  return true;
}
/* The same without asking for uniqueness: for what only moves the data pointer back over bytes that are
 * there. */
always_inline bool packet_nonunique_push(Packet *p, uint32_t n) {
  if (unlikely(packet_headroom(p) < n) && !packet_unshare(p, n + PACKET_HEADROOM, 0)) return false;
  p->data -= n;
  p->len += n;
  return true;
}
/* Removes n bytes (at most all) from the front. */
always_inline void packet_pull(Packet *p, uint32_t n) {
  if (unlikely(n > p->len)) n = p->len;
  p->data += n;
  p->len -= n;
}
/* Adds n uninitialised bytes behind and makes the packet unique. False when memory is out. */
always_inline bool packet_put(Packet *p, uint32_t n) {
  if (unlikely(packet_tailroom(p) < n || !packet_is_unique(p)) && !packet_unshare(p, PACKET_HEADROOM, n))
    return false;
  p->len += n;
  return true;
}
/* Removes n bytes (at most all) from the end. */
always_inline void packet_take(Packet *p, uint32_t n) { p->len -= n > p->len ? p->len : n; }

/* Headers. Network and transport header lengths in bytes; -1 where not set. */
always_inline void packet_set_network(Packet *p, uint8_t *network, uint32_t header_len) {
  p->network = network;
  p->transport = network + header_len;
}
always_inline int packet_network_offset(const Packet *p) { return (int)(p->network - p->data); }
always_inline int packet_transport_offset(const Packet *p) { return (int)(p->transport - p->data); }
always_inline uint32_t packet_network_length(const Packet *p) {
  return (uint32_t)(packet_end(p) - p->network);
}
always_inline uint32_t packet_transport_length(const Packet *p) {
  return (uint32_t)(packet_end(p) - p->transport);
}

/* Copies every annotation, the timestamp and the type (not the headers). */
void packet_copy_annotations(Packet *to, const Packet *from);

/* Annotation offsets and sizes in bytes, as in the reference. Some overlap. */
enum {
  ANNO_DST_IP = 0,
  ANNO_DST_IP6 = 0,
  ANNO_PAINT = 16,
  ANNO_ICMP_PARAMPROB = 17,
  ANNO_FIX_IP_SRC = 19,
  ANNO_VLAN_TCI = 20,
  ANNO_AGGREGATE = 20,
  ANNO_FWD_RATE = 20,
  ANNO_MISC_IP = 20,
  ANNO_EXTRA_PACKETS = 24,
  ANNO_REV_RATE = 24,
  ANNO_SEND_ERR = 26,
  ANNO_IPREASSEMBLER = 28,
  ANNO_EXTRA_LENGTH = 28,
  ANNO_FIRST_TIMESTAMP = 32,
  ANNO_PACKET_NUMBER = 32,
  ANNO_IPSEC_SPI = 32,
  ANNO_SEQUENCE_NUMBER = 36,
  ANNO_IPSEC_SA = 36,
  ANNO_PERFCTR = 40,
};
always_inline uint8_t anno_u8(const Packet *p, int at) { return p->anno[at]; }
always_inline void set_anno_u8(Packet *p, int at, uint8_t v) { p->anno[at] = v; }
always_inline uint16_t anno_u16(const Packet *p, int at) { return load16(p->anno + at); }
always_inline void set_anno_u16(Packet *p, int at, uint16_t v) { store16(p->anno + at, v); }
always_inline uint32_t anno_u32(const Packet *p, int at) { return load32(p->anno + at); }
always_inline void set_anno_u32(Packet *p, int at, uint32_t v) { store32(p->anno + at, v); }
always_inline uint32_t packet_dst_ip(const Packet *p) {
  return anno_u32(p, ANNO_DST_IP);
} /* network byte order */
always_inline void packet_set_dst_ip(Packet *p, uint32_t ip) { set_anno_u32(p, ANNO_DST_IP, ip); }

#endif
