/* status.c: what the monitor itself says about its guest. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "snapshot.h"

static int statm = -1; /* /proc/self/statm, opened before the sandbox closes */

void status_open(void) { statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC); }

static unsigned long long resident_bytes(void) {
  char text[128] = "";
  unsigned long long pages = 0;
  if (pread(statm, text, sizeof text - 1, 0) > 0) sscanf(text, "%*u %llu", &pages);
  return pages * 4096;
}

static void add(Bytes *b, const char *format, ...) printf_like(2, 3);
static void add(Bytes *b, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  bytes_add(b, text, n < (int)sizeof text ? (uint32_t)n : sizeof text - 1);
}

static void stats(Bytes *b) {
  Monitor *m = &monitor;
  const ExitCounters *e = &m->exits;
  add(b,
      "{\"version\":1,\"pid\":%d,\"state\":\"%s\",\"uptimeMs\":%.0f,\"memory\":{\"guestBytes\":%llu,"
      "\"residentBytes\":%llu},",
      (int)getpid(),
      m->vcpu_ended ? "exited"
      : m->pause    ? "paused"
      : m->parked   ? "parked"
                    : "running",
      now_ms(m), (unsigned long long)m->memory, resident_bytes());
  add(b,
      "\"exits\":{\"console\":%lu,\"wait\":%lu,\"state\":%lu,\"device\":%lu,\"notify\":%lu,\"interrupted\":%"
      "lu,\"other\":%lu},\"ports\":[",
      e->console, e->wait, e->state, e->device, e->notify, e->interrupted, e->other);
  for (unsigned i = 0; i < m->options.port_count; i++) {
    const Port *p = &m->options.ports[i];
    const PortCounters *c = &p->counters;
    char arg[300];
    json_string(arg, sizeof arg, p->arg);
    add(b, "%s{\"index\":%u,\"kind\":\"%s\",\"arg\":%s,\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\",\"link\":%s",
        i ? "," : "", i, p->kind, arg, p->mac[0], p->mac[1], p->mac[2], p->mac[3], p->mac[4], p->mac[5],
        m->boot->devices[i].link ? "true" : "false");
    if (!strcmp(p->kind, "tap"))
      add(b,
          ",\"rxPackets\":%lu,\"rxBytes\":%lu,\"rxDropped\":%lu,\"txPackets\":%lu,\"txBytes\":%lu,"
          "\"txDropped\":%lu",
          c->rx_frames, c->rx_bytes, c->rx_dropped, c->tx_frames, c->tx_bytes, c->tx_dropped);
    add(b, "}");
  }
  add(b, "]}");
}

/* ---- Snapshots: the client gets a file's descriptor number, to read as /proc/PID/fd/N while it stays
 * connected
 */

static struct {
  const void *client;
  int fd;
} lent[CLIENTS_MAX];

void status_forget(const void *client) {
  for (unsigned i = 0; i < countof(lent); i++)
    if (lent[i].client == client) {
      close(lent[i].fd);
      lent[i].client = NULL;
    }
}

static uint32_t refuse(Bytes *answer, uint32_t status, const char *why) {
  add(answer, "%s", why);
  return status;
}

static uint32_t snapshot(const void *client, const uint8_t *meta, uint32_t n, Bytes *answer) {
  uint64_t bytes = 0;
  int64_t start = clock_ns();
  if (n > SNAPSHOT_META_MAX) return refuse(answer, CHANNEL_TOO_LARGE, "too much text for a snapshot");
  if (monitor.vcpu_ended) return refuse(answer, CHANNEL_GONE, "the guest has ended");
  status_forget(client);
  unsigned i = 0;
  while (i < countof(lent) && lent[i].client) i++;
  if (i == countof(lent)) return refuse(answer, CHANNEL_FAILED, "too many snapshots at once");
  int fd = snapshot_take(&monitor, meta, n, &bytes);
  if (fd < 0)
    return refuse(answer, CHANNEL_FAILED,
                  "the snapshot could not be taken: out of memory, or the guest does not stand still");
  lent[i].client = client, lent[i].fd = fd;
  double ms = (double)(clock_ns() - start) / 1e6;
  add(answer, "{\"pid\":%d,\"fd\":%d,\"bytes\":%llu,\"tookMs\":%.3f}", (int)getpid(), fd,
      (unsigned long long)bytes, ms);
  event(&monitor, "snapshot", "\"bytes\":%llu,\"tookMs\":%.3f", (unsigned long long)bytes, ms);
  return CHANNEL_OK;
}

uint32_t monitor_request(const void *client, uint16_t type, const uint8_t *payload, uint32_t n,
                         Bytes *answer) {
  const char *why;
  switch (type) {
  case CHANNEL_MONITOR_STATS:
    stats(answer);
    return CHANNEL_OK;
  case CHANNEL_PAUSE:
    vm_pause(&monitor, true);
    event(&monitor, "paused", NULL);
    return CHANNEL_OK;
  case CHANNEL_RESUME:
    vm_pause(&monitor, false);
    event(&monitor, "resumed", NULL);
    return CHANNEL_OK;
  case CHANNEL_QUIT:
    end_with(&monitor, EXIT_DONE, "ended by request");
    return CHANNEL_OK;
  case CHANNEL_SNAPSHOT:
    return snapshot(client, payload, n, answer);
  case CHANNEL_PARK:
    why = park(&monitor);
    return why ? refuse(answer, CHANNEL_FAILED, why) : CHANNEL_OK;
  case CHANNEL_WAKE:
    park_wake(&monitor);
    return CHANNEL_OK;
  }
  return refuse(answer, CHANNEL_MALFORMED, "unknown request");
}

void report_boot_errors(const uint8_t *p, uint32_t n) {
  char list[7000];
  int len = 0;
  uint32_t at = sizeof(ChannelBoot);
  while (at < n && n - at >= sizeof(ChannelError) && len < (int)sizeof list - 900) {
    ChannelError e;
    char text[400], quoted[800];
    memcpy(&e, p + at, sizeof e);
    at += sizeof e;
    if (e.length > n - at) break;
    snprintf(text, sizeof text, "%.*s", (int)(e.length < sizeof text ? e.length : sizeof text - 1),
             (const char *)p + at);
    json_string(quoted, sizeof quoted, text);
    len += sprintf(list + len, "%s{\"warning\":%s,\"element\":%d,\"arg\":%d,\"message\":%s}", len ? "," : "",
                   e.warning ? "true" : "false", e.element, e.arg, quoted);
    at += (e.length + 3) & ~3u;
  }
  list[len] = 0;
  event(&monitor, "refused", "\"errors\":[%s]", list);
}
