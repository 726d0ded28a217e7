/* park.c: a parked guest has its memory in a file instead of RAM. Its vCPU stands in the wait it was in, its
 * ports stay open, and whatever ends the wait (a packet, a timer, a request) brings the memory back first.
 *
 * What others write to without us stays in RAM: the boot block, and for ports that a vhost-user backend
 * serves the rings and the buffers that wait there for frames. So the first packet arrives as always.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include "snapshot.h"

enum { PAGE = 4096 };

static int file = -1;
static char why_not[300] = "this monitor was started without a place for it (--park-dir)";
static PageRuns parked;
static Alarm idle;
static int64_t last_wake_ns, last_busy;

void park_open(Monitor *m) {
  const char *dir = m->options.park_dir;
  if (!dir) return;
  file = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
  if (file < 0) { /* not every file system can */
    char path[4096];
    snprintf(path, sizeof path, "%s/.clicklet-park-XXXXXX", dir);
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0) unlink(path);
  }
  if (file < 0) snprintf(why_not, sizeof why_not, "cannot make a file in %s: %s", dir, strerror(errno));
}

/* ---- Pages that stay */

static void keep(Monitor *m, uint8_t *map, uint64_t at, uint64_t bytes) {
  if (at >= m->memory || bytes > m->memory - at || !bytes) return;
  for (uint64_t page = at / PAGE; page <= (at + bytes - 1) / PAGE; page++)
    map[page / 8] |= (uint8_t)(1 << page % 8);
}

/* A ring that is in use by others, and the buffers in it. Guests write all of this: no step of it trusts
 * them. */
static void keep_ring(Monitor *m, uint8_t *map, const GuestQueue *q, bool packed) {
  if (!q->size || q->size > 1024) return;
  uint64_t bytes = virtq_desc_bytes(q->size); /* the same in both layouts */
  uint64_t driver = packed ? sizeof(PackedEvent) : virtq_avail_bytes(q->size),
           device = packed ? sizeof(PackedEvent) : virtq_used_bytes(q->size);
  keep(m, map, q->descriptors, bytes);
  keep(m, map, q->driver, driver);
  keep(m, map, q->device, device);
  const uint8_t *desc = memory_at(&m->map, q->descriptors, bytes);
  const VirtqAvail *avail = (const VirtqAvail *)memory_at(&m->map, q->driver, driver);
  const VirtqUsed *used = (const VirtqUsed *)memory_at(&m->map, q->device, device);
  if (!desc || !avail || !used || (!packed && avail->idx == used->idx)) return;
  for (uint32_t i = 0; i < q->size; i++) {
    if (packed) {
      PackedDesc d;
      memcpy(&d, desc + i * sizeof d, sizeof d);
      bool available = !(d.flags & PACKED_DESC_AVAIL) != !(d.flags & PACKED_DESC_USED);
      if (available) keep(m, map, d.addr, d.len < 65536 ? d.len : 65536);
    } else { /* all that were ever filled in: more than needed, never less */
      VirtqDesc d;
      memcpy(&d, desc + i * sizeof d, sizeof d);
      keep(m, map, d.addr, d.len < 65536 ? d.len : 65536);
    }
  }
}

static uint8_t *pages_kept(Monitor *m) {
  uint8_t *map = calloc(m->memory / PAGE / 8 + 1, 1);
  if (!map) return NULL;
  keep(m, map, m->image.boot, sizeof *m->boot);
  for (unsigned i = 0; i < m->options.port_count; i++) {
    DriverSetup s;
    const char *error;
    if (strcmp(m->options.ports[i].kind, "vhost-user") || !driver_setup(m, i, &s, &error) || !s.ready)
      continue;
    for (unsigned q = 0; q < 2; q++) keep_ring(m, map, &s.queues[q], s.features & VIRTIO_F_RING_PACKED);
  }
  return map;
}

