/** FlowInfo: overrides the flow codes of elements.
 *
 * Synopsis: `FlowInfo(ELEMENT CODE, ...)`
 *
 * Ports: none. A flow code says which outputs packets from an input can reach.
 *
 * Arguments: ELEMENT (name) CODE (flow code): pairs.
 *
 * Handlers: none.
 *
 * Example: `s :: InfiniteSource(LIMIT 3) -> n :: Null -> Discard; FlowInfo(n x/y);`
 */
#include <clicklet/element.h>

typedef struct FlowInfo {
  Element base;
} FlowInfo;

static int flow_info_configure(Element *e, const Args *args, Errors *errs) {
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++) {
    Text name = {0}, code = {0};
    const char *s = next_word(args_text(args, i), &name, NULL);
    if (s) s = next_word(s, &code, NULL);
    while (s && is_space(*s)) s++;
    if (!s || *s)
      rc = arg_error(errs, args_index(args, i), "expected ELEMENT CODE, not '%s'", args_text(args, i));
    else if (!router_find(e->router, e, text_cstr(&name)))
      rc = arg_error(errs, args_index(args, i), "there is no element '%s'", text_cstr(&name));
    text_free(&name);
    text_free(&code);
  }
  return rc;
}

ELEMENT(FlowInfo, .per_thread = true, .ports = "0/0", .phase = PHASE_INFO, .configure = flow_info_configure,
        .args = ARGS(ARG_ALL_REST("ELEMENT")));
