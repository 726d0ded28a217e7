/** ListenEtherSwitch: a learning Ethernet switch with a port that hears everything.
 *
 * Synopsis: `ListenEtherSwitch([<keywords> TIMEOUT])`
 *
 * EtherSwitch with one more output, the last, which gets a copy of every packet.
 *
 * Arguments: TIMEOUT (time): as of EtherSwitch. Default 300 s.
 *
 * Handlers: `table`, `timeout`: as of EtherSwitch.
 *
 * Example: `s :: ListenEtherSwitch; Idle -> [0] s [0] -> Discard; Idle -> [1] s [1] -> Discard; s [2] ->
 * Discard;`
 */
#include "etherswitch.h"

typedef EtherSwitch ListenEtherSwitch;

static void listen_ether_switch_push(Element *el, int port, Packet **p, unsigned n) {
  EtherSwitch *e = (EtherSwitch *)el;
  int listener = el->noutputs - 1;
  for (unsigned i = 0; i < n; i++) {
    int out = switch_output(e, port, p[i]);
    if (out < 0) {
      switch_flood(e, port, p[i]);
    } else if (out == port) {
      output_push(el, listener, p[i]);
    } else {
      Packet *copy = packet_clone(p[i]);
      if (copy) output_push(el, listener, copy);
      output_push(el, out, p[i]);
    }
  }
}

ELEMENT(ListenEtherSwitch, .ports = "-/=+", .processing = "h/h", .flow = "#/[^#]",
        .push = listen_ether_switch_push, .initialize = switch_initialize, .cleanup = switch_cleanup,
        .take_state = switch_take_state, .cast = switch_cast, .args = ARGS(SWITCH_ARGS(ListenEtherSwitch)),
        .handlers = HANDLERS(SWITCH_HANDLERS(ListenEtherSwitch)));
