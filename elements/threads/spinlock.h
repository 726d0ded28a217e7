/* spinlock.h: what the elements with locks share. On one thread a lock is only a name. */
#ifndef CLICKLET_THREADS_SPINLOCK_H
#define CLICKLET_THREADS_SPINLOCK_H
#include <clicklet/element.h>

#define NAME_SPINLOCK 100 /* kind of name */

typedef struct Spinlock {
  Element base;
  char *lock;
} Spinlock;

static inline int spinlock_configure(Element *e, const Args *args, Errors *errs) {
  uint8_t value;
  const char *name = ((Spinlock *)e)->lock;
  (void)args;
  return name_query(e, NAME_SPINLOCK, name, &value, 1)
             ? 0
             : error(errs, "there is no lock '%s'; SpinlockInfo names locks", name);
}

static inline void spinlock_cleanup(Element *e) { mem_free(((Spinlock *)e)->lock); }

static inline int spinlock_action(Spinlock *e, Packet *p) {
  (void)e, (void)p;
  return 0;
}

#define SPINLOCK_CLASS                                                                                       \
  .ports = "1/1", .configure = spinlock_configure, .cleanup = spinlock_cleanup,                              \
  .args = ARGS(ARG_MUST(Spinlock, WORD, "LOCK", lock))

#endif
