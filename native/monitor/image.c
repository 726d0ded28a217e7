/* image.c: guest memory and what is in it before the guest starts: the image, the tables of the CPU, the boot
 * block, the plan. Layout: the image where its ELF headers say (from 1 MB), the plan at the very end,
 * everything else is the guest's to allocate. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "monitor.h"
#include "../guest/kernel/tables.h"
#include "../virtio/driver.h"

enum { PAGE_SIZE = 4096, HEADERS_MAX = 16 };

void memory_create(Monitor *m) {
  m->memory = m->options.memory;
  /* Backends get this descriptor too: none of them can take the memory away. */
  m->memory_fd = memfd_create("clicklet-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (m->memory_fd < 0 || ftruncate(m->memory_fd, (off_t)m->memory) ||
      fcntl(m->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
    fail(EXIT_HOST, "cannot make %llu bytes of guest memory: %m", (unsigned long long)m->memory);
  m->ram = mmap(NULL, m->memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->memory_fd, 0);
  if (m->ram == MAP_FAILED)
    fail(EXIT_HOST, "cannot map %llu bytes of guest memory: %m", (unsigned long long)m->memory);
  m->map = (MemoryMap){.count = 1, .regions = {{0, 0, m->memory, m->ram}}};
}

static void read_at(int fd, const char *path, void *to, size_t n, uint64_t at) {
  for (size_t done = 0; done < n;) {
    ssize_t got = pread(fd, (char *)to + done, n - done, (off_t)(at + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail(EXIT_REFUSED, "%s: %s", path, got ? strerror(errno) : "the file ends too early");
    done += (size_t)got;
  }
}

/* Copies a part of a file into guest memory; without touching our mapping, which would cost a fault for each
 * page. */
static void copy_in(Monitor *m, int fd, const char *path, uint64_t to, uint64_t n, uint64_t at) {
  off_t from = (off_t)at;
  if (lseek(m->memory_fd, (off_t)to, SEEK_SET) < 0) fail(EXIT_HOST, "guest memory: %m");
  while (n) {
    ssize_t done = sendfile(m->memory_fd, fd, &from, n);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail(EXIT_REFUSED, "%s: %s", path, done ? strerror(errno) : "the file ends too early");
    n -= (uint64_t)done;
  }
}

/* Code and constants are the same for all guests of an image: they share the file's pages. */
static void map_in(Monitor *m, int fd, const char *path, const Elf64_Phdr *p) {
  uint64_t end = (p->p_paddr + p->p_filesz + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
  if (p->p_paddr < m->image.text_start || end > m->image.rodata_end || (p->p_paddr | p->p_offset) % PAGE_SIZE)
    fail(EXIT_REFUSED, "%s: code or constants are not where they should be", path);
  if (mmap(m->ram + p->p_paddr, end - p->p_paddr, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd,
           (off_t)p->p_offset) == MAP_FAILED)
    fail(EXIT_HOST, "cannot map %s: %m", path);
}

/* Finds GuestImage, and the linker's digest, among the notes of one segment. */
static bool find_note(Monitor *m, const uint8_t *notes, size_t size) {
  bool found = false;
  for (size_t at = 0; size - at >= sizeof(Elf64_Nhdr);) {
    Elf64_Nhdr h;
    memcpy(&h, notes + at, sizeof h);
    at += sizeof h;
    size_t name = (h.n_namesz + 3ul) & ~3ul, body = (h.n_descsz + 3ul) & ~3ul;
    if (name > size - at || body > size - at - name) break;
    if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(notes + at, "GNU", 4) &&
        h.n_descsz == sizeof m->image_id)
      memcpy(m->image_id, notes + at + name, sizeof m->image_id);
    if (h.n_type == GUEST_NOTE_TYPE && h.n_namesz == sizeof GUEST_NOTE_NAME &&
        !memcmp(notes + at, GUEST_NOTE_NAME, sizeof GUEST_NOTE_NAME)) {
      if (h.n_descsz != sizeof m->image) break;
      memcpy(&m->image, notes + at + name, sizeof m->image);
      found = true;
    }
    at += name + body;
  }
  return found;
}

bool image_sane(const GuestImage *i) {
  const uint64_t marks[] = {PAGE_SIZE,     i->kernel_start,  i->kernel_end,
                            i->text_start, i->text_end,      i->rodata_start,
                            i->rodata_end, i->data_start,    i->stack_guard + PAGE_SIZE,
                            i->data_end,   GUEST_IMAGE_LIMIT};
  for (unsigned n = 1; n < countof(marks); n++)
    if (marks[n] < marks[n - 1] || marks[n] % PAGE_SIZE) return false;
  return i->version == GUEST_ABI_VERSION && i->stack_guard >= i->data_start && i->stack_top <= i->data_end &&
         i->tables >= i->kernel_start && i->tables % PAGE_SIZE == 0 && i->tables <= i->kernel_end &&
         i->kernel_end - i->tables >= sizeof(GuestTables) && i->boot >= i->data_start && i->boot % 8 == 0 &&
         i->boot <= i->data_end && i->data_end - i->boot >= sizeof(GuestBoot) && i->entry >= i->text_start &&
         i->entry < i->text_end;
}

/* The headers, checked; finds the notes. */
static void read_headers(Monitor *m, int fd, const char *path, Elf64_Ehdr *header, Elf64_Phdr *p) {
  Elf64_Ehdr h;
  read_at(fd, path, &h, sizeof h, 0);
  if (memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64 ||
      h.e_phentsize != sizeof *p || h.e_phnum > HEADERS_MAX)
    fail(EXIT_REFUSED, "%s is not a guest image (64-bit x86 ELF)", path);
  read_at(fd, path, p, h.e_phnum * sizeof *p, h.e_phoff);
  bool noted = false;
  for (unsigned i = 0; i < h.e_phnum; i++) {
    if (p[i].p_type == PT_NOTE && p[i].p_filesz <= 4096) {
      uint8_t notes[4096];
      read_at(fd, path, notes, p[i].p_filesz, p[i].p_offset);
      noted = noted || find_note(m, notes, p[i].p_filesz);
    }
  }
  if (!noted || !image_sane(&m->image))
    fail(EXIT_REFUSED, "%s is not an image for this version of the monitor", path);
  *header = h;
}

static void load_elf(Monitor *m, int fd, const char *path) {
  Elf64_Ehdr h;
  Elf64_Phdr p[HEADERS_MAX];
  read_headers(m, fd, path, &h, p);
  if (m->image.data_end > m->memory)
    fail(EXIT_REFUSED, "%llu bytes of memory are too little: the image alone needs %llu",
         (unsigned long long)m->memory, (unsigned long long)m->image.data_end);
  for (unsigned i = 0; i < h.e_phnum; i++) {
    if (p[i].p_type != PT_LOAD || !p[i].p_filesz) continue;
    if (p[i].p_paddr > m->memory || p[i].p_filesz > m->memory - p[i].p_paddr)
      fail(EXIT_REFUSED, "%s: a part does not fit into memory", path);
    if (p[i].p_flags & PF_W)
      copy_in(m, fd, path, p[i].p_paddr, p[i].p_filesz, p[i].p_offset);
    else
      map_in(m, fd, path, &p[i]);
  }
}

static uint64_t load_plan(Monitor *m, const char *path, uint64_t *at) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat s;
  if (fd < 0 || fstat(fd, &s)) fail(EXIT_REFUSED, "%s: %m", path);
  uint64_t size = (uint64_t)s.st_size, room = m->memory - m->image.data_end;
  if (size > room)
    fail(EXIT_REFUSED, "%llu bytes of memory are too little: the image and the plan alone need %llu",
         (unsigned long long)m->memory, (unsigned long long)(m->image.data_end + size));
  *at = (m->memory - size) & ~(uint64_t)(PAGE_SIZE - 1);
  if (*at < m->image.data_end) *at = m->image.data_end;
  copy_in(m, fd, path, *at, size, 0);
  close(fd);
  return size;
}

/* Sets memory aside for the rings of the ports, below the plan: as many descriptors as the guest would choose
 * for the packets that it will have, if all of that is little. */
static void place_rings(Monitor *m, GuestBoot *b) {
  uint64_t end = b->plan_size ? b->plan : m->memory & ~(uint64_t)(PAGE_SIZE - 1),
           ports = m->options.port_count;
  if (!ports) return;
  uint64_t free = end - m->image.data_end, buffers = free / (2 * 2112) / (4 * ports);
  uint32_t size = 256;
  while (size < 1024 && 2 * size <= buffers) size *= 2;
  uint64_t queue = driver_queue_bytes(size), each = (2 * queue + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
  if (ports * each > free / 16) return;
  for (uint64_t i = 0; i < ports; i++)
    for (uint64_t q = 0; q < 2; q++) {
      uint64_t at = end - (i + 1) * each + q * queue;
      b->devices[i].queues[q] = (GuestQueue){.size = size,
                                             .descriptors = at,
                                             .driver = at + driver_area_offset(size),
                                             .device = at + device_area_offset(size)};
    }
  b->rings = end - ports * each, b->rings_end = end;
}

/* Pages that nearly every guest writes to while it starts: faults in one go are cheaper than one by one, and
 * KVM maps the neighbours of a page that are there. */
static void populate(Monitor *m, uint64_t from, uint64_t to) {
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
  from &= ~(uint64_t)(PAGE_SIZE - 1);
  to = (to + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1);
  if (to > m->memory) to = m->memory;
  if (from < to) madvise(m->ram + from, to - from, MADV_POPULATE_WRITE); /* or it will be slower */
}

static void populate_start(Monitor *m, const GuestBoot *b) {
  const GuestImage *i = &m->image;
  uint64_t tables = m->memory / PAGE_SIZE * 17; /* pages.c of the guest: what it knows of each page */
  uint64_t packets = m->options.port_count * 10 * PAGE_SIZE;
  populate(m, PAGE_SIZE,
           24 * PAGE_SIZE + packets < i->kernel_start ? 24 * PAGE_SIZE + packets : i->kernel_start);
  populate(m, i->data_start, i->stack_guard);
  populate(m, i->stack_top - 2 * PAGE_SIZE, i->data_end + tables);
  populate(m, b->rings, b->rings ? m->memory : 0);
}

/* The devices: the ports in order, then the control channel. */
static void describe_devices(Monitor *m, GuestBoot *b) {
  for (unsigned i = 0; i < m->options.port_count; i++) {
    Port *p = &m->options.ports[i];
    GuestDevice *d = &b->devices[i];
    d->type = 1;
    d->queue_limit = 1024;
    memcpy(d->mac, p->mac, 6);
    d->mtu = 1500;
  }
  GuestDevice *console = &b->devices[m->options.port_count];
  console->type = 3;
  console->queue_limit = 16;
  console->offered = m->offered[m->options.port_count] = VIRTIO_F_VERSION_1 | VIRTIO_F_IN_ORDER;
  console->link = 1;
  b->device_count = m->options.port_count + 1;
}

bool image_share(Monitor *m, const GuestImage *want, const uint8_t *id) {
  int fd = m->options.image ? open(m->options.image, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return false;
  Elf64_Ehdr h;
  Elf64_Phdr p[HEADERS_MAX];
  read_headers(m, fd, m->options.image, &h, p);
  bool same = !memcmp(&m->image, want, sizeof *want) && !memcmp(m->image_id, id, sizeof m->image_id);
  m->image = *want;
  memcpy(m->image_id, id, sizeof m->image_id);
  for (unsigned i = 0; same && i < h.e_phnum; i++)
    if (p[i].p_type == PT_LOAD && p[i].p_filesz && !(p[i].p_flags & PF_W))
      map_in(m, fd, m->options.image, &p[i]);
  close(fd);
  return same;
}

void image_load(Monitor *m) {
  int fd = open(m->options.image, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(EXIT_REFUSED, "%s: %m", m->options.image);
  load_elf(m, fd, m->options.image);
  close(fd);
}

void image_describe(Monitor *m) {
  static const uint64_t devices[] = {GUEST_DOORBELLS, 0};
  tables_build((GuestTables *)(m->ram + m->image.tables), &m->image, m->memory, 1, devices);

  GuestBoot *b = m->boot = (GuestBoot *)(m->ram + m->image.boot);
  b->magic = GUEST_BOOT_MAGIC;
  b->version = GUEST_ABI_VERSION;
  b->size = sizeof *b;
  b->flags = GUEST_FLAG_MONITOR | m->options.flags;
  b->memory = m->memory;
  if (m->options.plan) b->plan_size = load_plan(m, m->options.plan, &b->plan);
  if (getrandom(b->entropy, sizeof b->entropy, GRND_NONBLOCK) != sizeof b->entropy)
    b->entropy[0] = (uint64_t)clock_ns();
  describe_devices(m, b);
  place_rings(m, b);
  populate_start(m, b);
}
