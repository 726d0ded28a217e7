/** Suppressor: passes packets from input i to output i, unless that port is switched off.
 *
 * Synopsis: `Suppressor`
 *
 * Ports: any number of inputs and as many outputs, push or pull. Packets pushed into a suppressed port are
 * dropped; pulls from one get nothing.
 *
 * Arguments: none.
 *
 * Handlers: `active0` to `active`N-1 (read/write): whether the port passes packets; true at first. `reset`
 * (write): all ports pass.
 *
 * Example: `InfiniteSource(LIMIT 3) -> s :: Suppressor -> Discard; InfiniteSource(LIMIT 3) -> [1] s [1] ->
 * Discard;`
 */
#include "port_handlers.h"

typedef struct Suppressor {
  Element base;
  bool *suppressed; /* per port */
  PortHandlers handlers;
} Suppressor;

static void suppressor_push(Element *e, int port, Packet **p, unsigned n) {
  if (((Suppressor *)e)->suppressed[port])
    free_batch(p, n);
  else
    output_push_batch(e, port, p, n);
}

static unsigned suppressor_pull(Element *e, int port, Packet **p, unsigned max) {
  return ((Suppressor *)e)->suppressed[port] ? 0 : input_pull_batch(e, port, p, max);
}

static int suppressor_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)param, (void)errs;
  text_add_string(out, ((Suppressor *)e)->suppressed[h->data] ? "false" : "true");
  return 0;
}

static int suppressor_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  bool active;
  if (!parse_bool(value, &active)) return error(errs, "expected true or false, not '%s'", value);
  ((Suppressor *)e)->suppressed[h->data] = !active;
  return 0;
}

static int suppressor_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  for (int i = 0; i < e->ninputs; i++) ((Suppressor *)e)->suppressed[i] = false;
  return 0;
}

static int suppressor_configure(Element *e, const Args *args, Errors *errs) {
  Suppressor *s = (Suppressor *)e;
  (void)args;
  if (!s->suppressed && !(s->suppressed = mem_alloc(e->ninputs + 1u))) return error(errs, "out of memory");
  return port_handlers_make(&s->handlers, e->ninputs,
                            (Handler)RW_FN("active", suppressor_read, suppressor_write,
                                           .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX),
                            errs);
}

static const Handler *suppressor_handler(Element *e, const char *name, unsigned index) {
  return port_handlers_find(&((Suppressor *)e)->handlers, name, index);
}

static void suppressor_cleanup(Element *e) {
  mem_free(((Suppressor *)e)->suppressed);
  port_handlers_free(&((Suppressor *)e)->handlers);
}

ELEMENT(Suppressor, .ports = "-/=", .flow = "#/#", .push = suppressor_push, .pull = suppressor_pull,
        .configure = suppressor_configure, .cleanup = suppressor_cleanup, .extra_handler = suppressor_handler,
        .args = NO_ARGS,
        .handlers = HANDLERS(WRITE_FN("reset", suppressor_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
