/* dumpfile.c: trace files (dumpfile.h). */
#define _GNU_SOURCE
#include "dumpfile.h"
#include <clicklet/platform.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { CHUNK = 1 << 16 };

/* Runs `program` with one side of a pipe as its input or output and fd as the other; returns our side. */
static int spawn_filter(const char *program, const char *option, int fd, bool writes_to_us, int *pid,
                        Errors *errs) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return error(errs, "%s: %s", program, strerror(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writes_to_us ? fd : ends[0], 0);
  posix_spawn_file_actions_adddup2(&actions, writes_to_us ? ends[1] : fd, 1);
  char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)option, NULL};
  int failed = posix_spawnp(pid, program, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[writes_to_us ? 1 : 0]);
  if (!failed) return ends[writes_to_us ? 0 : 1];
  close(ends[writes_to_us ? 0 : 1]);
  *pid = 0;
  return error(errs, "cannot run %s: %s", program, strerror(failed));
}

static bool ends_with(const char *s, const char *tail) {
  size_t n = strlen(s), k = strlen(tail);
  return n >= k && !strcmp(s + n - k, tail);
}

static const char *compressor(const char *name) {
  return ends_with(name, ".gz")    ? "gzip"
         : ends_with(name, ".bz2") ? "bzip2"
         : ends_with(name, ".Z")   ? "compress"
                                   : NULL;
}

/* ---- Reading
 * ------------------------------------------------------------------------------------------------------- */

int dump_open(DumpInput *f, const char *name, Errors *errs) {
  f->fd = -1;
  f->pid = 0;
  f->begin = f->end = f->position = f->line = 0;
  f->eof = false;
  mem_free(f->name);
  bool standard = !strcmp(name, "-");
  f->name = mem_string(standard ? "<stdin>" : name, standard ? 7 : strlen(name));
  if (standard) {
    f->fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    return f->fd < 0 ? error(errs, "%s: %s", f->name, strerror(errno)) : 0;
  }
  f->fd = open(name, O_RDONLY | O_CLOEXEC);
  struct stat st;
  if (f->fd < 0 || fstat(f->fd, &st) < 0) return error(errs, "%s: %s", name, strerror(errno));
  if (S_ISDIR(st.st_mode)) return dump_close(f), error(errs, "%s: %s", name, strerror(EISDIR));
  uint8_t magic[3] = {0};
  const char *program = NULL;
  if (S_ISREG(st.st_mode) && pread(f->fd, magic, 3, 0) == 3)
    program = magic[0] == 0x1f && (magic[1] == 0x8b || magic[1] == 0x9d) ? "gzip"
              : !memcmp(magic, "BZh", 3)                                 ? "bzip2"
                                                                         : NULL;
  if (!program) return 0;
  int fd = spawn_filter(program, "-dc", f->fd, true, &f->pid, errs);
  close(f->fd);
  f->fd = fd;
  return fd < 0 ? -1 : 0;
}

int dump_open_text(DumpInput *f, const char *text, Errors *errs) {
  size_t n = strlen(text);
  *f = (DumpInput){.fd = -1, .eof = true, .name = mem_string("DATA", 4), .end = n, .capacity = n + 1};
  f->buffer = malloc(n + 1);
  if (!f->buffer) return error(errs, "out of memory");
  memcpy(f->buffer, text, n);
  return 0;
}

void dump_close(DumpInput *f) {
  if (f->fd >= 0) close(f->fd);
  f->fd = -1;
  if (f->pid > 0) waitpid(f->pid, NULL, 0);
  f->pid = 0;
  free(f->buffer);
  f->buffer = NULL;
  f->capacity = f->begin = f->end = 0;
  f->eof = true;
}

