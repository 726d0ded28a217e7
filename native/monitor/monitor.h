/* monitor.h: the KVM monitor: one process per guest. The vCPU has a thread of its own (vm.c); everything
 * else, the control socket, TAP ports, vhost-user connections and signals, is served by the main thread's
 * event loop (loop.c).
 *
 * The guest is hostile: what lies in its memory is read once into a copy, checked, then used.
 */
#ifndef CLICKLET_MONITOR_H
#define CLICKLET_MONITOR_H
#include <clicklet/base.h>
#include <clicklet/guest_abi.h>
#include <linux/kvm.h>
#include <unistd.h>
#include "../virtio/device.h"

/* Exit statuses; DESIGN.md's where they overlap. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_BAD_USAGE = 2, EXIT_HOST = 3, EXIT_FAULT = 70 };

enum { PORTS_MAX = 16, CLIENTS_MAX = 64 };

typedef struct Monitor Monitor;
typedef struct Port Port;

/* ---- Event loop (main thread)
 * -------------------------------------------------------------------------------------- */

typedef struct Watch Watch;
struct Watch {
  int fd;
  void (*ready)(Watch *w, uint32_t events); /* EPOLL* */
};
bool watch_add(Watch *w, uint32_t events);
void watch_change(Watch *w, uint32_t events);
void watch_remove(Watch *w);

typedef struct Alarm { /* fires once, in the event loop */
  int64_t at;          /* CLOCK_MONOTONIC ns, 0: off */
  void (*fire)(struct Alarm *a);
  struct Alarm *next;
} Alarm;
void alarm_set(Alarm *a, int64_t at);
void alarm_clear(Alarm *a);
void loop_run(Monitor *m); /* until m->ending */

int64_t clock_ns(void); /* CLOCK_MONOTONIC */

/* ---- Ports
 * ----------------------------------------------------------------------------------------------------------
 */

typedef struct PortCounters {
  uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, rx_dropped,
      tx_dropped; /* as the guest sees them; 0 where the monitor does not move them */
} PortCounters;

/* A port at rest, as a snapshot has it. `kind` and `arg` say where it was; no pointers. */
typedef struct PortState {
  char kind[16], arg[256];
  uint8_t mac[6];
  uint16_t ready; /* the rings are in use, at these positions (device_queue_stop); else they are lost */
  uint32_t bases[2];
  uint32_t generation;
  uint32_t held_bytes; /* a frame that found no buffer of the guest yet */
  PortCounters counters;
  uint8_t held[NET_FRAME_MAX];
} PortState;

struct Port {
  Monitor *monitor;
  unsigned index;   /* device number in the guest */
  const char *kind; /* "tap", "vhost-user" */
  char *arg;        /* interface or socket */
  uint8_t mac[6];
  bool mac_given;
  int kick[2];         /* eventfds the guest's doorbells write to */
  uint32_t generation; /* of its rings */
  PortCounters counters;
  void (*begin)(Port *p), (*ask)(Port *p); /* ahead of open, so that others work while we do; may be NULL */
  bool (*open)(Port *p);                   /* before the guest starts; fails by fail() */
  void (*device_ready)(Port *p);           /* the driver has set up (or reset) its queues */
  /* While the vCPU rests: stops working on the rings and says where they stand; goes on from there. */
  void (*halt)(Port *p, PortState *out);
  void (*go_on)(Port *p, const PortState *from);
  void (*close)(Port *p);
  union {
    struct TapPort *tap;
    struct VhostPort *vhost;
    struct ConsolePort *console;
  };
};
extern const Port tap_port, vhost_port;

/* What the driver of device `index` asks for, copied and checked. False, with a line in error, if it is
 * nonsense. */
typedef struct DriverSetup {
  uint64_t features;
  bool ready;
  GuestQueue queues[2];
} DriverSetup;
bool driver_setup(Monitor *m, unsigned index, DriverSetup *out, const char **error);
void port_name_state(const Port *p, PortState *s); /* fills in what is the same for all kinds */
/* What a port can offer a driver. */
#define PORT_FEATURES (DEVICE_FEATURES & ~(VIRTIO_F_ANY_LAYOUT | VIRTIO_F_EVENT_IDX))
void port_offer(Port *p, uint64_t features);
/* Says "the other side is there" or not. `lost`: the rings are gone, the driver must start anew. */
void port_link(Port *p, bool up, bool lost);

/* ---- The monitor
 * ---------------------------------------------------------------------------------------------------- */

typedef struct Options {
  const char *image, *plan, *control, *restore, *name, *park_dir;
  uint64_t memory;
  int cpu, events, journal, parent;
  uint32_t flags;     /* GUEST_FLAG_* beside GUEST_FLAG_MONITOR */
  int64_t park_after; /* ns without a packet or request, 0: never by itself */
  int64_t start;      /* CLOCK_MONOTONIC ns at which the process was started, for the boot phases */
  Port ports[PORTS_MAX];
  unsigned port_count;
} Options;

typedef struct ExitCounters {
  uint64_t console, wait, state, device, notify, interrupted, other;
} ExitCounters;

