/** UnstripIPHeader: puts a stripped IP header back in front.
 *
 * Synopsis: `UnstripIPHeader()`
 *
 * Moves the beginning of the packet back to the network header annotation, if it is behind it.
 *
 * Example: `Idle -> CheckIPHeader -> StripIPHeader -> UnstripIPHeader -> Discard;`
 */
#include "ip.h"

typedef struct UnstripIPHeader {
  Element base;
} UnstripIPHeader;

static inline int unstrip_ip_header(UnstripIPHeader *e, Packet *p) {
  (void)e;
  if (likely(p->network && p->network < p->data && p->network >= p->head))
    packet_nonunique_push(p, (uint32_t)(p->data - p->network));
  return 0;
}

ACTION(UnstripIPHeader, unstrip_ip_header)

ELEMENT(UnstripIPHeader, .per_thread = true, .ports = "1/1", USE_ACTION(UnstripIPHeader, unstrip_ip_header),
        .args = NO_ARGS);
