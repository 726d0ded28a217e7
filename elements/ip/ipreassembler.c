/** IPReassembler: puts fragmented IP packets together again.
 *
 * Synopsis: `IPReassembler([<keywords> HIMEM, MAX_MTU_ANNO])`
 *
 * Packets that are not fragments pass. Fragments are kept until their packet is complete; it then leaves on
 * output 0 with what stood in front of the first fragment, that one's annotations and the last one's
 * timestamp. Where fragments overlap, the later one counts. A packet that got no fragment for 30 seconds is
 * given up: it is dropped, or, if output 1 is connected, what there is of it leaves there, each fragment in
 * its place. When more than HIMEM bytes are held, the oldest packets are given up until three quarters of
 * HIMEM remain. The IPREASSEMBLER annotation is cleared.
 *
 * Arguments: HIMEM (unsigned): bytes. Default 262144. MAX_MTU_ANNO (annotation of 2 bytes): set to the length
 * of the longest fragment in reassembled packets. Default none.
 *
 * Handlers: `dump` (read): counts, and what is being held.
 *
 * Example: `Idle -> CheckIPHeader -> r :: IPReassembler -> Discard; r [1] -> Discard;`
 */
#include "ip.h"

enum {
  REASSEMBLER_BUCKETS = 256,
  REASSEMBLER_COST = 40,
  REASSEMBLER_TIMEOUT = 30,
  REASSEMBLER_INTERVAL = 10
};

typedef struct Reassembly { /* one packet in the making */
  struct Reassembly *next;
  Packet *first, **tail;  /* fragments in order of arrival, along Packet.next */
  Packet *head;           /* the one with offset 0 */
  uint32_t src, dst, end; /* end: of the data that fragments reach */
  uint32_t bytes;         /* in fragments, overlaps counted twice */
  uint16_t id, mtu;
  uint8_t proto;
  bool whole;      /* end is the packet's end */
  int64_t seconds; /* latest fragment */
} Reassembly;

typedef struct IPReassembler {
  Element base;
  uint32_t high, used;
  int mtu_anno;
  bool has_mtu_anno;
  int64_t reap_at;
  uint64_t seen, good, failed, bad;
  Reassembly *spare;
  Reassembly *buckets[REASSEMBLER_BUCKETS];
} IPReassembler;

static uint32_t fragment_offset(const uint8_t *h) { return (ip_off(h) & IP_OFFMASK) * 8; }

/* Which bytes are there, in units of 8. */
static void reassembly_map(const Reassembly *r, uint8_t map[8192]) {
  memset(map, 0, 8192);
  for (const Packet *p = r->first; p; p = p->next) {
    uint32_t at = fragment_offset(p->network) / 8, n = (packet_transport_length(p) + 7) / 8;
    memset(map + at, 1, n);
  }
}

static bool reassembly_complete(const Reassembly *r) {
  uint8_t map[8192];
  if (!r->whole || !r->head || r->bytes < r->end) return false;
  reassembly_map(r, map);
  for (uint32_t i = 0; i < (r->end + 7) / 8; i++)
    if (!map[i]) return false;
  return true;
}

/* One packet with all fragments in their places. NULL when memory is out. */
static Packet *reassembly_join(IPReassembler *e, Reassembly *r) {
  Packet *model = r->head ? r->head : r->first;
  uint32_t front = r->head && model->network >= model->data ? (uint32_t)(model->network - model->data) : 0;
  uint32_t hlen = r->head ? ip_hlen(model->network) : 20;
  Packet *q = packet_make(packet_headroom(model), NULL, front + hlen + r->end, 0);
  if (!q) return NULL;
  memset(q->data, 0, q->len);
  /* With what lies in front: an Unstrip later may want the link header back. */
  uint32_t before = (uint32_t)(model->network - front - model->head);
  if (before > packet_headroom(q)) before = packet_headroom(q);
  memcpy(q->data - before, model->network - front - before, before + front + hlen);
  uint8_t *h = q->data + front;
  h[0] = (uint8_t)(0x40 | hlen / 4);
  packet_set_network(q, h, hlen);
  if (r->head && model->mac && model->mac >= model->data && model->mac <= model->network)
    q->mac = q->data + (model->mac - model->data);
  for (const Packet *p = r->first; p; p = p->next)
    memcpy(q->transport + fragment_offset(p->network), p->transport, packet_transport_length(p));
  packet_copy_annotations(q, model);
  set_anno_u32(q, ANNO_IPREASSEMBLER, 0);
  if (e->has_mtu_anno) set_anno_u16(q, e->mtu_anno, r->mtu);
  store16(h + 6, load16(h + 6) & be16(0xc000)); /* leaves the reserved bit and DF */
  if (!r->whole) store16(h + 6, load16(h + 6) | be16(IP_MF));
  return q;
}

