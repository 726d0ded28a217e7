/** CheckPaint: lets packets of one colour pass.
 *
 * Synopsis: `CheckPaint(COLOR [, ANNO])`
 *
 * Ports: 1 input; packets whose paint is COLOR leave on output 0, others on output 1, or are dropped without
 * one.
 *
 * Arguments: COLOR (0 to 255): required. ANNO (annotation of one byte): where the paint is. Default PAINT.
 *
 * Handlers: `color` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 3) -> Paint(7) -> CheckPaint(7) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct CheckPaint {
  Element base;
  int anno;
  uint8_t color;
} CheckPaint;

static inline int check_paint_action(CheckPaint *e, Packet *p) { return anno_u8(p, e->anno) != e->color; }

ACTION(CheckPaint, check_paint_action)

ELEMENT(CheckPaint, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(CheckPaint, check_paint_action),
        .args = ARGS(ARG_MUST(CheckPaint, U8, "COLOR", color),
                     ARG_POS(CheckPaint, ANNO, "ANNO", anno, "PAINT", .min = 1)),
        .handlers = HANDLERS(RW_FIELD(CheckPaint, U8, "color", color)));
