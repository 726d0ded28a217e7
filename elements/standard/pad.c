/** Pad: lengthens packets to a length.
 *
 * Synopsis: `Pad([LENGTH, <keyword> ZERO])`
 *
 * Ports: 1 input, 1 output. The extra length annotation is zero afterwards.
 *
 * Arguments: LENGTH (unsigned): bytes that packets get at least. Default 0: packets grow by their extra
 * length annotation. ZERO (bool): new bytes are zero; false leaves in them what was there. Default true.
 *
 * Handlers: none. The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3, LENGTH 20) -> Pad(60) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Pad {
  Element base;
  uint32_t length;
  bool zero;
} Pad;

static inline int pad_action(Pad *e, Packet *p) {
  uint32_t more = !e->length ? anno_u32(p, ANNO_EXTRA_LENGTH) : p->len < e->length ? e->length - p->len : 0;
  if (more) {
    if (more > UINT32_MAX / 4 || !packet_put(p, more)) return PACKET_DROP;
    if (e->zero) memset(packet_end(p) - more, 0, more);
  }
  set_anno_u32(p, ANNO_EXTRA_LENGTH, 0);
  return 0;
}

ACTION(Pad, pad_action)

static bool pad_live(Element *e) {
  (void)e;
  return true;
}

ELEMENT(Pad, .per_thread = true, .ports = "1/1", USE_ACTION(Pad, pad_action),
        .can_live_reconfigure = pad_live,
        .args = ARGS(ARG_POS(Pad, U32, "LENGTH", length, "0"), ARG(Pad, BOOL, "ZERO", zero, "true")));
