/** IP6Print: prints IPv6 packets.
 *
 * Synopsis: `IP6Print([LABEL, <keywords> CONTENTS, NBYTES])`
 *
 * Addresses, payload length, next header and hop limit, to standard error. Packets without a header pass
 * silently.
 *
 * Arguments: LABEL (string): printed in front. CONTENTS (bool): prints the packet's bytes in hexadecimal.
 * Default false. NBYTES (unsigned): how many at most. Default 1500.
 *
 * Example: `Idle -> CheckIP6Header -> IP6Print(in) -> Discard;`
 */
#include "ip6.h"
#include <clicklet/platform.h>

typedef struct IP6Print {
  Element base;
  char *label;
  bool contents;
  uint32_t bytes;
} IP6Print;

static inline int ip6_print(IP6Print *e, Packet *p) {
  const uint8_t *h = ip6_header(p);
  Text t = {0};
  if (!h) return 0;
  if (e->label && *e->label) text_printf(&t, "%s: ", e->label);
  text_printf(&t, "%p6 -> %p6 plen %u, next %u, hlim %u\n", h + 8, h + 24, ip6_plen(h), h[6], h[7]);
  if (e->contents) text_add_string(&t, "  ");
  for (uint32_t i = 0; e->contents && i < e->bytes && i < p->len; i++)
    text_printf(&t, "%02x%s", p->data[i], i % 24 == 23 ? "\n  " : i % 4 == 3 ? " " : "");
  if (t.len && t.s[t.len - 1] != '\n') text_add_char(&t, '\n');
  platform_write(2, text_cstr(&t), t.len);
  text_free(&t);
  return 0;
}

ACTION(IP6Print, ip6_print)

static void ip6_print_cleanup(Element *e) { mem_free(((IP6Print *)e)->label); }

ELEMENT(IP6Print, .ports = "1/1", .ordered = true, USE_ACTION(IP6Print, ip6_print),
        .cleanup = ip6_print_cleanup,
        .args = ARGS(ARG_POS(IP6Print, STRING, "LABEL", label, NULL),
                     ARG(IP6Print, BOOL, "CONTENTS", contents, "false"),
                     ARG(IP6Print, U32, "NBYTES", bytes, "1500")));
