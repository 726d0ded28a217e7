/** AggregatePacketCounter: remembers which packet numbers of each aggregate came by.
 *
 * Synopsis: `AggregatePacketCounter([<keyword> ANNO])`
 *
 * Packets of input N leave on output N. Packets with aggregate 0 are not looked at.
 *
 * Arguments: ANNO (annotation of 4 bytes, or NONE): where the packet's number is; with NONE all have number
 * 0. Default PACKET_NUMBER.
 *
 * Handlers: `count` (read): packets seen. `received AGGREGATE` (read): the numbers that came on any input, a
 * line each. `undelivered AGGREGATE` (read): those that came more often on input 0 than on input 1. `clear`
 * (write). AGGREGATE by default is 0, which has none.
 *
 * Example: `FromCapDump(s.cap, STOP true) -> CheckPaint(0) -> c :: AggregatePacketCounter -> Discard;
 * FromCapDump(r.cap, STOP true) -> CheckPaint(0) -> [1] c [1] -> Discard; DriverManager(pause, pause, print
 * $(c.undelivered 1));`
 */
#include "aggregate.h"

typedef struct Number {
  uint32_t aggregate, number;
  bool came;
  uint32_t in[2]; /* how often on inputs 0 and 1 */
} Number;

typedef struct AggregatePacketCounter {
  Element base;
  int anno; /* -1: none */
  Number *table;
  uint32_t size, used; /* open addressing; a power of two */
  uint64_t count;
} AggregatePacketCounter;

static Number *number_at(Number *table, uint32_t size, uint32_t aggregate, uint32_t number) {
  uint32_t h = (aggregate * 2654435769u ^ number) * 2246822519u;
  for (uint32_t i = h ^ h >> 15;; i++) {
    Number *n = &table[i & (size - 1)];
    if (!n->came || (n->aggregate == aggregate && n->number == number)) return n;
  }
}

static bool numbers_grow(AggregatePacketCounter *a) {
  uint32_t size = a->size ? 2 * a->size : 256;
  Number *wide = mem_alloc(size * sizeof *wide);
  if (!wide) return false;
  for (uint32_t i = 0; i < a->size; i++)
    if (a->table[i].came) *number_at(wide, size, a->table[i].aggregate, a->table[i].number) = a->table[i];
  mem_free(a->table);
  a->table = wide;
  a->size = size;
  return true;
}

static void counter_note(AggregatePacketCounter *a, int port, const Packet *p) {
  uint32_t aggregate = anno_u32(p, ANNO_AGGREGATE), number = a->anno < 0 ? 0 : anno_u32(p, a->anno);
  if (!aggregate || (a->used * 2 >= a->size && !numbers_grow(a))) return;
  Number *n = number_at(a->table, a->size, aggregate, number);
  a->used += !n->came;
  n->aggregate = aggregate;
  n->number = number;
  n->came = true;
  if (port < 2) n->in[port]++;
  a->count++;
}

static void counter_push(Element *e, int port, Packet **p, unsigned n) {
  for (unsigned i = 0; i < n; i++) counter_note((AggregatePacketCounter *)e, port, p[i]);
  output_push_batch(e, port, p, n);
}

static unsigned counter_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = input_pull_batch(e, port, p, max);
  for (unsigned i = 0; i < n; i++) counter_note((AggregatePacketCounter *)e, port, p[i]);
  return n;
}

static int parse_anno(Element *e, const char *text, void *field, Errors *errs, int arg) {
  if (!strcmp(text, "NONE") || !strcmp(text, "none"))
    *(int *)field = -1;
  else if (!arg_parse_anno(e, text, 4, field))
    return arg_error(errs, arg, "ANNO: expected an annotation of 4 bytes or NONE, not '%s'", text);
  return 0;
}

static int counter_configure(Element *e, const Args *args, Errors *errs) {
  (void)args;
  if (e->ninputs != e->noutputs) return error(errs, "as many outputs as inputs are needed");
  return numbers_grow((AggregatePacketCounter *)e) ? 0 : error(errs, "out of memory");
}

static int counter_clear(Element *e, const Handler *h, const char *value, Errors *errs) {
  AggregatePacketCounter *a = (AggregatePacketCounter *)e;
  (void)h, (void)value, (void)errs;
  memset(a->table, 0, a->size * sizeof *a->table);
  a->used = 0;
  a->count = 0;
  return 0;
}

static int counter_list(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  AggregatePacketCounter *a = (AggregatePacketCounter *)e;
  uint64_t aggregate = 0;
  if (*param && !parse_u64(param, &aggregate)) return error(errs, "expected an aggregate, not '%s'", param);
  if (h->data && e->ninputs < 2) return error(errs, "there is no second input");
  AggregatePlace *list = mem_alloc((a->used + 1u) * sizeof *list);
  if (!list) return error(errs, "out of memory");
  uint32_t n = 0;
  for (uint32_t i = 0; i < a->size; i++) {
    const Number *x = &a->table[i];
    if (x->came && x->aggregate == aggregate && (!h->data || x->in[0] > x->in[1]))
      list[n++].aggregate = x->number;
  }
  aggregate_sort(list, n);
  for (uint32_t i = 0; i < n; i++) text_printf(out, "%u\n", list[i].aggregate);
  mem_free(list);
  return 0;
}

static void counter_cleanup(Element *e) { mem_free(((AggregatePacketCounter *)e)->table); }

ELEMENT(AggregatePacketCounter, .ports = "1-/1-", .flow = "#/#", .push = counter_push, .pull = counter_pull,
        .configure = counter_configure, .cleanup = counter_cleanup,
        .args = ARGS(ARG(AggregatePacketCounter, CUSTOM, "ANNO", anno, "PACKET_NUMBER", .parse = parse_anno)),
        .handlers = HANDLERS(READ_FIELD(AggregatePacketCounter, U64, "count", count),
                             READ_PARAM_FN("received", counter_list),
                             READ_PARAM_FN("undelivered", counter_list, .data = 1),
                             WRITE_FN("clear", counter_clear)));
