/** Meter: sends packets to an output chosen by their arrival rate.
 *
 * Synopsis: `Meter(RATE1, ..., RATEn)`
 *
 * Ports: 1 push input, n + 1 push outputs. While fewer than RATE1 packets a second arrive, all leave on
 * output 0; from RATE1 on, below RATE2, on output 1; and so on. The rate is a moving average. The whole
 * stream changes its way: see RatedSplitter for passing a part of it.
 *
 * Arguments: RATEi (unsigned): packets a second, increasing.
 *
 * Handlers: `rate` (read): the present rate. `meters` (read): the limits as they are used, separated by
 * spaces (the reference runs them together).
 *
 * Example: `RatedSource(RATE 100) -> m :: Meter(50) -> Discard; m [1] -> Discard;`
 */
#include "meter.h"

static inline int meter_action(Meter *e, Packet *p) {
  (void)p;
  meter_update(e, 1);
  return meter_output(e);
}

ACTION(Meter, meter_action)

static int meter_configure(Element *e, const Args *args, Errors *errs) {
  return meter_configure_limits((Meter *)e, args, errs);
}

ELEMENT(Meter, USE_ACTION(Meter, meter_action), .configure = meter_configure, METER_CLASS);
