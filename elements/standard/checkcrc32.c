/** CheckCRC32: checks and removes the CRC-32 that SetCRC32 appended.
 *
 * Synopsis: `CheckCRC32`
 *
 * Ports: 1 input, 1 output. Packets whose CRC is wrong, or that are too short for one, are reported and
 * dropped.
 *
 * Arguments: none.
 *
 * Handlers: `drops` (read): packets dropped (the reference counts, but does not tell).
 *
 * Example: `InfiniteSource(LIMIT 3) -> SetCRC32 -> CheckCRC32 -> Discard;`
 */
#include "crc32.h"
#include <clicklet/platform.h>

typedef struct CheckCRC32 {
  Element base;
  uint64_t drops;
} CheckCRC32;

static inline int check_crc32_action(CheckCRC32 *e, Packet *p) {
  if (likely(p->len >= 4 && crc32(p->data, p->len - 4) == load32(packet_end(p) - 4))) {
    packet_take(p, 4);
    return 0;
  }
  char message[48];
  platform_write(2, message, format_into(message, sizeof message, "CRC32 failed, len %u\n", p->len));
  e->drops++;
  return PACKET_DROP;
}

ACTION(CheckCRC32, check_crc32_action)

ELEMENT(CheckCRC32, .ports = "1/1", USE_ACTION(CheckCRC32, check_crc32_action), .args = NO_ARGS,
        .handlers = HANDLERS(READ_FIELD(CheckCRC32, U64, "drops", drops)));
