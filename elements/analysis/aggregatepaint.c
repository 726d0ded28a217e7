/** AggregatePaint: sets the aggregate annotation to the paint annotation.
 *
 * Synopsis: `AggregatePaint([BITS, <keyword> INCREMENTAL])`
 *
 * Arguments: BITS (1 to 8): takes only so many low bits of the paint. Default 8. INCREMENTAL (bool): the bits
 * go behind the annotation's old ones; default false.
 *
 * Example: `InfiniteSource(LIMIT 5, STOP true) -> Paint(3) -> AggregatePaint -> Discard;`
 */
#include <clicklet/element.h>

typedef struct AggregatePaint {
  Element base;
  uint32_t bits;
  bool incremental;
} AggregatePaint;

static inline int aggregate_paint(AggregatePaint *a, Packet *p) {
  uint32_t v = anno_u8(p, ANNO_PAINT) & ((1u << a->bits) - 1);
  set_anno_u32(p, ANNO_AGGREGATE, a->incremental ? (anno_u32(p, ANNO_AGGREGATE) << a->bits) + v : v);
  return 0;
}

ACTION(AggregatePaint, aggregate_paint)

ELEMENT(AggregatePaint, .ports = "1/1", USE_ACTION(AggregatePaint, aggregate_paint),
        .args = ARGS(ARG_POS(AggregatePaint, U32, "BITS", bits, "8", .min = 1, .max = 8),
                     ARG(AggregatePaint, BOOL, "INCREMENTAL", incremental, "false")));
