/** AddressInfo: names for addresses.
 *
 * Synopsis: `AddressInfo(NAME ADDRESS [ADDRESS...], ...)`
 *
 * Defines NAME for the elements of the compound that it stands in, and those inside them: wherever an address
 * is asked for, NAME may be written, or NAME:ip, NAME:ipnet, NAME:ip6, NAME:ip6net, NAME:eth. An ADDRESS is
 * an Ethernet address, an IP address or prefix, or an IPv6 address or prefix; one name may have one of each
 * kind. A prefix with host bits, as 10.0.0.1/8, gives the name an address and a prefix. NAME:bcast is the
 * broadcast address of its prefix. Network interfaces of the host have names already: `eth0` and `eth0:gw`.
 *
 * Example: `AddressInfo(me 10.0.0.1/8 00:50:56:00:00:01); Idle -> ARPResponder(me) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct AddressInfo {
  Element base;
} AddressInfo;

enum { HAS_ETHER = 1, HAS_IP = 2, HAS_PREFIX = 4, HAS_IP6 = 8, HAS_PREFIX6 = 16 };

/* What the text can be read as; the kinds' values. */
typedef struct Address {
  int kinds;
  uint8_t ether[6];
  IPPrefix ip;
  IP6Prefix ip6;
} Address;

static bool host_bits6(const IP6Prefix *p) {
  for (int i = p->len; i < 128; i++)
    if (p->addr[i / 8] >> (7 - i % 8) & 1) return true;
  return false;
}

static void read_address(const Element *e, const char *s, Address *a) {
  *a = (Address){0};
  if (arg_parse_ether(e, s, a->ether)) a->kinds |= HAS_ETHER;
  if (arg_parse_ip(e, s, &a->ip.addr))
    a->kinds |= HAS_IP;
  else if (arg_parse_ip_prefix(e, s, false, &a->ip))
    a->kinds |= HAS_PREFIX | (a->ip.addr & ~a->ip.mask ? HAS_IP : 0);
  if (arg_parse_ip6(e, s, a->ip6.addr))
    a->kinds |= HAS_IP6;
  else if (arg_parse_ip6_prefix(e, s, &a->ip6))
    a->kinds |= HAS_PREFIX6 | (host_bits6(&a->ip6) ? HAS_IP6 : 0);
}

/* A text of one kind always defines it; one of several only the kinds that the name does not have yet. */
static bool define_all(Element *e, const char *name, const Address *a, int known) {
  int kinds = a->kinds & (a->kinds - 1) ? a->kinds & ~known : a->kinds;
  return (!(kinds & HAS_ETHER) || name_define(e, NAME_ETHER, name, a->ether, 6)) &&
         (!(kinds & HAS_IP) || name_define(e, NAME_IP, name, &a->ip.addr, 4)) &&
         (!(kinds & HAS_PREFIX) || name_define(e, NAME_IP_PREFIX, name, &a->ip, sizeof a->ip)) &&
         (!(kinds & HAS_IP6) || name_define(e, NAME_IP6, name, a->ip6.addr, 16)) &&
         (!(kinds & HAS_PREFIX6) || name_define(e, NAME_IP6_PREFIX, name, &a->ip6, sizeof a->ip6));
}

static int address_info_configure(Element *e, const Args *args, Errors *errs) {
  Text name = {0}, word = {0};
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++) {
    int arg = args_index(args, i), known = 0;
    text_clear(&name);
    const char *p = next_word(args_text(args, i), &name, NULL);
    if (!p) continue; /* an empty argument */
    unsigned n = 0;
    for (text_clear(&word); (p = next_word(p, &word, NULL)); text_clear(&word), n++) {
      Address a;
      read_address(e, text_cstr(&word), &a);
      if (!a.kinds)
        rc = arg_error(errs, arg, "'%s' is not an address", text_cstr(&word));
      else if (!define_all(e, text_cstr(&name), &a, known))
        rc = error(errs, "out of memory");
      known |= a.kinds;
    }
    if (!n) rc = arg_error(errs, arg, "expected 'NAME ADDRESS...', not '%s'", args_text(args, i));
  }
  text_free(&name);
  text_free(&word);
  return rc;
}

ELEMENT(AddressInfo, .per_thread = true, .ports = "0/0", .phase = PHASE_INFO,
        .configure = address_info_configure, .args = ARGS(ARG_ALL_REST("NAME ADDRESS")));
