/* platform.c: waiting, and the rest of platform.h. A guest without work polls for a moment, then asks its
 * devices for interrupts, looks once more, and stops using the CPU. */
#include "guest.h"

const Element *volatile running_element;

enum { POLL_NS = 60000 }; /* about the cost of one sleep and wake on a slow host */

static void sleep_until(int64_t deadline) {
  uint64_t ns = UINT64_MAX;
  if (deadline != INT64_MAX) {
    int64_t left = deadline - platform_clock_steady();
    if (left <= 0) return;
    ns = (uint64_t)left;
  }
  guest_boot.report.waits++;
  if (monitored())
    *(volatile uint64_t *)(GUEST_DOORBELLS + GUEST_DOORBELL_WAIT) = ns;
  else
    interrupts_halt(ns);
}

void platform_wait(Engine *e, int64_t deadline) {
  static uint64_t moved;
  if (net_deliver(e) || channel_pending() || deadline == 0) return;
  /* Poll, but only where something was going on. */
  if (net_activity() != moved) {
    moved = net_activity();
    int64_t end = platform_clock_steady() + POLL_NS;
    if (end > deadline) end = deadline;
    do {
      for (unsigned i = 0; i < 16; i++) cpu_pause();
      if (net_deliver(e) || channel_pending()) return;
    } while (platform_clock_steady() < end);
    if (end == deadline) return;
  }
  net_reclaim();
  if (!net_arm(e, true) && !channel_arm(true)) sleep_until(deadline);
  net_arm(e, false);
  channel_arm(false);
  net_deliver(e);
}

bool platform_commands_pending(Engine *e) {
  (void)e;
  return channel_pending();
}
void platform_run_commands(Engine *e) { channel_run(e); }

void platform_engine_init(Engine *e) { (void)e; }
void platform_engine_cleanup(Engine *e) { (void)e; }

/* There are no descriptors in a guest. */
void platform_forget(Engine *engine, Element *e) { (void)engine, (void)e; }
void platform_unit_unload(const struct FusedUnit *unit) { (void)unit; }
void platform_select(Engine *engine, Element *e, int fd, bool read, bool write) {
  (void)engine, (void)e, (void)fd, (void)read, (void)write;
}
void select_add(Element *e, int fd, bool read, bool write) { (void)e, (void)fd, (void)read, (void)write; }
void select_remove(Element *e, int fd, bool read, bool write) { (void)e, (void)fd, (void)read, (void)write; }
