/* toipflowdumps_files.c: the files of ToIPFlowDumps: their names, what is at their beginning, gzip. */
#define _GNU_SOURCE
#include "toipflowdumps.h"
#include "../ip/ip.h"
#include <clicklet/platform.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool make_directories(const ToIPFlowDumps *d, const char *filename) {
  char *path = strdup(filename);
  bool ok = path != NULL;
  for (char *slash = path; ok && (slash = strchr(slash + 1, '/'));) {
    *slash = 0;
    ok = !mkdir(path, 0777) || errno == EEXIST;
    if (!ok) chatter(&d->base, "%s: %s", path, strerror(errno));
    *slash = '/';
  }
  free(path);
  return ok;
}

static void header_text(const ToIPFlowDumps *d, uint32_t aggregate, const FlowDump *f, Text *out) {
  bool tcp = f->proto == IP_PROTO_TCP;
  const char *options = d->all_options ? " tcp_opt" : " tcp_ntopt";
  text_printf(out, "!IPSummaryDump 1.3\n!flowid %pI %u %pI %u %c\n!aggregate %u\n!data ntimestamp",
              &f->addr[0], be16(f->port[0]), &f->addr[1], be16(f->port[1]), tcp ? 'T' : 'U', aggregate);
  if (d->binary)
    text_printf(out, "%s%s%s%s direction%s", tcp ? " tcp_seq payload_len tcp_ack" : " payload_len",
                d->id ? " ip_id" : "", tcp && d->window ? " tcp_window" : "", tcp ? " tcp_flags" : "",
                tcp ? options : "");
  else
    text_printf(out, " direction%s%s%s%s", d->id ? " ip_id" : "",
                tcp ? " tcp_flags tcp_seq payload_len tcp_ack" : " payload_len",
                tcp && d->window ? " tcp_window" : "", tcp ? options : "");
  text_add_char(out, '\n');
  for (int i = 0; i < 2; i++)
    if (tcp && f->have_seq[i] && f->seq[i]) text_printf(out, "!firstseq %c %u\n", "><"[i], f -> seq[i]);
  if (f->time) text_printf(out, "!firsttime %pT\n", &f->time);
  if (d->binary) text_add_string(out, "!binary\n");
}

static bool write_text(int fd, const Text *t) {
  for (uint32_t at = 0; at < t->len;) {
    ssize_t n = write(fd, t->s + at, t->len - at);
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) at += (uint32_t)n;
  }
  return true;
}

void flow_dump_write(ToIPFlowDumps *d, uint32_t aggregate, FlowDump *f) {
  bool standard = !strcmp(f->filename, "-");
  text_clear(&d->line);
  if (!f->begun) header_text(d, aggregate, f, &d->line);
  if (standard) {
    platform_write(1, text_cstr(&d->line), d->line.len);
    platform_write(1, text_cstr(&f->body), f->body.len);
  } else if (f->begun || make_directories(d, f->filename)) {
    int fd = open(f->filename, O_WRONLY | O_CLOEXEC | (f->begun ? O_APPEND : O_CREAT | O_TRUNC), 0666);
    if (fd < 0 || !write_text(fd, &d->line) || !write_text(fd, &f->body))
      chatter(&d->base, "%s: %s", f->filename, strerror(errno));
    if (fd >= 0) close(fd);
  }
  f->begun = true;
  text_clear(&f->body);
  f->packets = f->notes = 0;
}

void flow_dumps_compress(ToIPFlowDumps *d, bool wait) {
  int status = 0;
  if (d->child) {
    if (waitpid(d->child, &status, wait ? 0 : WNOHANG) == 0) return;
    d->child = 0;
    if (status) chatter(&d->base, "gzip did not end well; no more files are compressed");
    if (status) d->gzip = false;
  }
  if (!d->nfinished) return;
  char *argv[GZIP_FILES + 4] = {"gzip", "-f", "--"};
  memcpy(argv + 3, d->finished, d->nfinished * sizeof *argv);
  int rc = d->gzip ? posix_spawnp(&d->child, "gzip", NULL, NULL, argv, environ) : 0;
  if (rc) {
    chatter(&d->base, "gzip: %s; no more files are compressed", strerror(rc));
    d->child = 0;
    d->gzip = false;
  }
  while (d->nfinished) free(d->finished[--d->nfinished]);
}

