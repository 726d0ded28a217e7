/** BandwidthMeter: sends packets to an output chosen by the bandwidth at which they arrive.
 *
 * Synopsis: `BandwidthMeter(RATE1, ..., RATEn)`
 *
 * Ports: 1 push input, n + 1 push outputs. As Meter, with bytes instead of packets.
 *
 * Arguments: RATEi (bandwidth): increasing.
 *
 * Handlers: `rate` (read): the present rate in bytes a second. `meters` (read): the limits as they are used,
 * separated by spaces (the reference runs them together).
 *
 * Example: `RatedSource(RATE 100) -> m :: BandwidthMeter(10kbps) -> Discard; m [1] -> Discard;`
 */
#include "meter.h"

typedef Meter BandwidthMeter;

static inline int bandwidth_meter_action(Meter *e, Packet *p) {
  meter_update(e, p->len);
  return meter_output(e);
}

ACTION(Meter, bandwidth_meter_action)

static int bandwidth_meter_configure(Element *e, const Args *args, Errors *errs) {
  return meter_configure_limits((Meter *)e, args, errs);
}

ELEMENT(BandwidthMeter, USE_ACTION(Meter, bandwidth_meter_action), .configure = bandwidth_meter_configure,
        METER_CLASS);
