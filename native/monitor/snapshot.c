/* snapshot.c: taking a snapshot of a guest and starting from one; the file is described in snapshot.h. */
#define _GNU_SOURCE
#include "snapshot.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { PAGE = 4096, CHUNK = 64 << 10 };

/* ---- Pages in use */

static bool zero(const uint8_t *page) {
  const uint64_t *p = (const uint64_t *)page;
  for (unsigned i = 0; i < PAGE / 8; i += 8)
    if (p[i] | p[i + 1] | p[i + 2] | p[i + 3] | p[i + 4] | p[i + 5] | p[i + 6] | p[i + 7]) return false;
  return true;
}

static bool add_page(PageRuns *r, uint64_t at) {
  if (r->count && r->runs[r->count - 1].at + r->runs[r->count - 1].bytes == at) {
    r->runs[r->count - 1].bytes += PAGE;
  } else {
    if (r->count == r->capacity) {
      uint32_t capacity = r->capacity ? 2 * r->capacity : 64;
      SnapshotRun *runs = realloc(r->runs, capacity * sizeof *runs);
      if (!runs) return false;
      r->runs = runs, r->capacity = capacity;
    }
    r->runs[r->count++] = (SnapshotRun){at, PAGE};
  }
  r->bytes += PAGE;
  return true;
}

bool pages_find(Monitor *m, const uint8_t *keep, PageRuns *out) {
  *out = (PageRuns){0};
  for (uint64_t at = 0; at < m->memory;) {
    off_t data = lseek(m->memory_fd, (off_t)at, SEEK_DATA);
    if (data < 0) break; /* nothing behind */
    off_t hole = lseek(m->memory_fd, data, SEEK_HOLE);
    uint64_t end = hole < 0 || (uint64_t)hole > m->memory ? m->memory : (uint64_t)hole;
    for (at = (uint64_t)data & ~(uint64_t)(PAGE - 1); at < end; at += PAGE) {
      if (at >= m->image.text_start && at < m->image.rodata_end) continue;
      if (keep && keep[at / PAGE / 8] >> (at / PAGE % 8) & 1) continue;
      if (!zero(m->ram + at) && !add_page(out, at)) return free(out->runs), false;
    }
  }
  return true;
}

/* ---- Taking */

static bool put(int fd, const void *data, uint64_t n) {
  while (n) {
    ssize_t done = write(fd, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    data = (const char *)data + done, n -= (uint64_t)done;
  }
  return true;
}

/* Everything before the memory. */
static bool build_head(Monitor *m, Bytes *b, const PortState *ports, const PageRuns *pages, const void *meta,
                       uint32_t meta_bytes) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  CpuState cpu;
  vm_save(m, &cpu);
  ConsoleState console;
  console_save(&console);
  ControlState control;
  control_save(&control);
  SnapshotHeader h = {.magic = SNAPSHOT_MAGIC,
                      .version = SNAPSHOT_VERSION,
                      .header_size = sizeof h,
                      .guest_abi = GUEST_ABI_VERSION,
                      .cpu_size = sizeof cpu,
                      .port_size = sizeof *ports,
                      .port_count = m->options.port_count,
                      .memory = m->memory,
                      .taken = now.tv_sec * NSEC_PER_SEC + now.tv_nsec,
                      .to_bytes = control.to_bytes,
                      .from_bytes = control.from_bytes,
                      .last_id = control.last_id,
                      .meta_bytes = meta_bytes,
                      .run_count = pages->count,
                      .image_bytes = (uint32_t)(m->image.rodata_end - m->image.text_start),
                      .image = m->image};
  memcpy(h.image_id, m->image_id, sizeof h.image_id);
  Sum sum;
  sum_start(&sum);
  sum_add(&sum, m->ram + m->image.text_start, h.image_bytes);
  h.image_sum = sum_end(&sum);
  sum_start(&sum);
  for (uint32_t i = 0; i < pages->count; i++) sum_add(&sum, m->ram + pages->runs[i].at, pages->runs[i].bytes);
  h.memory_sum = sum_end(&sum);
  if (!bytes_add(b, &h, sizeof h) || !bytes_add(b, &cpu, sizeof cpu) ||
      !bytes_add(b, &console, sizeof console) ||
      !bytes_add(b, ports, (uint32_t)(h.port_count * sizeof *ports)) ||
      !bytes_add(b, control.to_guest, control.to_bytes) ||
      !bytes_add(b, control.from_guest, control.from_bytes) || !bytes_add(b, meta, meta_bytes) ||
      !bytes_add(b, pages->runs, (uint32_t)(pages->count * sizeof *pages->runs)))
    return false;
  SnapshotHeader *head = (SnapshotHeader *)b->data;
  head->head_bytes = b->len;
  head->file_bytes = b->len + pages->bytes + h.image_bytes;
  sum_start(&sum);
  sum_add(&sum, b->data, b->len);
  head->head_sum = sum_end(&sum);
  return true;
}

