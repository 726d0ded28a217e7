/* events.c: what happens, as JSON lines for the program that started the monitor, and the last word when it
 * ends. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
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

void event(Monitor *m, const char *name, const char *format, ...) {
  if (m->options.events < 0) return;
  char line[8192];
  int n = snprintf(line, sizeof line, "{\"event\":\"%s\",\"ms\":%.3f", name, now_ms(m));
  if (format) {
    line[n++] = ',';
    va_list args;
    va_start(args, format);
    int more = vsnprintf(line + n, sizeof line - (size_t)n - 3, format, args);
    va_end(args);
    n += more < (int)sizeof line - n - 3 ? more : (int)sizeof line - n - 4;
  }
  line[n++] = '}', line[n++] = '\n';
  for (int at = 0; at < n;) {
    ssize_t done = write(m->options.events, line + at, (size_t)(n - at));
    if (done <= 0) break;
    at += (int)done;
  }
}

static void exit_event(Monitor *m, int status, const char *reason) {
  char text[700];
  json_string(text, sizeof text, reason);
  event(m, "exit", "\"status\":%d,\"reason\":%s", status, text);
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
