/** ARPTable: keeps the Ethernet addresses of IP addresses.
 *
 * Synopsis: `ARPTable([<keywords> CAPACITY, ENTRY_CAPACITY, ENTRY_PACKET_CAPACITY, CAPACITY_SLIM_FACTOR,
 * TIMEOUT])`
 *
 * Has no ports. ARPQuerier has a table of its own; a separate ARPTable lets several of them share one (their
 * TABLE argument).
 *
 * Arguments: CAPACITY (unsigned): packets waiting for an answer at most; 0: no limit. Default 2048.
 * ENTRY_CAPACITY (unsigned): addresses at most; 0: as many as memory allows, after which the oldest is
 * forgotten for a new one. Default 0. ENTRY_PACKET_CAPACITY (unsigned):
 * packets waiting for one address at most; 0: no limit. Default 0. CAPACITY_SLIM_FACTOR (unsigned): when
 * CAPACITY is exceeded, one in so many of the waiting packets are dropped, oldest addresses first. Default 2.
 * TIMEOUT (time): an address that was not confirmed for so long is forgotten; 0: never. Default 5 minutes.
 *
 * Handlers: `table` (read): a line for each address: IP address, 1 if known or 0, Ethernet address, age in
 * seconds. `drops`, `count`, `length` (read): packets dropped, addresses, packets waiting. `insert` (write):
 * `IP ETH`. `delete` (write): `IP`. `clear` (write).
 *
 * Example: `t :: ARPTable(TIMEOUT 60); Idle -> a :: ARPQuerier(1.0.0.1, 1:1:1:1:1:1, TABLE t) -> Discard;
 * Idle -> [1] a;`
 */
#include "arptable.h"
#include <clicklet/platform.h>

#define ARP_CHUNK 64 /* entries made at a time */

static bool arp_grow(ArpCache *c) {
  uint32_t n = c->buckets ? 2 * (c->mask + 1) : 64;
  ArpEntry **buckets = platform_can_spare(n * sizeof *buckets) ? mem_alloc(n * sizeof *buckets) : NULL;
  if (!buckets) return c->buckets != NULL; /* longer chains then */
  for (ArpEntry *x = c->oldest; x; x = x->newer) {
    ArpEntry **b = &buckets[arp_hash(x->ip) & (n - 1)];
    x->hash_next = *b;
    *b = x;
  }
  mem_free(c->buckets);
  c->buckets = buckets;
  c->mask = n - 1;
  return true;
}

static void arp_forget(ArpCache *c, ArpEntry *x);

/* Where memory is short, as in a small guest, the oldest address makes room: whoever sends to one address
 * after the other must not take it all. */
static ArpEntry *arp_new_entry(ArpCache *c) {
  if (!c->unused && c->oldest && !platform_can_spare(ARP_CHUNK * sizeof(ArpEntry))) arp_forget(c, c->oldest);
  if (!c->unused) {
    ArpEntry **chunks = mem_resize(c->chunks, c->nchunks * sizeof *chunks, (c->nchunks + 1) * sizeof *chunks);
    if (!chunks) return NULL;
    c->chunks = chunks;
    ArpEntry *x = mem_alloc(ARP_CHUNK * sizeof *x);
    if (!x) return NULL;
    c->chunks[c->nchunks++] = x;
    for (unsigned i = 0; i < ARP_CHUNK; i++) {
      x[i].hash_next = c->unused;
      c->unused = &x[i];
    }
  }
  ArpEntry *x = c->unused;
  c->unused = x->hash_next;
  return x;
}

static void arp_unlink_age(ArpCache *c, ArpEntry *x) {
  if (x->older)
    x->older->newer = x->newer;
  else
    c->oldest = x->newer;
  if (x->newer)
    x->newer->older = x->older;
  else
    c->newest = x->older;
}

static void arp_link_before(ArpCache *c, ArpEntry *x, ArpEntry *newer) {
  x->newer = newer;
  x->older = newer ? newer->older : c->newest;
  if (x->older)
    x->older->newer = x;
  else
    c->oldest = x;
  if (newer)
    newer->older = x;
  else
    c->newest = x;
}

static void arp_drop_first(ArpCache *c, ArpEntry *x) {
  Packet *p = x->head;
  if (!(x->head = p->next)) x->tail = NULL;
  packet_free(p);
  x->packets--;
  c->length--;
  c->drops++;
}

static void arp_forget(ArpCache *c, ArpEntry *x) {
  ArpEntry **link = &c->buckets[arp_hash(x->ip) & c->mask];
  while (*link != x) link = &(*link)->hash_next;
  *link = x->hash_next;
  arp_unlink_age(c, x);
  while (x->head) arp_drop_first(c, x);
  c->count--;
  x->hash_next = c->unused;
  c->unused = x;
}

