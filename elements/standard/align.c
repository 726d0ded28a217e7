/** Align: moves packet data to an alignment in memory.
 *
 * Synopsis: `Align(MODULUS, OFFSET)`
 *
 * Ports: 1 input, 1 output. Afterwards the address of the packet's first byte is OFFSET modulo MODULUS.
 * Elements here do not need it; `click-align` inserts it for those of others.
 *
 * Arguments: MODULUS (2, 4 or 8): required. OFFSET (int, less than MODULUS): required.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Align(4, 2) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Align {
  Element base;
  uint32_t modulus, offset;
} Align;

static inline int align_action(Align *e, Packet *p) {
  uint32_t forward = (uint32_t)(e->offset - (uintptr_t)p->data) & (e->modulus - 1);
  if (likely(!forward)) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  if (!(forward = (uint32_t)(e->offset - (uintptr_t)p->data) & (e->modulus - 1))) return 0;
  ptrdiff_t by = (ptrdiff_t)forward;
  if (packet_headroom(p) >= e->modulus - forward)
    by -= (ptrdiff_t)e->modulus;
  else if (packet_tailroom(p) < forward) {
    if (!packet_unshare(p, PACKET_HEADROOM, e->modulus)) return PACKET_DROP;
    by = (ptrdiff_t)((uint32_t)(e->offset - (uintptr_t)p->data) & (e->modulus - 1));
  }
  memmove(p->data + by, p->data, p->len);
  p->data += by;
  if (p->mac) p->mac += by;
  if (p->network) p->network += by;
  if (p->transport) p->transport += by;
  return 0;
}

ACTION(Align, align_action)

static int align_configure(Element *e, const Args *args, Errors *errs) {
  const Align *a = (const Align *)e;
  (void)args;
  if (a->modulus != 2 && a->modulus != 4 && a->modulus != 8) return error(errs, "MODULUS must be 2, 4 or 8");
  return a->offset >= a->modulus ? error(errs, "OFFSET must be less than MODULUS") : 0;
}

ELEMENT(Align, .per_thread = true, .ports = "1/1", USE_ACTION(Align, align_action),
        .configure = align_configure,
        .args = ARGS(ARG_MUST(Align, U32, "MODULUS", modulus), ARG_MUST(Align, U32, "OFFSET", offset)));
