/* main.c: clicklet-monitor: options, the order of things, and the end. See monitor.h for the parts. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "monitor.h"

/* Until the guest has started the CPU that it is to have may be busy, and the one that it is on is not. */
#define PIN_AFTER_NS (50 * NSEC_PER_MSEC)

Monitor monitor = {.options = {.memory = 5u << 20, .cpu = -1, .events = -1, .journal = -1}};

static const char usage_text[] =
    "usage: clicklet-monitor --image ELF [--plan FILE] [--mem BYTES[K|M|G]]\n"
    "         [--port tap:IFNAME|vhost-user:SOCKET[,mac=XX:XX:XX:XX:XX:XX]]...\n"
    "         [--control SOCKET] [--cpu N] [--events FD] [--journal FD --name NAME] [--start-time NS]\n"
    "         [--park-dir DIR [--park-after SECONDS]] [--parent PID] [--mode simulated|quit|stay]...\n"
    "       clicklet-monitor --restore SNAPSHOT [--image ELF] [--port ...]... [other options]\n"
    "Runs one Clicklet guest. --start-time is the CLOCK_MONOTONIC time from which boot phases count.\n"
    "Exit status: 0 stopped, 1 configuration refused or too little memory, 2 usage, 3 the host lacks "
    "something,\n"
    "70 the guest faulted.\n";

static _Noreturn void usage(const char *what, const char *arg) {
  fprintf(stderr, "clicklet-monitor: %s%s%s\n%s", what, arg ? " " : "", arg ? arg : "", usage_text);
  exit(EXIT_BAD_USAGE);
}

static uint64_t number(const char *option, const char *s) {
  char *end;
  errno = 0;
  uint64_t v = strtoull(s, &end, 10);
  unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (shift) end++;
  if (end == s || *end || errno || *s == '-' || v << shift >> shift != v) usage("not a number for", option);
  return v << shift;
}

static void parse_mac(Port *p, const char *s) {
  unsigned b[6];
  char rest;
  if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &rest) != 6 ||
      b[0] & 1)
    usage("not an Ethernet address:", s);
  for (unsigned i = 0; i < 6; i++) p->mac[i] = (uint8_t)b[i];
  p->mac_given = true;
}

static void parse_port(Options *o, const char *spec) {
  if (o->port_count == PORTS_MAX) usage("too many ports at", spec);
  Port *p = &o->ports[o->port_count];
  if (!strncmp(spec, "tap:", 4))
    *p = tap_port;
  else if (!strncmp(spec, "vhost-user:", 11))
    *p = vhost_port;
  else
    usage("a port is tap:IFNAME or vhost-user:SOCKET, not", spec);
  p->monitor = &monitor;
  p->index = o->port_count++;
  p->kick[0] = p->kick[1] = -1;
  p->arg = strdup(strchr(spec, ':') + 1);
  for (char *comma; (comma = strrchr(p->arg, ','));) {
    *comma = 0;
    if (strncmp(comma + 1, "mac=", 4)) usage("unknown option of a port:", comma + 1);
    parse_mac(p, comma + 5);
  }
  if (!*p->arg) usage("empty port:", spec);
}

/* For tests: simulated time, no run, handlers after the run. */
static uint32_t mode_flag(const char *s) {
  if (!strcmp(s, "simulated")) return GUEST_FLAG_SIMULATED;
  if (!strcmp(s, "quit")) return GUEST_FLAG_QUIT;
  if (!strcmp(s, "stay")) return GUEST_FLAG_STAY;
  usage("a mode is simulated, quit or stay, not", s);
}

