/* pvh.c: from the PVH entry to ring 3. Runs in ring 0, which some hosts emulate slowly: only what needs ring
 * 0 is done here. The memory map, the command line and the module are read in ring 3. */
#include "kernel.h"
#include "tables.h"
#include "../pvh.h"

GuestTables kernel_tables __attribute__((aligned(4096)));

_Noreturn void enter_ring3(uint64_t entry, uint64_t stack);

static uint32_t cpuid(uint32_t leaf, char reg) {
  uint32_t a = leaf, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return reg == 'a' ? a : d;
}

static uint64_t ram_end(const PvhStartInfo *info) {
  const PvhMemory *map = (const PvhMemory *)info->memory_map;
  for (uint32_t i = 0; i < info->memory_count; i++)
    if (map[i].type == PVH_RAM && map[i].address <= guest_image.kernel_start &&
        map[i].address + map[i].size > guest_image.data_end)
      return map[i].address + map[i].size;
  return GUEST_IMAGE_LIMIT;
}

/* ---- The CMOS clock: seconds are good enough to start from
 * --------------------------------------------------------- */

static unsigned cmos(uint8_t reg, bool bcd) {
  port_write8(0x70, reg);
  unsigned v = port_read8(0x71);
  return bcd ? (v >> 4) * 10 + (v & 15) : v;
}

static int64_t cmos_time(void) {
  bool bcd = !(cmos(11, false) & 4);
  unsigned second, minute, hour, day, month, year;
  do { /* again if a second passed in between */
    second = cmos(0, bcd), minute = cmos(2, bcd), hour = cmos(4, bcd);
    day = cmos(7, bcd), month = cmos(8, bcd), year = cmos(9, bcd);
  } while (second != cmos(0, bcd));
  if (second > 59 || month < 1 || month > 12) return 0; /* no such clock */
  /* Days since 1970, with years that begin in March. */
  unsigned y = 2000 + year - (month < 3), m = month < 3 ? month + 9 : month - 3;
  int64_t days = (int64_t)y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

void kernel_pvh(const PvhStartInfo *info) {
  guest_boot.start_info = (uint64_t)info;
  guest_boot.report.tsc_started = read_tsc();
  uint64_t memory = ram_end(info);
  if (memory > GUEST_MEMORY_MAX) memory = GUEST_MEMORY_MAX;
  guest_boot.memory = memory;
  guest_boot.epoch_base = cmos_time() * 1000000000;
  guest_boot.tsc_base = read_tsc();

  bool nx = cpuid(0x80000000, 'a') >= 0x80000001 && cpuid(0x80000001, 'd') >> 20 & 1;
  static const uint64_t devices[] = {0xfea00000, IOAPIC, LAPIC,
                                     0}; /* the first: virtio-mmio of QEMU's microvm */
  /* First: the tables are in use while they are built. */
  uint64_t efer = GUEST_EFER | (nx ? GUEST_EFER_NXE : 0);
  __asm__ volatile("wrmsr" ::"c"(0xc0000080), "a"((uint32_t)efer), "d"(0));
  tables_build(&kernel_tables, &guest_image, memory, nx, devices);
  __asm__ volatile("mov %0, %%cr3" ::"r"(kernel_tables.pml4) : "memory");
  struct {
    uint16_t limit;
    uint64_t base;
  } __attribute__((packed)) gdt = {sizeof kernel_tables.gdt - 1, (uint64_t)kernel_tables.gdt},
                            idt = {sizeof kernel_tables.idt - 1, (uint64_t)kernel_tables.idt};
  __asm__ volatile("lgdt %0; lidt %1; ltr %w2" ::"m"(gdt), "m"(idt), "r"(TASK_STATE));
  enter_ring3(guest_image.entry, guest_image.stack_top);
}
