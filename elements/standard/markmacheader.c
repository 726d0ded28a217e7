/** MarkMACHeader: sets the MAC header annotation.
 *
 * Synopsis: `MarkMACHeader([OFFSET, LENGTH])`
 *
 * Ports: 1 input, 1 output. Packets that end before the header are passed on unmarked.
 *
 * Arguments: OFFSET (unsigned): of the header in the packet. Default 0. LENGTH (unsigned): of the header; if
 * it is not 0, the network header is set behind it. Default 0.
 *
 * Handlers: none. The configuration can be rewritten while it runs.
 *
 * Example: `InfiniteSource(LIMIT 3) -> MarkMACHeader(0, 14) -> StripToNetworkHeader -> Discard;`
 */
#include <clicklet/element.h>

typedef struct MarkMACHeader {
  Element base;
  uint32_t offset, length;
} MarkMACHeader;

static inline int mark_mac_header_action(MarkMACHeader *e, Packet *p) {
  if ((uint64_t)e->offset + e->length > p->len) return 0;
  p->mac = p->data + e->offset;
  if (e->length) p->network = p->mac + e->length;
  return 0;
}

ACTION(MarkMACHeader, mark_mac_header_action)

static bool mark_mac_header_live(Element *e) {
  (void)e;
  return true;
}

ELEMENT(MarkMACHeader, .per_thread = true, .ports = "1/1", USE_ACTION(MarkMACHeader, mark_mac_header_action),
        .can_live_reconfigure = mark_mac_header_live,
        .args = ARGS(ARG_POS(MarkMACHeader, U32, "OFFSET", offset, "0"),
                     ARG_POS(MarkMACHeader, U32, "LENGTH", length, "0")));