static void parse(Options *o, int argc, char **argv) {
  for (int i = 1; i < argc; i += 2) {
    const char *a = argv[i], *v = i + 1 < argc ? argv[i + 1] : NULL;
    if (!strcmp(a, "--help")) {
      fputs(usage_text, stdout);
      exit(EXIT_DONE);
    }
    if (!v) usage("missing value or unknown option:", a);
    if (!strcmp(a, "--image"))
      o->image = v;
    else if (!strcmp(a, "--plan"))
      o->plan = v;
    else if (!strcmp(a, "--mem"))
      o->memory = number(a, v);
    else if (!strcmp(a, "--port"))
      parse_port(o, v);
    else if (!strcmp(a, "--control"))
      o->control = v;
    else if (!strcmp(a, "--cpu"))
      o->cpu = (int)number(a, v);
    else if (!strcmp(a, "--events"))
      o->events = (int)number(a, v);
    else if (!strcmp(a, "--journal"))
      o->journal = (int)number(a, v);
    else if (!strcmp(a, "--parent")) /* ends when that process, which started this one, ends */
      o->parent = (int)number(a, v);
    else if (!strcmp(a, "--name"))
      o->name = v;
    else if (!strcmp(a, "--mode"))
      o->flags |= mode_flag(v);
    else if (!strcmp(a, "--restore"))
      o->restore = v;
    else if (!strcmp(a, "--park-dir"))
      o->park_dir = v;
    else if (!strcmp(a, "--park-after"))
      o->park_after = (int64_t)(number(a, v) % (1u << 30)) * NSEC_PER_SEC;
    else if (!strcmp(a, "--start-time"))
      o->start = (int64_t)number(a, v);
    else
      usage("unknown option:", a);
  }
  if (!o->image && !o->restore) usage("--image or --restore is needed", NULL);
  if (o->restore && o->plan) usage("a snapshot holds its configuration: no", "--plan");
  if (o->cpu >= 0 && o->cpu >= sysconf(_SC_NPROCESSORS_CONF))
    fail(EXIT_HOST, "this host has no CPU %d", o->cpu);
  o->memory &= ~UINT64_C(4095);
  if (o->memory < GUEST_MEMORY_MIN || o->memory > GUEST_MEMORY_MAX) {
    fprintf(stderr, "clicklet-monitor: a guest has %u to %u bytes of memory\n", GUEST_MEMORY_MIN,
            GUEST_MEMORY_MAX);
    exit(o->memory < GUEST_MEMORY_MIN ? EXIT_REFUSED : EXIT_BAD_USAGE);
  }
}

/* Addresses nobody gave are made from the port's name, so that they are the same at the next start. */
static void default_mac(Port *p) {
  if (p->mac_given) return;
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ p->index; /* FNV-1a */
  for (const char *s = p->arg; *s; s++) h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
  h ^= h >> 32;
  p->mac[0] = 0x02;
  for (unsigned i = 1; i < 6; i++) p->mac[i] = (uint8_t)(h >> (8 * (i - 1)));
}

/* ---- What the vCPU's thread has noticed
 * ----------------------------------------------------------------------------- */

static void report_text(Monitor *m, char *out, size_t size) { /* the guest's own words, made printable */
  for (size_t i = 0; i + 1 < size; i++) {
    char c = m->boot->report.reason[i];
    out[i] = c && (c < 32 || c > 126) ? '?' : c;
    if (!c) return;
  }
  out[size - 1] = 0;
}

static void boot_phases(Monitor *m) {
  const GuestReport *r = &m->boot->report;
  m->ready = true;
  event(m, "ready", "\"bootMs\":{\"monitor\":%.3f,\"kernel\":%.3f,\"configure\":%.3f}",
        guest_ms(m, m->tsc_mark + (uint64_t)m->tsc_offset), guest_ms(m, r->tsc_platform),
        guest_ms(m, r->tsc_configured));
}

static void look_at_states(Monitor *m) {
  uint32_t states = __atomic_exchange_n(&m->state_notices, 0, __ATOMIC_SEQ_CST);
  char reason[256];
  report_text(m, reason, sizeof reason);
  if (states) control_poll(); /* what was sent before the change of state comes first */
  if (states & 1u << GUEST_CONFIGURED) {
    boot_phases(m);
    park_report(m);
  }
  if (states & 1u << GUEST_WAITING) event(m, "waiting", NULL);
  if (states & 1u << GUEST_RESTING) event(m, "resting", NULL);
  if (states & 1u << GUEST_FIRST_PACKET)
    event(m, "firstPacket", "\"at\":%.3f", guest_ms(m, m->boot->report.tsc_first_packet));
  if (states & 1u << GUEST_STOPPED) end_with(m, EXIT_DONE, "%s", *reason ? reason : "stopped");
  if (states & 1u << GUEST_REFUSED) end_with(m, EXIT_REFUSED, "%s", reason);
  if (states & 1u << GUEST_OUT_OF_MEMORY) end_with(m, EXIT_REFUSED, "%s", reason);
  if (states & 1u << GUEST_FAULTED) end_with(m, EXIT_FAULT, "%s", reason);
}

