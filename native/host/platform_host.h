/* platform_host.h: what the host's own code (addon, tools, devices) uses beyond platform.h. */
#ifndef CLICKLET_PLATFORM_HOST_H
#define CLICKLET_PLATFORM_HOST_H
#include <clicklet/engine.h>
#include <clicklet/netdevice.h>

/* Commands are taken between rounds: after platform_wake (any thread) the engine's thread calls run(context).
 */
void platform_set_commands(Engine *e, void (*run)(void *context), void *context);
void platform_wake(Engine *e);
/* Whether the loop polls the device's fd and calls its ready(). */
void platform_watch_device(Engine *e, NetDevice *d, bool on);
/* Loads a fused unit (fused.h) from a shared library; NULL with the reason. It stays loaded. From any thread.
 */
const struct FusedUnit *fused_unit_load(const char *file, Errors *errs);

#endif
