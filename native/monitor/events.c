/* events.c: what happens, as JSON lines for the program that started the monitor, and the last word when it
 * ends. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "monitor.h"

void json_string(char *out, size_t size, const char *s) {
  char *end = out + size - 8;
  *out++ = '"';
  for (; *s && out < end; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\')
      *out++ = '\\', *out++ = (char)c;
    else if (c < 32 || c >= 127)
      out += sprintf(out, "\\u%04x", c < 128 ? c : '?');
    else
      *out++ = (char)c;
  }
  *out++ = '"';
  *out = 0;
}

static void put_line(int fd, char *line, int n) {
  line[n++] = '}', line[n++] = '\n';
  for (int at = 0; at < n;) {
    ssize_t done = write(fd, line + at, (size_t)(n - at));
    if (done <= 0) break;
    at += (int)done;
  }
}

/* For all to read, as long as the file lives: one write for each line. */
static void journal(Monitor *m, const char *name, const char *members) {
  char line[8192], who[200];
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  json_string(who, sizeof who, m->options.name ? m->options.name : "");
  int n =
      snprintf(line, sizeof line - 3, "{\"time\":%lld,\"name\":%s,\"event\":\"%s\"%s%s",
               (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, who, name, *members ? "," : "", members);
  put_line(m->options.journal, line, n < (int)sizeof line - 3 ? n : (int)sizeof line - 4);
}

static void emit(Monitor *m, const char *name, const char *journal_name, const char *members) {
  if (m->options.journal >= 0) journal(m, journal_name, members);
  if (m->options.events < 0) return;
  char line[8192];
  int n = snprintf(line, sizeof line, "{\"event\":\"%s\",\"ms\":%.3f%s%s", name, now_ms(m),
                   *members ? "," : "", members);
  put_line(m->options.events, line, n);
}

void event(Monitor *m, const char *name, const char *format, ...) {
  char members[7800] = "";
  if (format) {
    va_list args;
    va_start(args, format);
    vsnprintf(members, sizeof members, format, args);
    va_end(args);
  }
  emit(m, name, name, members);
}

static void exit_event(Monitor *m, int status, const char *reason) {
  char text[700], members[800];
  json_string(text, sizeof text, reason);
  snprintf(members, sizeof members, "\"status\":%d,\"reason\":%s", status, text);
  emit(m, "exit", !status ? "stopped" : status == EXIT_FAULT ? "crashed" : "failed", members);
}

void fail(int status, const char *format, ...) {
  char reason[512];
  va_list args;
  va_start(args, format);
  vsnprintf(reason, sizeof reason, format, args);
  va_end(args);
  fprintf(stderr, "clicklet-monitor: %s\n", reason);
  exit_event(&monitor, status, reason);
  control_close(&monitor);
  _exit(status);
}

void end_with(Monitor *m, int status, const char *format, ...) {
  if (m->ending) return;
  va_list args;
  va_start(args, format);
  vsnprintf(m->reason, sizeof m->reason, format, args);
  va_end(args);
  m->status = status;
  m->ending = true;
  if (status) fprintf(stderr, "clicklet-monitor: %s\n", m->reason);
  exit_event(m, status, m->reason);
}
