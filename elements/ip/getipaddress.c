/** GetIPAddress: sets the destination address annotation from the packet.
 *
 * Synopsis: `GetIPAddress(OFFSET [, ANNO])` or `GetIPAddress(IP src|dst [, ANNO ...])`
 *
 * Packets too short to hold the address pass through unchanged.
 *
 * Arguments: OFFSET (int): where the four bytes of the address are; 16 for the destination of a packet that
 * begins with its IP header. IP (src or dst): take that address of the header that the network header
 * annotation points at. One of the two must be given. ANNO (annotation of 4 bytes): where to store it.
 * Default DST_IP.
 *
 * Example: `Idle -> Strip(14) -> CheckIPHeader -> GetIPAddress(16) -> Discard;`
 */
#include "ip.h"

typedef struct GetIPAddress {
  Element base;
  int32_t offset;
  int anno, which; /* which: 0 src, 1 dst of the IP header */
  bool by_header, by_offset;
} GetIPAddress;

static inline int get_ip_address(GetIPAddress *e, Packet *p) {
  const uint8_t *a;
  if (!e->by_header) {
    if (unlikely((uint64_t)e->offset + 4 > p->len)) return 0;
    a = p->data + e->offset;
  } else {
    const uint8_t *h = ip_header(p);
    if (unlikely(!h)) return 0;
    a = h + 12 + 4 * e->which;
  }
  set_anno_u32(p, e->anno, load32(a));
  return 0;
}

ACTION(GetIPAddress, get_ip_address)

static int get_ip_address_configure(Element *e, const Args *args, Errors *errs) {
  GetIPAddress *g = (GetIPAddress *)e;
  (void)args;
  return g->by_header == (g->by_offset && g->offset >= 0) ? error(errs, "set one of OFFSET and IP") : 0;
}

static const char *const get_ip_choices[] = {"src", "dst", NULL};

ELEMENT(GetIPAddress, .per_thread = true, .ports = "1/1", USE_ACTION(GetIPAddress, get_ip_address),
        .configure = get_ip_address_configure,
        .args = ARGS(ARG_POS(GetIPAddress, I32, "OFFSET", offset, NULL, GIVEN(GetIPAddress, by_offset)),
                     ARG_POS(GetIPAddress, ANNO, "ANNO", anno, "DST_IP", .min = 4),
                     ARG(GetIPAddress, CHOICE, "IP", which, NULL, .choices = get_ip_choices,
                         GIVEN(GetIPAddress, by_header))));
