/** SimpleRoundRobinSched: pulls from its inputs in turn, without looking at notifiers.
 *
 * Synopsis: `SimpleRoundRobinSched`
 *
 * Ports: any number of pull inputs, 1 pull output. RoundRobinSched is nearly always better.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> s :: SimpleRoundRobinSched -> Discard; InfiniteSource(LIMIT
 * 3) -> Queue -> [1] s;`
 */
#include <clicklet/element.h>

typedef struct SimpleRoundRobinSched {
  Element base;
  int next;
} SimpleRoundRobinSched;

static unsigned simple_round_robin_sched_pull(Element *e, int port, Packet **p, unsigned max) {
  SimpleRoundRobinSched *s = (SimpleRoundRobinSched *)e;
  (void)port;
  unsigned n = 0;
  for (int idle = 0, i = s->next; n < max && idle < e->ninputs; idle++) {
    bool got = input_pull_batch(e, i, p + n, 1);
    if (++i >= e->ninputs) i = 0;
    if (!got) continue;
    n++;
    s->next = i;
    idle = -1;
  }
  return n;
}

ELEMENT(SimpleRoundRobinSched, .ports = "-/1", .processing = "l/l", .flags = "S0",
        .pull = simple_round_robin_sched_pull, .args = NO_ARGS);
