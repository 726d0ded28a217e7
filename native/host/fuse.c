/* fuse.c: loads fused units. */
#define _GNU_SOURCE
#include "platform_host.h"
#include <clicklet/fused.h>
#include <clicklet/platform.h>
#include <dlfcn.h>

/* A unit's undefined functions are this program's: an addon is loaded for its loader alone, so it is opened
 * to all. */
static void export_self(void) {
  static bool done;
  Dl_info self;
  if (!done && dladdr((void *)(uintptr_t)engine_fuse, &self) && self.dli_fname)
    dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  done = true;
}

void platform_unit_unload(const FusedUnit *unit) {
  Dl_info info;
  void *library = dladdr(unit, &info) ? dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD) : NULL;
  if (!library) return;
  dlclose(library); /* that of this function */
  dlclose(library);
}

const FusedUnit *fused_unit_load(const char *file, Errors *errs) {
  export_self();
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    error(errs, "%s", dlerror());
    return NULL;
  }
  const FusedUnit *u = dlsym(library, "clicklet_fused_unit");
  if (u && u->abi == FUSED_ABI) return u;
  dlclose(library);
  error(errs, "%s is not a fused unit of this version", file);
  return NULL;
}