static void look_at_devices(Monitor *m) {
  uint32_t devices = __atomic_exchange_n(&m->device_notices, 0, __ATOMIC_SEQ_CST);
  for (unsigned i = 0; i < m->options.port_count; i++)
    if (devices & 1u << i) m->options.ports[i].device_ready(&m->options.ports[i]);
  if (devices & 1u << m->options.port_count) control_device_ready(m);
  if (devices) (void)!write(m->device_done, &(uint64_t){1}, 8);
}

void look_at_vcpu(Monitor *m) {
  look_at_devices(m);
  look_at_states(m);
}

static void noticed(Watch *w, uint32_t events) {
  (void)events;
  uint64_t count;
  (void)!read(w->fd, &count, sizeof count);
  look_at_vcpu(&monitor);
  park_report(&monitor);
  if (!monitor.vcpu_ended || monitor.ending) return;
  look_at_states(&monitor);
  char reason[256];
  report_text(&monitor, reason, sizeof reason);
  end_with(&monitor, EXIT_FAULT, "%s", *reason ? reason : "the guest halted");
}

static void overdue(Alarm *a) {
  (void)a;
  end_with(&monitor, EXIT_DONE, "stopped; the guest did not answer and was ended");
}

static void signalled(Watch *w, uint32_t events) {
  (void)events;
  static Alarm alarm = {.fire = overdue};
  struct signalfd_siginfo info;
  if (read(w->fd, &info, sizeof info) != sizeof info) return;
  if (alarm.at || !control_stop_guest(&monitor))
    end_with(&monitor, EXIT_DONE, "stopped by a signal");
  else
    alarm_set(&alarm, clock_ns() + NSEC_PER_SEC);
}

static void watch_signals(void) {
  static Watch watch = {.ready = signalled};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  watch.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  watch_add(&watch, EPOLLIN);
}

static void pin_now(Alarm *a) {
  (void)a;
  vm_pin(&monitor);
}

static void serve(Monitor *m) {
  static Alarm pin = {.fire = pin_now};
  if (m->options.cpu >= 0) alarm_set(&pin, clock_ns() + PIN_AFTER_NS);
  event(m, "started", "\"pid\":%d,\"memory\":%llu", (int)getpid(), (unsigned long long)m->memory);
  control_listen(m);
  park_open(m);
  sandbox_enter();
  loop_run(m);

  vm_stop(m);
  for (unsigned i = 0; i < m->options.port_count; i++) m->options.ports[i].close(&m->options.ports[i]);
  control_close(m);
  _exit(m->status);
}

static void *serving(void *arg) {
  serve(arg);
  return NULL;
}

int main(int argc, char **argv) {
  Monitor *m = &monitor;
  m->options.start = clock_ns();
  parse(&m->options, argc, argv);
  for (unsigned i = 0; i < m->options.port_count; i++) default_mac(&m->options.ports[i]);
  watch_signals();
  if (m->options.parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != m->options.parent))
    fail(EXIT_DONE, "the program that started this monitor has gone");
  static Watch notice = {.ready = noticed};
  m->notice = notice.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  m->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  m->device_done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  watch_add(&notice, EPOLLIN);
  for (unsigned i = 0; i < PORTS_MAX; i++) m->calls[i] = -1;
  for (unsigned i = 0; i < m->options.port_count; i++)
    if (m->options.ports[i].begin) m->options.ports[i].begin(&m->options.ports[i]);
  vm_create(m);
  if (m->options.restore) {
    snapshot_open(m);
  } else {
    memory_create(m);
    image_load(m);
  }
  for (unsigned i = 0; i < m->options.port_count; i++)
    if (m->options.ports[i].ask) m->options.ports[i].ask(&m->options.ports[i]);
  if (!m->options.restore) image_describe(m);
  control_open();
  for (unsigned i = 0; i < m->options.port_count; i++) {
    Port *p = &m->options.ports[i];
    for (unsigned q = 0; q < 2; q++) p->kick[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->open(p);
  }
  vm_equip(m);
  if (m->options.restore) snapshot_resume(m);
  /* This thread becomes the vCPU: handing that over to another one would take longer than much of what it has
   * done. The other one serves everything else. */
  pthread_t second;
  int error = pthread_create(&second, NULL, serving, m);
  if (error) fail(EXIT_HOST, "cannot start a thread: %s", strerror(error));
  vm_run(m);
  pthread_join(second, NULL); /* it ends the process */
}
