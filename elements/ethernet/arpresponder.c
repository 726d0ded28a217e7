/** ARPResponder: answers ARP requests for given addresses.
 *
 * Synopsis: `ARPResponder(IP/MASK [IP/MASK ...] ETH, ...)`
 *
 * Expects packets with their Ethernet header. An ARP request for an address in one of the networks is
 * answered on output 0 with the Ethernet address that goes with it, so this serves for a host's own addresses
 * and for proxy ARP. Everything else goes to output 1, or is dropped if there is none. The most specific
 * network wins; of equal ones the last. The answer has the query's VLAN annotation.
 *
 * Arguments: each one lists addresses or networks (`A.B.C.D`, `A.B.C.D/LEN`, `A.B.C.D/MASK`) and one Ethernet
 * address, in any order. A name that AddressInfo knows as both an IP and an Ethernet address is enough.
 *
 * Handlers: `table` (read): one network a line. `lookup` (read, takes an IP address): the Ethernet address,
 * or nothing. `add` (write): what an argument may be. `remove` (write): `IP/MASK`.
 *
 * Example: `InfiniteSource(LIMIT 1) -> ARPResponder(18.26.4.24 18.26.7.0/24 00-00-C0-AE-67-EF) -> Discard;`
 */
#include "wire.h"

typedef struct ArpNetwork {
  IPPrefix net;
  uint8_t ether[6];
} ArpNetwork;

typedef struct ARPResponder {
  Element base;
  ArpNetwork *nets; /* more specific ones first */
  uint32_t count, capacity;
} ARPResponder;

static const uint8_t *arp_responder_find(const ARPResponder *e, uint32_t ip) {
  for (uint32_t i = 0; i < e->count; i++)
    if ((ip & e->nets[i].net.mask) == e->nets[i].net.addr) return e->nets[i].ether;
  return NULL;
}

static inline int arp_respond(ARPResponder *e, Packet *p) {
  if (!wire_is_arp(p, 1)) return 1;
  const uint8_t *ether = arp_responder_find(e, load32(p->data + 38));
  if (!ether) return 1;
  uint8_t asker[10], asked[4], me[6];
  memcpy(asker, p->data + 22, 10); /* Ethernet and IP address */
  memcpy(asked, p->data + 38, 4);
  memcpy(me, ether, 6);
  /* The request becomes the reply. It keeps the VLAN annotation and nothing else. */
  if (unlikely(!packet_unique(p))) return PACKET_DROP;
  packet_take(p, p->len - (WIRE_ETHER + WIRE_ARP));
  wire_put_arp(p->data, 2, asker, me, asked, asker, asker + 6);
  uint16_t vlan = anno_u16(p, ANNO_VLAN_TCI);
  memset(p->anno, 0, PACKET_ANNO);
  set_anno_u16(p, ANNO_VLAN_TCI, vlan);
  p->timestamp = 0;
  p->type = PACKET_HOST;
  p->mac = p->data;
  p->network = p->data + WIRE_ETHER;
  p->transport = NULL;
  return 0;
}

ACTION(ARPResponder, arp_respond)

static bool arp_network_before(const ArpNetwork *a, const ArpNetwork *b) {
  return (a->net.addr & b->net.mask) == b->net.addr && (a->net.mask & b->net.mask) == b->net.mask;
}

/* Adds or replaces. Returns false when memory is out. */
static bool arp_responder_put(ARPResponder *e, const ArpNetwork *n, bool *replaced) {
  for (uint32_t i = 0; i < e->count; i++)
    if (e->nets[i].net.addr == n->net.addr && e->nets[i].net.mask == n->net.mask) {
      *replaced = true;
      e->nets[i] = *n;
      return true;
    }
  if (e->count == e->capacity) {
    uint32_t capacity = e->capacity ? 2 * e->capacity : 4;
    ArpNetwork *nets = mem_resize(e->nets, e->capacity * sizeof *nets, capacity * sizeof *nets);
    if (!nets) return false;
    e->nets = nets;
    e->capacity = capacity;
  }
  uint32_t at = 0;
  while (at < e->count && !arp_network_before(n, &e->nets[at])) at++;
  memmove(e->nets + at + 1, e->nets + at, (e->count - at) * sizeof *e->nets);
  e->nets[at] = *n;
  e->count++;
  return true;
}

/* An address is preferred to a network where a name means both. */
static bool arp_network_parse(const Element *e, const char *word, IPPrefix *out) {
  out->mask = 0xffffffff;
  if (!arg_parse_ip(e, word, &out->addr) && !arg_parse_ip_prefix(e, word, true, out)) return false;
  out->addr &= out->mask;
  return true;
}

static void arp_prefix_text(Text *out, const IPPrefix *p) {
  uint32_t m = be32(p->mask);
  if (m & (~m >> 1))
    text_printf(out, "%pI/%pI", &p->addr, &p->mask);
  else
    text_printf(out, "%pI/%d", &p->addr, __builtin_popcount(m));
}

