/** ARPQuerier: puts IP packets into Ethernet headers, asking for addresses by ARP.
 *
 * Synopsis: `ARPQuerier(IP, ETH [, <keywords> TABLE, CAPACITY, ENTRY_CAPACITY, ENTRY_PACKET_CAPACITY,
 * CAPACITY_SLIM_FACTOR, TIMEOUT, POLL_TIMEOUT, BROADCAST, BROADCAST_POLL])` or `ARPQuerier(NAME, ...)`, with
 * NAME known to AddressInfo as an IP and an Ethernet address.
 *
 * Input 0: IP packets with the destination address annotation (the next hop). Input 1, which must be
 * connected: ARP replies with their Ethernet header. Output 0: Ethernet packets; queries too if there is no
 * output 1. Packets for an unknown address wait for the answer. An address is asked for at most 10 times a
 * second. Broadcast addresses go to FF-FF-FF-FF-FF-FF, multicast ones to 01-00-5E and their low 23 bits (RFC
 * 1112), 0.0.0.0 is dropped. Queries carry the timestamp and the VLAN annotation of the packet that caused
 * them.
 *
 * Arguments: IP (IP address or prefix), ETH (Ethernet address): one's own. TABLE (element): an ARPTable to
 * share; its limits are then in force. CAPACITY, ENTRY_CAPACITY, ENTRY_PACKET_CAPACITY, CAPACITY_SLIM_FACTOR,
 * TIMEOUT: as for ARPTable. POLL_TIMEOUT (time): an address this old is asked for again while it is in use;
 * 0: never. Default 60 s. BROADCAST (IP address): the local broadcast address. Default: that of the prefix
 * given with IP, if any. BROADCAST_POLL (bool): such queries are broadcast instead of sent to the known
 * address. Default false.
 *
 * Handlers: `table`, `count`, `length`, `insert`, `delete`: as of ARPTable. `stats` (read): text. `queries`,
 * `responses`, `drops` (read): queries sent, replies seen, packets dropped here. `ipaddr`, `broadcast`
 * (read/write). `clear` (write): the table and the counts.
 *
 * Example:
 * `c :: Classifier(12/0806 20/0002, 12/0800); q :: ARPQuerier(18.26.4.24, 00:00:C0:AE:67:EF);
 * InfiniteSource(LIMIT 1) -> c; c[0] -> [1] q; c[1] -> Strip(14) -> GetIPAddress(16) -> q -> Discard;`
 */
#include "arptable.h"

typedef struct ARPQuerier {
  Element base;
  ArpCache *cache; /* own or the table's */
  uint8_t ether[6];
  bool broadcast_poll, zero_warned;
  uint32_t ip, broadcast;
  int64_t poll; /* ms, 0: no polling */
  uint64_t queries, drops, responses;
  ArpCache own;
  Timer timer;
  /* arguments as given */
  uint32_t mask, broadcast_arg, capacity, entry_capacity, entry_packet_capacity, slim_factor;
  int64_t timeout, poll_timeout;
  uint32_t configured_ip;
  uint8_t configured_ether[6];
  Element *table;
  bool configured, ether_given, ether_from_name, broadcast_given, capacity_given, entry_capacity_given,
      entry_packet_capacity_given, slim_given, timeout_given;
} ARPQuerier;

/* What goes to output 0 is collected, so that a batch stays one; order is that of the packets. */
typedef struct ArpOut {
  ARPQuerier *e;
  unsigned n;
  Packet *p[BATCH_MAX];
} ArpOut;

static void arp_out_flush(ArpOut *o) {
  if (o->n) output_push_batch(&o->e->base, 0, o->p, o->n);
  o->n = 0;
}

always_inline void arp_out(ArpOut *o, Packet *p) {
  o->p[o->n++] = p;
  if (o->n == BATCH_MAX) arp_out_flush(o);
}

