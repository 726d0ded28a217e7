/** PullTee: sends a copy of each packet that is pulled through it to its further outputs.
 *
 * Synopsis: `PullTee([N])`
 *
 * Ports: 1 pull input; output 0 is pull, all further outputs are push and get their copy before the puller
 * gets the packet.
 *
 * Arguments: N (unsigned): outputs there should be; an error if it is another number. Default: as many as are
 * connected.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> Queue -> t :: PullTee -> Discard; t [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct PullTee {
  Element base;
  uint32_t n;
  bool n_given;
} PullTee;

static unsigned pull_tee_pull(Element *e, int port, Packet **p, unsigned max) {
  Packet *copies[BATCH_MAX];
  (void)port;
  unsigned n = input_pull_batch(e, 0, p, max);
  for (int o = 1; n && o < e->noutputs; o++) {
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++)
      if (likely((copies[k] = packet_clone(p[i])) != NULL)) k++;
    if (k) output_push_batch(e, o, copies, k);
  }
  return n;
}

static int pull_tee_configure(Element *e, const Args *args, Errors *errs) {
  const PullTee *t = (const PullTee *)e;
  (void)args;
  if (t->n_given && t->n != e->noutputs)
    return error(errs, "N is %u, but %u outputs are connected", t->n, e->noutputs);
  return 0;
}

ELEMENT(PullTee, .ports = "1/1-", .processing = "l/lh", .pull = pull_tee_pull,
        .configure = pull_tee_configure,
        .args = ARGS(ARG_POS(PullTee, U32, "N", n, NULL, GIVEN(PullTee, n_given))));