struct Monitor {
  Options options;
  /* memory */
  int memory_fd;
  uint8_t *ram;
  uint64_t memory;
  MemoryMap map;
  GuestImage image;
  uint8_t image_id[20];            /* the linker's digest of it */
  GuestBoot *boot;                 /* in guest memory: hostile */
  uint64_t offered[GUEST_DEVICES]; /* features */
  /* KVM */
  int kvm, vm, vcpu;
  struct kvm_run *run;
  uint64_t tsc_khz;
  int64_t tsc_offset;   /* guest TSC minus host TSC */
  uint64_t tsc_mark;    /* host TSC ... */
  int64_t mono_mark;    /* ... at this CLOCK_MONOTONIC */
  int wake;             /* eventfd: ends a wait of the guest */
  int calls[PORTS_MAX]; /* eventfds that vhost-user backends write; also end a wait */
  ExitCounters exits;
  /* vCPU thread to main thread */
  int notice;                                      /* eventfd: states or devices to look at */
  volatile uint32_t state_notices, device_notices; /* bit masks */
  volatile uint32_t vcpu_ended;
  int device_done; /* eventfd: the main thread has let go of the queues of a device that was reset */
  volatile uint32_t pause;
  /* Under `lock` (vm.c): the vCPU's thread touches no guest memory while it is at rest. */
  bool waiting, resting;            /* in a wait of the guest; paused */
  bool parked;                      /* guest memory is in the park file (park.c) */
  int64_t waits_since, waits_until; /* the present wait, CLOCK_MONOTONIC; until: INT64_MAX for ever */
  volatile bool asked;     /* a request has ended a wait: that is no work, the router is idle still */
  volatile uint32_t wakes; /* from the park that the main thread has not reported */
  /* state, main thread */
  bool ready, ending;
  int status;
  char reason[320];
  int64_t stop_deadline;
};
extern Monitor monitor;

/* Ends the process with one clear line. */
_Noreturn void fail(int status, const char *format, ...) printf_like(2, 3);
/* Asks the event loop to end with that status. The first reason wins. */
void end_with(Monitor *m, int status, const char *format, ...) printf_like(3, 4);

/* main.c: device setups and changes of state that the vCPU's thread has told of. */
void look_at_vcpu(Monitor *m);
/* image.c */
void memory_create(Monitor *m);
void image_load(Monitor *m);     /* the ELF */
void image_describe(Monitor *m); /* the boot block, the plan, the tables of the CPU */
bool image_sane(const GuestImage *i);
/* Where the image at hand is the one a snapshot was taken with, maps its code and constants and says so;
 * m->image is the snapshot's in any case. */
bool image_share(Monitor *m, const GuestImage *want, const uint8_t *id);
/* log.c */
void log_write(const uint8_t *text, uint64_t n);
/* vm.c */
void vm_create(Monitor *m);
void vm_pin(Monitor *m);   /* --cpu: the vCPU's thread there, the calling one elsewhere, where it can */
void vm_equip(Monitor *m); /* gives it memory, registers and doorbells, which must all be known */
void vm_run(Monitor *m);   /* the thread that calls this, and called vm_create, is the vCPU's from here on */
void vm_stop(Monitor *m);  /* ends it */
void vm_pause(Monitor *m, bool on);
/* Pauses, and waits until the vCPU rests. False if it does not within two seconds. */
bool vm_rest(Monitor *m);
void vm_lock(void);
void vm_unlock(void);
/* The vCPU at rest, as KVM has it, and the guest's clock. */
typedef struct CpuState {
  struct kvm_regs regs;
  struct kvm_sregs sregs;
  struct kvm_fpu fpu;
  uint64_t tsc_khz, ticks; /* TSC ticks since the guest's clock began */
} CpuState;
void vm_save(Monitor *m, CpuState *out);
void vm_restore(Monitor *m, const CpuState *from);
double guest_ms(const Monitor *m, uint64_t tsc); /* ms from process start */
double now_ms(const Monitor *m);
/* events.c */
void event(Monitor *m, const char *name, const char *format, ...)
    printf_like(3, 4); /* format: further JSON members or NULL */
void json_string(char *out, size_t size, const char *s);
/* control.c */
void control_open(void);         /* the guest's side */
const int *control_kicks(void);  /* of its two queues */
void control_listen(Monitor *m); /* the clients' */
void control_close(Monitor *m);
void control_device_ready(Monitor *m);
void control_poll(void);             /* takes what the guest has sent so far */
bool control_stop_guest(Monitor *m); /* sends STOP; false if the guest cannot be asked */
/* snapshot.c */
int snapshot_take(Monitor *m, const void *meta, uint32_t meta_bytes, uint64_t *bytes); /* a file, or -1 */
void snapshot_open(Monitor *m);   /* --restore: memory and all that lies in it */
void snapshot_resume(Monitor *m); /* the vCPU, the ports, the control channel; before the vCPU starts */
/* park.c */
void park_open(Monitor *m);        /* before the sandbox */
const char *park(Monitor *m);      /* NULL, or why not */
void park_wake(Monitor *m);        /* before the main thread touches guest memory outside of `boot` */
void park_wake_locked(Monitor *m); /* the same with vm_lock held, on either thread */
void park_report(Monitor *m);      /* main thread: tells of wakes, looks for idleness again */
/* sandbox.c */
void sandbox_enter(void);

#endif