static void arp_query(ArpOut *o, const Packet *p, const uint8_t *to) {
  static const uint8_t everyone[6] = {255, 255, 255, 255, 255, 255}, nobody[6];
  ARPQuerier *e = o->e;
  Packet *q = packet_alloc(WIRE_ETHER + WIRE_ARP);
  if (!q) return;
  wire_put_arp(q->data, 1, to && !e->broadcast_poll ? to : everyone, e->ether, (const uint8_t *)&e->ip,
               nobody, p->anno + ANNO_DST_IP);
  q->mac = q->data;
  q->network = q->data + WIRE_ETHER;
  q->timestamp = p->timestamp;
  set_anno_u16(q, ANNO_VLAN_TCI, anno_u16(p, ANNO_VLAN_TCI));
  e->queries++;
  if (e->base.noutputs == 1) {
    arp_out(o, q);
    return;
  }
  arp_out_flush(o); /* the answer may come back before output_push returns */
  output_push(&e->base, 1, q);
}

/* No address known, perhaps none needed: broadcast, multicast, or a packet that waits. True if p can be sent.
 */
static bool arp_without_entry(ArpOut *o, Packet *p, int64_t now) {
  ARPQuerier *e = o->e;
  uint32_t ip = packet_dst_ip(p);
  uint8_t *dst = p->data, *a = p->anno + ANNO_DST_IP;
  if (ip == 0xffffffff || ip == e->broadcast) {
    memset(dst, 255, 6);
    return true;
  }
  if ((a[0] & 0xf0) == 0xe0) {
    const uint8_t group[6] = {0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]};
    memcpy(dst, group, 6);
    return true;
  }
  if (!ip) {
    if (!e->zero_warned)
      chatter(NULL, "%s :: %s: would query for 0.0.0.0; missing dest IP addr annotation?", e->base.name,
              e->base.class->name);
    e->zero_warned = true;
    e->drops++;
    packet_free(p);
    return false;
  }
  int r = arp_wait(e->cache, ip, p, now);
  if (r < 0) packet_free(p);
  if (r > 0) arp_query(o, p, NULL);
  return false;
}

/* p has its Ethernet header, but for the addresses. */
always_inline void arp_send(ArpOut *o, Packet *p, int64_t now) {
  ARPQuerier *e = o->e;
  int r = arp_lookup(e->cache, packet_dst_ip(p), p->data, e->poll, now);
  if (unlikely(r != ARP_KNOWN)) {
    if (r == ARP_POLL)
      arp_query(o, p, p->data);
    else if (!arp_without_entry(o, p, now))
      return;
  }
  memcpy(p->data + 6, e->ether, 6);
  arp_out(o, p);
}

static void arp_reply(ArpOut *o, Packet *p, int64_t now) {
  ARPQuerier *e = o->e;
  if (p->len < WIRE_ETHER + WIRE_ARP) return;
  e->responses++;
  if (!wire_is_arp(p, 2) || (p->data[22] & 1)) return;
  Packet *waiting;
  arp_insert(e->cache, load32(p->data + 28), p->data + 22, now, &waiting);
  while (waiting) {
    Packet *next = waiting->next;
    waiting->next = NULL;
    arp_send(o, waiting, now);
    waiting = next;
  }
}

static void arpquerier_push(Element *el, int port, Packet **p, unsigned n) {
  ARPQuerier *e = (ARPQuerier *)el;
  ArpOut o;
  o.e = e;
  o.n = 0;
  int64_t now = arp_now(el);
  for (unsigned i = 0; i < n; i++) {
    if (port) {
      arp_reply(&o, p[i], now);
      packet_free(p[i]);
    } else if (unlikely(!e->ip || !packet_push(p[i], WIRE_ETHER))) {
      e->drops++;
      packet_free(p[i]);
    } else {
      p[i]->mac = p[i]->data;
      wire_put16(p[i]->data + 12, ETHERTYPE_IP);
      arp_send(&o, p[i], now);
    }
  }
  arp_out_flush(&o);
}

static void arpquerier_arm(ARPQuerier *e, int64_t more) {
  if (e->cache == &e->own && e->own.timeout)
    timer_after(&e->timer, e->own.timeout / NSEC_PER_SEC * NSEC_PER_SEC + more);
}

static void arpquerier_timer(Element *e, Timer *t) {
  arp_slim(&((ARPQuerier *)e)->own, arp_now_exact(e));
  arpquerier_arm((ARPQuerier *)e, NSEC_PER_SEC);
}

