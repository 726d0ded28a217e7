/* vm.c: the virtual machine and its vCPU, which the first thread becomes. The vCPU starts in ring 3 with
 * everything prepared (image.c); there is no interrupt controller and no timer: an idle guest waits inside
 * one MMIO write, which this thread answers when a device calls or the guest's deadline is reached. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "monitor.h"
#include "../guest/kernel/tables.h"

enum { MSR_TSC = 0x10 };

static pthread_t thread;
static pid_t vcpu_tid;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER; /* m->pause, m->resting, m->vcpu_ended */

void vm_lock(void) { pthread_mutex_lock(&lock); }
void vm_unlock(void) { pthread_mutex_unlock(&lock); }

static uint64_t host_tsc(void) { return __builtin_ia32_rdtsc(); }

static void call_kvm(int fd, unsigned long request, void *arg, const char *what) {
  if (ioctl(fd, request, arg) < 0) fail(EXIT_HOST, "KVM: %s: %m", what);
}

static void open_kvm(Monitor *m) {
  m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (m->kvm < 0 && errno == ENOENT)
    fail(EXIT_HOST, "this host has no /dev/kvm: load the kvm module or enable (nested) virtualisation, or "
                    "use QEMU (--vmm qemu)");
  if (m->kvm < 0 && errno == EACCES)
    fail(EXIT_HOST, "no permission for /dev/kvm: add the user to the group kvm, or use QEMU (--vmm qemu)");
  if (m->kvm < 0) fail(EXIT_HOST, "/dev/kvm: %m");
  int version = ioctl(m->kvm, KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION) fail(EXIT_HOST, "KVM: version %d, need %d", version, KVM_API_VERSION);
}

/* The guest sees the vendor and what every x86-64 has, plus no-execute. Asking KVM for all it could show
 * takes longer than the rest of the start, and on a nested host each CPUID takes 20 us. */
static void set_cpuid(Monitor *m) {
  struct {
    struct kvm_cpuid2 head;
    struct kvm_cpuid_entry2 entries[4];
  } c = {.head.nent = 4};
  struct kvm_cpuid_entry2 *e = c.entries;
  __cpuid(0, e[0].eax, e[0].ebx, e[0].ecx, e[0].edx);
  e[0].eax = 1;
  e[1].function = 1;
  e[1].ebx = 8 << 8;   /* CLFLUSH size, in 8 bytes */
  e[1].ecx = 1u << 13; /* CMPXCHG16B */
  /* FPU VME DE PSE TSC MSR PAE CX8 SEP PGE CMOV PAT CLFSH MMX FXSR SSE SSE2 */
  e[1].edx = 0x0789a97f & (uint32_t)getauxval(AT_HWCAP); /* which is that register */
  e[2].function = 0x80000000, e[2].eax = 0x80000001;
  e[3].function = 0x80000001;
  e[3].ecx = 1;                                                        /* LAHF */
  e[3].edx = 1u << 29 | 1u << 20 | 1u << 11 | (e[1].edx & 0x0183f3ff); /* LM NX SYSCALL */
  call_kvm(m->vcpu, KVM_SET_CPUID2, &c, "CPUID");
}

static void set_registers(Monitor *m) {
  const GuestImage *i = &m->image;
  struct kvm_sregs s;
  call_kvm(m->vcpu, KVM_GET_SREGS, &s, "registers");
  struct kvm_segment code = {
      .limit = 0xffffffff, .selector = USER_CODE, .present = 1, .type = 11, .dpl = 3, .s = 1, .l = 1, .g = 1};
  struct kvm_segment data = code;
  data.selector = USER_DATA, data.type = 3, data.l = 0, data.db = 1;
  s.cs = code;
  s.ds = s.es = s.ss = data;
  struct kvm_segment none = {.unusable = 1};
  s.fs = s.gs = s.ldt = none;
  s.tr = (struct kvm_segment){.base = i->tables + offsetof(GuestTables, tss),
                              .limit = sizeof(GuestTss) - 1,
                              .selector = TASK_STATE,
                              .present = 1,
                              .type = 11};
  s.gdt.base = i->tables + offsetof(GuestTables, gdt);
  s.gdt.limit = sizeof(((GuestTables *)0)->gdt) - 1;
  s.idt.base = i->tables + offsetof(GuestTables, idt);
  s.idt.limit = sizeof(((GuestTables *)0)->idt) - 1;
  s.cr0 = GUEST_CR0;
  s.cr3 = i->tables;
  s.cr4 = GUEST_CR4;
  s.efer = GUEST_EFER | GUEST_EFER_NXE;
  call_kvm(m->vcpu, KVM_SET_SREGS, &s, "registers");
  struct kvm_regs r = {.rip = i->entry, .rsp = i->stack_top, .rflags = 2};
  call_kvm(m->vcpu, KVM_SET_REGS, &r, "registers");
}

