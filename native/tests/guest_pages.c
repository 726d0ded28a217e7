/* guest_pages.c: the guest's allocator against a record of what it gave out: random allocations, growth,
 * shrinking and frees; nothing overlaps, contents stay, pages are zero where that is promised, and everything
 * comes back. Prints SUCCESS. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#define platform_alloc guest_alloc
#define platform_free guest_free
#define platform_realloc guest_realloc
#define platform_alloc_pages guest_alloc_pages
#define platform_free_pages guest_free_pages
#define platform_can_spare guest_can_spare
#include "../guest/pages.c"

#define CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #x), exit(1)))
#define START UINT64_C(0x10000000) /* a guest's memory, at the addresses that it has in the guest */

enum { MEMORY = 9 << 20, OBJECTS = 300, STEPS = 60000 };

GuestBoot guest_boot = {.flags = GUEST_FLAG_MONITOR};
const GuestImage guest_image = {.kernel_start = START, .data_end = START + (1 << 20)};
MemoryRange memory_ranges[MEMORY_RANGES];
unsigned memory_range_count = 1;
void console_write(const char *s, size_t n) { fwrite(s, 1, n, stderr); }
void doorbell_state(uint32_t state) { (void)state; }
void guest_exit(uint8_t status) { exit(status); }

static struct {
  uint8_t *p;
  size_t size;
  uint8_t mark;
} object[OBJECTS];

static uint32_t rnd(uint32_t n) {
  static uint64_t x = 88172645463325252u;
  x ^= x << 13, x ^= x >> 7, x ^= x << 17;
  return (uint32_t)(x >> 20) % n;
}

static size_t any_size(void) { return rnd(3) ? 1 + rnd(3000) : 1 + rnd(rnd(20) ? 40000 : 3000000); }

static void check(unsigned i, size_t n) {
  for (size_t k = 0; k<n; k += n> 5000 ? 61 : 1) CHECK(object[i].p[k] == object[i].mark);
  if (n) CHECK(object[i].p[n - 1] == object[i].mark);
}

static void fill(unsigned i, size_t size) {
  object[i].size = size;
  object[i].mark = (uint8_t)(1 + rnd(255));
  memset(object[i].p, object[i].mark, size);
}

int main(void) {
  guest_boot.memory = START + MEMORY;
  memory_ranges[0] = (MemoryRange){START, START + MEMORY};
  CHECK(mmap((void *)START, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
             -1, 0) == (void *)START);
  pages_init();
  uint64_t all = pages_free();
  unsigned refusals = 0;
  for (unsigned step = 0; step < STEPS; step++) {
    unsigned i = rnd(OBJECTS);
    size_t size = any_size();
    if (!object[i].p && rnd(4) == 0) {
      object[i].p = platform_alloc_pages(size);
      for (size_t k = 0; object[i].p && k < size; k++) CHECK(object[i].p[k] == 0);
    } else if (!object[i].p) {
      object[i].p = platform_alloc(size);
    } else if (rnd(2)) {
      check(i, object[i].size);
      uint8_t *p = platform_realloc(object[i].p, object[i].size, size);
      if (p) object[i].p = p, check(i, size < object[i].size ? size : object[i].size);
      size = p ? size : object[i].size;
    } else {
      check(i, object[i].size);
      platform_free(object[i].p);
      object[i].p = NULL;
      continue;
    }
    refusals += !object[i].p;
    if (object[i].p) fill(i, size);
  }
  CHECK(refusals && refusals < STEPS / 2); /* memory ran out at times */
  for (unsigned i = 0; i < OBJECTS; i++) {
    if (!object[i].p) continue;
    check(i, object[i].size);
    platform_free(object[i].p);
  }
  CHECK(all - pages_free() <= CLASSES * PAGE_BYTES); /* one slab of each class is kept */
  printf("SUCCESS\n");
  return 0;
}
