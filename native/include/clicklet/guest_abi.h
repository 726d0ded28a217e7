/* guest_abi.h: what the guest image and the monitor that starts it agree on. Self-contained; both sides
 * include it.
 *
 * The image is an ELF file with two ways in. Loaders that know nothing of Clicklet (QEMU, Firecracker, ...)
 * use the PVH entry note; ring 0 of the guest then builds what the monitor would have built. Clicklet's
 * monitor reads the image note (GuestImage), builds page tables, GDT, IDT and TSS in the guest's memory
 * (guest/kernel/tables.c, shared by both), fills the boot block (GuestBoot) and starts the vCPU in ring 3, so
 * that no ring-0 instruction runs before the first fault.
 *
 * Rules: the monitor MUST treat everything the guest can write (all of its memory) as hostile: it copies a
 * value once, checks it, then uses the copy. The guest trusts the monitor. Addresses are guest-physical, and
 * the guest maps them one to one. Little endian. All reserved members are zero.
 */
#ifndef CLICKLET_GUEST_ABI_H
#define CLICKLET_GUEST_ABI_H
#include <stdint.h>

#define GUEST_ABI_VERSION 1u
#define GUEST_MEMORY_MIN (3u << 20)    /* bytes of RAM below which no guest is started */
#define GUEST_MEMORY_MAX (3072u << 20) /* RAM lies below the device hole */

/* ---- The image note
 * ----------------------------------------------------------------------------------------------- */

#define GUEST_NOTE_NAME "Clicklet"
#define GUEST_NOTE_TYPE 1u

/* Where things are in the image. Page-aligned boundaries; the ranges follow each other in this order. */
typedef struct GuestImage {
  uint32_t version;                  /* GUEST_ABI_VERSION */
  uint32_t size;                     /* of this structure */
  uint64_t kernel_start, kernel_end; /* supervisor only: ring-0 code, data, tables */
  uint64_t text_start, text_end;     /* ring 3: read, execute */
  uint64_t rodata_start, rodata_end; /* ring 3: read */
  uint64_t data_start, data_end;     /* ring 3: read, write */
  uint64_t stack_guard;              /* one page inside data that is not mapped; the stack is above it */
  uint64_t stack_top;                /* of ring 3; 16-byte aligned */
  uint64_t entry;                    /* ring-3 entry; takes no argument */
  uint64_t tables;                   /* GuestTables, inside kernel */
  uint64_t trap_stubs;               /* trap stub n is at trap_stubs + n * GUEST_STUB_SIZE */
  uint64_t kernel_stack_top;
  uint64_t boot; /* GuestBoot, inside data */
} GuestImage;

#define GUEST_STUB_SIZE 16u
#define GUEST_TRAPS 48u /* IDT entries */
#define GUEST_IMAGE_LIMIT                                                                                    \
  (4u << 20) /* the image ends below this: the part of memory mapped by 4 KB pages                           \
              */

/* ---- MMIO
 * ----------------------------------------------------------------------------------------------------------
 */

/* The doorbell page. The guest only writes there. */
#define GUEST_DOORBELLS UINT64_C(0xfea00000)
#define GUEST_DOORBELLS_SIZE 0x1000u
/* 8 bytes: text address << 32 | length. The monitor prints the text (at most GUEST_TEXT_MAX bytes of it). */
#define GUEST_DOORBELL_CONSOLE 0x00u
#define GUEST_TEXT_MAX 4096u
/* 8 bytes: nanoseconds, UINT64_MAX: for ever. The write completes when a device has called the guest since
 * the last wait or when the time is over. */
#define GUEST_DOORBELL_WAIT 0x08u
/* 4 bytes: a GuestState the guest has entered. */
#define GUEST_DOORBELL_STATE 0x10u
/* 4 bytes: a device number: its driver part is filled in and ready (or reset). */
#define GUEST_DOORBELL_DEVICE 0x18u
/* 4 bytes, any value: queue q of device d has new buffers. */
#define GUEST_DOORBELL_NOTIFY(d, q) (0x100u + ((d)*GUEST_QUEUES + (q)) * 4u)

enum GuestState {
  GUEST_STARTED = 1,  /* ring-3 code runs */
  GUEST_CONFIGURED,   /* the boot plan is installed; the router runs */
  GUEST_FIRST_PACKET, /* the first frame was sent */
  GUEST_REFUSED,      /* the boot plan was refused; the guest serves its control channel and awaits another */
  GUEST_STOPPED,      /* clean end */
  GUEST_FAULTED,      /* report.fault says why; no more instructions will run */
  GUEST_OUT_OF_MEMORY, /* report.memory_needed says how much would have done, if known */
  GUEST_WAITING,       /* there is no boot plan; the guest awaits an install */
  GUEST_RESTING,       /* the router has stopped; the guest serves its control channel (GUEST_FLAG_STAY) */
};

