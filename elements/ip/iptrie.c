/* iptrie.c: building and changing the tries of iptrie.h. */
#include "iptrie.h"
#include <clicklet/platform.h>

#define PLAIN_WORDS 256
#define ROOT_BITS(t) ((t)->packed ? 16u : 8u)
#define PACK_FROM (1u << 16)  /* words of plain nodes from which a trie is packed */
#define PAGES_FROM (1u << 19) /* words from which memory is pages of its own (huge ones where possible) */
/* What one update may take at most: a node of the largest size on each level below the root. */
#define UPDATE_WORDS (3 * (TRIE_CLASSES - 1) * TRIE_STEP)

static uint32_t *words_alloc(uint32_t n) {
  size_t size = n * sizeof(uint32_t);
  return n >= PAGES_FROM ? platform_alloc_pages(size) : mem_alloc(size);
}
static void words_free(uint32_t *w, uint32_t n) {
  if (n >= PAGES_FROM)
    platform_free_pages(w, n * sizeof *w);
  else
    mem_free(w);
}

bool ip_trie_init(IPTrie *t) {
  *t = (IPTrie){.root = words_alloc(1u << 8)};
  return t->root != NULL;
}

void ip_trie_free(IPTrie *t) {
  words_free((uint32_t *)t->words, t->room);
  words_free(t->root, 1u << ROOT_BITS(t));
  *t = (IPTrie){0};
}

size_t ip_trie_bytes(const IPTrie *t) { return ((size_t)t->room + (1u << ROOT_BITS(t))) * sizeof(uint32_t); }

/* ---- Nodes ---- */

static bool nodes_reserve(IPTrie *t, uint32_t n) {
  if (t->room - t->used >= n) return true;
  uint32_t room = t->room + (t->room / 2 > n ? t->room / 2 / TRIE_STEP * TRIE_STEP : n);
  uint32_t *grown = room < TRIE_CHILD ? words_alloc(room) : NULL;
  if (!grown) return false;
  if (t->used) memcpy(grown, t->words, t->used * sizeof *grown);
  words_free((uint32_t *)t->words, t->room);
  t->words = grown;
  t->room = room;
  return true;
}

static uint32_t *node_at(const IPTrie *t, uint32_t entry) {
  return (uint32_t *)t->words + (entry & ~TRIE_CHILD);
}

static unsigned packed_runs(const uint32_t *node) {
  return ((const uint8_t *)(node + 8))[3] + trie_popcount(load64(node + 6)) + 1;
}
static unsigned class_for(unsigned runs) { return (TRIE_RUNS + runs - 1) / TRIE_STEP + 1; }
static unsigned class_of(const IPTrie *t, uint32_t entry) {
  return t->packed ? class_for(packed_runs(node_at(t, entry))) : PLAIN_WORDS / TRIE_STEP;
}

/* A node of that size; there must be room for it (nodes_reserve). */
static uint32_t node_get(IPTrie *t, unsigned class) {
  uint32_t at = t->free_node[class];
  if (at)
    t->free_node[class] = t->words[--at];
  else {
    at = t->used;
    t->used += class * TRIE_STEP;
  }
  return TRIE_CHILD | at;
}

static void node_release(IPTrie *t, uint32_t entry, unsigned class) {
  *node_at(t, entry) = t->free_node[class];
  t->free_node[class] = (entry & ~TRIE_CHILD) + 1;
}

/* The 256 entries of what an entry stands for. */
static void node_read(const IPTrie *t, uint32_t entry, uint32_t out[256]) {
  const uint32_t *node = node_at(t, entry);
  for (unsigned i = 0; i < 256; i++)
    out[i] = !(entry & TRIE_CHILD) ? entry : t->packed ? *ip_trie_run(node, i) : node[i];
}

/* Packs 256 entries into a node of full size; returns the number of runs. */
static unsigned pack(const uint32_t in[256], uint32_t node[TRIE_RUNS + 256]) {
  uint64_t bits[4] = {0};
  uint8_t before[4] = {0};
  unsigned n = 0;
  node[TRIE_RUNS + n++] = in[0];
  for (unsigned i = 1; i < 256; i++) {
    if (!(i & 63)) before[i >> 6] = (uint8_t)(n - 1);
    if (in[i] == in[i - 1]) continue;
    bits[i >> 6] |= UINT64_C(1) << (i & 63);
    node[TRIE_RUNS + n++] = in[i];
  }
  memcpy(node, bits, sizeof bits);
  memcpy(node + 8, before, sizeof before);
  return n;
}

/* Stores 256 entries as a node in place of `old`, which may be a leaf: then in a new one. */
static uint32_t node_write(IPTrie *t, uint32_t old, const uint32_t in[256]) {
  if (!t->packed) {
    uint32_t entry = old & TRIE_CHILD ? old : node_get(t, PLAIN_WORDS / TRIE_STEP);
    memcpy(node_at(t, entry), in, PLAIN_WORDS * sizeof *in);
    return entry;
  }
  uint32_t node[TRIE_RUNS + 256];
  unsigned runs = pack(in, node), class = class_for(runs);
  uint32_t entry = old;
  unsigned was = old & TRIE_CHILD ? class_of(t, old) : 0;
  if (was != class) {
    if (was) node_release(t, old, was);
    entry = node_get(t, class);
  }
  memcpy(node_at(t, entry), node, (TRIE_RUNS + runs) * sizeof *node);
  return entry;
}

/* ---- Updates ---- */

