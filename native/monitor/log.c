/* log.c: what the guest writes to its console goes to our standard output. Where that is a file it stays
 * bounded, whatever the guest does: when it has grown to LOG_MAX, its newest LOG_KEEP bytes take its place,
 * from the start of a line on. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "monitor.h"

enum { LOG_MAX = 4 << 20, LOG_KEEP = 1 << 20 };
static const char DROPPED[] = "[older lines were dropped]\n";

static uint64_t room; /* bytes until the file is looked at again */

static void write_all(const uint8_t *p, uint64_t n) {
  while (n) {
    ssize_t done = write(STDOUT_FILENO, p, n);
    if (done <= 0 && errno != EINTR) break;
    if (done > 0) p += done, n -= (uint64_t)done;
  }
}

static void look(void) {
  struct stat s;
  room = LOG_MAX;
  if (fstat(STDOUT_FILENO, &s) || !S_ISREG(s.st_mode)) return;
  if (s.st_size < LOG_MAX) {
    room -= (uint64_t)s.st_size;
    return;
  }
  uint8_t *kept = malloc(LOG_KEEP);
  ssize_t n = kept ? pread(STDOUT_FILENO, kept, LOG_KEEP, s.st_size - LOG_KEEP) : 0;
  const uint8_t *from = n > 0 ? memchr(kept, '\n', (size_t)n) : NULL;
  if (ftruncate(STDOUT_FILENO, 0) == 0) {
    write_all((const uint8_t *)DROPPED, sizeof DROPPED - 1);
    if (from) write_all(from + 1, (uint64_t)(kept + n - from - 1));
    room -= LOG_KEEP;
  }
  free(kept);
}

void log_write(const uint8_t *text, uint64_t n) {
  if (n > room) look();
  room -= n < room ? n : room;
  write_all(text, n);
}
