/* clicklet-spawn: starts many monitors, some at a time. A program with a large memory and an event loop is a
 * slow parent; this one is small, and its caller only reads what became of each.
 *
 *   clicklet-spawn AT_ONCE
 *
 * Standard input: jobs, each a log file's name, a program and its arguments, every one ended by a NUL, and
 * one more NUL. The program is started in a session of its own, output to the log file, descriptor 3 a pipe
 * for its events (JSON lines), descriptor 4 as it is here. A job is done when its event "ready" or "exit" has
 * come, or its end of the pipe is closed.
 * Standard output, in JSON lines: {"job":N,"pid":P}, then {"job":N,"event":...} for each event, then
 * {"job":N,"done":true}. Ends with the last job, and at once when the caller ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { AT_ONCE_MAX = 64, WORDS = 128, LINE = 8192 };

typedef struct Job {
  unsigned number;
  int events; /* -1: free */
  char line[LINE];
  unsigned len;
} Job;

static Job jobs[AT_ONCE_MAX];
static char *input; /* what was read and not yet started */
static size_t have, room;
static unsigned count;

static void done(Job *j) {
  printf("{\"job\":%u,\"done\":true}\n", j->number);
  close(j->events);
  j->events = -1;
}

static void job_line(Job *j) {
  printf("{\"job\":%u,\"event\":%s}\n", j->number, j->line);
  if (strstr(j->line, "\"event\":\"ready\"") || strstr(j->line, "\"event\":\"exit\"")) done(j);
}

static void job_read(Job *j) {
  ssize_t n = read(j->events, j->line + j->len, LINE - 1 - j->len);
  if (n <= 0) {
    if (n == 0 || errno != EINTR) done(j);
    return;
  }
  j->len += (unsigned)n;
  for (char *end; j->events >= 0 && (end = memchr(j->line, '\n', j->len));) {
    *end = 0;
    job_line(j);
    j->len -= (unsigned)(end + 1 - j->line);
    memmove(j->line, end + 1, j->len);
  }
  if (j->len == LINE - 1) j->len = 0; /* no event is so long */
}

static int start(char **words, Job *j, pid_t *pid) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return errno;
  /* A child's own end must not be 3 already: dup2 to itself would keep it close-on-exec. */
  int child = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[1]);
  posix_spawn_file_actions_t a;
  posix_spawnattr_t attr;
  sigset_t none;
  sigemptyset(&none);
  posix_spawn_file_actions_init(&a);
  posix_spawn_file_actions_addopen(&a, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&a, 1, words[0], O_RDWR | O_APPEND | O_CREAT, 0600);
  posix_spawn_file_actions_adddup2(&a, 1, 2);
  posix_spawn_file_actions_adddup2(&a, child, 3);
  posix_spawnattr_init(&attr);
  posix_spawnattr_setsigmask(&attr, &none);
  posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  extern char **environ;
  int error = posix_spawn(pid, words[1], &a, &attr, words + 1, environ);
  posix_spawn_file_actions_destroy(&a);
  posix_spawnattr_destroy(&attr);
  close(child);
  j->events = ends[0];
  j->len = 0;
  return error;
}

/* Starts the first whole job in the input. False: there is none. */
static bool next(Job *j) {
  char *words[WORDS + 1];
  unsigned n = 0;
  size_t at = 0;
  for (;;) {
    char *end = memchr(input + at, 0, have - at);
    if (!end) return false;
    size_t length = (size_t)(end - (input + at));
    if (!length) break;
    if (n < WORDS) words[n++] = input + at;
    at += length + 1;
  }
  words[n] = NULL;
  j->number = count++;
  pid_t pid = 0;
  int error = n < 2 ? EINVAL : start(words, j, &pid);
  if (error)
    printf("{\"job\":%u,\"error\":\"%s\"}\n", j->number, strerror(error));
  else
    printf("{\"job\":%u,\"pid\":%d}\n", j->number, (int)pid);
  if (error && n >= 2) close(j->events);
  if (error) j->events = -1;
  have -= at + 1;
  memmove(input, input + at + 1, have);
  return true;
}

static bool input_read(void) {
  if (room - have < 1 << 16) {
    input = realloc(input, room += 1 << 18);
    if (!input) exit(3);
  }
  ssize_t n = read(0, input + have, room - have);
  if (n > 0) have += (size_t)n;
  return n > 0 || (n < 0 && errno == EINTR);
}

int main(int argc, char **argv) {
  unsigned at_once = argc == 2 ? (unsigned)atoi(argv[1]) : 0;
  if (!at_once || at_once > AT_ONCE_MAX) {
    fprintf(stderr, "usage: clicklet-spawn AT_ONCE, 1 to %d\n", AT_ONCE_MAX);
    return 2;
  }
  pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is started any more once the caller is dead */
  if (getppid() != parent) return 1;
  signal(SIGCHLD, SIG_IGN); /* who ends leaves no zombie */
  setvbuf(stdout, NULL, _IOLBF, 1 << 16);
  for (unsigned i = 0; i < at_once; i++) jobs[i].events = -1;
  for (bool open = true;;) {
    struct pollfd fds[AT_ONCE_MAX + 1];
    Job *who[AT_ONCE_MAX + 1];
    nfds_t n = 0;
    for (unsigned i = 0; i < at_once; i++) {
      while (jobs[i].events < 0 && next(&jobs[i])) {}
      if (jobs[i].events < 0) continue;
      who[n] = &jobs[i];
      fds[n++] = (struct pollfd){.fd = jobs[i].events, .events = POLLIN};
    }
    if (!open && !n) return 0;
    who[n] = NULL;
    fds[n] = (struct pollfd){.fd = open ? 0 : -1, .events = POLLIN};
    if (poll(fds, n + 1, -1) < 0) continue;
    for (nfds_t i = 0; i < n; i++)
      if (fds[i].revents) job_read(who[i]);
    if (fds[n].revents) open = input_read();
  }
}
