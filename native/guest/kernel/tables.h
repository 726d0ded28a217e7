/* tables.h: what the CPU looks at: page tables, descriptor tables, task state. Built by tables_build, either
 * in ring 0 of a guest that came in by PVH or by the monitor before the vCPU starts. */
#ifndef CLICKLET_GUEST_TABLES_H
#define CLICKLET_GUEST_TABLES_H
#include <clicklet/guest_abi.h>

#define GUEST_PAGE_TABLES (GUEST_IMAGE_LIMIT >> 21)

typedef struct GuestGate { /* Intel SDM 3, 6.14.1 */
  uint16_t offset_low, selector;
  uint8_t stack, type;
  uint16_t offset_mid;
  uint32_t offset_high, reserved;
} GuestGate;

typedef struct GuestTss { /* Intel SDM 3, 7.7 */
  uint32_t reserved0;
  uint64_t rsp[3], reserved1, ist[7], reserved2;
  uint16_t reserved3, io_map;
} __attribute__((packed)) GuestTss;

typedef struct GuestTables {
  uint64_t pml4[512], pdpt[512], pd[4][512], pt[GUEST_PAGE_TABLES][512];
  GuestGate idt[GUEST_TRAPS];
  uint64_t gdt[8];
  GuestTss tss;
} GuestTables;

_Static_assert(sizeof(GuestGate) == 16 && sizeof(GuestTss) == 104, "CPU table layouts");

/* GDT selectors. */
enum { KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_DATA = 0x23, USER_CODE = 0x2b, TASK_STATE = 0x30 };

/* Control registers that go with the tables. */
#define GUEST_CR0 UINT64_C(0x80010033) /* PG WP NE ET MP PE */
#define GUEST_CR4 UINT64_C(0x620)      /* PAE OSFXSR OSXMMEXCPT */
#define GUEST_EFER UINT64_C(0x500)     /* LME LMA */
#define GUEST_EFER_NXE UINT64_C(0x800)

/* Fills zeroed tables in for `memory` bytes of RAM. nx: the CPU knows no-execute pages. devices: 2 MB pages
 * around these addresses are mapped for ring 3, ended by 0. */
void tables_build(GuestTables *t, const GuestImage *image, uint64_t memory, int nx, const uint64_t *devices);

#endif
