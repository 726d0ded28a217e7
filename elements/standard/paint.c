/** Paint: sets the paint annotation of packets.
 *
 * Synopsis: `Paint(COLOR [, ANNO])`
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: COLOR (0 to 255): the value. Required. ANNO (annotation of one byte): where to put it. Default
 * PAINT.
 *
 * Handlers: `color` (read/write). The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Paint(7) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Paint {
  Element base;
  int anno;
  uint8_t color;
} Paint;

static inline int paint_action(Paint *e, Packet *p) {
  set_anno_u8(p, e->anno, e->color);
  return 0;
}

ACTION(Paint, paint_action)

static bool paint_live(Element *e) {
  (void)e;
  return true;
}

ELEMENT(Paint, .per_thread = true, .ports = "1/1", USE_ACTION(Paint, paint_action),
        .can_live_reconfigure = paint_live,
        .args = ARGS(ARG_MUST(Paint, U8, "COLOR", color),
                     ARG_POS(Paint, ANNO, "ANNO", anno, "PAINT", .min = 1, .fixed = true)),
        .handlers = HANDLERS(RW_FIELD(Paint, U8, "color", color)));
