/** Counter: counts packets and bytes and measures their rates.
 *
 * Synopsis: `Counter([<keywords> COUNT_CALL, BYTE_COUNT_CALL])`
 *
 * Arguments: COUNT_CALL (`N HANDLER [VALUE]`): writes HANDLER when the packet count reaches N, and again
 * after a reset. BYTE_COUNT_CALL (`N HANDLER [VALUE]`): the same for bytes.
 *
 * Handlers: `count`, `byte_count` (read). `rate` (read): packets a second since it was last read, at first
 * since the start or reset; a moving average if it is read more often than once a second. `bit_rate`,
 * `byte_rate` (read). `reset`, `reset_counts` (write): back to zero. `count_call` (read: N),
 * `byte_count_call` (write): as the arguments.
 *
 * Differs: the reference averages by the arrivals of packets, which it looks at the clock for.
 *
 * Example: `InfiniteSource(LIMIT 5) -> c :: Counter -> Discard;`
 */
#include <clicklet/element.h>
#include <clicklet/rate.h>

typedef struct CounterCall {
  uint64_t at;
  char *handler; /* name and value; NULL: none */
} CounterCall;

typedef struct Counter {
  Element base;
  uint64_t count, byte_count;
  uint64_t next_count, next_bytes; /* when to look closer: UINT64_MAX if never */
  bool armed;                      /* there is something to look for */
  CounterCall count_call, byte_call;
  Rate rate, byte_rate;
} Counter;

static void counter_fire(Counter *e, const CounterCall *c, uint64_t *next) {
  *next = UINT64_MAX;
  char *call = mem_string(c->handler, strlen(c->handler)); /* what it writes may replace it */
  if (call) handler_call(&e->base, call, NULL);
  mem_free(call);
}

static __attribute__((noinline)) void counter_look(Counter *e) {
  if (e->count >= e->next_count) counter_fire(e, &e->count_call, &e->next_count);
  if (e->byte_count >= e->next_bytes) counter_fire(e, &e->byte_call, &e->next_bytes);
}

static inline int counter_action(Counter *e, Packet *p) {
  ACTION_RARE(e->armed && (e->count + 1 >= e->next_count || e->byte_count + p->len >= e->next_bytes));
  e->count++;
  e->byte_count += p->len;
  if (unlikely(e->armed)) counter_look(e);
  return 0;
}

ACTION(Counter, counter_action)

static int counter_parse_call(Element *e, const char *text, void *field, Errors *errs, int arg) {
  CounterCall *c = field;
  Text word = {0};
  const char *rest = next_word(text, &word, NULL);
  uint64_t at;
  bool ok = rest && parse_u64(text_cstr(&word), &at);
  text_free(&word);
  while (ok && is_space(*rest)) rest++;
  if (!ok || !*rest) return arg_error(errs, arg, "expected 'N HANDLER [VALUE]', not '%s'", text);
  (void)e;
  mem_free(c->handler);
  c->at = at;
  c->handler = mem_string(rest, strlen(rest));
  return 0;
}

/* A count that is there already is not reached again; so many bytes are had with any further packet. */
static void counter_arm_count(Counter *e) {
  e->next_count = e->count_call.handler && e->count < e->count_call.at ? e->count_call.at : UINT64_MAX;
  e->armed = e->count_call.handler || e->byte_call.handler;
}

static void counter_arm_bytes(Counter *e) {
  e->next_bytes = e->byte_call.handler ? e->byte_call.at : UINT64_MAX;
  e->armed = e->count_call.handler || e->byte_call.handler;
}

static void counter_start(Counter *e) {
  counter_arm_count(e);
  counter_arm_bytes(e);
  rate_start(&e->rate, e->count, time_steady(&e->base));
  rate_start(&e->byte_rate, e->byte_count, time_steady(&e->base));
}

static int counter_initialize(Element *e, Errors *errs) {
  Counter *c = (Counter *)e;
  int rc = 0;
  if (c->count_call.handler) rc |= handler_call_check(e, c->count_call.handler, errs);
  if (c->byte_call.handler) rc |= handler_call_check(e, c->byte_call.handler, errs);
  counter_start(c);
  return rc;
}

static void counter_cleanup(Element *e) {
  mem_free(((Counter *)e)->count_call.handler);
  mem_free(((Counter *)e)->byte_call.handler);
}

static void counter_take_state(Element *e, Element *old) {
  ((Counter *)e)->count = ((Counter *)old)->count;
  ((Counter *)e)->byte_count = ((Counter *)old)->byte_count;
  counter_start((Counter *)e);
}

static int counter_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  Counter *c = (Counter *)e;
  (void)h, (void)value, (void)errs;
  c->count = c->byte_count = 0;
  counter_start(c);
  return 0;
}

/* The rate is measured when it is asked for: the data path only counts. */
static int counter_rate(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  Counter *c = (Counter *)e;
  (void)param, (void)errs;
  bool bytes = h->data > 0;
  double r = rate_read(bytes ? &c->byte_rate : &c->rate, bytes ? c->byte_count : c->count, time_steady(e));
  text_printf(out, "%g", h->data == 2 ? 8 * r : r);
  return 0;
}

static int counter_read_call(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  const Counter *c = (const Counter *)e;
  (void)h, (void)param, (void)errs;
  if (c->count_call.handler) text_printf(out, "%llu", (unsigned long long)c->count_call.at);
  return 0;
}

static int counter_write_call(Element *e, const Handler *h, const char *value, Errors *errs) {
  Counter *c = (Counter *)e;
  CounterCall *call = h->data ? &c->byte_call : &c->count_call, new = {0};
  if (counter_parse_call(e, value, &new, errs, -1) < 0) return -1;
  if (handler_call_check(e, new.handler, errs) < 0) {
    mem_free(new.handler);
    return -1;
  }
  mem_free(call->handler);
  *call = new;
  if (h->data)
    counter_arm_bytes(c);
  else
    counter_arm_count(c);
  return 0;
}

/* What a handler changes holds for the very next packet, so packets go one by one. */
static unsigned counter_batch_cap(Element *e) {
  return ((Counter *)e)->count_call.handler || ((Counter *)e)->byte_call.handler ? 1 : 0;
}

ELEMENT(Counter, .per_thread = true, .ports = "1/1", USE_ACTION(Counter, counter_action),
        .initialize = counter_initialize, .batch_cap = counter_batch_cap, .cleanup = counter_cleanup,
        .take_state = counter_take_state,
        .args = ARGS(ARG(Counter, CUSTOM, "COUNT_CALL", count_call, NULL, .parse = counter_parse_call),
                     ARG(Counter, CUSTOM, "BYTE_COUNT_CALL", byte_call, NULL, .parse = counter_parse_call)),
        .handlers =
            HANDLERS(READ_FIELD(Counter, U64, "count", count, .flags = HANDLER_READ | HANDLER_SUM),
                     READ_FIELD(Counter, U64, "byte_count", byte_count, .flags = HANDLER_READ | HANDLER_SUM),
                     READ_FN("rate", counter_rate, .flags = HANDLER_READ | HANDLER_SUM),
                     READ_FN("byte_rate", counter_rate, .flags = HANDLER_READ | HANDLER_SUM, .data = 1),
                     READ_FN("bit_rate", counter_rate, .flags = HANDLER_READ | HANDLER_SUM, .data = 2),
                     WRITE_FN("reset", counter_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                     WRITE_FN("reset_counts", counter_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                     RW_FN("count_call", counter_read_call, counter_write_call),
                     WRITE_FN("byte_count_call", counter_write_call, .data = 1)));
