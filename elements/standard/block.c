/** Block: splits packets by the rate that a monitor noted in them.
 *
 * Synopsis: `Block(THRESH)`
 *
 * Ports: 1 push input; packets whose forward rate annotation, as IPRateMonitor sets it, is at most THRESH
 * leave on output 0 (push), others on output 1 (push).
 *
 * Arguments: THRESH (int): 0 sends everything to output 0. Required.
 *
 * Handlers: `thresh` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 3) -> b :: Block(500) -> Discard; b [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Block {
  Element base;
  int32_t threshold;
} Block;

static inline int block_action(Block *e, Packet *p) {
  return e->threshold != 0 && (int32_t)anno_u32(p, ANNO_FWD_RATE) > e->threshold;
}

ACTION(Block, block_action)

ELEMENT(Block, .ports = "1/2", .processing = "h/h", USE_ACTION(Block, block_action),
        .args = ARGS(ARG_MUST(Block, I32, "THRESH", threshold)),
        .handlers = HANDLERS(RW_FIELD(Block, I32, "thresh", threshold)));