static int arp_responder_add(ARPResponder *e, const char *text, Errors *errs, int arg) {
  uint8_t ether[6];
  int nets = 0, ethers = 0, rc = 0;
  unsigned n = split_words(text, NULL, 0);
  char **words = mem_alloc((n + 1) * sizeof *words);
  if (!words) return arg_error(errs, arg, "out of memory");
  split_words(text, words, n);
  IPPrefix net;
  for (unsigned i = 0; i < n && !rc; i++) {
    if (arp_network_parse(&e->base, words[i], &net))
      nets++;
    else if (!arg_parse_ether(&e->base, words[i], ether))
      rc = arg_error(errs, arg, "expected IP/MASK or an Ethernet address, not '%s'", words[i]);
    else if (ethers++)
      rc = arg_error(errs, arg, "more than one Ethernet address");
  }
  for (unsigned i = 0; i < n && !ethers; i++)
    ethers = arg_parse_ether(&e->base, words[i], ether); /* a name for both */
  if (!rc && !nets) rc = arg_error(errs, arg, "missing IP/MASK");
  if (!rc && !ethers) rc = arg_error(errs, arg, "missing Ethernet address");
  for (unsigned i = 0; i < n && !rc; i++) {
    ArpNetwork entry;
    bool replaced = false;
    if (!arp_network_parse(&e->base, words[i], &entry.net)) continue;
    memcpy(entry.ether, ether, 6);
    if (!arp_responder_put(e, &entry, &replaced)) rc = arg_error(errs, arg, "out of memory");
    if (!replaced || arg < 0) continue;
    Text name = {0};
    arp_prefix_text(&name, &entry.net);
    warning(errs, "multiple entries for %s", text_cstr(&name));
    text_free(&name);
  }
  for (unsigned i = 0; i < n; i++) mem_free(words[i]);
  mem_free(words);
  return rc;
}

static int arp_responder_configure(Element *el, const Args *args, Errors *errs) {
  ARPResponder *e = (ARPResponder *)el;
  ArpNetwork *old = e->nets;
  uint32_t old_count = e->count, old_capacity = e->capacity;
  int rc = 0;
  e->nets = NULL;
  e->count = e->capacity = 0;
  for (unsigned i = 0; i < args_count(args); i++)
    if (arp_responder_add(e, args_text(args, i), errs, args_index(args, i)) < 0) rc = -1;
  if (!rc) {
    mem_free(old);
    return 0;
  }
  mem_free(e->nets);
  e->nets = old;
  e->count = old_count;
  e->capacity = old_capacity;
  return -1;
}

static void arp_responder_cleanup(Element *e) { mem_free(((ARPResponder *)e)->nets); }
static bool arp_responder_live(Element *e) { return (void)e, true; }

static int arp_responder_table(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  ARPResponder *e = (ARPResponder *)el;
  for (uint32_t i = 0; i < e->count; i++) {
    arp_prefix_text(out, &e->nets[i].net);
    text_printf(out, " %pE\n", e->nets[i].ether);
  }
  return 0;
}

static int arp_responder_lookup(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  uint32_t ip;
  if (!arg_parse_ip(e, param, &ip)) return error(errs, "expected an IP address, not '%s'", param);
  const uint8_t *ether = arp_responder_find((ARPResponder *)e, ip);
  if (ether) text_printf(out, "%pE", ether);
  return 0;
}

static int arp_responder_write_add(Element *e, const Handler *h, const char *value, Errors *errs) {
  return arp_responder_add((ARPResponder *)e, value, errs, -1);
}

static int arp_responder_remove(Element *el, const Handler *h, const char *value, Errors *errs) {
  ARPResponder *e = (ARPResponder *)el;
  IPPrefix net;
  if (!arp_network_parse(el, value, &net)) return error(errs, "expected IP/MASK, not '%s'", value);
  for (uint32_t i = 0; i < e->count; i++)
    if (e->nets[i].net.addr == net.addr && e->nets[i].net.mask == net.mask) {
      memmove(e->nets + i, e->nets + i + 1, (e->count - i - 1) * sizeof *e->nets);
      e->count--;
      return 0;
    }
  Text name = {0};
  arp_prefix_text(&name, &net);
  error(errs, "%s not found", text_cstr(&name));
  text_free(&name);
  return -1;
}

ELEMENT(ARPResponder, .per_thread = true, .ports = "1/1-2", .processing = "a/ah",
        USE_ACTION(ARPResponder, arp_respond), .configure = arp_responder_configure,
        .cleanup = arp_responder_cleanup, .can_live_reconfigure = arp_responder_live,
        .args = ARGS(ARG_ALL_REST("ENTRY")),
        .handlers = HANDLERS(READ_FN("table", arp_responder_table),
                             READ_PARAM_FN("lookup", arp_responder_lookup),
                             WRITE_FN("add", arp_responder_write_add),
                             WRITE_FN("remove", arp_responder_remove)));