/* Takes a packet out of its chain and frees what belongs to it. */
static void reassembly_remove(IPReassembler *e, Reassembly **at) {
  Reassembly *r = *at;
  *at = r->next;
  e->used -= REASSEMBLER_COST + r->end;
  packet_free_list(r->first);
  r->next = e->spare;
  e->spare = r;
}

/* Gives up packets older than `before` until only `until` bytes are held. */
static void reassembler_reap(IPReassembler *e, int64_t before, uint32_t until) {
  Packet *given_up = NULL, **tail = &given_up;
  for (unsigned b = 0; b < REASSEMBLER_BUCKETS; b++)
    for (Reassembly **at = &e->buckets[b]; *at && e->used > until;) {
      if ((*at)->seconds >= before) {
        at = &(*at)->next;
        continue;
      }
      Packet *q = e->base.noutputs > 1 ? reassembly_join(e, *at) : NULL;
      e->failed++;
      reassembly_remove(e, at);
      if (!q) continue;
      q->next = NULL;
      *tail = q;
      tail = &q->next;
    }
  while (given_up) { /* only now: they may come back */
    Packet *q = given_up;
    given_up = q->next;
    output_push(&e->base, 1, q);
  }
}

static Reassembly *reassembler_find(IPReassembler *e, const uint8_t *h, Reassembly ***place) {
  uint32_t hash = (ip_src(h) * 31 + ip_dst(h)) * 31 + load16(h + 4) + h[9];
  Reassembly **at = &e->buckets[(hash * 0x9e3779b1u) >> 24];
  *place = at;
  for (; *at; at = &(*at)->next)
    if ((*at)->src == ip_src(h) && (*at)->dst == ip_dst(h) && (*at)->id == load16(h + 4) &&
        (*at)->proto == h[9])
      return *place = at, *at;
  Reassembly *r = e->spare;
  if (r)
    e->spare = r->next;
  else if (!(r = mem_alloc(sizeof *r)))
    return NULL;
  *r = (Reassembly){.next = **place, .src = ip_src(h), .dst = ip_dst(h), .id = load16(h + 4), .proto = h[9]};
  r->tail = &r->first;
  e->used += REASSEMBLER_COST;
  return **place = r;
}

/* Takes a fragment; returns the packet that it completes, or NULL. */
static Packet *reassembler_take(IPReassembler *e, Packet *p) {
  const uint8_t *h = ip_full_header(p);
  if (!h) return e->bad++, packet_free(p), NULL;
  e->seen++;
  if (!p->timestamp) p->timestamp = time_now(&e->base);
  int64_t now = p->timestamp / NSEC_PER_SEC;
  if (now >= e->reap_at) {
    reassembler_reap(e, now - REASSEMBLER_TIMEOUT, 0);
    e->reap_at = now + REASSEMBLER_INTERVAL;
  }
  uint32_t from = fragment_offset(h), hlen = ip_hlen(h), n = ip_len(h) > hlen ? ip_len(h) - hlen : 0;
  bool more = ip_off(h) & IP_MF;
  p->transport = p->network + hlen;
  if (!n || from + n > 0xffff || (more && n % 8) || packet_transport_length(p) < n)
    return e->bad++, packet_free(p), NULL;
  packet_take(p, packet_transport_length(p) - n);
  if (e->used > e->high)
    for (int age = 10; age >= 0; age -= 5) reassembler_reap(e, age ? now - age : INT64_MAX, e->high / 4 * 3);

  Reassembly **at, *r = reassembler_find(e, h, &at);
  if (!r || (r->whole && from + n > r->end)) return packet_free(p), NULL; /* no memory; behind the end */
  if (from + n > r->end) {
    e->used += from + n - r->end;
    r->end = from + n;
  }
  if (!more) r->whole = true;
  if (!from) r->head = p;
  if (packet_network_length(p) > r->mtu) r->mtu = (uint16_t)packet_network_length(p);
  r->seconds = now;
  r->bytes += n;
  p->next = NULL;
  *r->tail = p;
  r->tail = &p->next;
  if (!reassembly_complete(r)) return NULL;
  Packet *q = reassembly_join(e, r);
  int64_t timestamp = p->timestamp;
  reassembly_remove(e, at);
  if (!q) return NULL;
  e->good++;
  q->timestamp = timestamp;
  store16(q->network + 2, be16((uint16_t)packet_network_length(q)));
  ip_set_checksum(q->network);
  return q;
}

