/* pvh.c: what the monitor would have written into the boot block, from what a PVH loader gives: memory map,
 * module (the boot plan), command line (virtio-mmio devices, as Linux takes them:
 * virtio_mmio.device=SIZE@ADDRESS:IRQ[:ID]). */
#include "pvh.h"
#include "guest.h"
#include "kernel/kernel.h"

MemoryRange memory_ranges[MEMORY_RANGES];
unsigned memory_range_count;

static void add_memory(uint64_t from, uint64_t to) {
  if (to > guest_boot.memory) to = guest_boot.memory;
  if (from < to && memory_range_count < MEMORY_RANGES / 2)
    memory_ranges[memory_range_count++] = (MemoryRange){from, to};
}

static uint64_t number(const char **s) {
  uint64_t v = 0;
  bool hex = (*s)[0] == '0' && (*s)[1] == 'x';
  if (hex) *s += 2;
  for (int digit; (digit = hex_value(**s)) >= 0 && digit < (hex ? 16 : 10); (*s)++)
    v = v * (hex ? 16 : 10) + (unsigned)digit;
  return v;
}

static const char *find(const char *s, const char *word) {
  size_t n = strlen(word);
  for (; *s; s++)
    if (!strncmp(s, word, n)) return s + n;
  return NULL;
}

static void probe_devices(const char *s) {
  while ((s = find(s, "virtio_mmio.device="))) {
    number(&s);
    while (*s && *s != '@') s++; /* a unit behind the size */
    if (*s) s++;
    uint64_t at = number(&s);
    uint32_t irq = *s == ':' ? (s++, (uint32_t)number(&s)) : 0;
    uint64_t window = at & ~((UINT64_C(2) << 20) - 1);
    if (window != GUEST_DOORBELLS)
      console_printf("virtio device at 0x%lx is out of reach\n", at);
    else if (virtio_probe_mmio(at, irq))
      interrupts_route(irq);
  }
}

static void read_start_info(void) {
  const PvhStartInfo *info = (const PvhStartInfo *)guest_boot.start_info;
  if (info->magic != PVH_MAGIC) platform_panic("not started by a PVH loader");
  const PvhMemory *map = (const PvhMemory *)info->memory_map;
  for (uint32_t i = 0; i < info->memory_count && info->version >= 1; i++)
    if (map[i].type == PVH_RAM) add_memory(map[i].address, map[i].address + map[i].size);
  if (!memory_range_count) add_memory(0, guest_boot.memory);
  const PvhModule *module = (const PvhModule *)info->modules;
  if (info->module_count && module->address + module->size <= guest_boot.memory) {
    guest_boot.plan = module->address;
    guest_boot.plan_size = module->size;
  }
  if (info->command_line) probe_devices((const char *)info->command_line);
}

void pvh_init(void) {
  if (monitored()) {
    add_memory(0, guest_boot.memory);
    virtio_probe_shared();
    return;
  }
  interrupts_init();
  read_start_info();
}
