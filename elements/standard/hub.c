/** Hub: sends each packet to every output but that of the port it came in on.
 *
 * Synopsis: `Hub`
 *
 * Ports: any number of push inputs and as many push outputs.
 *
 * Arguments: none. Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> h :: Hub -> Discard; InfiniteSource(LIMIT 3) -> [1] h [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Hub {
  Element base;
} Hub;

static void hub_push(Element *e, int port, Packet **p, unsigned n) {
  int last = e->noutputs - 1;
  if (last == port) last--;
  if (last < 0) {
    free_batch(p, n);
    return;
  }
  for (int o = 0; o < last; o++) {
    Packet *copies[BATCH_MAX];
    unsigned k = 0;
    if (o == port) continue;
    for (unsigned i = 0; i < n; i++)
      if (likely((copies[k] = packet_clone(p[i])) != NULL)) k++;
    if (k) output_push_batch(e, o, copies, k);
  }
  output_push_batch(e, last, p, n);
}

ELEMENT(Hub, .ports = "-/=", .processing = "h/h", .flow = "#/[^#]", .push = hub_push, .args = NO_ARGS);
