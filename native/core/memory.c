/* memory.c: configuration-time memory and the packet pool. */
#include <clicklet/platform.h>

void *mem_alloc(size_t size) {
  void *p = platform_alloc(size ? size : 1);
  if (p) memset(p, 0, size);
  return p;
}

void *mem_resize(void *p, size_t old_size, size_t size) {
  char *q = platform_realloc(p, old_size, size ? size : 1);
  if (q && size > old_size) memset(q + old_size, 0, size - old_size);
  return q;
}

void mem_free(void *p) { platform_free(p); }

char *mem_string(const char *s, size_t n) {
  char *p = platform_alloc(n + 1);
  if (!p) return NULL;
  memcpy(p, s, n);
  p[n] = 0;
  return p;
}

THREAD_LOCAL PacketPool *packet_pool;

typedef struct PacketSlab {
  struct PacketSlab *next;
  Packet *chunks;
  unsigned count;
} PacketSlab;

bool packet_pool_grow(PacketPool *pool, unsigned want) {
  if (!pool || pool->total >= pool->limit) {
    if (pool) pool->failures++;
    return false;
  }
  if (want > pool->limit - pool->total) want = pool->limit - pool->total;
  uint32_t total = pool->total + want;
  if (total >
      pool->capacity) { /* room for twice as many, so that packets of other threads find a place too */
    Packet **free =
        platform_realloc(pool->free, pool->capacity * sizeof *free, 2 * (size_t)total * sizeof *free);
    if (!free) return pool->failures++, false;
    pool->free = free;
    pool->capacity = 2 * total;
  }
  PacketSlab *slab = platform_alloc(sizeof *slab);
  Packet *chunks = slab ? platform_alloc_pages(want * sizeof *chunks) : NULL;
  if (!chunks) {
    platform_free(slab);
    return pool->failures++, false;
  }
  *slab = (PacketSlab){pool->slabs, chunks, want};
  pool->slabs = slab;
  for (unsigned i = want; i-- > 0;) { /* the stack hands out ascending addresses */
    Packet *p = &chunks[i];
    p->store = p;
    p->head = p->buffer;
    p->size = PACKET_BUFFER;
    p->refs = 1;
    p->pool = pool;
    p->external = NULL;
    p->dead = false;
    pool->free[pool->count++] = p;
  }
  pool->total = total;
  return true;
}

void packet_pool_free(PacketPool *pool) {
  unsigned own = 0;
  for (unsigned i = 0; i < pool->count; i++) own += pool->free[i]->pool == pool;
  for (PacketSlab *s; own == pool->total && (s = pool->slabs);) {
    pool->slabs = s->next;
    platform_free_pages(s->chunks, s->count * sizeof(Packet));
    platform_free(s);
  }
  platform_free(pool->free);
  pool->free = NULL;
  pool->count = pool->capacity = 0;
}

void packet_pools_sort(PacketPool **pools, unsigned n) {
  for (unsigned i = 0; i < n; i++)
    for (uint32_t k = pools[i]->count; k-- > 0;) {
      Packet *p = pools[i]->free[k];
      PacketPool *own = p->pool;
      if (own == pools[i] || own->count == own->capacity) continue;
      pools[i]->free[k] = pools[i]->free[--pools[i]->count];
      own->free[own->count++] = p;
    }
}

/* Puts a chunk back that nobody uses any more, in its pristine state. */
static void chunk_return(Packet *p) {
  PacketPool *pool = packet_pool ? packet_pool : p->pool;
  platform_free(p->external);
  p->external = NULL;
  p->store = p;
  p->head = p->buffer;
  p->size = PACKET_BUFFER;
  p->refs = 1;
  p->dead = false;
  if (pool->count < pool->capacity) pool->free[pool->count++] = p;
  /* else: another thread's packets overflow this stack; the chunk rests until its pool is freed */
}

/* Lets go of the buffer of `store`; returns the chunk when it was the last user. */
static void store_release(Packet *store) {
  if ((__atomic_sub_fetch(&store->refs, 1, __ATOMIC_ACQ_REL) & ~PACKET_ODD) == 0) chunk_return(store);
}

void packet_release(Packet *p) {
  Packet *store = p->store;
  p->dead = true; /* from here on its buffer, if clones use it, is all that is left of it */
  if (store != p) {
    p->store = p;
    store_release(store);
  }
  store_release(p);
}