int snapshot_take(Monitor *m, const void *meta, uint32_t meta_bytes, uint64_t *bytes) {
  bool was_paused = m->pause;
  if (m->vcpu_ended || !vm_rest(m)) {
    if (!was_paused) vm_pause(m, false);
    return -1;
  }
  park_wake(m);
  PortState *ports = calloc(PORTS_MAX, sizeof *ports);
  PageRuns pages = {0};
  Bytes head = {0};
  int fd = -1;
  for (unsigned i = 0; ports && i < m->options.port_count; i++)
    m->options.ports[i].halt(&m->options.ports[i], &ports[i]);
  if (ports && pages_find(m, NULL, &pages) && build_head(m, &head, ports, &pages, meta, meta_bytes)) {
    fd = memfd_create("clicklet-snapshot", MFD_CLOEXEC);
    bool done = fd >= 0 && put(fd, head.data, head.len);
    for (uint32_t i = 0; done && i < pages.count; i++)
      done = put(fd, m->ram + pages.runs[i].at, pages.runs[i].bytes);
    uint64_t image_bytes = m->image.rodata_end - m->image.text_start;
    done = done && put(fd, m->ram + m->image.text_start, image_bytes);
    if (!done && fd >= 0) close(fd), fd = -1;
    *bytes = head.len + pages.bytes + image_bytes;
  }
  for (unsigned i = 0; ports && i < m->options.port_count; i++)
    m->options.ports[i].go_on(&m->options.ports[i], &ports[i]);
  free(ports);
  free(pages.runs);
  bytes_free(&head);
  if (!was_paused) vm_pause(m, false);
  return fd;
}

/* ---- Starting from one */

static struct { /* what snapshot_open has read and snapshot_resume uses */
  SnapshotHeader header;
  uint8_t *head;
  const CpuState *cpu;
  const ConsoleState *console;
  const PortState *ports;
  const uint8_t *to_guest, *from_guest;
} in;

static _Noreturn void refuse(const char *why) {
  fail(EXIT_REFUSED, "%s cannot be restored: %s", monitor.options.restore, why);
}