/* Reads until n bytes are there. */
static bool fill(DumpInput *f, size_t n) {
  while (f->end - f->begin < n && !f->eof) {
    if (f->begin) {
      memmove(f->buffer, f->buffer + f->begin, f->end - f->begin);
      f->end -= f->begin;
      f->begin = 0;
    }
    if (f->capacity < n || f->capacity - f->end < CHUNK / 2) {
      size_t capacity = f->capacity ? 2 * f->capacity : CHUNK;
      while (capacity < n) capacity *= 2;
      uint8_t *b = realloc(f->buffer, capacity);
      if (!b) return false;
      f->buffer = b;
      f->capacity = capacity;
    }
    ssize_t k = f->fd < 0 ? 0 : read(f->fd, f->buffer + f->end, f->capacity - f->end);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0)
      f->eof = true;
    else
      f->end += (size_t)k;
  }
  return f->end - f->begin >= n;
}

const uint8_t *dump_peek(DumpInput *f, size_t n, size_t *left) {
  bool ok = fill(f, n);
  if (left) *left = f->end - f->begin;
  return ok ? f->buffer + f->begin : NULL;
}

void dump_take(DumpInput *f, size_t n) {
  f->begin += n;
  f->position += n;
}

bool dump_skip(DumpInput *f, uint64_t n) {
  while (n) {
    if (f->begin == f->end && !fill(f, 1)) return false;
    size_t k = f->end - f->begin < n ? f->end - f->begin : (size_t)n;
    dump_take(f, k);
    n -= k;
  }
  return true;
}

bool dump_line(DumpInput *f, Text *out) {
  text_clear(out);
  for (size_t seen = 0;;) {
    for (size_t i = seen; i < f->end - f->begin; i++) {
      uint8_t c = f->buffer[f->begin + i];
      if (c != '\n' && c != '\r') continue;
      if (c == '\r' && i + 1 == f->end - f->begin && !f->eof) break; /* perhaps \r\n */
      text_add(out, (const char *)f->buffer + f->begin, i);
      dump_take(f, i + 1 + (c == '\r' && i + 1 < f->end - f->begin && f->buffer[f->begin + i + 1] == '\n'));
      f->line++;
      return true;
    }
    size_t have = f->end - f->begin;
    seen = have && f->buffer[f->end - 1] == '\r' ? have - 1 : have; /* the \r is looked at again */
    if (fill(f, have + 1)) continue;
    if (!have) return false;
    if (f->buffer[f->end - 1] == '\r') have--;
    text_add(out, (const char *)f->buffer + f->begin, have);
    dump_take(f, f->end - f->begin);
    f->line++;
    return true;
  }
}

int dump_seek(DumpInput *f, uint64_t position, Errors *errs) {
  if (position >= f->position && position - f->position <= f->end - f->begin) {
    dump_take(f, (size_t)(position - f->position));
    return 0;
  }
  if (!f->pid && f->fd >= 0 && lseek(f->fd, (off_t)position, SEEK_SET) >= 0) {
    f->begin = f->end = 0;
    f->position = position;
    f->eof = false;
    return 0;
  }
  if (position < f->position) return error(errs, "%s: cannot go back in this file", f->name);
  return dump_skip(f, position - f->position)
             ? 0
             : error(errs, "%s: position %llu is beyond the end", f->name, (unsigned long long)position);
}

void dump_size_text(const DumpInput *f, Text *out) {
  struct stat st;
  if (f->fd >= 0 && !f->pid && !fstat(f->fd, &st) && S_ISREG(st.st_mode))
    text_printf(out, "%llu", (unsigned long long)st.st_size);
  else
    text_add_char(out, '-');
}

/* ---- Writing
 * ------------------------------------------------------------------------------------------------------- */

int dump_create(DumpOutput *f, const char *name, bool compress, Errors *errs) {
  f->pid = 0;
  f->used = 0;
  f->standard = !strcmp(name, "-");
  f->fd = -1;
  if (f->standard) return f->fd = 1, 0;
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return error(errs, "%s: %s", name, strerror(errno));
  if (compress && compressor(name)) {
    int filter = spawn_filter(compressor(name), "-c", fd, false, &f->pid, errs);
    close(fd);
    if ((fd = filter) < 0) return -1;
  }
  f->buffer = malloc(CHUNK);
  f->fd = fd;
  return f->buffer ? 0 : error(errs, "out of memory");
}

static bool write_all(int fd, const uint8_t *s, size_t n) {
  while (n) {
    ssize_t k = write(fd, s, n);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) return false;
    s += k;
    n -= (size_t)k;
  }
  return true;
}

