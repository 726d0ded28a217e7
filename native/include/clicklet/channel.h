/* channel.h: the control channel of a running guest: a byte stream of frames, little endian. In the guest it
 * is port 0 of a virtio-console. Clicklet's monitor serves it on a Unix socket to any number of clients;
 * under QEMU it is a chardev socket for one client. The same frames, the same client.
 *
 * Every request gets exactly one response: the same id, the same type with CHANNEL_RESPONSE set. Frames
 * without a request are events; their id is 0. Requests are handled in order, one at a time; they never
 * disturb the running router unless they succeed. A frame that cannot be understood is answered with
 * CHANNEL_MALFORMED; if its length cannot be trusted either, the monitor closes that connection (the guest
 * looks for the next magic number).
 */
#ifndef CLICKLET_CHANNEL_H
#define CLICKLET_CHANNEL_H
#include <stdint.h>

#define CHANNEL_MAGIC 0x464b4c43u /* "CLKF" */
#define CHANNEL_VERSION 1u
#define CHANNEL_PAYLOAD_MAX (64u << 20) /* bytes; a guest also refuses what its memory has no room for */

typedef struct ChannelFrame {
  uint32_t magic;
  uint16_t version; /* CHANNEL_VERSION */
  uint16_t type;
  uint32_t length; /* bytes of payload behind this header */
  uint32_t id;     /* the requester's choice, not 0 */
  uint32_t status; /* of a response or event: enum ChannelStatus; 0 in requests */
  uint32_t reserved;
} ChannelFrame;

enum ChannelType {
  /* Answered by the guest. Request payload -> payload of an OK response. */
  CHANNEL_PING = 1,    /* anything -> the same */
  CHANNEL_INSTALL = 2, /* a plan (plan.h) -> ErrorRecords: warnings. On an error the old router goes on */
  CHANNEL_READ = 3,    /* handler name, NUL[, parameter, NUL] -> its text */
  CHANNEL_WRITE = 4,   /* handler name, NUL, value -> nothing */
  CHANNEL_STATS = 5,   /* nothing -> ChannelStats, then ChannelPort[port_count] */
  CHANNEL_STOP = 6,    /* nothing -> nothing; then the guest ends */
  CHANNEL_BOOT =
      7, /* nothing -> ChannelBoot, then ErrorRecords. Also sent as an event once the guest has booted */
  /* Answered by the monitor. */
  CHANNEL_MONITOR_STATS = 0x100, /* nothing -> JSON text */
  CHANNEL_PAUSE = 0x101,         /* nothing -> nothing: the vCPU stands still */
  CHANNEL_RESUME = 0x102,        /* nothing -> nothing */
  CHANNEL_QUIT = 0x103,          /* nothing -> nothing: ends the monitor without asking the guest */
  /* any text -> JSON: {pid, fd, bytes, tookMs}. The snapshot is /proc/PID/fd/FD until the client disconnects
   * or asks for another; the text is kept in it */
  CHANNEL_SNAPSHOT = 0x104,
  CHANNEL_PARK =
      0x105, /* nothing -> nothing: an idle guest's memory goes to a file, and returns when needed */
  CHANNEL_WAKE = 0x106, /* nothing -> nothing: it returns now */
  CHANNEL_RESPONSE = 0x8000,
};

enum ChannelStatus {
  CHANNEL_OK = 0,
  CHANNEL_FAILED = 1,    /* payload: ErrorRecords that say why */
  CHANNEL_MALFORMED = 2, /* payload: ErrorRecords */
  CHANNEL_TOO_LARGE = 3, /* payload: ErrorRecords */
  CHANNEL_GONE = 4,      /* from the monitor: the guest ended or is paused and cannot answer */
};

/* A message, located in the plan as ErrorRecord of engine.h is. Records follow each other; each is padded
 * with zeros to a multiple of 4 bytes. */
typedef struct ChannelError {
  uint32_t warning;     /* 1: a warning */
  int32_t element, arg; /* index in the plan, or -1 */
  uint32_t length;      /* bytes of text behind this, without padding */
} ChannelError;

typedef struct ChannelStats {
  uint32_t size; /* of this structure; grows at its end only */
  uint32_t port_count;
  uint64_t uptime_ns;
  uint64_t memory_bytes, memory_free;
  uint64_t pool_total, pool_free, pool_failures;
  uint64_t rounds, tasks_run, idle_waits;
} ChannelStats;

typedef struct ChannelPort {
  uint8_t mac[6];
  uint8_t link, open; /* booleans: the other side is there; an element uses it */
  uint64_t rx_packets, rx_bytes, rx_dropped, tx_packets, tx_bytes, tx_dropped;
} ChannelPort;

typedef struct ChannelBoot {
  uint32_t size;
  uint32_t installed; /* 1: a router runs */
  uint64_t tsc_khz;
  uint64_t tsc_started, tsc_platform, tsc_configured, tsc_first_packet; /* 0: not yet */
  uint64_t memory_free, memory_needed;
} ChannelBoot;

_Static_assert(sizeof(ChannelFrame) == 24 && sizeof(ChannelError) == 16, "channel layout");
_Static_assert(sizeof(ChannelStats) == 80 && sizeof(ChannelPort) == 56 && sizeof(ChannelBoot) == 64,
               "channel layout");

#endif
