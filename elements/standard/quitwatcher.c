/** QuitWatcher: stops the router when an element is no longer scheduled.
 *
 * Synopsis: `QuitWatcher(ELEMENT, ...)`
 *
 * Ports: none. Looks every 10 ms at the `scheduled` handlers of the elements; the first that says false stops
 * the router.
 *
 * Arguments: ELEMENT (name of an element with a task): one or more.
 *
 * Handlers: none.
 *
 * Example: `s :: InfiniteSource(LIMIT 10) -> Discard; QuitWatcher(s);`
 */
#include <clicklet/element.h>

typedef struct QuitWatcher {
  Element base;
  Element **elements;
  unsigned n;
  Timer timer;
} QuitWatcher;

#define QUIT_WATCHER_INTERVAL (10 * NSEC_PER_MSEC)

static void quit_watcher_timer(Element *e, Timer *t) {
  QuitWatcher *q = (QuitWatcher *)e;
  Text name = {0}, value = {0};
  bool quit = false;
  for (unsigned i = 0; i < q->n && !quit; i++) {
    text_clear(&name);
    text_clear(&value);
    text_printf(&name, "%s.scheduled", q->elements[i]->name);
    bool on;
    quit = handler_call_read(e->router, NULL, text_cstr(&name), "", &value, NULL) < 0 ||
           !parse_bool(text_cstr(&value), &on) || !on;
  }
  text_free(&name);
  text_free(&value);
  if (quit)
    router_stop(e->router);
  else
    timer_after(t, QUIT_WATCHER_INTERVAL);
}

static int quit_watcher_configure(Element *e, const Args *args, Errors *errs) {
  QuitWatcher *q = (QuitWatcher *)e;
  int rc = 0;
  if (!(q->elements = mem_alloc((args_count(args) + 1) * sizeof *q->elements)))
    return error(errs, "out of memory");
  for (unsigned i = 0; i < args_count(args); i++) {
    const char *name = args_text(args, i);
    Element *x = router_find(e->router, e, name);
    Text handler = {0};
    if (x) text_printf(&handler, "%s.scheduled", x->name);
    if (!x)
      rc = arg_error(errs, args_index(args, i), "there is no element '%s'", name);
    else if (!handler_find(e->router, NULL, text_cstr(&handler), NULL))
      rc = arg_error(errs, args_index(args, i), "'%s' has no handler 'scheduled'", name);
    else
      q->elements[q->n++] = x;
    text_free(&handler);
  }
  return rc;
}

static int quit_watcher_initialize(Element *e, Errors *errs) {
  QuitWatcher *q = (QuitWatcher *)e;
  (void)errs;
  timer_init(&q->timer, e);
  timer_after(&q->timer, QUIT_WATCHER_INTERVAL);
  return 0;
}

static void quit_watcher_cleanup(Element *e) { mem_free(((QuitWatcher *)e)->elements); }

ELEMENT(QuitWatcher, .ports = "0/0", .run_timer = quit_watcher_timer, .configure = quit_watcher_configure,
        .initialize = quit_watcher_initialize, .cleanup = quit_watcher_cleanup,
        .args = ARGS(ARG_ALL_REST("ELEMENT")));
