/** CompareBlock: splits off packets of flows with much more traffic one way than the other.
 *
 * Synopsis: `CompareBlock(FWD_WEIGHT, REV_WEIGHT, THRESH)`
 *
 * Ports: 1 push input; a packet leaves on output 1 (push) if one of its rate annotations, as IPRateMonitor
 * sets them, is above THRESH and FWD_WEIGHT times the forward one is above REV_WEIGHT times the reverse one,
 * else on output 0 (push). Rates below 1 count as 1.
 *
 * Arguments: FWD_WEIGHT, REV_WEIGHT, THRESH (int): required.
 *
 * Handlers: `fwd_weight`, `rev_weight`, `thresh` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 3) -> b :: CompareBlock(5, 2, 100) -> Discard; b [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct CompareBlock {
  Element base;
  int32_t fwd_weight, rev_weight, threshold;
} CompareBlock;

static inline int compare_block_action(CompareBlock *e, Packet *p) {
  int32_t fwd = (int32_t)anno_u32(p, ANNO_FWD_RATE), rev = (int32_t)anno_u32(p, ANNO_REV_RATE);
  if (fwd < 1) fwd = 1;
  if (rev < 1) rev = 1;
  return (fwd > e->threshold || rev > e->threshold) &&
         (int64_t)e->fwd_weight * fwd > (int64_t)e->rev_weight * rev;
}

ACTION(CompareBlock, compare_block_action)

ELEMENT(CompareBlock, .ports = "1/2", .processing = "h/h", USE_ACTION(CompareBlock, compare_block_action),
        .args = ARGS(ARG_MUST(CompareBlock, I32, "FWD_WEIGHT", fwd_weight),
                     ARG_MUST(CompareBlock, I32, "REV_WEIGHT", rev_weight),
                     ARG_MUST(CompareBlock, I32, "THRESH", threshold)),
        .handlers = HANDLERS(RW_FIELD(CompareBlock, I32, "fwd_weight", fwd_weight),
                             RW_FIELD(CompareBlock, I32, "rev_weight", rev_weight),
                             RW_FIELD(CompareBlock, I32, "thresh", threshold)));
