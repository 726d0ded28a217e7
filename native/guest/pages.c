/* pages.c: memory. Free pages are found first-fit, runs of them merge when they are passed over; small sizes
 * come from slabs of one page, everything else is whole pages. Used for configurations and pools, never per
 * packet. */
#include "guest.h"

enum { RESERVED, FREE, RUN, SLAB }; /* what the first page of a run is */
enum { NONE = 0xffff };

typedef struct PageInfo {
  uint8_t kind, class;
  uint16_t used;  /* objects of a slab */
  uint32_t run;   /* pages of this run, valid at its first page */
  uint16_t freed; /* first freed object, or NONE */
  uint16_t fresh; /* objects never given out start here */
  uint32_t next;  /* slab with free objects of the same class, 0: none */
} PageInfo;

static const uint16_t class_bytes[] = {16,  32,  48,  64,  128, 192,  256,  320, 384,
                                       448, 512, 576, 640, 768, 1024, 1344, 2048};
enum { CLASSES = countof(class_bytes), SLAB_MAX = 2048 };

static PageInfo *info; /* by page number */
static uint8_t *dirty; /* by page number: not zero any more */
static uint32_t page_count;
static uint32_t partial[CLASSES]; /* first slab with free objects */
static uint32_t first_free;       /* no free page is below */
static uint64_t free_pages, refused;

static uint32_t page_of(const void *p) { return (uint32_t)((uint64_t)p / PAGE_BYTES); }
static void *page_address(uint32_t page) { return (void *)((uint64_t)page * PAGE_BYTES); }

static void set_run(uint32_t page, uint32_t n, uint8_t kind) {
  info[page].kind = kind;
  info[page].run = n;
}

void pages_release(uint64_t from, uint64_t to) {
  uint32_t a = (uint32_t)((from + PAGE_BYTES - 1) / PAGE_BYTES), b = (uint32_t)(to / PAGE_BYTES);
  if (a >= b) return;
  set_run(a, b - a, FREE);
  memset(dirty + a, 1, b - a);
  free_pages += b - a;
  if (a < first_free) first_free = a;
}

/* Reserves [from, to) at the start or the end of a run of free pages. Only before the first allocation. */
static void add_range(uint64_t from, uint64_t to) {
  uint32_t a = (uint32_t)((from + PAGE_BYTES - 1) / PAGE_BYTES), b = (uint32_t)(to / PAGE_BYTES);
  if (a >= b) return;
  set_run(a, b - a, FREE);
  free_pages += b - a;
}

static void cut(MemoryRange *r, unsigned *n, uint64_t from, uint64_t to) {
  if (from >= to) return;
  for (unsigned i = 0, count = *n; i < count; i++) {
    if (to <= r[i].from || from >= r[i].to) continue;
    if (to < r[i].to && from > r[i].from && *n < MEMORY_RANGES) r[(*n)++] = (MemoryRange){to, r[i].to};
    if (from > r[i].from)
      r[i].to = from;
    else
      r[i].from = to < r[i].to ? to : r[i].to;
  }
}

void pages_init(void) {
  MemoryRange *r = memory_ranges;
  unsigned n = memory_range_count;
  page_count = (uint32_t)(guest_boot.memory / PAGE_BYTES);
  cut(r, &n, 0, PAGE_BYTES);
  cut(r, &n, guest_image.kernel_start, guest_image.data_end);
  if (guest_boot.plan_size)
    cut(r, &n, guest_boot.plan & ~UINT64_C(4095),
        (guest_boot.plan + guest_boot.plan_size + 4095) & ~UINT64_C(4095));
  cut(r, &n, guest_boot.rings, guest_boot.rings_end);
  /* The tables about pages go into the first range behind the image that has room. */
  uint64_t bytes = page_count * (sizeof *info + 1), at = 0;
  for (unsigned i = 0; i < n && !at; i++)
    if (r[i].from >= guest_image.data_end && r[i].to - r[i].from >= bytes) at = r[i].from;
  if (!at) {
    static const char text[] = "too little memory\n";
    console_write(text, sizeof text - 1);
    doorbell_state(GUEST_OUT_OF_MEMORY);
    guest_exit(1);
  }
  info = (PageInfo *)at;
  dirty = (uint8_t *)(info + page_count);
  if (!monitored()) {
    memset(info, 0, page_count * sizeof *info);
    memset(dirty, 1, page_count);
  }
  cut(r, &n, at, (at + bytes + 4095) & ~UINT64_C(4095));
  /* Every page belongs to a run; what is no RAM or in use is reserved, in runs between the ranges. */
  for (uint32_t page = 0; page < page_count;) {
    uint64_t next = guest_boot.memory;
    const MemoryRange *in = NULL;
    for (unsigned i = 0; i < n; i++) {
      if (r[i].from >= r[i].to) continue;
      uint64_t from = (r[i].from + 4095) & ~UINT64_C(4095);
      if (from == (uint64_t)page * PAGE_BYTES)
        in = &r[i];
      else if (from > (uint64_t)page * PAGE_BYTES && from < next)
        next = from;
    }
    uint32_t end = in ? (uint32_t)(in->to / PAGE_BYTES) : (uint32_t)(next / PAGE_BYTES);
    if (end > page_count) end = page_count;
    if (in && end > page)
      add_range((uint64_t)page * PAGE_BYTES, (uint64_t)end * PAGE_BYTES);
    else if (end <= page)
      end = page + 1, set_run(page, 1, RESERVED);
    else
      set_run(page, end - page, RESERVED);
    page = end;
  }
}