static void get(int fd, void *to, uint64_t n) {
  while (n) {
    ssize_t got = read(fd, to, n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(strerror(errno));
    if (!got) refuse("the file ends too early");
    to = (char *)to + got, n -= (uint64_t)got;
  }
}

/* The head as a whole, its sizes and checksum in order. */
static void read_head(int fd, uint64_t size) {
  SnapshotHeader *h = &in.header;
  if (size < sizeof *h) refuse("it is no snapshot, or it was cut off");
  get(fd, h, sizeof *h);
  if (h->magic != SNAPSHOT_MAGIC) refuse("it is no snapshot");
  if (h->version != SNAPSHOT_VERSION || h->header_size != sizeof *h || h->guest_abi != GUEST_ABI_VERSION ||
      h->cpu_size != sizeof(CpuState) || h->port_size != sizeof(PortState))
    refuse("it was taken by another version of Clicklet");
  if (h->file_bytes > size) refuse("the file ends too early");
  uint64_t fixed = sizeof *h + sizeof(CpuState) + sizeof(ConsoleState);
  if (h->file_bytes != size || h->head_bytes > size || h->port_count > PORTS_MAX ||
      h->run_count > GUEST_MEMORY_MAX / PAGE ||
      h->head_bytes != fixed + h->port_count * sizeof(PortState) + h->to_bytes + (uint64_t)h->from_bytes +
                           h->meta_bytes + h->run_count * sizeof(SnapshotRun))
    refuse("it is damaged (its sizes do not agree)");
  if (!(in.head = malloc(h->head_bytes))) fail(EXIT_HOST, "out of memory");
  memcpy(in.head, h, sizeof *h);
  get(fd, in.head + sizeof *h, h->head_bytes - sizeof *h);
  ((SnapshotHeader *)in.head)->head_sum = 0;
  Sum sum;
  sum_start(&sum);
  sum_add(&sum, in.head, h->head_bytes);
  if (sum_end(&sum) != h->head_sum) refuse("it is damaged (checksum)");
  uint8_t *p = in.head + sizeof *h;
  in.cpu = (const CpuState *)p, p += sizeof *in.cpu;
  in.console = (const ConsoleState *)p, p += sizeof *in.console;
  in.ports = (const PortState *)p, p += h->port_count * sizeof *in.ports;
  in.to_guest = p, in.from_guest = p + h->to_bytes;
}

/* Reads a part into guest memory. Through a buffer: what is summed up is what is used, whoever else may write
 * to the file. */
static void read_part(Monitor *m, int fd, Sum *sum, uint64_t at, uint64_t bytes) {
  static uint8_t buffer[CHUNK];
  while (bytes) {
    size_t n = bytes < CHUNK ? bytes : CHUNK;
    get(fd, buffer, n);
    sum_add(sum, buffer, n);
    for (size_t put = 0; put < n;) {
      ssize_t wrote = pwrite(m->memory_fd, buffer + put, n - put, (off_t)(at + put));
      if (wrote <= 0) fail(EXIT_HOST, "guest memory: %m");
      put += (size_t)wrote;
    }
    at += n, bytes -= n;
  }
}

static void read_memory(Monitor *m, int fd) {
  const SnapshotHeader *h = &in.header;
  const uint8_t *table = in.head + h->head_bytes - h->run_count * sizeof(SnapshotRun);
  uint64_t left = h->file_bytes - h->head_bytes - h->image_bytes, next = 0;
  Sum sum;
  sum_start(&sum);
  for (uint32_t i = 0; i < h->run_count; i++) {
    SnapshotRun r;
    memcpy(&r, table + i * sizeof r, sizeof r);
    if (r.at < next || r.at % PAGE || r.bytes % PAGE || !r.bytes || r.at > m->memory ||
        r.bytes > m->memory - r.at || r.bytes > left ||
        (r.at < h->image.rodata_end && r.at + r.bytes > h->image.text_start))
      refuse("it is damaged (memory)");
    next = r.at + r.bytes, left -= r.bytes;
    read_part(m, fd, &sum, r.at, r.bytes);
  }
  if (left) refuse("it is damaged (memory)");
  if (sum_end(&sum) != h->memory_sum) refuse("it is damaged (checksum)");
  if (image_share(m, &h->image, h->image_id)) return;
  sum_start(&sum);
  read_part(m, fd, &sum, h->image.text_start, h->image_bytes);
  if (sum_end(&sum) != h->image_sum) refuse("it is damaged (checksum)");
}

void snapshot_open(Monitor *m) {
  int fd = open(m->options.restore, O_RDONLY | O_CLOEXEC);
  struct stat s;
  if (fd < 0 || fstat(fd, &s)) refuse(strerror(errno));
  if (!S_ISREG(s.st_mode)) refuse("it is not a file");
  read_head(fd, (uint64_t)s.st_size);
  const SnapshotHeader *h = &in.header;
  if (h->memory % PAGE || h->memory < GUEST_MEMORY_MIN || h->memory > GUEST_MEMORY_MAX ||
      !image_sane(&h->image) || h->image.data_end > h->memory ||
      h->image_bytes != h->image.rodata_end - h->image.text_start ||
      h->image_bytes > h->file_bytes - h->head_bytes)
    refuse("it is damaged (sizes)");
  if (h->port_count != m->options.port_count)
    refuse(h->port_count ? "it needs as many --port options as it had ports" : "it had no ports");
  m->options.memory = h->memory;
  m->image = h->image;
  memory_create(m);
  read_memory(m, fd);
  close(fd);
  GuestBoot *b = m->boot = (GuestBoot *)(m->ram + m->image.boot);
  if (b->magic != GUEST_BOOT_MAGIC || b->version != GUEST_ABI_VERSION || b->memory != m->memory ||
      b->device_count != h->port_count + 1)
    refuse("its guest is not one of this version");
  for (unsigned i = 0; i < m->options.port_count; i++) {
    Port *p = &m->options.ports[i];
    const PortState *s = &in.ports[i];
    bool same = !strncmp(s->kind, p->kind, sizeof s->kind) && !strncmp(s->arg, p->arg, sizeof s->arg);
    if (same && !p->mac_given) memcpy(p->mac, s->mac, 6);
    memcpy(b->devices[i].mac, p->mac, 6);
    p->generation = s->generation;
    p->counters = s->counters;
  }
}

void snapshot_resume(Monitor *m) {
  const SnapshotHeader *h = &in.header;
  vm_restore(m, in.cpu);
  ControlState control = {in.to_guest, in.from_guest, h->to_bytes, h->from_bytes, h->last_id};
  if (!console_restore(in.console)) refuse("its control channel is not in the guest's memory");
  if (!control_restore(&control)) fail(EXIT_HOST, "out of memory");
  for (unsigned i = 0; i < m->options.port_count; i++) {
    Port *p = &m->options.ports[i];
    PortState s = in.ports[i];
    if (memcmp(s.mac, p->mac, 6)) s.ready = false; /* another router's: its driver starts anew */
    p->go_on(p, &s);
  }
  free(in.head);
  in.head = NULL;
  (void)!write(m->wake, &(uint64_t){1}, 8);
  m->ready = true;
  event(m, "restored", "\"ports\":%u", m->options.port_count);
  control_poll();
}