/* Packets that may wait: CAPACITY, but where packets are few, as in a small guest, no more than a quarter of
 * them all. Else packets for addresses that do not answer could take every packet there is, and with them the
 * replies that are waited for. */
static uint32_t arp_limit(const ArpCache *c) {
  uint32_t share = packet_pool ? packet_pool->limit / 4 : UINT32_MAX;
  return c->capacity && c->capacity < share ? c->capacity : share;
}

void arp_slim(ArpCache *c, int64_t now) {
  uint32_t limit = arp_limit(c);
  while (c->oldest && (arp_expired(c, c->oldest, now) || (c->entry_capacity && c->count > c->entry_capacity)))
    arp_forget(c, c->oldest);
  if (c->length <= limit) return;
  uint32_t keep = limit - limit / c->slim_factor;
  if (!keep) keep = 1; /* the packet that made it too much may not be in yet */
  for (ArpEntry *x = c->oldest; x && c->length > keep; x = x->newer)
    while (x->head && c->length > keep) arp_drop_first(c, x);
}

static ArpEntry *arp_ensure(ArpCache *c, uint32_t ip, int64_t now) {
  ArpEntry *x = arp_find(c, ip);
  if (x) return x;
  if ((!c->buckets || c->count > c->mask) && !arp_grow(c)) return NULL;
  c->count++; /* counts while room is made for it */
  if (c->entry_capacity && c->count > c->entry_capacity) arp_slim(c, now);
  if (!(x = arp_new_entry(c))) return c->count--, NULL;
  *x = (ArpEntry){.ip = ip, .ether = {255, 255, 255, 255, 255, 255}, .live = now, .polled = now - 1000};
  ArpEntry **b = &c->buckets[arp_hash(ip) & c->mask];
  x->hash_next = *b;
  *b = x;
  arp_link_before(c, x, NULL);
  return x;
}

bool arp_insert(ArpCache *c, uint32_t ip, const uint8_t ether[6], int64_t now, Packet **waiting) {
  ArpEntry *x = arp_ensure(c, ip, now);
  if (waiting) *waiting = NULL;
  if (!x) return false;
  memcpy(x->ether, ether, 6);
  x->known = !wire_is_broadcast(ether);
  x->live = now;
  x->polls = 0;
  x->polled = now - 1000;
  arp_unlink_age(c, x);
  arp_link_before(c, x, NULL);
  if (waiting) {
    *waiting = x->head;
    x->head = x->tail = NULL;
    c->length -= x->packets;
    x->packets = 0;
  }
  return true;
}

int arp_wait(ArpCache *c, uint32_t ip, Packet *p, int64_t now) {
  ArpEntry *x = arp_ensure(c, ip, now);
  if (!x) return -1;
  /* An address that packets still wait for must not expire while room is made: keep it just young enough. */
  int64_t least = now - c->timeout / NSEC_PER_MSEC;
  if (c->timeout && x->live < least) {
    x->live = least;
    ArpEntry *next = x->newer;
    while (next && next->live < least) next = next->newer;
    if (next != x->newer) {
      arp_unlink_age(c, x);
      arp_link_before(c, x, next);
    }
  }
  if (c->entry_packet_capacity && x->packets >= c->entry_packet_capacity) {
    c->drops++;
    return -1;
  }
  c->length++;
  if (c->length > arp_limit(c)) arp_slim(c, now);
  p->next = NULL;
  if (x->tail)
    x->tail->next = p;
  else
    x->head = p;
  x->tail = p;
  x->packets++;
  if (!arp_may_ask(x, now)) return 0;
  arp_asked(x, now);
  return 1;
}

void arp_clear(ArpCache *c) {
  while (c->oldest) arp_forget(c, c->oldest);
}

void arp_free(ArpCache *c) {
  arp_clear(c);
  for (uint32_t i = 0; i < c->nchunks; i++) mem_free(c->chunks[i]);
  mem_free(c->chunks);
  mem_free(c->buckets);
  c->chunks = c->buckets = NULL;
  c->nchunks = c->mask = 0;
  c->unused = NULL;
}

void arp_move(ArpCache *to, ArpCache *from) {
  ArpCache limits = *to;
  arp_free(to);
  *to = *from;
  to->capacity = limits.capacity;
  to->entry_capacity = limits.entry_capacity;
  to->entry_packet_capacity = limits.entry_packet_capacity;
  to->slim_factor = limits.slim_factor;
  to->timeout = limits.timeout;
  *from = (ArpCache){.slim_factor = from->slim_factor};
}

void arp_table_text(const ArpCache *c, int64_t now, Text *out) {
  for (const ArpEntry *x = c->oldest; x; x = x->newer) {
    int64_t age = (now - x->live) * NSEC_PER_MSEC;
    text_printf(out, "%pI %d %pE %pT\n", &x->ip, arp_is_known(c, x, now), x->ether, &age);
  }
}

