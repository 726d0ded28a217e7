/* script_host.c: what Script can do on a host only: files, processes and signals. */
#define _GNU_SOURCE
#include "../standard/script.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int script_host_write_file(const char *name, bool append, const char *s, size_t n, Errors *errs) {
  int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
  if (fd < 0) return error(errs, "%s: %s", name, strerror(errno));
  while (n) {
    ssize_t k = write(fd, s, n);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) {
      error(errs, "%s: %s", name, strerror(errno));
      close(fd);
      return -1;
    }
    s += k;
    n -= (size_t)k;
  }
  close(fd);
  return 0;
}

int script_host_read_file(const char *name, Text *out, Errors *errs) {
  bool standard = !strcmp(name, "-");
  int fd = standard ? 0 : open(name, O_RDONLY | O_CLOEXEC), rc = 0;
  if (fd < 0) return error(errs, "%s: %s", name, strerror(errno));
  char buf[8192];
  for (ssize_t k; (k = read(fd, buf, sizeof buf)) != 0;) {
    if (k < 0 && errno == EINTR) continue;
    if (k < 0) {
      rc = error(errs, "%s: %s", name, strerror(errno));
      break;
    }
    text_add(out, buf, (size_t)k);
  }
  if (!standard) close(fd);
  return rc;
}

int64_t script_host_pid(void) { return getpid(); }

int script_host_signal(const char *name) {
  static const struct {
    const char *name;
    int number;
  } names[] = {{"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"HUP", SIGHUP},   {"INT", SIGINT},
               {"IO", SIGIO},     {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"TERM", SIGTERM},
               {"TSTP", SIGTSTP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};
  uint64_t v;
  if (parse_u64(name, &v)) return v < 32 ? (int)v : -1;
  for (unsigned i = 0; i < countof(names); i++)
    if (!strcmp(names[i].name, name)) return names[i].number;
  return -1;
}

/* ---- Signals: the handler writes into a pipe for each script that waits for the signal
 * --------------------------------- */

enum { MAX_WATCHES = 64 };
static struct {
  int write_fd, read_fd;
  uint64_t signals;
} watches[MAX_WATCHES];
static volatile unsigned nwatches;
static struct sigaction before[32];
static unsigned users[32];

static void caught(int n) {
  int saved = errno;
  unsigned char byte = (unsigned char)n;
  for (unsigned i = 0; i < nwatches; i++)
    if (watches[i].signals >> n & 1) (void)!write(watches[i].write_fd, &byte, 1);
  errno = saved;
}

int script_host_kill(int64_t pid, int signal, Errors *errs) {
  if (pid == getpid() && signal < 32 &&
      users[signal]) { /* at once: a real one may reach another thread, later */
    caught(signal);
    return 0;
  }
  if (!kill((pid_t)pid, signal)) return 0;
  return error(errs, "kill(%lld, %d): %s", (long long)pid, signal, strerror(errno));
}

static void catch_signals(uint64_t signals, bool on) {
  for (int n = 1; n < 32; n++) {
    if (!(signals >> n & 1)) continue;
    if (on ? users[n]++ : --users[n]) continue;
    struct sigaction a = {.sa_handler = on ? caught : SIG_DFL};
    /* Node's own handler of SIGUSR1 starts a debugger: without a script it ends the program, as in the
     * reference. */
    sigaction(n, on || n == SIGUSR1 ? &a : &before[n], on ? &before[n] : NULL);
  }
}

/* Also called after the script ran to its end, when it is to be told of the signals again. */
int script_host_watch(Script *s, Errors *errs) {
  if (s->signal_fd < 0) {
    int fds[2];
    unsigned i = 0;
    while (i < nwatches && watches[i].write_fd >= 0) i++;
    if (i == MAX_WATCHES || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
      return error(errs, "cannot watch for signals");
    watches[i].read_fd = s->signal_fd = fds[0];
    watches[i].signals = 0;
    watches[i].write_fd = fds[1];
    if (i == nwatches) nwatches++;
    select_add(&s->base, fds[0], true, false);
  }
  for (unsigned i = 0; i < nwatches; i++)
    if (watches[i].write_fd >= 0 && watches[i].read_fd == s->signal_fd && !watches[i].signals) {
      watches[i].signals = s->signals;
      catch_signals(s->signals, true);
    }
  return 0;
}

static void stop_watching(Script *s, bool close_it) {
  for (unsigned i = 0; i < nwatches; i++)
    if (watches[i].write_fd >= 0 && watches[i].read_fd == s->signal_fd) {
      uint64_t signals = watches[i].signals;
      watches[i].signals = 0;
      catch_signals(signals, false);
      if (!close_it) return;
      int fd = watches[i].write_fd;
      watches[i].write_fd = -1;
      close(fd);
    }
}

void script_host_unwatch(Script *s) {
  if (s->signal_fd < 0) return;
  stop_watching(s, true);
  select_remove(&s->base, s->signal_fd, true, false);
  close(s->signal_fd);
  s->signal_fd = -1;
}

/* The script runs once for what came, and is told again when it has ended by itself. */
uint64_t script_host_caught(Script *s) {
  uint64_t seen = 0;
  unsigned char buf[64];
  for (ssize_t k; (k = read(s->signal_fd, buf, sizeof buf)) > 0;)
    for (ssize_t i = 0; i < k; i++) seen |= UINT64_C(1) << (buf[i] & 63);
  if (seen) stop_watching(s, false);
  return seen;
}