/* ---- The boot block
 * ------------------------------------------------------------------------------------------------ */

#define GUEST_BOOT_MAGIC 0x544f4f424b4c43ull /* "CLKBOOT" */
#define GUEST_DEVICES 32u
#define GUEST_QUEUES 4u

enum {
  GUEST_FLAG_MONITOR = 1,   /* started by our monitor: doorbells exist, memory is zero */
  GUEST_FLAG_SIMULATED = 2, /* the router runs in simulated time */
  GUEST_FLAG_QUIT = 4,      /* the router is initialised and not run */
  GUEST_FLAG_STAY = 8,      /* when the router has stopped, its handlers can be read until a STOP */
};

/* A virtqueue as the driver laid it out (virtio 1.2, 2.6). size 0: not in use. */
typedef struct GuestQueue {
  uint32_t size; /* descriptors */
  uint32_t reserved;
  uint64_t descriptors, driver, device; /* the three areas */
} GuestQueue;

/* A virtio device without registers: the monitor fills in the first part before the guest starts, the driver
 * the second part, then it writes the device's number to GUEST_DOORBELL_DEVICE.
 *
 * Before the guest starts, the monitor may fill in `queues` of a net device, in zeroed memory that is the
 * driver's for this (driver_queue_bytes of ../virtio/driver.h for each, one behind the other) between
 * GuestBoot.rings and rings_end. With `accepted` and `ready` set as well, the device works on
 * them already and the driver has nothing to negotiate, unless `generation` is not 0 any more. */
typedef struct GuestDevice {
  /* the monitor's */
  uint32_t type;        /* virtio device id: 1 net, 3 console; 0: none */
  uint32_t queue_limit; /* descriptors of one queue at most */
  uint64_t offered;     /* virtio feature bits */
  uint8_t mac[6];
  uint16_t mtu;
  volatile uint32_t link; /* 1: the other side is there */
  volatile uint32_t
      generation; /* when it changes, the rings are lost: the driver resets them and starts anew */
  /* the driver's */
  uint64_t accepted;
  volatile uint32_t ready; /* 1 once the queues are valid */
  uint32_t queue_count;
  GuestQueue queues[GUEST_QUEUES]; /* net: 0 receive, 1 transmit; console: 0 to the guest, 1 from the guest */
} GuestDevice;

/* What happened in a trap that nothing handles. */
typedef struct GuestFault {
  uint64_t vector, error, address, rip, rsp; /* address: CR2 for page faults */
  uint64_t element;                          /* the running Element or 0 */
} GuestFault;

/* Written by the guest; the monitor reads it at state changes and for statistics. Times are TSC values of the
 * vCPU. */
typedef struct GuestReport {
  volatile uint64_t tsc_started, tsc_platform, tsc_configured, tsc_first_packet;
  volatile uint64_t memory_needed; /* bytes, 0 if not known */
  volatile uint64_t memory_free;   /* bytes */
  volatile uint64_t waits;         /* times the guest went idle */
  volatile uint32_t state, reserved;
  GuestFault fault;
  char reason[256]; /* text of a refusal, fault or stop; NUL-terminated */
} GuestReport;

typedef struct GuestBoot {
  uint64_t magic;
  uint32_t version, size;
  uint32_t flags, device_count;
  uint64_t memory;          /* bytes of RAM, from address 0 */
  uint64_t plan, plan_size; /* the boot plan; plan_size 0: none, wait for an install */
  uint64_t tsc_khz;         /* 0: the guest finds out */
  uint64_t tsc_base;        /* the vCPU's TSC at the moment ... */
  int64_t epoch_base;       /* ... when the time was this many ns since 1970 (PVH: from the CMOS clock, whole
                               seconds) */
  uint64_t entropy[4];
  uint64_t start_info;       /* PVH only: address of struct hvm_start_info, set by ring 0 */
  uint64_t rings, rings_end; /* whole pages that the monitor has set aside for the rings of net devices */
  uint64_t reserved[5];
  GuestReport report;
  GuestDevice devices[GUEST_DEVICES];
} GuestBoot;

_Static_assert(sizeof(GuestImage) == 128, "image note layout");
_Static_assert(sizeof(GuestQueue) == 32 && sizeof(GuestDevice) == 48 + 32 * GUEST_QUEUES, "device layout");
_Static_assert(sizeof(GuestReport) == 64 + 48 + 256, "report layout");
_Static_assert(sizeof(GuestBoot) == 168 + sizeof(GuestReport) + GUEST_DEVICES * sizeof(GuestDevice),
               "boot block layout");

#endif
