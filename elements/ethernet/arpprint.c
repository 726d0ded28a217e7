/** ARPPrint: prints ARP packets in words.
 *
 * Synopsis: `ARPPrint([LABEL, <keywords> TIMESTAMP, ETHER, ACTIVE, OUTFILE])`
 *
 * Expects ARP packets with the network header set, as CheckARPHeader leaves them; others pass in silence.
 * Prints a line to the terminal for each: who asks for or tells which address.
 *
 * Arguments: LABEL (word): comes first. TIMESTAMP (bool): the packet's timestamp. Default true. ETHER (bool):
 * the addresses of the Ethernet header. Default false. ACTIVE (bool): false prints nothing. Default true.
 * OUTFILE (file name): print there instead; not in guests.
 *
 * Handlers: `active` (read/write).
 *
 * Differs: the reference says nothing about packets of other protocols than IP.
 *
 * Example: `InfiniteSource(LIMIT 1) -> CheckARPHeader(14) -> ARPPrint(arp) -> Discard;`
 */
#include "wire.h"
#include "../ip/ipprint.h"
#include <clicklet/platform.h>

typedef struct ARPPrint {
  Element base;
  char *label, *outfile;
  bool timestamp, ether, active;
  void *file;
} ARPPrint;

static void arp_print_operation(Text *t, const uint8_t *arp) {
  static const uint8_t zero[6];
  const uint8_t *sha = arp + 8, *spa = arp + 14, *tha = arp + 18, *tpa = arp + 24;
  switch (wire_get16(arp + 6)) {
  case 1:
    text_printf(t, "arp who-has %pI", (const void *)tpa);
    if (!wire_same_ether(zero, tha)) text_printf(t, " (%pE)", (const void *)tha);
    text_printf(t, " tell %pI", (const void *)spa);
    break;
  case 2:
    text_printf(t, "arp reply %pI is-at %pE", (const void *)spa, (const void *)sha);
    break;
  case 3:
    text_printf(t, "rarp who-is %pE tell %pE", (const void *)tha, (const void *)sha);
    break;
  case 4:
    text_printf(t, "rarp reply %pE at %pI", (const void *)tha, (const void *)tpa);
    break;
  case 8:
    text_printf(t, "invarp who-is %pE tell %pE", (const void *)tha, (const void *)sha);
    break;
  case 9:
    text_printf(t, "invarp reply %pE at %pI", (const void *)tha, (const void *)tpa);
    break;
  default:
    text_printf(t, "arp-#%u", wire_get16(arp + 6));
    break;
  }
}

static void arp_print_packet(Text *t, const uint8_t *arp, uint32_t n) {
  if (n < 8) {
    text_printf(t, "truncated-arp (%u)", n);
    return;
  }
  unsigned hrd = wire_get16(arp), pro = wire_get16(arp + 2), hln = arp[4], pln = arp[5];
  if ((pro != ETHERTYPE_IP && pro != 0x1000) || pln != 4 || !hln) {
    text_printf(t, "arp-#%u for proto #%u (%u) hardware #%u (%u)", wire_get16(arp + 6), pro, pln, hrd, hln);
    return;
  }
  if (n < WIRE_ARP) {
    text_printf(t, "truncated-arp (%u)", n);
    return;
  }
  if (pro == 0x1000) text_add_string(t, "trailer-");
  arp_print_operation(t, arp);
  if (hrd != 1) text_printf(t, "hardware #%u", hrd);
}

static inline int arp_print(ARPPrint *e, Packet *p) {
  uint32_t n = wire_network_bytes(p);
  if (!e->active || !p->network || p->network < p->data) return 0;
  Text t = {0};
  if (e->label && *e->label) text_printf(&t, "%s: ", e->label);
  if (e->timestamp) text_printf(&t, "%pT: ", &p->timestamp);
  const uint8_t *h = p->mac && p->mac >= p->head ? p->mac : p->data;
  if (e->ether && h + WIRE_ETHER <= p->network && h + WIRE_ETHER <= packet_end(p))
    text_printf(&t, "%pE > %pE: ", (const void *)(h + 6), (const void *)h);
  arp_print_packet(&t, p->network, n);
  text_add_char(&t, '\n');
  if (e->file)
    ip_print_file_write(e->file, text_cstr(&t), t.len);
  else
    platform_write(2, text_cstr(&t), t.len);
  text_free(&t);
  return 0;
}

ACTION(ARPPrint, arp_print)

static int arp_print_initialize(Element *el, Errors *errs) {
  ARPPrint *e = (ARPPrint *)el;
  if (!e->outfile) return 0;
  if (!ip_print_file_open) return error(errs, "OUTFILE: there are no files here");
  e->file = ip_print_file_open(e->outfile);
  return e->file ? 0 : error(errs, "OUTFILE: cannot write '%s'", e->outfile);
}

static void arp_print_cleanup(Element *el) {
  ARPPrint *e = (ARPPrint *)el;
  if (e->file) ip_print_file_close(e->file);
  mem_free(e->outfile);
  mem_free(e->label);
}

ELEMENT(ARPPrint, .ports = "1/1", .ordered = true, USE_ACTION(ARPPrint, arp_print),
        .initialize = arp_print_initialize, .cleanup = arp_print_cleanup,
        .args = ARGS(ARG_POS(ARPPrint, STRING, "LABEL", label, NULL),
                     ARG(ARPPrint, BOOL, "TIMESTAMP", timestamp, "true"),
                     ARG(ARPPrint, BOOL, "ETHER", ether, "false"),
                     ARG(ARPPrint, BOOL, "ACTIVE", active, "true"),
                     ARG(ARPPrint, FILENAME, "OUTFILE", outfile, NULL)),
        .handlers = HANDLERS(RW_FIELD(ARPPrint, BOOL, "active", active)));
