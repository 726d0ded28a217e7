/** HashSwitch: sends each packet to an output chosen by some of its bytes.
 *
 * Synopsis: `HashSwitch(OFFSET, LENGTH)`
 *
 * Ports: 1 push input, 1 or more push outputs. The bytes are added up; the sum, folded for 2, 4 or 8 outputs,
 * modulo the number of outputs is the output. Packets without all of the bytes go to output 0.
 *
 * Arguments: OFFSET (unsigned): of the first byte. Required. LENGTH (unsigned, at least 1): bytes. Required.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 10) -> hs :: HashSwitch(16, 4); hs [0] -> Discard; hs [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct HashSwitch {
  Element base;
  uint32_t offset, length;
} HashSwitch;

static inline int hash_switch_action(HashSwitch *e, Packet *p) {
  if ((uint64_t)e->offset + e->length > p->len) return 0;
  uint32_t sum = 0, n = e->base.noutputs;
  const uint8_t *d = p->data + e->offset;
  for (uint32_t i = 0; i < e->length; i++) sum += d[i];
  return (int)(n == 2 || n == 4 || n == 8 ? (sum ^ sum >> 4) & (n - 1) : sum % n);
}

ACTION(HashSwitch, hash_switch_action)

ELEMENT(HashSwitch, .per_thread = true, .ports = "1/1-", .processing = "h/h",
        USE_ACTION(HashSwitch, hash_switch_action),
        .args = ARGS(ARG_MUST(HashSwitch, U32, "OFFSET", offset),
                     ARG_MUST(HashSwitch, U32, "LENGTH", length, .min = 1, .max = 4294967295.)));