/* IP address or prefix; a name may stand for the Ethernet address too. An address is preferred to a prefix.
 */
static int arpquerier_parse_ip(Element *el, const char *text, void *field, Errors *errs, int arg) {
  ARPQuerier *e = (ARPQuerier *)el;
  IPPrefix p = {.mask = 0xffffffff};
  uint8_t ether[6];
  if (!arg_parse_ip(el, text, &p.addr) && !arg_parse_ip_prefix(el, text, true, &p))
    return arg_error(errs, arg, "IP: expected an IP address or prefix, not '%s'", text);
  e->configured_ip = p.addr;
  e->mask = p.mask;
  e->ether_from_name = arg_parse_ether(el, text, ether);
  if (e->ether_from_name && !e->ether_given) memcpy(e->configured_ether, ether, 6);
  return 0;
}

static int arpquerier_configure(Element *el, const Args *args, Errors *errs) {
  ARPQuerier *e = (ARPQuerier *)el;
  ArpCache *own = &e->own;
  if (!e->ether_given && !e->ether_from_name) return error(errs, "missing argument ETH");
  if (!e->configured) {
    *own = (ArpCache){.capacity = 2048, .slim_factor = 2, .timeout = 300 * NSEC_PER_SEC};
    e->cache = own;
    if (e->table && !(e->cache = element_cast(e->table, "ArpCache")))
      return error(errs, "TABLE: '%s' is not an ARPTable", e->table->name);
  } else if ((e->ip != e->configured_ip || !wire_same_ether(e->ether, e->configured_ether)) &&
             e->cache == own) {
    arp_clear(own);
  }
  e->ip = e->configured_ip;
  memcpy(e->ether, e->configured_ether, 6);
  e->broadcast = e->broadcast_given ? e->broadcast_arg : ~e->mask ? e->ip | ~e->mask : 0xffffffff;
  if (!e->broadcast_given && e->broadcast == e->ip) e->broadcast = 0xffffffff;
  e->poll = e->poll_timeout / NSEC_PER_MSEC;
  if (e->capacity_given) own->capacity = e->capacity;
  if (e->entry_capacity_given) own->entry_capacity = e->entry_capacity;
  if (e->entry_packet_capacity_given) own->entry_packet_capacity = e->entry_packet_capacity;
  if (e->slim_given) own->slim_factor = e->slim_factor;
  if (e->timeout_given) own->timeout = e->timeout;
  if (e->configured && !timer_scheduled(&e->timer)) arpquerier_arm(e, 0);
  return 0;
}

static int arpquerier_initialize(Element *el, Errors *errs) {
  ARPQuerier *e = (ARPQuerier *)el;
  e->configured = true;
  timer_init(&e->timer, el);
  arpquerier_arm(e, 0);
  return 0;
}

static void arpquerier_cleanup(Element *e) {
  timer_cancel(&((ARPQuerier *)e)->timer);
  arp_free(&((ARPQuerier *)e)->own);
}

static void arpquerier_take_state(Element *el, Element *old) {
  ARPQuerier *e = (ARPQuerier *)el, *o = (ARPQuerier *)old;
  if (e->ip != o->ip || e->broadcast != o->broadcast || !wire_same_ether(e->ether, o->ether)) return;
  if (e->cache == &e->own && o->cache == &o->own) arp_move(&e->own, &o->own);
  e->queries = o->queries;
  e->drops = o->drops;
  e->responses = o->responses;
}

static bool arpquerier_live(Element *e) { return (void)e, true; }
static void *arpquerier_cast(Element *e, const char *name) {
  return strcmp(name, "ArpCache") ? NULL : ((ARPQuerier *)e)->cache;
}

enum { ARPQ_TABLE, ARPQ_STATS, ARPQ_COUNT, ARPQ_LENGTH };

