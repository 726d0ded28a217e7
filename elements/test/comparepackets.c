/** ComparePackets: compares the packets of two streams, pair by pair.
 *
 * Synopsis: `ComparePackets([<keyword> TIMESTAMP])`
 *
 * A packet pulled from output 0 or 1 comes from the input of that number and waits until its partner has been
 * pulled on the other side; it is then compared with it. Length, data, where the network header is and how
 * long, and the timestamps must be the same.
 *
 * Arguments: TIMESTAMP (bool): compares timestamps too; default true.
 *
 * Handlers: `diffs` (read): pairs that differ, and packets that one stream has more. `diff_details` (read):
 * how many differ in what. `all_same` (read).
 *
 * Example: `InfiniteSource(LIMIT 5) -> Queue -> c :: ComparePackets -> Discard; InfiniteSource(LIMIT 5) ->
 * Queue -> [1] c [1] -> Discard;`
 */
#include <clicklet/element.h>

enum { BY_LENGTH, BY_DATA, BY_TIMESTAMP, BY_OFFSET, BY_HEADER_LENGTH, BY_HEADER, MORE_0, MORE_1, REASONS };
static const char *const reasons[REASONS] = {"different length",
                                             "different data",
                                             "different timestamp",
                                             "different network header offset",
                                             "different network header length",
                                             "different network header presence",
                                             "more packets in [0]",
                                             "more packets in [1]"};

typedef struct ComparePackets {
  Element base;
  bool timestamp;
  Packet *head[2], *tail[2]; /* clones of what one stream is ahead */
  uint32_t ahead[2];
  uint64_t diffs, by[REASONS];
} ComparePackets;

static void compare(ComparePackets *c, const Packet *a, const Packet *b) {
  bool differs[REASONS] = {false};
  differs[BY_LENGTH] = a->len != b->len;
  differs[BY_DATA] = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len) != 0;
  differs[BY_TIMESTAMP] = c->timestamp && a->timestamp != b->timestamp;
  differs[BY_HEADER] = !a->network != !b->network;
  if (a->network && b->network) {
    differs[BY_OFFSET] = packet_network_offset(a) != packet_network_offset(b);
    differs[BY_HEADER_LENGTH] = a->transport - a->network != b->transport - b->network;
  }
  bool any = false;
  for (int i = 0; i < REASONS; i++) {
    c->by[i] += differs[i];
    any |= differs[i];
  }
  c->diffs += any;
}

static void compare_take(ComparePackets *c, int side, Packet *p) {
  int other = !side;
  if (c->head[other]) {
    Packet *q = c->head[other];
    c->head[other] = q->next;
    c->ahead[other]--;
    compare(c, p, q);
    packet_free(q);
    return;
  }
  Packet *q = packet_clone(p);
  if (!q) return;
  packet_copy_annotations(q, p);
  q->next = NULL;
  *(c->head[side] ? &c->tail[side]->next : &c->head[side]) = q;
  c->tail[side] = q;
  c->ahead[side]++;
}

static unsigned compare_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = input_pull_batch(e, port, p, max);
  for (unsigned i = 0; i < n; i++) compare_take((ComparePackets *)e, port, p[i]);
  return n;
}

static void compare_cleanup(Element *e) {
  packet_free_list(((ComparePackets *)e)->head[0]);
  packet_free_list(((ComparePackets *)e)->head[1]);
}

static int compare_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  ComparePackets *c = (ComparePackets *)e;
  (void)param, (void)errs;
  uint64_t diffs = c->diffs + c->ahead[0] + c->ahead[1];
  c->by[MORE_0] = c->ahead[0];
  c->by[MORE_1] = c->ahead[1];
  if (h->data == 0)
    text_printf(out, "%llu", (unsigned long long)diffs);
  else if (h->data == 1)
    text_add_string(out, diffs ? "false" : "true");
  else
    for (int i = 0; i < REASONS; i++)
      text_printf(out, "%llu\t%s\n", (unsigned long long)c->by[i], reasons[i]);
  return 0;
}

ELEMENT(ComparePackets, .ports = "2/2", .processing = "l/l", .flow = "#/#", .pull = compare_pull,
        .cleanup = compare_cleanup, .args = ARGS(ARG(ComparePackets, BOOL, "TIMESTAMP", timestamp, "true")),
        .handlers = HANDLERS(READ_FN("diffs", compare_read), READ_FN("all_same", compare_read, .data = 1),
                             READ_FN("diff_details", compare_read, .data = 2)));
