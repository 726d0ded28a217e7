/* platform.h: what the core needs from where it runs. Implemented by native/host (Linux) and native/guest. */
#ifndef CLICKLET_PLATFORM_H
#define CLICKLET_PLATFORM_H
#include <clicklet/element.h>

void *platform_alloc(size_t size); /* not zeroed, 64-byte aligned from 64 bytes on; NULL when out */
void *platform_realloc(void *p, size_t old_size, size_t size);
void platform_free(void *p);
/* Large, zeroed, page-aligned memory for packet pools and tables (huge pages where possible). NULL when out.
 */
void *platform_alloc_pages(size_t size);
void platform_free_pages(void *p, size_t size);
/* True if a table that grows with traffic may take so much. In a guest as much again stays free, so that the
 * next configuration has room; what cannot grow makes do with what it has. */
bool platform_can_spare(size_t size);

int64_t platform_clock_realtime(void); /* ns since the epoch */
int64_t platform_clock_steady(void);   /* ns */
uint64_t platform_entropy(void);

/* Writes to standard output (1) or error (2), whole. In a guest both are the console. */
void platform_write(int stream, const char *s, size_t n);
#ifndef CLICKLET_GUEST
/* Also gets what is written to standard error, from whatever thread; NULL: nobody does. */
extern void (*platform_error_tap)(const char *s, size_t n);
#endif
_Noreturn void platform_panic(const char *message);

/* Called for every engine made and freed. */
void platform_engine_init(Engine *engine);
void platform_engine_cleanup(Engine *engine);
/* Drops an element's interest in descriptors when the element goes away. */
void platform_forget(Engine *engine, Element *e);
/* No router uses this unit any more: undoes one loading of it. Units that are part of the program stay. */
struct FusedUnit;
void platform_unit_unload(const struct FusedUnit *unit);

/* Blocks the engine's thread until a watched device or descriptor has something, a command arrives, or the
 * steady clock reaches the deadline (ns; INT64_MAX: none; 0: only look). Delivers what happened:
 * class->selected, NetDevice.ready. */
void platform_wait(Engine *engine, int64_t deadline);
void platform_select(Engine *engine, Element *e, int fd, bool read,
                     bool write); /* the element's whole interest in fd */
/* Commands for a running engine (handler calls, install, stop) are taken here, between rounds. True if the
 * engine's thread should look soon (a cheap load). */
bool platform_commands_pending(Engine *engine);
void platform_run_commands(Engine *engine);

/* Addresses that the environment knows: "eth0:eth" and such, service names. kind: NAME_*. */
bool platform_lookup_name(int kind, const char *name, void *value, size_t size);

/* Files, for elements of the host: standard libc there; not available in guests (elements/userlevel is not
 * linked). */

#endif
