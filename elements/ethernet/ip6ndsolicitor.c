/** IP6NDSolicitor: puts IPv6 packets into Ethernet headers, asking for addresses by Neighbor Discovery.
 *
 * Synopsis: `IP6NDSolicitor(IP, ETH)`
 *
 * Input 0: IPv6 packets with the destination address annotation (the next hop). Input 1: neighbor
 * advertisements with their Ethernet header. Output 0: Ethernet packets; solicitations too if there is no
 * output 1. One packet for each unknown address waits for the answer, the last one. An address is forgotten 2
 * minutes after it was last advertised; from the first minute on it is asked for again while it is in use.
 *
 * Arguments: IP (IPv6 address), ETH (Ethernet address): one's own.
 *
 * Handlers: `table` (read): a line for each address: IPv6 address, 1 if known or 0, Ethernet address. `stats`
 * (read): text.
 *
 * Differs: the reference keeps addresses that nobody answers for for ever, and any number of them; here they
 * go after 2 minutes, and there are 65536 at most.
 *
 * Example: `q :: IP6NDSolicitor(3ffe:1ce1:2::1, 00:e0:29:05:e5:6f) -> Discard; Idle -> q; Idle -> [1] q;`
 */
#include "ip6nd.h"

#define ND_BUCKETS 256
#define ND_ENTRIES_MAX 65536 /* so that a scan of a network does not take all memory */

typedef struct NdEntry NdEntry;
struct NdEntry {
  NdEntry *next;
  uint8_t ip[16], ether[6];
  bool known, polling;
  int64_t answered; /* or first asked for: steady clock, ns */
  Packet *waiting;
};

typedef struct IP6NDSolicitor {
  Element base;
  uint8_t ip[16], ether[6];
  NdEntry *buckets[ND_BUCKETS];
  uint32_t count; /* entries */
  uint64_t queries, killed;
  Timer timer;
} IP6NDSolicitor;

static NdEntry **nd_bucket(IP6NDSolicitor *e, const uint8_t *ip) {
  return &e->buckets[(ip[0] + ip[15]) % ND_BUCKETS];
}
static NdEntry *nd_lookup(IP6NDSolicitor *e, const uint8_t *ip) {
  NdEntry *x = *nd_bucket(e, ip);
  while (x && memcmp(x->ip, ip, 16)) x = x->next;
  return x;
}

static void nd_query(IP6NDSolicitor *e, const uint8_t *want) {
  /* The solicited-node multicast address and its Ethernet address (RFC 4291, 2.7.1; RFC 2464, 7). */
  const uint8_t group[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, want[13], want[14], want[15]};
  const uint8_t ether[6] = {0x33, 0x33, 0xff, want[13], want[14], want[15]};
  Packet *p = nd_make(ND_SOLICITATION, 0, ether, e->ether, group, e->ip, want);
  if (!p) return;
  e->queries++;
  output_push(&e->base, e->base.noutputs - 1, p);
}

static void nd_send(IP6NDSolicitor *e, Packet *p) {
  uint8_t ip[16];
  memcpy(ip, p->anno + ANNO_DST_IP6, 16);
  NdEntry *x = nd_lookup(e, ip);
  if (x && x->polling) {
    x->polling = false;
    nd_query(e, ip);
  }
  if (x && x->known) {
    if (!packet_push(p, WIRE_ETHER)) {
      packet_free(p);
      return;
    }
    memcpy(p->data, x->ether, 6);
    memcpy(p->data + 6, e->ether, 6);
    wire_put16(p->data + 12, ETHERTYPE_IP6);
    p->mac = p->data;
    output_push(&e->base, 0, p);
    return;
  }
  if (!x) {
    if (e->count >= ND_ENTRIES_MAX || !(x = mem_alloc(sizeof *x))) {
      packet_free(p);
      return;
    }
    memcpy(x->ip, ip, 16);
    x->answered = time_steady(&e->base);
    e->count++;
    x->next = *nd_bucket(e, ip);
    *nd_bucket(e, ip) = x;
  } else if (x->waiting) {
    packet_free(x->waiting);
    e->killed++;
  }
  x->waiting = p;
  nd_query(e, ip);
}

