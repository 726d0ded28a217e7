/** SetRandIPAddress: sets the destination address annotation to random addresses of a network.
 *
 * Synopsis: `SetRandIPAddress(PREFIX [, LIMIT])`
 *
 * Arguments: PREFIX (IP prefix, required). LIMIT (int): at most that many different addresses, drawn when the
 * router starts; negative: no limit. Default -1.
 *
 * Example: `Idle -> SetRandIPAddress(10.0.0.0/8) -> Discard;`
 */
#include "ip.h"

typedef struct SetRandIPAddress {
  Element base;
  IPPrefix net;
  int32_t limit;
  uint32_t *addrs;
} SetRandIPAddress;

static inline uint32_t set_rand_pick(SetRandIPAddress *e) {
  return (random_u32(&e->base) & ~e->net.mask) | (e->net.addr & e->net.mask);
}

static inline int set_rand_ip_address(SetRandIPAddress *e, Packet *p) {
  packet_set_dst_ip(p,
                    e->limit > 0 ? e->addrs[random_uniform(&e->base, (uint32_t)e->limit)] : set_rand_pick(e));
  return 0;
}

ACTION(SetRandIPAddress, set_rand_ip_address)

static int set_rand_initialize(Element *e, Errors *errs) {
  SetRandIPAddress *s = (SetRandIPAddress *)e;
  if (s->limit <= 0) return 0;
  s->addrs = mem_alloc((size_t)s->limit * sizeof *s->addrs);
  if (!s->addrs) return error(errs, "out of memory for %d addresses", (int)s->limit);
  for (int32_t i = 0; i < s->limit; i++) s->addrs[i] = set_rand_pick(s);
  return 0;
}

static void set_rand_cleanup(Element *e) { mem_free(((SetRandIPAddress *)e)->addrs); }

ELEMENT(SetRandIPAddress, .ports = "1/1", USE_ACTION(SetRandIPAddress, set_rand_ip_address),
        .initialize = set_rand_initialize, .cleanup = set_rand_cleanup,
        .args = ARGS(ARG_MUST(SetRandIPAddress, IP_OR_PREFIX, "PREFIX", net),
                     ARG_POS(SetRandIPAddress, I32, "LIMIT", limit, "-1")));
