/** StaticThreadSched: says which thread runs an element's tasks and timers.
 *
 * Synopsis: `StaticThreadSched(ELEMENT THREAD, ...)`
 *
 * Ports: none. A router has the threads 0 to N - 1 with `clicklet run --threads N` or `click -j N`, and one
 * otherwise and in a guest; larger numbers are reported and ignored. Elements that must be together, such as
 * those along a pull path, cannot be given to different threads.
 *
 * Arguments: ELEMENT (name of an element or compound) THREAD (int; -1: any): pairs.
 *
 * Handlers: none; see the `home_thread` handlers of the elements.
 *
 * Example: `s :: InfiniteSource(LIMIT 9) -> Discard; StaticThreadSched(s 0);`
 */
#include <clicklet/element.h>

typedef struct StaticThreadSched {
  Element base;
} StaticThreadSched;

/* Whether name, in the scope of e, is an element or a compound. */
static bool static_thread_sched_exists(Element *e, const char *name) {
  if (router_find(e->router, e, name)) return true;
  size_t scope = 0, n = strlen(name);
  for (size_t i = 0; e->name[i]; i++)
    if (e->name[i] == '/') scope = i + 1;
  for (unsigned i = 0; i < router_count(e->router); i++) {
    const char *x = router_element(e->router, i)->name;
    if (!strncmp(x, e->name, scope) && !strncmp(x + scope, name, n) && x[scope + n] == '/') return true;
  }
  return false;
}

static int static_thread_sched_configure(Element *e, const Args *args, Errors *errs) {
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++) {
    Text name = {0}, thread = {0};
    int64_t v;
    const char *s = next_word(args_text(args, i), &name, NULL);
    if (s) s = next_word(s, &thread, NULL);
    while (s && is_space(*s)) s++;
    if (!s || *s || !parse_i64(text_cstr(&thread), &v))
      rc = arg_error(errs, args_index(args, i), "expected ELEMENT THREAD, not '%s'", args_text(args, i));
    else if (!static_thread_sched_exists(e, text_cstr(&name)))
      rc = arg_error(errs, args_index(args, i), "there is no element '%s'", text_cstr(&name));
    else if (v < -1 || v >= thread_count(e))
      warning(errs, "there is no thread %lld: what is said of '%s' is ignored", (long long)v,
              text_cstr(&name));
    text_free(&name);
    text_free(&thread);
  }
  return rc;
}

ELEMENT(StaticThreadSched, .per_thread = true, .ports = "0/0", .configure = static_thread_sched_configure,
        .args = ARGS(ARG_ALL_REST("ELEMENT")));
