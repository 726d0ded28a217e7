/** StripIPHeader: removes the outermost IP header.
 *
 * Synopsis: `StripIPHeader()`
 *
 * Removes everything in front of the transport header. Annotations stay as they are, so the network header
 * annotation still points at the removed header; mark the inner header with CheckIPHeader or MarkIPHeader.
 * Packets without a network header pass through.
 *
 * Example: `Idle -> CheckIPHeader -> StripIPHeader -> Discard;`
 */
#include "ip.h"

typedef struct StripIPHeader {
  Element base;
} StripIPHeader;

static inline int strip_ip_header(StripIPHeader *e, Packet *p) {
  (void)e;
  if (likely(p->transport && p->transport > p->data)) packet_pull(p, (uint32_t)(p->transport - p->data));
  return 0;
}

ACTION(StripIPHeader, strip_ip_header)

ELEMENT(StripIPHeader, .per_thread = true, .ports = "1/1", USE_ACTION(StripIPHeader, strip_ip_header),
        .args = NO_ARGS);
