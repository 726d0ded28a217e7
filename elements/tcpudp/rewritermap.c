/* rewritermap.c: the memory of flows and the tables that find them. See rewriter.h. */
#include "rewriterflows.h"
#include <clicklet/platform.h>

/* Large memory comes in huge pages where there are such: tables of many flows are used at random. */
#define RW_LARGE (1u << 20)
#define RW_PAGE 4096
static void *rw_alloc(size_t size) {
  if (!platform_can_spare(size)) return NULL;
  return size >= RW_LARGE ? platform_alloc_pages(size) : mem_alloc(size);
}
static void rw_free(void *p, size_t size) {
  if (p && size >= RW_LARGE)
    platform_free_pages(p, size);
  else
    mem_free(p);
}

/* ---- Memory
 * ----------------------------------------------------------------------------------------------------------
 */

static bool rw_set_grow(RwSet *s) {
  uint32_t k = 0, n;
  while (k < countof(s->chunk) && s->chunk[k]) k++;
  if (k == countof(s->chunk)) return false;
  n = 1u << (RW_FIRST_BITS + k);
  return (s->chunk[k] = rw_alloc(n * sizeof(RwFlow))) !=
         NULL; /* 64-byte aligned; flows are filled in when used */
}

uint32_t rw_set_take(RwSet *s) { /* RW_NONE: none */
  if (s->unused) {
    uint32_t i = s->unused - 1;
    s->unused = rw_flow(s, i)->link.next;
    return i;
  }
  uint32_t n = s->made + (1u << RW_FIRST_BITS), k = 31 - (uint32_t)__builtin_clz(n) - RW_FIRST_BITS;
  if (k >= countof(s->chunk) || (!s->chunk[k] && !rw_set_grow(s))) return RW_NONE;
  return s->made++;
}

void rw_set_give(RwSet *s, uint32_t i) {
  rw_flow(s, i)->link.next = s->unused;
  s->unused = i + 1;
}

void rw_set_free(RwSet *s) {
  for (unsigned k = 0; k < countof(s->chunk); k++)
    rw_free(s->chunk[k], sizeof(RwFlow) << (RW_FIRST_BITS + k));
  mem_free(s->sequences);
  mem_free(s->members);
  mem_free(s);
}

/* ---- Tables
 * ----------------------------------------------------------------------------------------------------------
 */

#define RW_MOVE 16 /* slots that an insertion moves: a table is moved long before the next one is needed */

static void rw_slots_insert(RwSlot *slots, uint32_t mask, RwSlot s) {
  uint32_t i = s.hash & mask;
  while (slots[i].ref) i = (i + 1) & mask;
  slots[i] = s;
}

static RwSlot *rw_slots_find(RwSlot *slots, uint32_t mask, uint32_t hash, uint32_t ref) {
  for (uint32_t i = hash & mask; slots[i].ref; i = (i + 1) & mask)
    if (slots[i].ref == ref) return &slots[i];
  return NULL;
}

/* Empties a slot and moves up those behind it that are not at their own place. */
static void rw_slots_remove(RwSlot *slots, uint32_t mask, uint32_t i) {
  for (uint32_t j = (i + 1) & mask; slots[j].ref; j = (j + 1) & mask) {
    uint32_t home = slots[j].hash & mask;
    if (((j - home) & mask) < ((j - i) & mask)) continue;
    slots[i] = slots[j];
    i = j;
  }
  slots[i] = (RwSlot){0};
}

/* Moves at least n slots of the old table, and no part of a run of full ones: what stays can be found. */
static void rw_map_move(RwMap *m, uint32_t n) {
  for (; m->old_left && (n || m->old[m->old_at].ref); m->old_left--) {
    RwSlot *s = &m->old[m->old_at];
    if (s->ref) rw_slots_insert(m->slots, m->mask, *s);
    *s = (RwSlot){0};
    m->old_at = (m->old_at + 1) & m->old_mask;
    if (n) n--;
  }
  if (m->old_left) return;
  rw_free(m->old, (m->old_mask + (size_t)1) * sizeof *m->old);
  m->old = NULL;
}

void rw_map_settle(RwMap *m) {
  if (m->old) rw_map_move(m, m->old_left);
}

static size_t rw_next_bytes(const RwMap *m) { return 2 * (m->mask + (size_t)1) * sizeof *m->next; }

/* Between half and three quarters full: a page of the next table for each insertion. */
static void rw_map_prepare(RwMap *m) {
  size_t bytes = rw_next_bytes(m);
  if (m->old || bytes < RW_LARGE || m->count <= m->mask / 2) return;
  if (!m->next) {
    m->next = rw_alloc(bytes);
    m->next_at = 0;
  } else if (m->next_at < bytes) {
    *(volatile uint32_t *)((uint8_t *)m->next + m->next_at) = 0;
    m->next_at += RW_PAGE;
  }
}

bool rw_map_room(RwMap *m, uint32_t more) {
  uint32_t size = m->slots ? m->mask + 1 : 0, n = size ? size : 64;
  while ((uint64_t)(m->count + more) * 4 > (uint64_t)n * 3) n *= 2;
  if (n == size) return true;
  bool ready = m->next && n == 2 * size;
  RwSlot *slots = n <= size ? NULL : ready ? m->next : rw_alloc((size_t)n * sizeof *slots);
  if (!slots) return false;
  if (!ready) rw_free(m->next, rw_next_bytes(m));
  m->next = NULL;
  rw_map_settle(m);
  m->old = m->slots;
  m->old_mask = m->mask;
  m->old_left = size;
  m->slots = slots;
  m->mask = n - 1;
  for (m->old_at = 0; size && m->old[m->old_at].ref;) m->old_at++; /* there are empty ones */
  return true;
}

void rw_map_insert(RwMap *m, uint32_t hash, uint32_t ref) {
  if (unlikely(m->old)) rw_map_move(m, RW_MOVE);
  rw_slots_insert(m->slots, m->mask, (RwSlot){hash, ref});
  m->count++;
  rw_map_prepare(m);
}

void rw_map_replace(RwMap *m, uint32_t hash, uint32_t ref, uint32_t new_ref) {
  RwSlot *s = rw_slots_find(m->slots, m->mask, hash, ref);
  if (!s && m->old) s = rw_slots_find(m->old, m->old_mask, hash, ref);
  if (s) s->ref = new_ref;
}

void rw_map_remove(RwMap *m, uint32_t hash, uint32_t ref) {
  RwSlot *s = rw_slots_find(m->slots, m->mask, hash, ref);
  if (s)
    rw_slots_remove(m->slots, m->mask, (uint32_t)(s - m->slots));
  else if (m->old && (s = rw_slots_find(m->old, m->old_mask, hash, ref)))
    rw_slots_remove(m->old, m->old_mask, (uint32_t)(s - m->old));
  if (s) m->count--;
}

void rw_map_free(RwMap *m) {
  if (m->slots) rw_free(m->slots, (m->mask + (size_t)1) * sizeof *m->slots);
  if (m->old) rw_free(m->old, (m->old_mask + (size_t)1) * sizeof *m->old);
  if (m->next) rw_free(m->next, rw_next_bytes(m));
  m->slots = m->old = m->next = NULL;
}
