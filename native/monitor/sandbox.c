/* sandbox.c: what a monitor may still ask of the host's kernel once its guest runs: should a guest ever take
 * the monitor over, it finds no files, no programs, no network. Everything not listed fails with EPERM. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include "monitor.h"

/* Everyday life: descriptors that are open, memory, time, waiting, the end. unlink is for the control socket.
 */
static const uint16_t allowed[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_sendfile,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_memfd_create,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_newfstatat,
    SYS_epoll_wait,
    SYS_epoll_pwait,
    SYS_epoll_ctl,
    SYS_poll,
    SYS_ppoll,
    SYS_accept4,
    SYS_connect,
    SYS_sendto,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_recvmsg,
    SYS_setsockopt,
    SYS_brk,
    SYS_mremap,
    SYS_munmap,
    SYS_madvise,
    SYS_futex,
    SYS_clock_gettime,
    SYS_gettimeofday,
    SYS_clock_nanosleep,
    SYS_restart_syscall,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_tgkill,
    SYS_getpid,
    SYS_gettid,
    SYS_sched_yield,
    SYS_sched_setaffinity,
    SYS_sched_getaffinity,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_unlink,
    SYS_unlinkat,
    SYS_exit,
    SYS_exit_group,
};

/* Allowed with one of these values of an argument. */
static const struct {
  uint16_t call, argument;
  uint32_t value;
} conditional[] = {
    {SYS_ioctl, 1, KVM_RUN},
    {SYS_ioctl, 1, KVM_GET_REGS},
    {SYS_ioctl, 1, KVM_GET_SREGS},
    {SYS_ioctl, 1, KVM_GET_FPU},
    {SYS_socket, 0, AF_UNIX},
    {SYS_mmap, 2, 0}, /* memory: none or read and write, never executable */
    {SYS_mmap, 2, 3},
    {SYS_mprotect, 2, 0},
    {SYS_mprotect, 2, 3},
};

#define LOAD(field)                                                                                          \
  (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, what)
#define SKIP_UNLESS(v, n) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, 0, n)

void sandbox_enter(void) {
  static struct sock_filter code[8 + 2 * countof(allowed) + 5 * countof(conditional)];
  unsigned n = 0;
  code[n++] = LOAD(arch);
  code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  code[n++] = RETURN(SECCOMP_RET_KILL_PROCESS);
  code[n++] = LOAD(nr);
  for (unsigned i = 0; i < countof(conditional); i++) {
    code[n++] = SKIP_UNLESS(conditional[i].call, 4);
    code[n++] = LOAD(args[conditional[i].argument]);
    code[n++] = SKIP_UNLESS(conditional[i].value, 1);
    code[n++] = RETURN(SECCOMP_RET_ALLOW);
    code[n++] = LOAD(nr);
  }
  for (unsigned i = 0; i < countof(allowed); i++) {
    code[n++] = SKIP_UNLESS(allowed[i], 1);
    code[n++] = RETURN(SECCOMP_RET_ALLOW);
  }
  code[n++] = RETURN(SECCOMP_RET_ERRNO | EPERM);
  struct sock_fprog program = {(unsigned short)n, code};
  /* Hosts without seccomp run the monitor as well, only less confined. */
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}