/* Gives all other pages of RAM back. */
static void drop_pages(Monitor *m, const uint8_t *map) {
  uint64_t pages = m->memory / PAGE;
  for (uint64_t at = 0; at < pages;) {
    uint64_t end = at;
    while (end < pages && !(map[end / 8] >> end % 8 & 1)) end++;
    if (end > at)
      fallocate(m->memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(at * PAGE),
                (off_t)((end - at) * PAGE));
    at = end + 1;
  }
}

static bool write_out(Monitor *m) {
  off_t to = 0;
  for (uint32_t i = 0; i < parked.count; i++) {
    for (uint64_t done = 0; done < parked.runs[i].bytes;) {
      ssize_t n = pwrite(file, m->ram + parked.runs[i].at + done, parked.runs[i].bytes - done, to);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      done += (uint64_t)n, to += n;
    }
  }
  return true;
}

const char *park(Monitor *m) {
  if (file < 0) return why_not;
  if (m->vcpu_ended) return "the guest has ended";
  vm_lock();
  const char *error = NULL;
  if (!m->parked && !m->waiting && !m->resting)
    error = "the router is busy";
  else if (!m->parked) {
    uint8_t *map = pages_kept(m);
    if (!map || !pages_find(m, map, &parked))
      error = "out of memory";
    else if (!write_out(m)) {
      error = "there is no room for its memory where parked routers are kept";
      free(parked.runs);
      (void)!ftruncate(file, 0);
    } else {
      drop_pages(m, map);
      m->parked = true;
    }
    free(map);
  } else {
    vm_unlock();
    return NULL;
  }
  vm_unlock();
  if (!error) event(m, "parked", "\"fileBytes\":%llu", (unsigned long long)parked.bytes);
  return error;
}

void park_wake_locked(Monitor *m) {
  int64_t start = clock_ns();
  off_t from = 0;
  for (uint32_t i = 0; i < parked.count; i++) {
    uint64_t left = parked.runs[i].bytes;
    lseek(m->memory_fd, (off_t)parked.runs[i].at, SEEK_SET);
    while (left) {
      ssize_t n = sendfile(m->memory_fd, file, &from, left);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) fail(EXIT_HOST, "the memory of the parked guest cannot be read back: %m");
      left -= (uint64_t)n;
    }
  }
  (void)!ftruncate(file, 0);
  free(parked.runs);
  parked = (PageRuns){0};
  m->parked = false;
  last_wake_ns = clock_ns() - start;
  __atomic_fetch_add(&m->wakes, 1, __ATOMIC_SEQ_CST);
  (void)!write(m->notice, &(uint64_t){1}, 8);
}

void park_wake(Monitor *m) {
  vm_lock();
  if (m->parked) park_wake_locked(m);
  vm_unlock();
}

/* ---- Parking by itself */

/* A wait that ends soon is not worth it. */
static void look_for_idle(Alarm *a) {
  Monitor *m = &monitor;
  int64_t now = clock_ns(), after = m->options.park_after;
  vm_lock();
  bool parked_already = m->parked, waiting = m->waiting;
  int64_t since = m->waits_since, until = m->waits_until;
  vm_unlock();
  if (parked_already) return;
  if (!waiting) since = now;
  if (since < last_busy) since = last_busy;
  if (now - since < after)
    alarm_set(a, since + after);
  else if (until - now < NSEC_PER_SEC || park(m))
    alarm_set(a, now + after);
}

void park_report(Monitor *m) {
  uint32_t wakes = __atomic_exchange_n(&m->wakes, 0, __ATOMIC_SEQ_CST);
  if (wakes) {
    last_busy = clock_ns();
    event(m, "woken", "\"tookMs\":%.3f", (double)last_wake_ns / 1e6);
  }
  if (!m->options.park_after || file < 0 || idle.at || m->parked) return;
  idle.fire = look_for_idle;
  alarm_set(&idle, clock_ns() + m->options.park_after);
}