static bool is_fragment(const Packet *p) {
  const uint8_t *h = ip_header(p);
  return h && (load16(h + 6) & be16(IP_MF | IP_OFFMASK));
}

/* Packets in front of a fragment leave before what the fragment may complete. */
static void ip_reassembler_push(Element *e, int port, Packet **p, unsigned n) {
  unsigned done = 0;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    if (likely(!is_fragment(p[i]))) continue;
    if (i > done) output_push_batch(e, 0, p + done, i - done);
    done = i + 1;
    Packet *q = reassembler_take((IPReassembler *)e, p[i]);
    if (q) output_push(e, 0, q);
  }
  if (done < n) output_push_batch(e, 0, p + done, n - done);
}

static unsigned ip_reassembler_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = input_pull_batch(e, 0, p, max), kept = 0;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    Packet *q = is_fragment(p[i]) ? reassembler_take((IPReassembler *)e, p[i]) : p[i];
    if (q) p[kept++] = q;
  }
  return kept;
}

static int ip_reassembler_dump(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  IPReassembler *x = (IPReassembler *)e;
  uint8_t *map = mem_alloc(8192);
  (void)h, (void)param;
  if (!map) return error(errs, "out of memory");
  text_printf(out,
              "frags seen total:    %llu\ngood reassemblies:   %llu\nfailed reassemblies: %llu\nbad "
              "fragments seen:  %llu\ncached chunk data:\n",
              (unsigned long long)x->seen, (unsigned long long)x->good, (unsigned long long)x->failed,
              (unsigned long long)x->bad);
  for (unsigned b = 0; b < REASSEMBLER_BUCKETS; b++)
    for (Reassembly *r = x->buckets[b]; r; r = r->next) {
      const uint8_t *t = r->head && packet_transport_length(r->head) >= 4 ? r->head->transport : NULL;
      text_printf(out, " (%pI, %u, %pI, %u) %u", &r->src, t ? be16(load16(t)) : 0, &r->dst,
                  t ? be16(load16(t + 2)) : 0, be16(r->id));
      reassembly_map(r, map);
      for (uint32_t i = 0, n = (r->end + 7) / 8; i < n; i++) {
        if (!map[i]) continue;
        uint32_t from = i;
        while (i < n && map[i]) i++;
        text_printf(out, " (%u,%u)", from * 8, i * 8 < r->end ? i * 8 : r->end);
      }
      text_add_char(out, '\n');
    }
  mem_free(map);
  return 0;
}

static void ip_reassembler_cleanup(Element *e) {
  IPReassembler *x = (IPReassembler *)e;
  for (unsigned b = 0; b < REASSEMBLER_BUCKETS; b++)
    while (x->buckets[b]) reassembly_remove(x, &x->buckets[b]);
  while (x->spare) {
    Reassembly *r = x->spare;
    x->spare = r->next;
    mem_free(r);
  }
}

ELEMENT(IPReassembler, .ports = "1/1-2", .processing = "a/ah", .push = ip_reassembler_push,
        .pull = ip_reassembler_pull, .cleanup = ip_reassembler_cleanup,
        .args = ARGS(ARG(IPReassembler, U32, "HIMEM", high, "262144"),
                     ARG(IPReassembler, ANNO, "MAX_MTU_ANNO", mtu_anno, NULL, .min = 2,
                         GIVEN(IPReassembler, has_mtu_anno))),
        .handlers = HANDLERS(READ_FN("dump", ip_reassembler_dump)));
