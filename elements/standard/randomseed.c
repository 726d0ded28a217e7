/** RandomSeed: seeds the random numbers of the router.
 *
 * Synopsis: `RandomSeed([SEED])`
 *
 * Has no ports. With the same SEED, elements that draw random numbers draw the same ones in each run. It is
 * configured before other elements.
 *
 * Arguments: SEED (unsigned): default: a random one.
 *
 * Handlers: `seed` (read/write): writing it seeds again; empty: a random one.
 *
 * The numbers are those of the C library's random(3).
 *
 * Example: `RandomSeed(1); InfiniteSource(LIMIT 10) -> RandomSample(0.5) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct RandomSeed {
  Element base;
  uint32_t seed;
  bool given;
} RandomSeed;

static void random_seed_set(RandomSeed *s) {
  const Element *e = &s->base;
  random_seed(e, s->given ? s->seed : random_u32(e) ^ (uint32_t)(time_now(e) / NSEC_PER_USEC));
}

static int random_seed_configure(Element *e, const Args *args, Errors *errs) {
  return random_seed_set((RandomSeed *)e), 0;
}

static bool random_seed_live(Element *e) { return true; }

static int random_seed_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  if (((RandomSeed *)e)->given) text_printf(out, "%u", ((RandomSeed *)e)->seed);
  return 0;
}

static int random_seed_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  RandomSeed *s = (RandomSeed *)e;
  uint64_t v = 0;
  if (*value && (!parse_u64(value, &v) || v > UINT32_MAX))
    return error(errs, "expected an unsigned number, not '%s'", value);
  s->seed = (uint32_t)v;
  s->given = *value != 0;
  return random_seed_set(s), 0;
}

ELEMENT(RandomSeed, .ports = "0/0", .phase = 1, .configure = random_seed_configure,
        .can_live_reconfigure = random_seed_live,
        .args = ARGS(ARG_POS(RandomSeed, U32, "SEED", seed, NULL, GIVEN(RandomSeed, given))),
        .handlers = HANDLERS(RW_FN("seed", random_seed_read, random_seed_write)));