void packet_free_list(Packet *list) {
  while (list) {
    Packet *next = list->next;
    packet_free(list);
    list = next;
  }
}

void packet_copy_annotations(Packet *to, const Packet *from) {
  memcpy(to->anno, from->anno, PACKET_ANNO);
  to->timestamp = from->timestamp;
  to->type = from->type;
}

Packet *packet_clone(Packet *p) {
  Packet *q = packet_alloc_raw();
  if (!q) return NULL;
  Packet *store = p->store;
  __atomic_add_fetch(&store->refs, 1, __ATOMIC_RELAXED);
  q->data = p->data;
  q->len = p->len;
  q->network = p->network;
  q->transport = p->transport;
  q->mac = p->mac;
  q->next = NULL;
  q->store = store;
  q->refs = 1 | PACKET_ODD;
  q->head = p->head;
  q->size = p->size;
  packet_copy_annotations(q, p);
  return q;
}

/* With AddressSanitizer packets have buffers of their own, without room behind what was asked for, so that it
 * sees who reads beyond a packet's end. */
#ifdef __SANITIZE_ADDRESS__
enum { EXACT_BUFFERS = 1 };
#else
enum { EXACT_BUFFERS = 0 };
#endif

Packet *packet_make(uint32_t headroom, const void *data, uint32_t len, uint32_t tailroom) {
  Packet *p = packet_alloc(len);
  if (!p) return NULL;
  uint64_t need = (uint64_t)headroom + len + tailroom;
  bool external = need > PACKET_BUFFER || EXACT_BUFFERS;
  if (external) {
    if (need > UINT32_MAX / 2 || !(p->external = platform_alloc(need))) {
      packet_release(p);
      return NULL;
    }
    p->head = p->external;
    p->refs = 1 | PACKET_ODD;
    p->size = (uint32_t)need;
  }
  p->data = p->head + (external || headroom > PACKET_HEADROOM ||
                               (uint64_t)PACKET_HEADROOM + len + tailroom > PACKET_BUFFER
                           ? headroom
                           : PACKET_HEADROOM);
  if (data)
    memcpy(p->data, data, len);
  else
    memset(p->data, 0, len);
  return p;
}

bool packet_unshare(Packet *p, uint32_t headroom, uint32_t tailroom) {
  uint32_t have_head = packet_headroom(p), have_tail = packet_tailroom(p);
  if (headroom < have_head && have_head <= 1024)
    headroom = have_head; /* keep the alignment and room it had */
  uint64_t need = (uint64_t)headroom + p->len + tailroom;
  /* Where the copy goes: the chunk's own buffer if nobody uses it, else the buffer of a fresh chunk. */
  bool own_free = p->store != p && p->refs == (1 | PACKET_ODD) && !p->external && need <= PACKET_BUFFER;
  Packet *target = p;
  uint8_t *buffer;
  uint32_t size;
  if (own_free) {
    buffer = p->buffer;
    size = PACKET_BUFFER;
  } else {
    if (need > UINT32_MAX / 2 || !(target = packet_make(headroom, NULL, 0, p->len + tailroom))) return false;
    buffer = target->head;
    size = target->size;
  }
  if (need + have_tail <= size && headroom + p->len + have_tail <= size && tailroom < have_tail)
    tailroom = have_tail;
  uint8_t *old = p->data, *data = buffer + headroom;
  /* With what lies in front of the data: an Unstrip later may want it back. */
  uint32_t before = have_head < headroom ? have_head : headroom;
  memcpy(data - before, old - before, (size_t)before + p->len);
  ptrdiff_t delta = data - old;
  if (p->network) p->network += delta;
  if (p->transport) p->transport += delta;
  if (p->mac) p->mac += delta;
  p->data = data;
  Packet *store = p->store;
  p->head = buffer;
  p->size = size;
  if (target == p) {
    p->store = p;
    p->refs = 1; /* itself, and ordinary again */
    store_release(store);
    return true;
  }
  p->store = target; /* target lives only as p's store: its single reference is p's */
  target->dead = true;
  __atomic_or_fetch(&p->refs, PACKET_ODD, __ATOMIC_RELAXED);
  if (store != p) store_release(store);
  return true;
}