static int arpquerier_read(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  ARPQuerier *e = (ARPQuerier *)el;
  switch (h->data) {
  case ARPQ_TABLE:
    arp_table_text(e->cache, arp_now_exact(el), out);
    break;
  case ARPQ_STATS:
    text_printf(out, "%llu packets killed\n%llu ARP queries sent\n",
                (unsigned long long)(e->drops + e->cache->drops), (unsigned long long)e->queries);
    break;
  case ARPQ_COUNT:
    text_printf(out, "%u", e->cache->count);
    break;
  case ARPQ_LENGTH:
    text_printf(out, "%u", e->cache->length);
    break;
  }
  return 0;
}

static int arpquerier_insert(Element *e, const Handler *h, const char *value, Errors *errs) {
  return arp_write_insert(e, ((ARPQuerier *)e)->cache, value, errs);
}
static int arpquerier_delete(Element *e, const Handler *h, const char *value, Errors *errs) {
  return arp_write_delete(e, ((ARPQuerier *)e)->cache, value, errs);
}
static int arpquerier_clear(Element *el, const Handler *h, const char *value, Errors *errs) {
  ARPQuerier *e = (ARPQuerier *)el;
  e->queries = e->drops = e->responses = 0;
  arp_clear(e->cache);
  return 0;
}

ELEMENT(
    ARPQuerier, .ports = "2/1-2", .processing = "h/h", .flow = "xy/x", .flags = "L2", .push = arpquerier_push,
    .configure = arpquerier_configure, .initialize = arpquerier_initialize, .cleanup = arpquerier_cleanup,
    .take_state = arpquerier_take_state, .run_timer = arpquerier_timer,
    .can_live_reconfigure = arpquerier_live, .cast = arpquerier_cast,
    .args = ARGS(ARG_MUST(ARPQuerier, CUSTOM, "IP", configured_ip, .parse = arpquerier_parse_ip),
                 ARG_POS(ARPQuerier, ETHER, "ETH", configured_ether, NULL, GIVEN(ARPQuerier, ether_given)),
                 ARG(ARPQuerier, U32, "CAPACITY", capacity, NULL, GIVEN(ARPQuerier, capacity_given)),
                 ARG(ARPQuerier, U32, "ENTRY_CAPACITY", entry_capacity, NULL,
                     GIVEN(ARPQuerier, entry_capacity_given)),
                 ARG(ARPQuerier, U32, "ENTRY_PACKET_CAPACITY", entry_packet_capacity, NULL,
                     GIVEN(ARPQuerier, entry_packet_capacity_given)),
                 ARG(ARPQuerier, U32, "CAPACITY_SLIM_FACTOR", slim_factor, NULL, .min = 1, .max = 4294967295.,
                     GIVEN(ARPQuerier, slim_given)),
                 ARG(ARPQuerier, INTERVAL, "TIMEOUT", timeout, NULL, .min = 0, .max = 1e18,
                     GIVEN(ARPQuerier, timeout_given)),
                 ARG(ARPQuerier, IP, "BROADCAST", broadcast_arg, NULL, GIVEN(ARPQuerier, broadcast_given)),
                 ARG(ARPQuerier, ELEMENT, "TABLE", table, NULL),
                 ARG(ARPQuerier, INTERVAL, "POLL_TIMEOUT", poll_timeout, "60", .min = 0, .max = 1e18),
                 ARG(ARPQuerier, BOOL, "BROADCAST_POLL", broadcast_poll, "false")),
    .handlers = HANDLERS(READ_FN("table", arpquerier_read, .data = ARPQ_TABLE),
                         READ_FN("stats", arpquerier_read, .data = ARPQ_STATS),
                         READ_FN("count", arpquerier_read, .data = ARPQ_COUNT),
                         READ_FN("length", arpquerier_read, .data = ARPQ_LENGTH),
                         READ_FIELD(ARPQuerier, U64, "queries", queries),
                         READ_FIELD(ARPQuerier, U64, "responses", responses),
                         READ_FIELD(ARPQuerier, U64, "drops", drops),
                         RW_FIELD(ARPQuerier, IP, "broadcast", broadcast),
                         RW_FIELD(ARPQuerier, IP, "ipaddr", ip), WRITE_FN("insert", arpquerier_insert),
                         WRITE_FN("delete", arpquerier_delete), WRITE_FN("clear", arpquerier_clear)));