bool dump_flush(DumpOutput *f) {
  size_t n = f->used;
  f->used = 0;
  return f->standard || f->fd < 0 || write_all(f->fd, f->buffer, n);
}

bool dump_write(DumpOutput *f, const void *data, size_t n) {
  if (f->fd < 0) return errno = EBADF, false;
  if (f->standard) return platform_write(1, data, n), true;
  if (f->used + n > CHUNK && !dump_flush(f)) return false;
  if (n > CHUNK / 2 || f->unbuffered) return dump_flush(f) && write_all(f->fd, data, n);
  memcpy(f->buffer + f->used, data, n);
  f->used += n;
  return true;
}

void dump_finish(DumpOutput *f) {
  if (f->fd >= 0) dump_flush(f);
  if (f->fd >= 0 && !f->standard) close(f->fd);
  f->fd = -1;
  if (f->pid > 0) waitpid(f->pid, NULL, 0);
  f->pid = 0;
  free(f->buffer);
  f->buffer = NULL;
}

/* ---- Link types
 * ---------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  int link;
} link_names[] = {{"NULL", LINK_NULL},
                  {"IP", LINK_RAW},
                  {"ETHER", LINK_ETHER},
                  {"FDDI", LINK_FDDI},
                  {"ATM", LINK_ATM},
                  {"RFC1483", LINK_ATM},
                  {"ATM_RFC1483", LINK_ATM},
                  {"802_11", LINK_80211},
                  {"802.11", LINK_80211},
                  {"802_11_RADIO", LINK_RADIOTAP},
                  {"802.11_RADIO", LINK_RADIOTAP},
                  {"SLL", LINK_SLL},
                  {"AIRONET", LINK_AIRONET},
                  {"HDLC", LINK_HDLC},
                  {"PPP_HDLC", LINK_PPP_HDLC},
                  {"PPP", LINK_PPP},
                  {"SUNATM", LINK_SUNATM},
                  {"PRISM", LINK_PRISM}};

int link_parse(const char *name) {
  uint64_t v;
  for (unsigned i = 0; i < countof(link_names); i++)
    if (!strcmp(link_names[i].name, name)) return link_names[i].link;
  return *name == '#' && parse_u64(name + 1, &v) && v < INT32_MAX ? (int)v : -1;
}

void link_text(int link, Text *out) {
  for (unsigned i = 0; i < countof(link_names); i++)
    if (link_names[i].link == link) {
      text_add_string(out, link_names[i].name);
      return;
    }
  if (link < 0)
    text_add_string(out, "<none>");
  else
    text_printf(out, "#%d", link);
}

bool link_knows_ip(int link) {
  switch (link) {
  case LINK_RAW:
  case LINK_RAW_BSD:
  case LINK_ETHER:
  case LINK_SUNATM:
  case LINK_FDDI:
  case LINK_ATM:
  case LINK_SLL:
  case LINK_HDLC:
  case LINK_80211:
  case LINK_PRISM:
  case LINK_PPP_HDLC:
  case LINK_PPP:
  case LINK_NULL:
  case LINK_RADIOTAP:
    return true;
  }
  return false;
}

static unsigned word16(const uint8_t *s) { return (unsigned)(s[0] << 8 | s[1]); }
static bool is_ip_type(const uint8_t *s) { return word16(s) == 0x0800 || word16(s) == 0x86dd; }

/* Where the IP header begins in a frame of n bytes at s, or -1. */
static int64_t find_ip(const uint8_t *s, int64_t n, int link, int depth);

static int64_t inside(const uint8_t *s, int64_t n, int64_t skip, int link, int depth) {
  int64_t at = skip <= n && depth < 4 ? find_ip(s + skip, n - skip, link, depth + 1) : -1;
  return at < 0 ? -1 : at + skip;
}