int arp_write_insert(Element *e, ArpCache *c, const char *value, Errors *errs) {
  char *words[3] = {0};
  uint32_t ip;
  uint8_t ether[6];
  unsigned n = split_words(value, words, 3);
  int rc = 0;
  if (n != 2 || !arg_parse_ip(e, words[0], &ip) || !arg_parse_ether(e, words[1], ether))
    rc = error(errs, "expected 'IP ETH', not '%s'", value);
  else if (!arp_insert(c, ip, ether, arp_now_exact(e), NULL))
    rc = error(errs, "out of memory");
  for (unsigned i = 0; i < countof(words); i++) mem_free(words[i]);
  return rc;
}

int arp_write_delete(Element *e, ArpCache *c, const char *value, Errors *errs) {
  static const uint8_t nobody[6] = {255, 255, 255, 255, 255, 255};
  uint32_t ip;
  if (!arg_parse_ip(e, value, &ip)) return error(errs, "expected an IP address, not '%s'", value);
  return arp_insert(c, ip, nobody, arp_now_exact(e), NULL) ? 0 : error(errs, "out of memory");
}

/* ---- The element
 * ------------------------------------------------------------------------------------------------- */

typedef struct ARPTable {
  Element base;
  ArpCache cache;
  Timer timer;
} ARPTable;

static void arptable_arm(ARPTable *e, int64_t more) {
  if (e->cache.timeout) timer_after(&e->timer, e->cache.timeout / NSEC_PER_SEC * NSEC_PER_SEC + more);
}

static void arptable_timer(Element *e, Timer *t) {
  arp_slim(&((ARPTable *)e)->cache, arp_now_exact(e));
  arptable_arm((ARPTable *)e, NSEC_PER_SEC);
}

static int arptable_configure(Element *el, const Args *args, Errors *errs) {
  ARPTable *e = (ARPTable *)el;
  if (e->timer.element && !timer_scheduled(&e->timer)) arptable_arm(e, 0); /* reconfigured */
  return 0;
}

static int arptable_initialize(Element *e, Errors *errs) {
  timer_init(&((ARPTable *)e)->timer, e);
  arptable_arm((ARPTable *)e, 0);
  return 0;
}

static void arptable_cleanup(Element *e) {
  timer_cancel(&((ARPTable *)e)->timer);
  arp_free(&((ARPTable *)e)->cache);
}

static void arptable_take_state(Element *e, Element *old) {
  arp_move(&((ARPTable *)e)->cache, &((ARPTable *)old)->cache);
}
static bool arptable_live(Element *e) { return (void)e, true; }
static void *arptable_cast(Element *e, const char *name) {
  return strcmp(name, "ArpCache") ? NULL : &((ARPTable *)e)->cache;
}

static int arptable_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  arp_table_text(&((ARPTable *)e)->cache, arp_now_exact(e), out);
  return 0;
}

static int arptable_insert(Element *e, const Handler *h, const char *value, Errors *errs) {
  return arp_write_insert(e, &((ARPTable *)e)->cache, value, errs);
}
static int arptable_delete(Element *e, const Handler *h, const char *value, Errors *errs) {
  return arp_write_delete(e, &((ARPTable *)e)->cache, value, errs);
}
static int arptable_clear(Element *e, const Handler *h, const char *value, Errors *errs) {
  arp_clear(&((ARPTable *)e)->cache);
  return 0;
}

ELEMENT(ARPTable, .ports = "0/0", .configure = arptable_configure, .initialize = arptable_initialize,
        .cleanup = arptable_cleanup, .take_state = arptable_take_state, .run_timer = arptable_timer,
        .can_live_reconfigure = arptable_live, .cast = arptable_cast,
        .args = ARGS(ARG(ARPTable, U32, "CAPACITY", cache.capacity, "2048"),
                     ARG(ARPTable, U32, "ENTRY_CAPACITY", cache.entry_capacity, "0"),
                     ARG(ARPTable, U32, "ENTRY_PACKET_CAPACITY", cache.entry_packet_capacity, "0"),
                     ARG(ARPTable, U32, "CAPACITY_SLIM_FACTOR", cache.slim_factor, "2", .min = 1,
                         .max = 4294967295.),
                     ARG(ARPTable, INTERVAL, "TIMEOUT", cache.timeout, "300", .min = 0, .max = 1e18)),
        .handlers = HANDLERS(READ_FN("table", arptable_read), READ_FIELD(ARPTable, U64, "drops", cache.drops),
                             READ_FIELD(ARPTable, U32, "count", cache.count),
                             READ_FIELD(ARPTable, U32, "length", cache.length),
                             WRITE_FN("insert", arptable_insert), WRITE_FN("delete", arptable_delete),
                             WRITE_FN("clear", arptable_clear)));