static void nd_learn(IP6NDSolicitor *e, const Packet *p) {
  NdEntry *x = nd_is(p, ND_ADVERTISEMENT) ? nd_lookup(e, p->data + ND_TARGET) : NULL;
  if (!x) return;
  if (x->known && !wire_same_ether(x->ether, p->data + ND_LINK))
    chatter(NULL, "IP6NDSolicitor overwriting an entry");
  memcpy(x->ether, p->data + ND_LINK, 6);
  x->known = true;
  x->polling = false;
  x->answered = time_steady(&e->base);
  Packet *waiting = x->waiting;
  x->waiting = NULL;
  if (waiting) nd_send(e, waiting);
}

static void nd_solicitor_push(Element *el, int port, Packet **p, unsigned n) {
  IP6NDSolicitor *e = (IP6NDSolicitor *)el;
  for (unsigned i = 0; i < n; i++) {
    if (!port)
      nd_send(e, p[i]);
    else {
      nd_learn(e, p[i]);
      packet_free(p[i]);
    }
  }
}

static void nd_entry_free(NdEntry *x) {
  if (x->waiting) packet_free(x->waiting);
  mem_free(x);
}

static void nd_solicitor_timer(Element *el, Timer *t) {
  IP6NDSolicitor *e = (IP6NDSolicitor *)el;
  int64_t now = time_steady(el);
  for (int b = 0; b < ND_BUCKETS; b++)
    for (NdEntry **link = &e->buckets[b], *x; (x = *link);) {
      if (now - x->answered > 120 * NSEC_PER_SEC) {
        *link = x->next;
        e->count--;
        nd_entry_free(x);
        continue;
      }
      if (x->known && now - x->answered > 60 * NSEC_PER_SEC) x->polling = true;
      link = &x->next;
    }
  timer_after(t, 15 * NSEC_PER_SEC);
}

static int nd_solicitor_initialize(Element *el, Errors *errs) {
  timer_init(&((IP6NDSolicitor *)el)->timer, el);
  timer_after(&((IP6NDSolicitor *)el)->timer, 15 * NSEC_PER_SEC);
  return 0;
}

static void nd_solicitor_cleanup(Element *el) {
  IP6NDSolicitor *e = (IP6NDSolicitor *)el;
  timer_cancel(&e->timer);
  for (int b = 0; b < ND_BUCKETS; b++)
    for (NdEntry *x = e->buckets[b], *next; x; x = next) {
      next = x->next;
      nd_entry_free(x);
    }
}

static void nd_solicitor_take_state(Element *el, Element *old) {
  IP6NDSolicitor *e = (IP6NDSolicitor *)el, *o = (IP6NDSolicitor *)old;
  if (memcmp(e->ip, o->ip, 16) || memcmp(e->ether, o->ether, 6)) return;
  for (int b = 0; b < ND_BUCKETS; b++) {
    NdEntry *x = e->buckets[b];
    e->buckets[b] = o->buckets[b];
    o->buckets[b] = x;
  }
  e->count = o->count;
  e->queries = o->queries;
  e->killed = o->killed;
}

static int nd_solicitor_table(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  for (int b = 0; b < ND_BUCKETS; b++)
    for (const NdEntry *x = ((IP6NDSolicitor *)el)->buckets[b]; x; x = x->next)
      text_printf(out, "%p6 %d %pE\n", (const void *)x->ip, x->known, (const void *)x->ether);
  return 0;
}

static int nd_solicitor_stats(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const IP6NDSolicitor *e = (const IP6NDSolicitor *)el;
  text_printf(out, "%llu packets killed\n%llu ND Solicitation Message sent\n", (unsigned long long)e->killed,
              (unsigned long long)e->queries);
  return 0;
}

ELEMENT(IP6NDSolicitor, .ports = "2/1-2", .processing = "h/h", .flow = "xy/x", .push = nd_solicitor_push,
        .run_timer = nd_solicitor_timer, .initialize = nd_solicitor_initialize,
        .cleanup = nd_solicitor_cleanup, .take_state = nd_solicitor_take_state,
        .args = ARGS(ARG_MUST(IP6NDSolicitor, IP6, "IP", ip), ARG_MUST(IP6NDSolicitor, ETHER, "ETH", ether)),
        .handlers = HANDLERS(READ_FN("table", nd_solicitor_table), READ_FN("stats", nd_solicitor_stats)));