typedef struct Change { /* leaves of prefixes of at most `most` bits become `leaf` */
  uint32_t leaf;
  unsigned most;
} Change;

/* Changes everything below an entry. Runs that become the same stay apart until their node is written
 * the next time. */
static uint32_t change_all(IPTrie *t, uint32_t entry, const Change *c) {
  if (!(entry & TRIE_CHILD)) return TRIE_LEN(entry) <= c->most ? c->leaf : entry;
  uint32_t *entries = node_at(t, entry), n = 256;
  if (t->packed) {
    n = packed_runs(entries);
    entries += TRIE_RUNS;
  }
  for (uint32_t i = 0; i < n; i++) entries[i] = change_all(t, entries[i], c);
  return entry;
}

/* Changes the range of addr/len below an entry that stands for the addr/depth; returns the new entry. */
static uint32_t change_below(IPTrie *t, uint32_t entry, unsigned depth, uint32_t addr, unsigned len,
                             const Change *c) {
  uint32_t e[256];
  node_read(t, entry, e);
  unsigned i = addr >> (24 - depth) & 255;
  if (len > depth + 8)
    e[i] = change_below(t, e[i], depth + 8, addr, len, c);
  else
    for (unsigned end = i + (1u << (depth + 8 - len)); i < end; i++) e[i] = change_all(t, e[i], c);
  /* A node that says nothing any more goes away. */
  bool same = !(e[0] & TRIE_CHILD) && TRIE_LEN(e[0]) <= depth;
  for (i = 1; same && i < 256; i++) same = e[i] == e[0];
  if (!same) return node_write(t, entry, e);
  if (entry & TRIE_CHILD) node_release(t, entry, class_of(t, entry));
  return e[0];
}

static bool change(IPTrie *t, uint32_t addr, unsigned len, const Change *c) {
  unsigned bits = ROOT_BITS(t);
  uint32_t i = addr >> (32 - bits);
  if (len <= bits) {
    for (uint32_t end = i + (1u << (bits - len)); i < end; i++) t->root[i] = change_all(t, t->root[i], c);
    return true;
  }
  if (!nodes_reserve(t, UPDATE_WORDS)) return false;
  t->root[i] = change_below(t, t->root[i], bits, addr, len, c);
  return true;
}

/* ---- From plain to packed ---- */

static bool pack_entry(const IPTrie *from, IPTrie *to, uint32_t *entry) {
  uint32_t e[256];
  if (!(*entry & TRIE_CHILD)) return true;
  node_read(from, *entry, e);
  for (unsigned i = 0; i < 256; i++)
    if (!pack_entry(from, to, &e[i])) return false;
  if (!nodes_reserve(to, UPDATE_WORDS)) return false;
  *entry = node_write(to, 0, e);
  return true;
}

/* Only an improvement: without memory for it the trie stays as it is. */
static void trie_pack(IPTrie *t) {
  IPTrie packed = {.packed = true, .root = words_alloc(1u << 16)};
  bool ok = packed.root != NULL;
  for (unsigned i = 0; ok && i < 256; i++) {
    node_read(t, t->root[i], packed.root + 256 * i);
    for (unsigned k = 0; ok && k < 256; k++) ok = pack_entry(t, &packed, &packed.root[256 * i + k]);
  }
  if (ok) {
    IPTrie plain = *t;
    *t = packed;
    packed = plain;
  }
  ip_trie_free(&packed);
}

bool ip_trie_insert(IPTrie *t, uint32_t addr, unsigned len, uint32_t value) {
  Change c = {.leaf = TRIE_LEAF(value, len), .most = len};
  if (!change(t, addr, len, &c)) return false;
  if (!t->packed && t->used > PACK_FROM) trie_pack(t);
  return true;
}

/* Where a prefix is in the trie, nothing in its range comes from a shorter one. */
bool ip_trie_remove(IPTrie *t, uint32_t addr, unsigned len, uint32_t leaf) {
  Change c = {.leaf = leaf, .most = len};
  return change(t, addr, len, &c);
}

/* ---- Many at once ---- */

void ip_trie_lookup_batch(const IPTrie *t, uint32_t *addrs, unsigned n) {
  if (!t->packed) {
    for (unsigned i = 0; i < n; i++) addrs[i] = ip_trie_lookup(t, addrs[i]);
    return;
  }
  /* In stages, so that what one stage misses is under way for all addresses before the next needs it. */
  uint32_t entries[BATCH_MAX];
  for (unsigned i = 0; i < n; i++) {
    entries[i] = t->root[addrs[i] >> 16];
    if (entries[i] & TRIE_CHILD) __builtin_prefetch(t->words + (entries[i] & ~TRIE_CHILD));
  }
  for (unsigned i = 0; i < n; i++) {
    if (!(entries[i] & TRIE_CHILD)) continue;
    __builtin_prefetch(ip_trie_run(t->words + (entries[i] & ~TRIE_CHILD), addrs[i] >> 8 & 255));
  }
  for (unsigned i = 0; i < n; i++) {
    uint32_t entry = entries[i];
    if (entry & TRIE_CHILD) {
      entry = *ip_trie_run(t->words + (entry & ~TRIE_CHILD), addrs[i] >> 8 & 255);
      if (entry & TRIE_CHILD) entry = *ip_trie_run(t->words + (entry & ~TRIE_CHILD), addrs[i] & 255);
    }
    addrs[i] = TRIE_VALUE(entry);
  }
}
