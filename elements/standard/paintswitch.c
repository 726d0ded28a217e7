/** PaintSwitch: sends each packet to the output that its paint names.
 *
 * Synopsis: `PaintSwitch([ANNO])`
 *
 * Ports: 1 push input, any number of push outputs. Paint K goes to output K and is dropped if there is none.
 * Paint 255 goes to every output.
 *
 * Arguments: ANNO (annotation of one byte): where the paint is. Default PAINT.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Paint(1) -> ps :: PaintSwitch; ps [0] -> Discard; ps [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct PaintSwitch {
  Element base;
  int anno;
} PaintSwitch;

static inline int paint_switch_action(PaintSwitch *e, Packet *p) {
  int paint = anno_u8(p, e->anno), last = e->base.noutputs - 1;
  if (likely(paint != 255)) return paint;
  for (int o = 0; o < last; o++) {
    Packet *copy = packet_clone(p);
    if (likely(copy != NULL)) output_push(&e->base, o, copy);
  }
  return last; /* PACKET_DROP when there is no output */
}

ACTION(PaintSwitch, paint_switch_action)

ELEMENT(PaintSwitch, .per_thread = true, .ports = "1/-", .processing = "h/h",
        USE_ACTION(PaintSwitch, paint_switch_action),
        .args = ARGS(ARG_POS(PaintSwitch, ANNO, "ANNO", anno, "PAINT", .min = 1)));
