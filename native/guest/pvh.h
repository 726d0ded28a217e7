/* pvh.h: what a PVH loader hands over (Xen's public header xen/include/public/arch-x86/hvm/start_info.h). */
#ifndef CLICKLET_GUEST_PVH_H
#define CLICKLET_GUEST_PVH_H
#include <clicklet/base.h>

#define PVH_MAGIC 0x336ec578u
enum { PVH_RAM = 1 };

typedef struct PvhStartInfo {
  uint32_t magic, version, flags, module_count;
  uint64_t modules, command_line, rsdp;
  uint64_t memory_map; /* version 1 on */
  uint32_t memory_count, reserved;
} PvhStartInfo;

typedef struct PvhModule {
  uint64_t address, size, command_line, reserved;
} PvhModule;
typedef struct PvhMemory {
  uint64_t address, size;
  uint32_t type, reserved;
} PvhMemory;

_Static_assert(sizeof(PvhStartInfo) == 56 && sizeof(PvhModule) == 32 && sizeof(PvhMemory) == 24,
               "PVH layouts");

#endif
