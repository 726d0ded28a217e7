/** IPFragmenter: splits IP packets larger than the MTU into fragments.
 *
 * Synopsis: `IPFragmenter(MTU [, HONOR_DF, VERBOSE, <keywords> HEADROOM])`
 *
 * Packets of at most MTU bytes, counted from the network header, pass unchanged to output 0. Larger ones
 * leave there as fragments, in order, each with a copy of the annotations and, except for the first, of only
 * those options that must be copied; what is in front of the IP header stays with the first. Packets that
 * must not be fragmented (DF) leave on output 1 or are dropped if it is not connected; a message tells of the
 * first five.
 *
 * Arguments: MTU (unsigned, required, at least 8). HONOR_DF (bool): false fragments packets with DF too, with
 * a random identification and DF cleared. Default true. VERBOSE (bool): a message for every packet with DF.
 * Default false. HEADROOM (unsigned): bytes free in front of second and later fragments. Default: the usual
 * headroom.
 *
 * Handlers: `drops` (read): packets sent to output 1. `fragments` (read): fragments made.
 *
 * Unlike the reference, a packet with trailing bytes behind its IP length is judged by its IP length once it
 * is too long.
 *
 * Example: `Idle -> CheckIPHeader -> fr :: IPFragmenter(1500) -> Discard; fr [1] -> ICMPError(10.0.0.1,
 * unreachable, needfrag) -> Discard;`
 */
#include "ip.h"

typedef struct IPFragmenter {
  Element base;
  uint32_t mtu, headroom;
  bool honor_df, verbose;
  uint64_t drops, fragments;
} IPFragmenter;

/* Writes the options that belong into every fragment to `out` (40 bytes) and returns their length, padded to
 * words. */
static unsigned fragment_options(const uint8_t *h, unsigned hlen, uint8_t *out) {
  unsigned n = 0;
  for (unsigned at = 20, size; at < hlen && h[at]; at += size) {
    size = h[at] == 1 ? 1 : at + 1 < hlen ? h[at + 1] : 0;
    if (h[at] == 1) continue;
    if (size < 2 || at + size > hlen) break;
    if (!(h[at] & 0x80)) continue;
    memcpy(out + n, h + at, size);
    n += size;
  }
  while (n & 3) out[n++] = 0;
  return n;
}

static void fragment_finish(uint8_t *h, unsigned hlen, unsigned data, unsigned off) {
  h[0] = (uint8_t)(0x40 | hlen / 4);
  store16(h + 2, be16((uint16_t)(hlen + data)));
  store16(h + 6, be16((uint16_t)off));
  ip_set_checksum(h);
}

static __attribute__((noinline)) int ip_fragment_slow(IPFragmenter *e, Packet *p) {
  uint8_t *h = ip_full_header(p);
  if (!h) return 0;
  uint32_t hlen = ip_hlen(h), len = ip_len(h), have = packet_network_length(p);
  if (len > have) len = have;
  uint32_t total = len > hlen ? len - hlen : 0, first = e->mtu > hlen ? (e->mtu - hlen) & ~7u : 0;
  if (len <= e->mtu) {
    packet_take(p, have - len);
    return 0;
  }
  if ((e->honor_df && (ip_off(h) & IP_DF)) || first < 8) {
    if (e->verbose || e->drops < 5)
      chatter(NULL, "IPFragmenter(%d) DF %pI %pI len=%d", (int)e->mtu, h + 12, h + 16, (int)p->len);
    e->drops++;
    return 1;
  }
  if (!packet_unique(p)) return PACKET_DROP;
  h = p->network;
  if (ip_off(h) & IP_DF) store16(h + 4, (uint16_t)random_u32(&e->base)); /* the sender need not have set it */
  uint32_t off = ip_off(h) & ~(uint32_t)IP_DF, last_mf = off & IP_MF;
  uint8_t options[40];
  uint32_t small = 20 + fragment_options(h, hlen, options);
  Packet *list = NULL, **tail = &list;
  for (uint32_t at = first, n; at < total; at += n) {
    n = (e->mtu - small) & ~7u;
    if (n > total - at) n = total - at;
    Packet *q = packet_make(e->headroom, NULL, small + n, 0);
    if (!q) continue;
    memcpy(q->data, h, 20);
    memcpy(q->data + 20, options, small - 20);
    memcpy(q->data + small, h + hlen + at, n);
    packet_set_network(q, q->data, small);
    fragment_finish(q->data, small, n, (off + at / 8) | (at + n < total ? (uint32_t)IP_MF : last_mf));
    packet_copy_annotations(q, p);
    *tail = q;
    tail = &q->next;
  }
  *tail = NULL;
  packet_take(p, have - hlen - first);
  fragment_finish(h, hlen, first, off | IP_MF);
  e->fragments++;
  output_push(&e->base, 0, p);
  while (list) {
    Packet *q = list;
    list = q->next;
    e->fragments++;
    output_push(&e->base, 0, q);
  }
  return PACKET_KEPT;
}

static inline int ip_fragment(IPFragmenter *e, Packet *p) {
  ACTION_RARE(p->network && (int32_t)packet_network_length(p) > (int32_t)e->mtu);
  return likely(!p->network || (int32_t)packet_network_length(p) <= (int32_t)e->mtu) ? 0
                                                                                     : ip_fragment_slow(e, p);
}

/* Like the push of an action, but what came before a packet that is fragmented leaves before its fragments.
 */
static void ip_fragmenter_push(Element *e, int port, Packet **p, unsigned n) {
  IPFragmenter *f = (IPFragmenter *)e;
  unsigned done = 0;
  (void)port;
  for (unsigned i = 0; i < n; i++) {
    Packet *q = p[i];
    if (likely(!q->network || (int32_t)packet_network_length(q) <= (int32_t)f->mtu)) continue;
    if (i > done) output_push_batch(e, 0, p + done, i - done);
    done = i + 1;
    int out = ip_fragment_slow(f, q);
    if (out >= 0)
      output_push(e, out, q);
    else if (out == PACKET_DROP)
      packet_free(q);
  }
  if (likely(done < n)) output_push_batch(e, 0, p + done, n - done);
}

static void ip_fragmenter_take_state(Element *e, Element *old) {
  ((IPFragmenter *)e)->drops = ((IPFragmenter *)old)->drops;
  ((IPFragmenter *)e)->fragments = ((IPFragmenter *)old)->fragments;
}

ACTION_ALONE(IPFragmenter, ip_fragment)

ELEMENT(IPFragmenter, .per_thread = true, .ports = "1/1-2", .processing = "h/h", .push = ip_fragmenter_push,
        USE_ACTION_ALONE(ip_fragment), .take_state = ip_fragmenter_take_state,
        .args = ARGS(ARG_MUST(IPFragmenter, U32, "MTU", mtu, .fixed = true, .min = 8, .max = 0x7fffffff),
                     ARG_POS(IPFragmenter, BOOL, "HONOR_DF", honor_df, "true"),
                     ARG_POS(IPFragmenter, BOOL, "VERBOSE", verbose, "false"),
                     ARG(IPFragmenter, U32, "HEADROOM", headroom, "128", .min = 0, .max = 65536)),
        .handlers = HANDLERS(
            READ_FIELD(IPFragmenter, U64, "drops", drops, .flags = HANDLER_READ | HANDLER_SUM),
            READ_FIELD(IPFragmenter, U64, "fragments", fragments, .flags = HANDLER_READ | HANDLER_SUM)));
