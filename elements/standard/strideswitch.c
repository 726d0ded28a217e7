/** StrideSwitch: sends packets to its outputs in proportion to tickets.
 *
 * Synopsis: `StrideSwitch(TICKETS0, ..., TICKETSn-1)`
 *
 * Ports: 1 push input, 1 or more push outputs, served in stride order. Packets are dropped when no output has
 * tickets.
 *
 * Arguments: TICKETSi (int, 0 to 32768): one for each output. 0: never.
 *
 * Handlers: `tickets0` to `tickets`N-1 (read/write). The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 9) -> s :: StrideSwitch(2, 1) -> Discard; s [1] -> Discard;`
 */
#include "stride.h"

typedef Stride StrideSwitch;

static inline int stride_switch_action(Stride *s, Packet *p) {
  (void)p;
  if (unlikely(!s->nordered)) return PACKET_DROP;
  uint16_t port = s->order[0];
  stride_remove(s, port);
  s->ports[port].pass += s->ports[port].stride;
  stride_place(s, port);
  return port;
}

ACTION(Stride, stride_switch_action)

static int stride_switch_configure(Element *e, const Args *args, Errors *errs) {
  return stride_configure_ports((Stride *)e, e->noutputs, args, errs);
}

ELEMENT(StrideSwitch, .ports = "1/1-", .processing = "h/h", .flags = "S0",
        USE_ACTION(Stride, stride_switch_action), .can_live_reconfigure = stride_live,
        .configure = stride_switch_configure, .cleanup = stride_cleanup, .extra_handler = stride_handler,
        .args = ARGS(ARG_ALL_REST("TICKETS")));
