/** TimeFilter: passes packets whose timestamps lie in a range.
 *
 * Synopsis: `TimeFilter([START, END, <keywords> START_AFTER, START_DELAY, END_AFTER, END_DELAY, INTERVAL,
 * STOP, END_CALL])`
 *
 * Packets from START on and before END leave on output 0; others on output 1, or are dropped.
 *
 * Arguments: START, END (time since the epoch). START_AFTER, END_AFTER: time after the first packet's
 * timestamp. START_DELAY, END_DELAY: time after the router started. INTERVAL: time after the start. At most
 * one START and one END kind; default: no limit. STOP (bool): stops the driver at the first packet after the
 * end; default false. END_CALL (`HANDLER [VALUE]`): written then; `$t` in it is the packet's timestamp; if it
 * extends the range the packet passes.
 *
 * Handlers: `start`, `end`, `interval` (read/write). `extend_interval` (write): moves the end.
 *
 * Example: `FromDump(in.pcap, STOP true) -> TimeFilter(START_AFTER 1, INTERVAL 2) -> Print(TIMESTAMP true) ->
 * Discard;`
 */
#include <clicklet/element.h>

typedef struct TimeFilter {
  Element base;
  int64_t start, start_after, start_delay, end, end_after, end_delay, interval;
  bool has_start, has_start_after, has_start_delay, has_end, has_end_after, has_end_delay, has_interval;
  bool stop, ready, call_ready;
  char *end_call;
  int64_t began, from, to;
} TimeFilter;

static void first_packet(TimeFilter *f, int64_t t) {
  f->ready = true;
  f->from = f->has_start         ? f->start
            : f->has_start_after ? t + f->start_after
            : f->has_start_delay ? f->began + f->start_delay
                                 : INT64_MIN;
  int64_t from = f->from == INT64_MIN ? t : f->from;
  f->to = f->has_end         ? f->end
          : f->has_end_after ? t + f->end_after
          : f->has_end_delay ? f->began + f->end_delay
          : f->has_interval  ? from + f->interval
                             : INT64_MAX;
  if (f->from == INT64_MIN) f->from = f->has_interval ? t : INT64_MIN;
}

static void call_end(TimeFilter *f, int64_t t) {
  f->call_ready = false;
  if (f->stop) router_stop(f->base.router);
  if (!f->end_call) return;
  Text text = {0};
  for (const char *s = f->end_call; *s; s++)
    if (s[0] == '$' && s[1] == 't' && !is_alpha(s[2]) && !is_digit(s[2]) && s[2] != '_') {
      text_printf(&text, "%pT", &t);
      s++;
    } else
      text_add_char(&text, *s);
  handler_call(&f->base, text_cstr(&text), NULL);
  text_free(&text);
}

static inline int time_filter(TimeFilter *f, Packet *p) {
  int64_t t = p->timestamp;
  if (unlikely(!f->ready)) first_packet(f, t);
  if (t < f->from) return 1;
  while (unlikely(t >= f->to) && f->call_ready) {
    int64_t before = f->to;
    call_end(f, t);
    if (f->to <= before) break;
  }
  return t < f->to ? 0 : 1;
}

ACTION(TimeFilter, time_filter)

static int filter_configure(Element *e, const Args *args, Errors *errs) {
  TimeFilter *f = (TimeFilter *)e;
  (void)args;
  int rc = 0;
  if (f->has_start + f->has_start_after + f->has_start_delay > 1)
    rc = error(errs, "START, START_AFTER and START_DELAY exclude each other");
  if (f->has_end + f->has_end_after + f->has_end_delay + f->has_interval > 1)
    rc = error(errs, "END, END_AFTER, END_DELAY and INTERVAL exclude each other");
  if (f->stop && f->end_call) rc = error(errs, "END_CALL and STOP exclude each other");
  f->call_ready = f->stop || f->end_call;
  return rc;
}

static int filter_initialize(Element *e, Errors *errs) {
  (void)errs;
  TimeFilter *f = (TimeFilter *)e;
  if (f->has_start_delay || f->has_end_delay) f->began = time_now(e);
  return 0;
}

static void filter_cleanup(Element *e) { mem_free(((TimeFilter *)e)->end_call); }

enum { FILTER_START, FILTER_END, FILTER_INTERVAL, FILTER_EXTEND };

static int filter_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  TimeFilter *f = (TimeFilter *)e;
  (void)param, (void)errs;
  int64_t from = f->ready ? (f->from == INT64_MIN ? 0 : f->from) : f->start, to = f->ready ? f->to : f->end;
  int64_t v = h->data == FILTER_START ? from : h->data == FILTER_END ? to : to - from;
  text_printf(out, "%pT", &v);
  return 0;
}

static int filter_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  TimeFilter *f = (TimeFilter *)e;
  int64_t t;
  if (!parse_interval(value, NSEC_PER_SEC, &t)) return error(errs, "expected a time, not '%s'", value);
  if (!f->ready) first_packet(f, h->data == FILTER_START ? t : f->start);
  if (h->data == FILTER_START)
    f->from = t;
  else
    f->to = h->data == FILTER_END        ? t
            : h->data == FILTER_INTERVAL ? (f->from == INT64_MIN ? 0 : f->from) + t
                                         : f->to + t;
  if (h->data != FILTER_START) f->call_ready = f->stop || f->end_call;
  return 0;
}

#define FILTER_TIME(KEY, f, kind) ARG(TimeFilter, kind, KEY, f, NULL, GIVEN(TimeFilter, has_##f))
/* What a handler changes holds for the very next packet, so packets go one by one. */
static unsigned filter_batch_cap(Element *e) { return ((TimeFilter *)e)->end_call ? 1 : 0; }

ELEMENT(TimeFilter, .ports = "1/1-2", .processing = "a/ah", USE_ACTION(TimeFilter, time_filter),
        .batch_cap = filter_batch_cap, .configure = filter_configure, .initialize = filter_initialize,
        .cleanup = filter_cleanup,
        .args = ARGS(
            ARG_POS(TimeFilter, TIMESTAMP, "START", start, NULL, GIVEN(TimeFilter, has_start)),
            ARG_POS(TimeFilter, TIMESTAMP, "END", end, NULL, GIVEN(TimeFilter, has_end)),
            FILTER_TIME("START_DELAY", start_delay, INTERVAL), FILTER_TIME("END_DELAY", end_delay, INTERVAL),
            FILTER_TIME("START_AFTER", start_after, INTERVAL), FILTER_TIME("END_AFTER", end_after, INTERVAL),
            FILTER_TIME("INTERVAL", interval, INTERVAL), ARG(TimeFilter, BOOL, "STOP", stop, "false"),
            ARG(TimeFilter, HANDLER, "END_CALL", end_call, NULL)),
        .handlers = HANDLERS(RW_FN("start", filter_read, filter_write, .data = FILTER_START),
                             RW_FN("end", filter_read, filter_write, .data = FILTER_END),
                             RW_FN("interval", filter_read, filter_write, .data = FILTER_INTERVAL),
                             WRITE_FN("extend_interval", filter_write, .data = FILTER_EXTEND)));
