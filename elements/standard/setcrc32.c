/** SetCRC32: appends a CRC-32 to packets.
 *
 * Synopsis: `SetCRC32`
 *
 * Ports: 1 input, 1 output. The four bytes are the CRC in the machine's byte order, as in the reference;
 * CheckCRC32 checks and removes them.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> SetCRC32 -> CheckCRC32 -> Discard;`
 */
#include "crc32.h"

typedef struct SetCRC32 {
  Element base;
} SetCRC32;

static inline int set_crc32_action(SetCRC32 *e, Packet *p) {
  (void)e;
  uint32_t crc = crc32(p->data, p->len);
  if (!packet_put(p, 4)) return PACKET_DROP;
  store32(packet_end(p) - 4, crc);
  return 0;
}

ACTION(SetCRC32, set_crc32_action)

ELEMENT(SetCRC32, .ports = "1/1", USE_ACTION(SetCRC32, set_crc32_action), .args = NO_ARGS);
