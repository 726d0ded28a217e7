/* tables.c: see tables.h. Memory is mapped one to one: the parts of the image by 4 KB pages with the rights
 * they need, everything behind by 2 MB pages for ring 3. Page 0 is not mapped, so that a NULL pointer is
 * caught. */
#include "tables.h"

enum { PRESENT = 1, WRITE = 2, USER = 4, NO_CACHE = 0x10, ACCESSED = 0x20, DIRTY = 0x40, LARGE = 0x80 };
#define NO_EXECUTE (UINT64_C(1) << 63)
#define PAGE 4096u
#define LARGE_PAGE (UINT64_C(1) << 21)

/* Accessed and dirty are set from the start: the CPU (or a hypervisor that shadows the tables) has no need
 * to. */
#define KERNEL_PAGE (PRESENT | WRITE | ACCESSED | DIRTY)
#define USER_PAGE (KERNEL_PAGE | USER)
#define USER_READ (PRESENT | USER | ACCESSED)

static void map(GuestTables *t, uint64_t from, uint64_t to, uint64_t flags) {
  uint64_t *entries = t->pt[0];
  for (uint64_t at = from; at < to; at += PAGE) entries[at / PAGE] = at | flags;
}

void tables_build(GuestTables *t, const GuestImage *image, uint64_t memory, int nx, const uint64_t *devices) {
  uint64_t base = image->tables, no_execute = nx ? NO_EXECUTE : 0;
#define AT(member) (base + offsetof_tables(member))
#define offsetof_tables(member) ((uint64_t) __builtin_offsetof(GuestTables, member))
  t->pml4[0] = AT(pdpt) | USER_PAGE;
  for (unsigned i = 0; i < 4; i++) t->pdpt[i] = (AT(pd) + i * PAGE) | USER_PAGE;

  uint64_t large = (image->data_end + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1); /* large pages from here on */
  uint64_t small = memory < large ? memory : large;
  map(t, PAGE, image->kernel_start, USER_PAGE | no_execute);
  map(t, image->kernel_start, image->kernel_end, KERNEL_PAGE);
  map(t, image->text_start, image->text_end, USER_READ);
  map(t, image->rodata_start, image->rodata_end, USER_READ | no_execute);
  map(t, image->data_start, image->stack_guard, USER_PAGE | no_execute);
  map(t, image->stack_guard + PAGE, small, USER_PAGE | no_execute);
  /* Only now: ring 0 may be running on large pages here. */
  for (unsigned i = 0; i < large / LARGE_PAGE; i++) t->pd[0][i] = (AT(pt) + i * PAGE) | USER_PAGE;
  for (uint64_t at = large; at < memory; at += LARGE_PAGE)
    t->pd[at >> 30][at >> 21 & 511] = at | LARGE | USER_PAGE | no_execute;
  for (; *devices; devices++) {
    uint64_t at = *devices & ~(LARGE_PAGE - 1);
    t->pd[at >> 30][at >> 21 & 511] = at | LARGE | NO_CACHE | USER_PAGE | no_execute;
  }

  t->gdt[KERNEL_CODE / 8] = UINT64_C(0x00af9b000000ffff);
  t->gdt[KERNEL_DATA / 8] = UINT64_C(0x00cf93000000ffff);
  t->gdt[USER_DATA / 8] = UINT64_C(0x00cff3000000ffff);
  t->gdt[USER_CODE / 8] = UINT64_C(0x00affb000000ffff);
  uint64_t tss = AT(tss);
  t->gdt[TASK_STATE / 8] =
      (sizeof(GuestTss) - 1) | (tss & 0xffffff) << 16 | UINT64_C(0x89) << 40 | (tss >> 24 & 0xff) << 56;
  t->gdt[TASK_STATE / 8 + 1] = tss >> 32;
  t->tss.rsp[0] = image->kernel_stack_top;
  t->tss.io_map = sizeof(GuestTss);
  for (unsigned i = 0; i < GUEST_TRAPS; i++) {
    uint64_t stub = image->trap_stubs + i * GUEST_STUB_SIZE;
    t->idt[i] = (GuestGate){.offset_low = (uint16_t)stub,
                            .selector = KERNEL_CODE,
                            .type = 0x8e,
                            .offset_mid = (uint16_t)(stub >> 16),
                            .offset_high = (uint32_t)(stub >> 32)};
  }
}
