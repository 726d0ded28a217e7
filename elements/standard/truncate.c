/** Truncate: shortens packets to a length.
 *
 * Synopsis: `Truncate(LENGTH, <keyword> EXTRA_LENGTH)`
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: LENGTH (unsigned): bytes that stay at most. Required. EXTRA_LENGTH (bool): adds what is cut off
 * to the extra length annotation. Default true.
 *
 * Handlers: `nbytes` (read/write): LENGTH. The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Truncate(20) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Truncate {
  Element base;
  uint32_t length;
  bool extra;
} Truncate;

static inline int truncate_action(Truncate *e, Packet *p) {
  if (p->len <= e->length) return 0;
  uint32_t cut = p->len - e->length;
  if (e->extra) set_anno_u32(p, ANNO_EXTRA_LENGTH, anno_u32(p, ANNO_EXTRA_LENGTH) + cut);
  packet_take(p, cut);
  return 0;
}

ACTION(Truncate, truncate_action)

static bool truncate_live(Element *e) {
  (void)e;
  return true;
}

ELEMENT(Truncate, .per_thread = true, .ports = "1/1", USE_ACTION(Truncate, truncate_action),
        .can_live_reconfigure = truncate_live,
        .args = ARGS(ARG_MUST(Truncate, U32, "LENGTH", length),
                     ARG(Truncate, BOOL, "EXTRA_LENGTH", extra, "true")),
        .handlers = HANDLERS(RW_FIELD(Truncate, U32, "nbytes", length)));
