/* kerneltun.h: KernelTun and KernelTap are one thing, with and without Ethernet headers. */
#ifndef CLICKLET_KERNELTUN_H
#define CLICKLET_KERNELTUN_H
#include "tun.h"

typedef struct KernelTun {
  Element base;
  IPPrefix address;
  uint32_t gateway, headroom;
  int32_t burst, mtu;
  uint8_t ether[6];
  bool tap, ignore_overflows, complained;
  char *wanted, *name;
  int fd;
  uint64_t packets, selected_calls;
  Task task;
  SignalSet signals;
} KernelTun;
typedef KernelTun KernelTap;

void kerneltun_push(Element *e, int port, Packet **p, unsigned n);
bool kerneltun_task(Element *e, Task *t);
int kerneltun_configure(Element *e, const Args *args, Errors *errs);
int kerneltun_initialize(Element *e, Errors *errs);
void kerneltun_cleanup(Element *e);
void kerneltun_selected(Element *e, int fd, bool readable, bool writable);

#define KERNELTUN_MEMBERS(TAP)                                                                               \
  .ports = "0-1/1-2", .processing = "a/h", .flow = "x/y", .flags = "S3", .targets = TARGET_HOST,             \
  .phase = PHASE_PRIVILEGED - 1, .push = kerneltun_push, .run_task = kerneltun_task,                         \
  .configure = kerneltun_configure, .initialize = kerneltun_initialize, .cleanup = kerneltun_cleanup,        \
  .selected = kerneltun_selected,                                                                            \
  .args = ARGS(ARG_MUST(KernelTun, IP_PREFIX, "ADDR", address),                                              \
               ARG_POS(KernelTun, IP, "GATEWAY", gateway, NULL), ARG(KernelTun, BOOL, "TAP", tap, TAP),      \
               ARG(KernelTun, U32, "HEADROOM", headroom, "28", .min = 0, .max = 8192),                       \
               ARG(KernelTun, I32, "BURST", burst, "1", .min = 1, .max = 1000000),                           \
               ARG(KernelTun, ETHER, "ETHER", ether, NULL),                                                  \
               ARG(KernelTun, BOOL, "IGNORE_QUEUE_OVERFLOWS", ignore_overflows, "false"),                    \
               ARG(KernelTun, I32, "MTU", mtu, "1500", .min = 20, .max = 65535),                             \
               ARG(KernelTun, WORD, "DEVNAME", wanted, NULL),                                                \
               ARG(KernelTun, WORD, "DEV_NAME", wanted, NULL, .flags = ARG_DEPRECATED)),                     \
  .handlers = HANDLERS(                                                                                      \
      READ_FIELD(KernelTun, WORD, "dev_name", name), READ_FIELD(KernelTun, U64, "packets", packets),         \
      READ_FIELD(KernelTun, U64, "selected_calls", selected_calls), TASK_HANDLERS(KernelTun, task))

#endif
