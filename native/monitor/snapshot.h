/* snapshot.h: the file a snapshot is: a guest at rest and everything its monitor knows that the guest's
 * memory does not say. Little endian; only this version of the monitor's format and of the guest's ABI is
 * read. Order in the file, without gaps:
 *
 *   SnapshotHeader
 *   CpuState, ConsoleState, PortState[port_count]
 *   bytes under way to the guest, bytes under way from it (control channel)
 *   meta: the caller's, not looked at (JSON of the command line)
 *   SnapshotRun[run_count], ascending
 *   memory of the runs; all other memory is zero, but for:
 *   the image's code and constants, image_bytes from GuestImage.text_start on. They are not read where the
 *   image at hand has the same digest
 *
 * The checksums find damage, not malice. A crafted file can do what a hostile guest can: everything in the
 * file is checked as the guest's own memory is.
 */
#ifndef CLICKLET_MONITOR_SNAPSHOT_H
#define CLICKLET_MONITOR_SNAPSHOT_H
#include "control.h"

#define SNAPSHOT_MAGIC UINT64_C(0x50414e534b4c43) /* "CLKSNAP" */
enum { SNAPSHOT_VERSION = 1, SNAPSHOT_META_MAX = CHANNEL_PAYLOAD_MAX };

typedef struct SnapshotHeader {
  uint64_t magic;
  uint32_t version;     /* SNAPSHOT_VERSION */
  uint32_t header_size; /* of this structure */
  uint32_t guest_abi;   /* GUEST_ABI_VERSION */
  uint32_t cpu_size, port_size, port_count;
  uint64_t file_bytes;
  uint64_t head_bytes; /* everything before the memory of the runs */
  uint64_t head_sum;   /* of those bytes, this member taken as 0 */
  uint64_t memory_sum; /* of the memory of the runs */
  uint64_t image_sum;  /* of the image's code and constants */
  uint64_t memory;     /* bytes of guest RAM */
  int64_t taken;       /* ns since 1970 */
  uint32_t to_bytes, from_bytes, last_id, meta_bytes, run_count, image_bytes;
  GuestImage image;
  uint8_t image_id[20], reserved[4]; /* the linker's digest of the image */
} SnapshotHeader;

typedef struct SnapshotRun {
  uint64_t at, bytes; /* whole pages */
} SnapshotRun;

_Static_assert(sizeof(SnapshotHeader) == 136 + sizeof(GuestImage), "snapshot layout");

/* Memory that is in use and not zero, without the image's code and constants. `keep`: a bit for each page
 * that is to be passed over, or NULL. */
typedef struct PageRuns {
  SnapshotRun *runs;
  uint32_t count, capacity;
  uint64_t bytes;
} PageRuns;
bool pages_find(Monitor *m, const uint8_t *keep, PageRuns *out); /* false: out of memory */

/* XXH64 (xxhash.com), whose 64-bit words keep up with memory. */
typedef struct Sum {
  uint64_t lanes[4], total;
  uint8_t rest[32];
  uint32_t rest_bytes;
} Sum;
void sum_start(Sum *s);
void sum_add(Sum *s, const void *data, size_t n);
uint64_t sum_end(const Sum *s);

#endif
