/* iptrie.h: longest prefix match of IPv4 addresses, in a few dependent loads.
 *
 * A root that is indexed by the first bits of the address, and nodes of 256 entries below it. An entry is
 * a node (TRIE_CHILD and where it begins in `words`), or a leaf: a value and the length of the prefix that it
 * came from. Leaves are pushed down: where a node exists, it says all about its range.
 *
 * There are two forms. A small trie has a root of 256 entries and plain nodes of 256 words: the fewest
 * instructions. When its nodes take more than a large root would, it becomes a packed one: a root of 65536
 * entries, and nodes that hold each run of equal entries once, behind a bitmap of where runs begin. A full
 * Internet table then stays in a third-level cache; a lookup touches two or three lines.
 *
 * Updates change only the nodes on the way to a prefix, and those below it.
 */
#ifndef CLICKLET_ELEMENTS_IPTRIE_H
#define CLICKLET_ELEMENTS_IPTRIE_H
#include <clicklet/element.h>

#define TRIE_CHILD 0x80000000u
#define TRIE_VALUE_BITS 25
#define TRIE_VALUE(entry) ((entry) & ((1u << TRIE_VALUE_BITS) - 1))
#define TRIE_LEN(entry) ((entry) >> TRIE_VALUE_BITS)
#define TRIE_LEAF(value, len) ((value) | (uint32_t)(len) << TRIE_VALUE_BITS)

/* A packed node: 256 bits, one for each entry that differs from the one before it; 4 bytes with the number of
 * such bits in front of each 64; the runs. */
#define TRIE_RUNS 9  /* words in front of the runs */
#define TRIE_STEP 16 /* node sizes are multiples of a cache line, in words */
#define TRIE_CLASSES (2 + (TRIE_RUNS + 256) / TRIE_STEP)

typedef struct IPTrie {
  const uint32_t *words; /* nodes */
  uint32_t *root;
  bool packed;
  uint32_t used, room; /* words */
  uint32_t
      free_node[TRIE_CLASSES]; /* freed nodes by size in steps: offset + 1, chained by their first word */
} IPTrie;

/* All functions keep the trie as it was when they return false: memory is out. addr in host order. */
bool ip_trie_init(IPTrie *t); /* every address has the leaf 0 */
void ip_trie_free(IPTrie *t);
bool ip_trie_insert(IPTrie *t, uint32_t addr, unsigned len, uint32_t value);
/* Gives the range of a prefix to `leaf`, that of the next shorter prefix. */
bool ip_trie_remove(IPTrie *t, uint32_t addr, unsigned len, uint32_t leaf);
size_t ip_trie_bytes(const IPTrie *t);

/* Guests are built for processors without the instruction; the compiler's own function would be a call. */
always_inline unsigned trie_popcount(uint64_t x) {
#ifdef __POPCNT__
  return (unsigned)__builtin_popcountll(x);
#else
  x -= x >> 1 & UINT64_C(0x5555555555555555);
  x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
  return (unsigned)(((x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f)) * UINT64_C(0x0101010101010101) >> 56);
#endif
}

/* The run that entry i of a packed node belongs to. */
always_inline const uint32_t *ip_trie_run(const uint32_t *node, uint32_t i) {
  unsigned before = ((const uint8_t *)(node + 8))[i >> 6];
  return node + TRIE_RUNS + before + trie_popcount(load64(node + (i >> 6) * 2) << (~i & 63));
}

/* The value for an address. */
always_inline uint32_t ip_trie_lookup(const IPTrie *t, uint32_t addr) {
  uint32_t entry;
  if (likely(!t->packed)) {
    entry = t->root[addr >> 24];
    if (entry & TRIE_CHILD) {
      entry = t->words[(entry & ~TRIE_CHILD) + (addr >> 16 & 255)];
      if (entry & TRIE_CHILD) {
        entry = t->words[(entry & ~TRIE_CHILD) + (addr >> 8 & 255)];
        if (entry & TRIE_CHILD) entry = t->words[(entry & ~TRIE_CHILD) + (addr & 255)];
      }
    }
  } else {
    entry = t->root[addr >> 16];
    if (entry & TRIE_CHILD) {
      const uint32_t *node = t->words + (entry & ~TRIE_CHILD);
      __builtin_prefetch(node + TRIE_STEP); /* likely to hold the run: so as not to wait twice */
      __builtin_prefetch(node + 2 * TRIE_STEP);
      entry = *ip_trie_run(node, addr >> 8 & 255);
      if (entry & TRIE_CHILD) entry = *ip_trie_run(t->words + (entry & ~TRIE_CHILD), addr & 255);
    }
  }
  return TRIE_VALUE(entry);
}

/* The values for n addresses (at most BATCH_MAX), which are overwritten: the loads of all of them overlap. */
void ip_trie_lookup_batch(const IPTrie *t, uint32_t *addrs, unsigned n);

#endif
