/** SetAnnoByte: sets one byte of packets' annotations.
 *
 * Synopsis: `SetAnnoByte(ANNO, VALUE)`. Paint(VALUE, ANNO) does the same.
 *
 * Ports: 1 input, 1 output.
 *
 * Arguments: ANNO (annotation of one byte): required. VALUE (0 to 255): required.
 *
 * Handlers: `anno` (read): the annotation's offset. `value` (read/write). The configuration can be rewritten
 * while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> SetAnnoByte(PAINT, 3) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct SetAnnoByte {
  Element base;
  int anno;
  uint8_t value;
} SetAnnoByte;

static inline int set_anno_byte_action(SetAnnoByte *e, Packet *p) {
  set_anno_u8(p, e->anno, e->value);
  return 0;
}

ACTION(SetAnnoByte, set_anno_byte_action)

static bool set_anno_byte_live(Element *e) {
  (void)e;
  return true;
}

ELEMENT(SetAnnoByte, .per_thread = true, .ports = "1/1", USE_ACTION(SetAnnoByte, set_anno_byte_action),
        .can_live_reconfigure = set_anno_byte_live,
        .args = ARGS(ARG_MUST(SetAnnoByte, ANNO, "ANNO", anno, .min = 1),
                     ARG_MUST(SetAnnoByte, U8, "VALUE", value)),
        .handlers = HANDLERS(READ_FIELD(SetAnnoByte, ANNO, "anno", anno),
                             RW_FIELD(SetAnnoByte, U8, "value", value)));