uint64_t pages_free(void) { return free_pages * PAGE_BYTES; }

uint64_t memory_refused(void) {
  uint64_t n = refused;
  refused = 0;
  return n;
}

static void merge_behind(uint32_t page) {
  for (uint32_t next; (next = page + info[page].run) < page_count && info[next].kind == FREE;)
    info[page].run += info[next].run;
}

static uint32_t take_run(uint32_t n, uint8_t kind) { /* 0: none */
  uint32_t seen = 0;
  for (uint32_t i = first_free; i < page_count; i += info[i].run) {
    if (info[i].kind != FREE) continue;
    merge_behind(i);
    if (!seen) seen = i;
    if (info[i].run < n) continue;
    if (info[i].run > n) set_run(i + n, info[i].run - n, FREE);
    set_run(i, n, kind);
    free_pages -= n;
    first_free = seen == i ? i + n : seen;
    return i;
  }
  uint64_t missing = n > free_pages ? n - free_pages : n; /* or what is free lies in pieces */
  if (missing * PAGE_BYTES > refused) refused = missing * PAGE_BYTES;
  return 0;
}

static void free_run(uint32_t page) {
  info[page].kind = FREE;
  free_pages += info[page].run;
  if (page < first_free) first_free = page;
}

/* ---- Slabs
 * -------------------------------------------------------------------------------------------------------- */

static unsigned class_of(size_t size) {
  unsigned c = 0;
  while (class_bytes[c] < size) c++;
  return c;
}

static void *slab_alloc(unsigned c) {
  uint32_t page = partial[c], size = class_bytes[c];
  if (!page) {
    if (!(page = take_run(1, SLAB))) return NULL;
    PageInfo *s = &info[page];
    s->class = (uint8_t)c;
    s->used = s->fresh = 0;
    s->freed = NONE;
    s->next = 0;
    dirty[page] = 1;
    partial[c] = page;
  }
  PageInfo *s = &info[page];
  uint8_t *base = page_address(page), *object;
  if (s->freed != NONE) {
    object = base + s->freed * size;
    s->freed = load16(object);
  } else {
    object = base + s->fresh++ * size;
  }
  if (++s->used == PAGE_BYTES / size) partial[c] = s->next;
  return object;
}

static void slab_free(uint32_t page, void *p) {
  PageInfo *s = &info[page];
  uint32_t size = class_bytes[s->class], c = s->class;
  if (s->used-- == PAGE_BYTES / size) {
    s->next = partial[c];
    partial[c] = page;
  }
  if (!s->used && (partial[c] != page || s->next)) { /* empty, and not the last of its class */
    uint32_t *at = &partial[c];
    while (*at != page) at = &info[*at].next;
    *at = s->next;
    free_run(page);
    return;
  }
  store16(p, s->freed);
  s->freed = (uint16_t)(((uint64_t)p % PAGE_BYTES) / size);
}

/* ---- platform.h
 * ----------------------------------------------------------------------------------------------------- */

static uint32_t pages_for(size_t size) {
  size_t n = (size + PAGE_BYTES - 1) / PAGE_BYTES;
  return n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)n;
}

void *platform_alloc(size_t size) {
  if (size <= SLAB_MAX) return slab_alloc(class_of(size));
  uint32_t page = take_run(pages_for(size), RUN);
  if (!page) return NULL;
  memset(dirty + page, 1, info[page].run);
  return page_address(page);
}

void platform_free(void *p) {
  if (!p) return;
  uint32_t page = page_of(p);
  if (page >= page_count || (info[page].kind != SLAB && (info[page].kind != RUN || (uint64_t)p % PAGE_BYTES)))
    platform_panic("freed memory that was not allocated");
  if (info[page].kind == SLAB)
    slab_free(page, p);
  else
    free_run(page);
}

void *platform_realloc(void *p, size_t old_size, size_t size) {
  if (!p) return platform_alloc(size);
  PageInfo *i = &info[page_of(p)];
  if (i->kind == SLAB) {
    if (size <= SLAB_MAX && class_of(size) == i->class) return p;
  } else if (i->kind == RUN && size > SLAB_MAX) {
    uint32_t page = page_of(p), n = pages_for(size), have = i->run, next = page + have;
    if (n > have && next < page_count && info[next].kind == FREE) { /* grow in place */
      merge_behind(next);
      uint32_t all = have + info[next].run;
      if (all >= n) {
        if (all > n) set_run(page + n, all - n, FREE);
        free_pages -= n - have;
        if (first_free >= next && first_free < page + n) first_free = page + n;
        i->run = n;
        memset(dirty + next, 1, n - have);
      }
    } else if (n < have) {
      set_run(page + n, have - n, FREE);
      free_pages += have - n;
      i->run = n;
      if (page + n < first_free) first_free = page + n;
    }
    if (i->run >= n) return p;
  }
  void *q = platform_alloc(size);
  if (!q) return NULL;
  memcpy(q, p, old_size < size ? old_size : size);
  platform_free(p);
  return q;
}

void *platform_alloc_pages(size_t size) {
  uint32_t n = pages_for(size), page = take_run(n, RUN);
  if (!page) return NULL;
  for (uint32_t i = page; i < page + n; i++) {
    if (dirty[i]) memset(page_address(i), 0, PAGE_BYTES);
    dirty[i] = 1;
  }
  return page_address(page);
}

bool platform_can_spare(size_t size) { return pages_for(size) <= free_pages / 2; }

void platform_free_pages(void *p, size_t size) {
  (void)size;
  platform_free(p);
}
