/** PaintTee: copies packets of one colour to a second output.
 *
 * Synopsis: `PaintTee(COLOR [, ANNO])`
 *
 * Ports: 1 input; every packet leaves on output 0. A copy of those whose paint is COLOR is pushed out of
 * output 1 first. With Paint at the interfaces and ICMPError behind output 1 this makes ICMP redirects.
 *
 * Arguments: COLOR (0 to 255): required. ANNO (annotation of one byte): where the paint is. Default PAINT.
 *
 * Handlers: `color` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 3) -> Paint(7) -> pt :: PaintTee(7) -> Discard; pt [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct PaintTee {
  Element base;
  int anno;
  uint8_t color;
} PaintTee;

static inline int paint_tee_action(PaintTee *e, Packet *p) {
  ACTION_RARE(anno_u8(p, e->anno) == e->color);
  if (anno_u8(p, e->anno) == e->color) {
    Packet *copy = packet_clone(p);
    if (likely(copy != NULL)) output_push(&e->base, 1, copy);
  }
  return 0;
}

ACTION(PaintTee, paint_tee_action)

ELEMENT(PaintTee, .per_thread = true, .ports = "1/2", .processing = "a/ah",
        USE_ACTION(PaintTee, paint_tee_action),
        .args = ARGS(ARG_MUST(PaintTee, U8, "COLOR", color),
                     ARG_POS(PaintTee, ANNO, "ANNO", anno, "PAINT", .min = 1, .fixed = true)),
        .handlers = HANDLERS(RW_FIELD(PaintTee, U8, "color", color)));