/* LLC and SNAP headers (RFC 1042, RFC 2684). */
static int64_t find_in_llc(const uint8_t *s, int64_t n, int depth) {
  if (n >= 8 && s[0] == 0xaa && s[1] == 0xaa) {
    unsigned organisation = (unsigned)s[2] << 24 | (unsigned)s[3] << 16 | (unsigned)s[4] << 8 | s[5],
             type = word16(s + 6);
    if (organisation == 0x03000000 && is_ip_type(s + 6)) return 8;
    organisation &= 0xffffff;
    if ((organisation == 0 || organisation == 0xf8) && type == 0x8100 && n >= 12 && is_ip_type(s + 10))
      return 12;
    if (organisation == 0x80c2 && (type == 1 || type == 7)) return inside(s, n, 8, LINK_ETHER, depth);
    if (organisation == 0x80c2 && (type == 4 || type == 10)) return inside(s, n, 9, LINK_FDDI, depth);
    return (organisation == 0 || organisation == 0xf8) && is_ip_type(s + 6) ? 8 : -1;
  }
  return n >= 4 && s[0] == 0x06 && s[1] == 0x06 ? 4 : -1;
}

static int64_t find_ip(const uint8_t *s, int64_t n, int link, int depth) {
  switch (link) {
  case LINK_RAW:
  case LINK_RAW_BSD:
    return 0;
  case LINK_ETHER:
    if (n >= 14 && is_ip_type(s + 12)) return 14;
    return n >= 18 && word16(s + 12) == 0x8100 && is_ip_type(s + 16) ? 18 : -1;
  case LINK_FDDI:
    return n >= 21 && (s[0] & 0xf0) == 0x50 ? inside(s, n, 13, LINK_ATM, depth) : -1;
  case LINK_SUNATM:
    return inside(s, n, 4, LINK_ATM, depth);
  case LINK_ATM:
    return find_in_llc(s, n, depth);
  case LINK_SLL:
    return n >= 16 && is_ip_type(s + 14) ? 16 : -1;
  case LINK_HDLC:
    return n >= 4 && is_ip_type(s + 2) ? 4 : -1;
  case LINK_PPP_HDLC:
    if (n >= 4 && s[0] == 0xff) return !s[2] && (s[3] == 0x21 || s[3] == 0x57) ? 4 : -1;
    return n >= 4 && (s[0] == 0x0f || s[0] == 0x8f) ? find_ip(s, n, LINK_HDLC, depth) : -1;
  case LINK_PPP: {
    int64_t at = n >= 2 && s[0] == 0xff && s[1] == 0x03 ? 2 : 0;
    if (n < at + 2) return -1;
    if (s[at] == 0x21 || s[at] == 0x57) return at + 1;
    return !s[at] && (s[at + 1] == 0x21 || s[at + 1] == 0x57) ? at + 2 : -1;
  }
  case LINK_PRISM:
    return inside(s, n, 144, LINK_80211, depth);
  case LINK_RADIOTAP: {
    int64_t skip = n >= 4 ? s[3] << 8 | s[2] : 0;
    return skip >= 8 ? inside(s, n, skip, LINK_80211, depth) : -1;
  }
  case LINK_80211:
    return n >= 24 && (s[0] & 0x0c) == 0x08 ? inside(s, n, (s[1] & 3) == 3 ? 30 : 24, LINK_ATM, depth) : -1;
  case LINK_NULL: { /* the address family in the byte order of the machine that captured */
    if (n < 4) return -1;
    int family = s[0] | s[1] << 8;
    if (!family) family = s[2] << 8 | s[3];
    return family == 2 || family == 24 || family == 28 || family == 30 ? 4 : -1;
  }
  }
  return -1;
}

bool link_find_ip(Packet *p, int link) {
  int64_t at = find_ip(p->data, p->len, link, 0);
  if (at < 0 || at >= (int64_t)p->len) return false;
  uint8_t *ip = p->data + at;
  int64_t n = (int64_t)p->len - at;
  if (ip[0] >> 4 == 4 && (ip[0] & 15) >= 5 && (ip[0] & 15) * 4 <= n) {
    packet_set_network(p, ip, (ip[0] & 15u) * 4);
    packet_set_dst_ip(p, load32(ip + 16));
    return true;
  }
  if (ip[0] >> 4 != 6 || n < 40) return false;
  packet_set_network(p, ip, 40);
  return true;
}
