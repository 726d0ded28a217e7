/** Tee: sends a copy of each packet to every output.
 *
 * Synopsis: `Tee([N])`
 *
 * Ports: 1 push input, 1 or more push outputs. Copies share their data until an element writes to it. The
 * copy for output 0 goes first, the packet itself leaves on the last output.
 *
 * Arguments: N (unsigned): outputs there should be; an error if it is another number. Default: as many as are
 * connected.
 *
 * Handlers: none.
 *
 * Example: `InfiniteSource(LIMIT 3) -> t :: Tee -> Discard; t [1] -> Discard;`
 */
#include <clicklet/element.h>

typedef struct Tee {
  Element base;
  uint32_t n;
  bool n_given;
} Tee;

static void tee_push(Element *e, int port, Packet **p, unsigned n) {
  Packet *copies[BATCH_MAX];
  (void)port;
  for (int o = 0; o + 1 < e->noutputs; o++) {
    unsigned k = 0;
    for (unsigned i = 0; i < n; i++)
      if (likely((copies[k] = packet_clone(p[i])) != NULL)) k++;
    if (k) output_push_batch(e, o, copies, k);
  }
  output_push_batch(e, e->noutputs - 1, p, n);
}

static int tee_configure(Element *e, const Args *args, Errors *errs) {
  const Tee *t = (const Tee *)e;
  (void)args;
  if (t->n_given && t->n != e->noutputs)
    return error(errs, "N is %u, but %u outputs are connected", t->n, e->noutputs);
  return 0;
}

ELEMENT(Tee, .per_thread = true, .ports = "1/1-", .processing = "h/h", .push = tee_push,
        .configure = tee_configure, .args = ARGS(ARG_POS(Tee, U32, "N", n, NULL, GIVEN(Tee, n_given))));
