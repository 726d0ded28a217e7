/** NotifierDebug: shows which notifier signals hold where it stands.
 *
 * Synopsis: `NotifierDebug()`. Packets pass unchanged.
 *
 * Handlers: `signal` (read): the empty signals upstream if it is pulled from, the full signals downstream if
 * it is pushed to: for each group of 32 notifying elements `empty.GROUP/MASK:ACTIVE`, in hexadecimal, joined
 * by `+`, with `*` where one is active; `busy*` if there is an element that never says whether it is empty or
 * full.
 *
 * Example: `InfiniteSource(LIMIT 5) -> Queue -> n :: NotifierDebug -> Discard;`
 */
#include <clicklet/element.h>

typedef struct NotifierDebug {
  Element base;
  SignalSet signals;
} NotifierDebug;

static inline int debug_pass(NotifierDebug *n, Packet *p) {
  (void)n, (void)p;
  return 0;
}

ACTION(NotifierDebug, debug_pass)

static int debug_initialize(Element *e, Errors *errs) {
  NotifierDebug *n = (NotifierDebug *)e;
  (void)errs;
  if (input_is_pull(e, 0))
    upstream_signals(e, 0, NULL, &n->signals);
  else
    downstream_signals(e, 0, NULL, &n->signals);
  return 0;
}

static bool has_signal(const SignalSet *s, const Signal *signal) {
  for (unsigned i = 0; i < s->n; i++)
    if (s->signals[i] == signal) return true;
  return false;
}

static int debug_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  NotifierDebug *n = (NotifierDebug *)e;
  bool full = !input_is_pull(e, 0), first = true;
  (void)h, (void)param, (void)errs;
  if (n->signals.always) {
    text_add_string(out, "busy*");
    return 0;
  }
  /* Of the notifying element, in the order of the configuration. 0 is no element's empty signal. */
  unsigned number = full ? 0 : 1;
  uint32_t mask = 0, active = 0;
  for (unsigned i = 0, count = router_count(e->router); i <= count; i++) {
    Element *x = i < count ? router_element(e->router, i) : NULL;
    bool side = x && (full ? x->ninputs && !input_is_pull(x, 0) : x->noutputs && !output_is_push(x, 0));
    Signal *s = side && x->class->notifier ? x->class->notifier(x, full, 0) : NULL;
    if (s && has_signal(&n->signals, s)) {
      mask |= 1u << number % 32;
      active |= s->active ? 1u << number % 32 : 0;
    }
    number += s != NULL;
    if (mask && (i == count || (s && number % 32 == 0))) {
      text_printf(out, "%s%s.%u/%x:%x%s", first ? "" : "+", full ? "full" : "empty",
                  s ? number / 32 - 1 : number / 32, mask, active, active ? "*" : "");
      first = false;
      mask = active = 0;
    }
  }
  return 0;
}

static void debug_cleanup(Element *e) { signals_cleanup(&((NotifierDebug *)e)->signals); }

ELEMENT(NotifierDebug, .ports = "1/1", USE_ACTION(NotifierDebug, debug_pass), .initialize = debug_initialize,
        .cleanup = debug_cleanup, .args = NO_ARGS, .handlers = HANDLERS(READ_FN("signal", debug_read)));
