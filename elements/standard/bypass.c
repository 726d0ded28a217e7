/** Bypass: leads packets over a side path, which can be switched on and off.
 *
 * Synopsis: `Bypass([ACTIVE, <keyword> INLINE])`
 *
 * Ports: 1 or 2 inputs, 1 or 2 outputs. Pushed packets leave on output 0, or, while it is active, on output
 * 1; those that come back on input 1 leave on output 0. Pulls on output 0 go to input 0, or, while it is
 * active, to input 1; those on output 1 to input 0.
 *
 * Arguments: ACTIVE (bool): default false. INLINE (bool): accepted; the reference's Bypass rewires its
 * neighbours unless this is true, which has no other effect.
 *
 * Handlers: `active` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 3) -> b :: Bypass -> Discard; b [1] -> Print -> [1] b;`
 */
#include <clicklet/element.h>

typedef struct Bypass {
  Element base;
  bool active, inlined;
} Bypass;

static void bypass_push(Element *e, int port, Packet **p, unsigned n) {
  output_push_batch(e, ((Bypass *)e)->active && port == 0 && e->noutputs > 1, p, n);
}

static unsigned bypass_pull(Element *e, int port, Packet **p, unsigned max) {
  return input_pull_batch(e, ((Bypass *)e)->active && port == 0 && e->ninputs > 1, p, max);
}

ELEMENT(Bypass, .ports = "1-2/1-2", .flow = "xy/[xy]x", .push = bypass_push, .pull = bypass_pull,
        .args = ARGS(ARG_POS(Bypass, BOOL, "ACTIVE", active, "false"),
                     ARG(Bypass, BOOL, "INLINE", inlined, "false")),
        .handlers = HANDLERS(RW_FIELD(Bypass, BOOL, "active", active)));
