/** SimplePrioSched: pulls from the first of its inputs that has a packet, without looking at notifiers.
 *
 * Synopsis: `SimplePrioSched`
 *
 * Ports: any number of pull inputs, 1 pull output. PrioSched is nearly always better.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> ps :: SimplePrioSched -> Discard; InfiniteSource(LIMIT 3) ->
 * Queue -> [1] ps;`
 */
#include <clicklet/element.h>

typedef struct SimplePrioSched {
  Element base;
} SimplePrioSched;

static unsigned simple_prio_sched_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)port;
  unsigned n = 0;
  for (int i = 0; i < e->ninputs && n < max; i++) n += input_pull_batch(e, i, p + n, max - n);
  return n;
}

ELEMENT(SimplePrioSched, .ports = "-/1", .processing = "l/l", .flags = "S0", .pull = simple_prio_sched_pull,
        .args = NO_ARGS);
