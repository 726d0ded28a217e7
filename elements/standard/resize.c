/** Resize: adds bytes to or removes them from both ends of packets.
 *
 * Synopsis: `Resize([HEAD, TAIL])`
 *
 * Ports: 1 input, 1 output. New bytes hold what was in the packet's head- or tailroom. A packet with fewer
 * bytes than are to be removed becomes empty.
 *
 * Arguments: HEAD, TAIL (int): bytes to add in front and behind; negative: to remove. Default 0.
 *
 * Handlers: `head`, `tail` (read/write). The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Resize(-14, 4) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Resize {
  Element base;
  int32_t head, tail;
} Resize;

static inline int resize_action(Resize *e, Packet *p) {
  if (e->head > 0 && !packet_nonunique_push(p, (uint32_t)e->head)) return PACKET_DROP;
  if (e->head < 0) packet_pull(p, 0u - (uint32_t)e->head);
  if (e->tail > 0 && !packet_put(p, (uint32_t)e->tail)) return PACKET_DROP;
  if (e->tail < 0) packet_take(p, 0u - (uint32_t)e->tail);
  return 0;
}

ACTION(Resize, resize_action)

static bool resize_live(Element *e) {
  (void)e;
  return true;
}

ELEMENT(Resize, .ports = "1/1", .flags = "S0", USE_ACTION(Resize, resize_action),
        .can_live_reconfigure = resize_live,
        .args = ARGS(ARG_POS(Resize, I32, "HEAD", head, "0", .min = -2147483648., .max = 1 << 24),
                     ARG_POS(Resize, I32, "TAIL", tail, "0", .min = -2147483648., .max = 1 << 24)),
        .handlers = HANDLERS(RW_FIELD(Resize, I32, "head", head), RW_FIELD(Resize, I32, "tail", tail)));