/* Pins down how guest TSC, host TSC, monotonic and calendar time relate. */
static void set_clocks(Monitor *m) {
  long khz = ioctl(m->vcpu, KVM_GET_TSC_KHZ, 0);
  if (khz <= 0) fail(EXIT_HOST, "KVM: the host has no stable time stamp counter");
  struct {
    struct kvm_msrs head;
    struct kvm_msr_entry entry;
  } msr = {.head.nmsrs = 1, .entry.index = MSR_TSC};
  struct timespec now;
  uint64_t before = host_tsc();
  int got = ioctl(m->vcpu, KVM_GET_MSRS, &msr);
  uint64_t after = host_tsc();
  clock_gettime(CLOCK_REALTIME, &now);
  m->mono_mark = clock_ns();
  m->tsc_mark = after;
  m->tsc_khz = (uint64_t)khz;
  m->tsc_offset = got == 1 ? (int64_t)(msr.entry.data - (before + (after - before) / 2)) : 0;
  m->boot->tsc_khz = m->tsc_khz;
  m->boot->tsc_base = after + (uint64_t)m->tsc_offset;
  m->boot->epoch_base = now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

double now_ms(const Monitor *m) { return (double)(clock_ns() - m->options.start) / 1e6; }

double guest_ms(const Monitor *m, uint64_t tsc) {
  int64_t ticks = (int64_t)(tsc - (uint64_t)m->tsc_offset - m->tsc_mark);
  return (double)(m->mono_mark - m->options.start) / 1e6 + (double)ticks / (double)m->tsc_khz;
}

static void doorbells(Monitor *m, unsigned device, const int *kick) {
  for (unsigned q = 0; q < 2; q++) {
    struct kvm_ioeventfd io = {
        .addr = GUEST_DOORBELLS + GUEST_DOORBELL_NOTIFY(device, q), .len = 4, .fd = kick[q]};
    call_kvm(m->vm, KVM_IOEVENTFD, &io, "doorbells");
  }
}

void vm_pin(Monitor *m) {
  cpu_set_t own, others;
  CPU_ZERO(&own);
  CPU_SET((unsigned)m->options.cpu, &own);
  sched_setaffinity(vcpu_tid, sizeof own, &own);
  if (sched_getaffinity(0, sizeof others, &others)) return;
  CPU_CLR((unsigned)m->options.cpu, &others);
  if (CPU_COUNT(&others)) sched_setaffinity(0, sizeof others, &others);
}

void vm_create(Monitor *m) {
  thread = pthread_self();
  vcpu_tid = gettid();
  open_kvm(m);
  m->vm = ioctl(m->kvm, KVM_CREATE_VM, 0);
  if (m->vm < 0) fail(EXIT_HOST, "KVM: cannot create a virtual machine: %m");
  m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, 0);
  if (m->vcpu < 0) fail(EXIT_HOST, "KVM: cannot create a virtual CPU: %m");
  int size = ioctl(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  m->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
  if (m->run == MAP_FAILED) fail(EXIT_HOST, "KVM: cannot map the virtual CPU: %m");
  set_cpuid(m);
}

void vm_equip(Monitor *m) {
  struct kvm_userspace_memory_region region = {.memory_size = m->memory, .userspace_addr = (uint64_t)m->ram};
  call_kvm(m->vm, KVM_SET_USER_MEMORY_REGION, &region, "memory");
  if (!m->options.restore) set_registers(m);
  for (unsigned i = 0; i <= m->options.port_count; i++)
    doorbells(m, i, i < m->options.port_count ? m->options.ports[i].kick : control_kicks());
  set_clocks(m);
}

void vm_save(Monitor *m, CpuState *out) {
  memset(out, 0, sizeof *out);
  call_kvm(m->vcpu, KVM_GET_REGS, &out->regs, "registers");
  call_kvm(m->vcpu, KVM_GET_SREGS, &out->sregs, "registers");
  call_kvm(m->vcpu, KVM_GET_FPU, &out->fpu, "registers");
  out->tsc_khz = m->tsc_khz;
  out->ticks = host_tsc() + (uint64_t)m->tsc_offset - m->boot->tsc_base;
}

/* The guest's clock goes on where it stood; the calendar is right. Not all hosts let a TSC be set, so the
 * base that the guest counts from moves. */
void vm_restore(Monitor *m, const CpuState *from) {
  if (from->tsc_khz > m->tsc_khz + m->tsc_khz / 1000 || m->tsc_khz > from->tsc_khz + from->tsc_khz / 1000)
    fail(EXIT_HOST,
         "the snapshot was taken on a host whose time stamp counter runs at %llu kHz, here it is %llu",
         (unsigned long long)from->tsc_khz, (unsigned long long)m->tsc_khz);
  call_kvm(m->vcpu, KVM_SET_SREGS, (void *)&from->sregs, "registers of the snapshot");
  call_kvm(m->vcpu, KVM_SET_REGS, (void *)&from->regs, "registers of the snapshot");
  call_kvm(m->vcpu, KVM_SET_FPU, (void *)&from->fpu, "registers of the snapshot");
  m->boot->tsc_base -= from->ticks;
  m->boot->epoch_base -= (int64_t)((unsigned __int128)from->ticks * 1000000 / from->tsc_khz);
}

/* ---- What the guest writes to its doorbells
 * ------------------------------------------------------------------------- */

static void notice(Monitor *m, volatile uint32_t *mask, uint32_t bits) {
  __atomic_fetch_or(mask, bits, __ATOMIC_SEQ_CST);
  (void)!write(m->notice, &(uint64_t){1}, 8);
}

static void console(Monitor *m, uint64_t value) {
  uint64_t at = value >> 32, n = value & 0xffffffff;
  if (n > GUEST_TEXT_MAX) n = GUEST_TEXT_MAX;
  const uint8_t *text = memory_at(&m->map, at, n);
  if (text) log_write(text, n);
}

/* Blocks until a device has called or the time is over. */
static void wait_for_call(Monitor *m, uint64_t ns) {
  if (m->pause) return;
  struct pollfd fds[PORTS_MAX + 1] = {{.fd = m->wake, .events = POLLIN}};
  unsigned n = 1;
  for (unsigned i = 0; i < m->options.port_count; i++)
    if (m->calls[i] >= 0) fds[n++] = (struct pollfd){.fd = m->calls[i], .events = POLLIN};
  struct timespec t = {.tv_sec = (time_t)(ns / (uint64_t)NSEC_PER_SEC),
                       .tv_nsec = (long)(ns % (uint64_t)NSEC_PER_SEC)};
  bool bounded = ns < (uint64_t)INT64_MAX / 2;
  static bool still_idle;
  vm_lock();
  int64_t now = clock_ns();
  if (!still_idle) m->waits_since = now;
  m->waits_until = bounded ? now + (int64_t)ns : INT64_MAX;
  m->waiting = true;
  vm_unlock();
  int called = ppoll(fds, n, bounded ? &t : NULL, NULL);
  vm_lock();
  m->waiting = false;
  if (m->parked) park_wake_locked(m);
  vm_unlock();
  bool asked = __atomic_exchange_n(&m->asked, false, __ATOMIC_SEQ_CST);
  still_idle = asked && called == 1 && fds[0].revents;
  if (called <= 0) return;
  uint64_t count;
  for (unsigned i = 0; i < n; i++)
    if (fds[i].revents & POLLIN) (void)!read(fds[i].fd, &count, sizeof count);
}

static void stray_access(Monitor *m, const char *what, uint64_t at) {
  struct kvm_regs r = {0};
  ioctl(m->vcpu, KVM_GET_REGS, &r);
  GuestReport *report = &m->boot->report;
  report->state = GUEST_FAULTED;
  report->fault.rip = r.rip;
  report->fault.address = at;
  snprintf(report->reason, sizeof report->reason, "fault: %s 0x%llx, where there is no memory, rip 0x%llx",
           what, (unsigned long long)at, (unsigned long long)r.rip);
}

/* A device that was reset must have forgotten its queues before the guest goes on: their memory is its own
 * again. */
static void device_changed(Monitor *m, unsigned device) {
  uint64_t count;
  bool reset = !m->boot->devices[device].ready;
  if (reset) (void)!read(m->device_done, &count, sizeof count);
  notice(m, &m->device_notices, 1u << device);
  struct pollfd done = {.fd = m->device_done, .events = POLLIN};
  while (reset && m->pause != 2 && poll(&done, 1, 100) <= 0) {}
}

/* False: the guest must not go on. */
static bool doorbell(Monitor *m) {
  const struct kvm_run *r = m->run;
  uint64_t at = r->mmio.phys_addr - GUEST_DOORBELLS, value = 0;
  if (r->mmio.phys_addr < GUEST_DOORBELLS || at >= GUEST_DOORBELLS_SIZE || !r->mmio.is_write ||
      r->mmio.len > 8) {
    stray_access(m, r->mmio.is_write ? "write to" : "read of", r->mmio.phys_addr);
    return false;
  }
  memcpy(&value, r->mmio.data, r->mmio.len);
  switch (at) {
  case GUEST_DOORBELL_CONSOLE:
    m->exits.console++, console(m, value);
    return true;
  case GUEST_DOORBELL_WAIT:
    m->exits.wait++, wait_for_call(m, value);
    return true;
  case GUEST_DOORBELL_STATE:
    m->exits.state++;
    if (value < 32) notice(m, &m->state_notices, 1u << value);
    return value < GUEST_STOPPED || value == GUEST_WAITING || value == GUEST_RESTING;
  case GUEST_DOORBELL_DEVICE:
    m->exits.device++;
    if (value < GUEST_DEVICES) device_changed(m, (unsigned)value);
    return true;
  }
  m->exits.notify++; /* no ioeventfd there: a device that does not exist */
  return true;
}

/* ---- The vCPU's thread
 * ------------------------------------------------------------------------------------------------ */

static void woken(int signal) { (void)signal; }

static bool step(Monitor *m) {
  if (ioctl(m->vcpu, KVM_RUN, 0) < 0) {
    if (errno != EINTR && errno != EAGAIN) {
      stray_access(m, strerror(errno), 0);
      return false;
    }
    m->exits.interrupted++;
    return true;
  }
  switch (m->run->exit_reason) {
  case KVM_EXIT_MMIO:
    return doorbell(m);
  case KVM_EXIT_INTR:
    m->exits.interrupted++;
    return true;
  case KVM_EXIT_HLT:
    return false; /* after a fault */
  case KVM_EXIT_SHUTDOWN:
    stray_access(m, "triple fault", 0);
    return false;
  case KVM_EXIT_INTERNAL_ERROR:
    stray_access(m, "instruction that KVM cannot emulate, access to", 0);
    return false;
  }
  m->exits.other++;
  stray_access(m, "unexpected exit", m->run->exit_reason);
  return false;
}

static void rest(Monitor *m) {
  vm_lock();
  m->resting = true;
  pthread_cond_broadcast(&changed);
  while (m->pause == 1) pthread_cond_wait(&changed, &lock);
  if (m->parked) park_wake_locked(m);
  m->resting = false;
  vm_unlock();
}

void vm_run(Monitor *m) {
  struct sigaction action = {.sa_handler = woken};
  sigaction(SIGUSR1, &action, NULL);
  for (;;) {
    __atomic_store_n(&m->run->immediate_exit, 0, __ATOMIC_SEQ_CST); /* before m->pause is looked at */
    uint32_t pause = __atomic_load_n(&m->pause, __ATOMIC_SEQ_CST);
    if (pause == 2) break;
    if (pause) m->run->immediate_exit = 1; /* KVM only finishes the instruction that the last exit was in */
    if (!step(m)) break;
    if (pause) rest(m);
  }
  vm_lock();
  m->vcpu_ended = 1;
  pthread_cond_broadcast(&changed);
  vm_unlock();
  (void)!write(m->notice, &(uint64_t){1}, 8);
}

static void interrupt_vcpu(Monitor *m, uint32_t pause) {
  vm_lock();
  __atomic_store_n(&m->pause, pause, __ATOMIC_SEQ_CST);
  pthread_cond_broadcast(&changed);
  vm_unlock();
  if (!pause) return;
  m->run->immediate_exit = 1; /* in case the signal comes just before KVM_RUN */
  pthread_kill(thread, SIGUSR1);
  (void)!write(m->wake, &(uint64_t){1}, 8);
}

void vm_pause(Monitor *m, bool on) {
  if (m->vcpu_ended) return;
  interrupt_vcpu(m, on);
}

bool vm_rest(Monitor *m) {
  vm_pause(m, true);
  int64_t end = clock_ns() + 2 * NSEC_PER_SEC;
  for (bool rests = false; clock_ns() < end;) {
    vm_lock();
    if (!m->resting && !m->vcpu_ended) {
      struct timespec t;
      clock_gettime(CLOCK_REALTIME, &t);
      t.tv_nsec += 2000000;
      if (t.tv_nsec >= NSEC_PER_SEC) t.tv_sec++, t.tv_nsec -= NSEC_PER_SEC;
      pthread_cond_timedwait(&changed, &lock, &t);
    }
    rests = m->resting;
    vm_unlock();
    look_at_vcpu(m); /* it may be waiting for us to let go of a queue */
    if (rests || m->ending || m->vcpu_ended) return rests;
  }
  return false;
}

void vm_stop(Monitor *m) {
  if (!m->vcpu_ended) interrupt_vcpu(m, 2);
  vm_lock();
  while (!m->vcpu_ended) pthread_cond_wait(&changed, &lock);
  vm_unlock();
}
