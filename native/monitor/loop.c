/* loop.c: the main thread's event loop: file descriptors and alarms. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include "monitor.h"

static int epoll_fd = -1;
static Alarm *alarms;

int64_t clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static bool control(int op, Watch *w, uint32_t events) {
  if (epoll_fd < 0) epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = events, .data.ptr = w};
  return epoll_ctl(epoll_fd, op, w->fd, &e) == 0;
}

bool watch_add(Watch *w, uint32_t events) { return control(EPOLL_CTL_ADD, w, events); }
void watch_change(Watch *w, uint32_t events) { control(EPOLL_CTL_MOD, w, events); }
void watch_remove(Watch *w) { control(EPOLL_CTL_DEL, w, 0); }

void alarm_clear(Alarm *a) {
  for (Alarm **at = &alarms; *at; at = &(*at)->next)
    if (*at == a) {
      *at = a->next;
      break;
    }
  a->at = 0;
}

void alarm_set(Alarm *a, int64_t at) {
  alarm_clear(a);
  a->at = at;
  a->next = alarms;
  alarms = a;
}

static int until_next_alarm(void) { /* ms for epoll_wait */
  int64_t first = INT64_MAX;
  for (Alarm *a = alarms; a; a = a->next)
    if (a->at < first) first = a->at;
  if (first == INT64_MAX) return -1;
  int64_t left = first - clock_ns();
  return left <= 0 ? 0 : (int)((left + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC);
}

static void fire_alarms(void) {
  int64_t now = clock_ns();
  for (Alarm *a = alarms; a;) {
    if (a->at > now) {
      a = a->next;
      continue;
    }
    alarm_clear(a);
    a->fire(a);
    a = alarms; /* the list may be another one now */
  }
}

void loop_run(Monitor *m) {
  while (!m->ending) {
    /* One event at a time: a handler may remove any other watch. */
    struct epoll_event e;
    int n = epoll_wait(epoll_fd, &e, 1, until_next_alarm());
    if (n < 0 && errno != EINTR) fail(EXIT_HOST, "epoll_wait: %m");
    if (n > 0) {
      Watch *w = e.data.ptr;
      w->ready(w, e.events);
    }
    if (alarms) fire_alarms();
  }
}