void flow_dump_end(ToIPFlowDumps *d, uint32_t aggregate, FlowDump *f) {
  if (f->count >= d->mincount) {
    flow_dump_write(d, aggregate, f);
    if (d->gzip && strcmp(f->filename, "-")) {
      if (d->nfinished == GZIP_FILES) flow_dumps_compress(d, true);
      d->finished[d->nfinished++] = f->filename;
      f->filename = NULL;
      if (d->nfinished == GZIP_FILES) flow_dumps_compress(d, false);
    }
  } else if (f->begun && unlink(f->filename) < 0) {
    chatter(&d->base, "%s: %s", f->filename, strerror(errno));
  }
  free(f->filename);
  text_free(&f->body);
  mem_free(f);
}

void flow_dumps_end(ToIPFlowDumps *d) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < d->flows.size; i++) {
    AggregatePlace p = d->flows.places[i];
    d->flows.places[i].used = false;
    if (p.used) d->flows.places[n++] = p;
  }
  if (n) aggregate_sort(d->flows.places, n);
  for (uint32_t i = 0; i < n; i++)
    flow_dump_end(d, d->flows.places[i].aggregate, (FlowDump *)d->flows.places[i].value);
  aggregate_map_free(&d->flows);
}

/* ---- Names of files
 * --------------------------------------------------------------------------------------------- */

/* What one escape stands for. False if there is none of that letter. */
static bool expand_one(char letter, uint64_t part, uint32_t aggregate, const FlowDump *f, Text *out) {
  uint32_t v = aggregate;
  switch (letter) {
  case 'n':
  case 'x':
  case 'X':
    if (part <= 3)
      v = v >> (3 - part) * 8 & 255;
    else if (part <= 5)
      v = v >> (5 - part) * 16 & 65535;
    text_printf(out, letter == 'n' ? "%d" : letter == 'x' ? "%x" : "%X", v);
    return true;
  case 's':
  case 'd':
    if (part > 3)
      text_printf(out, "%pI", &f->addr[letter == 'd']);
    else
      text_printf(out, "%u", ((const uint8_t *)&f->addr[letter == 'd'])[part]);
    return true;
  case 'S':
  case 'D':
    text_printf(out, "%u", be16(f->port[letter == 'D']));
    return true;
  case 'p':
    text_add_char(out, f->proto == IP_PROTO_TCP ? 'T' : 'U');
    return true;
  case '%':
    text_add_char(out, '%');
    return true;
  default:
    return false;
  }
}

static uint64_t pattern_number(const char **s) {
  uint64_t v = 0;
  for (; is_digit(**s); ++*s) v = v < 1000 ? v * 10 + (uint64_t)(**s - '0') : v;
  return v;
}

const char *flow_dump_name(const char *pattern, uint32_t aggregate, const FlowDump *f, Text *out) {
  static const FlowDump none;
  Text value = {0};
  const char *wrong = NULL;
  for (const char *s = pattern; *s && !wrong; s++) {
    if (*s != '%') {
      text_add_char(out, *s);
      continue;
    }
    bool zero = *++s == '0';
    if (zero) s++;
    uint64_t width = pattern_number(&s), part = UINT64_MAX;
    if (*s == '.') {
      s++;
      part = pattern_number(&s);
    }
    text_clear(&value);
    if (!expand_one(*s, part, aggregate, f ? f : &none, &value)) wrong = *s ? s : "%";
    for (uint64_t i = value.len; i < width && i < 255; i++) text_add_char(out, zero ? '0' : '_');
    text_add_string(out, text_cstr(&value));
    if (!*s) break;
  }
  text_free(&value);
  return wrong;
}
