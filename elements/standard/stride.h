/* stride.h: packet-wise stride scheduling over ports, for StrideSched and StrideSwitch.
 *
 * Each port has tickets; its stride is inversely proportional to them. The port with the smallest pass goes
 * next and its pass grows by its stride. Of equal passes the one that was placed last goes first, as in the
 * reference.
 */
#ifndef CLICKLET_STANDARD_STRIDE_H
#define CLICKLET_STANDARD_STRIDE_H
#include "port_handlers.h"

#define STRIDE_ONE (1 << 16)
#define STRIDE_MAX_TICKETS (1 << 15)

typedef struct StridePort {
  uint32_t pass, stride;
  int32_t tickets;
} StridePort;

typedef struct Stride {
  Element base;
  StridePort *ports;
  uint16_t *order;   /* ports with tickets, next first */
  uint16_t *scratch; /* as long */
  unsigned n, nordered;
  PortHandlers handlers;
  SignalSet *signals; /* per input, StrideSched only */
} Stride;

/* Puts a port in its place among the ordered ones. */
static inline void stride_place(Stride *s, uint16_t port) {
  unsigned at = 0;
  while (at < s->nordered && (int32_t)(s->ports[port].pass - s->ports[s->order[at]].pass) > 0) at++;
  for (unsigned i = s->nordered++; i > at; i--) s->order[i] = s->order[i - 1];
  s->order[at] = port;
}

static inline void stride_remove(Stride *s, uint16_t port) {
  unsigned k = 0;
  for (unsigned i = 0; i < s->nordered; i++)
    if (s->order[i] != port) s->order[k++] = s->order[i];
  s->nordered = k;
}

static inline int stride_tickets(const char *text, int32_t *out, Errors *errs, int arg) {
  int64_t v;
  if (!parse_i64(text, &v) || v < 0 || v > INT32_MAX)
    return arg_error(errs, arg, "expected a number of tickets, 0 or more, not '%s'", text);
  if (v > STRIDE_MAX_TICKETS) warning(errs, "%lld tickets reduced to %d", (long long)v, STRIDE_MAX_TICKETS);
  *out = v > STRIDE_MAX_TICKETS ? STRIDE_MAX_TICKETS : (int32_t)v;
  return 0;
}

static inline void stride_set(StridePort *p, int32_t tickets) {
  p->tickets = tickets;
  p->stride = tickets ? STRIDE_ONE / (uint32_t)tickets : 0;
}

static inline void stride_show_config(Stride *s) {
  Text t = {0};
  for (unsigned i = 0; i < s->n; i++) text_printf(&t, "%s%d", i ? ", " : "", s->ports[i].tickets);
  element_set_config(&s->base, text_cstr(&t));
  text_free(&t);
}

static inline int stride_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)param, (void)errs;
  text_printf(out, "%d", ((Stride *)e)->ports[h->data].tickets);
  return 0;
}

static inline int stride_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  Stride *s = (Stride *)e;
  uint16_t port = (uint16_t)h->data;
  int32_t tickets = 0, old = s->ports[port].tickets;
  if (stride_tickets(value, &tickets, errs, -1) < 0) return -1;
  stride_set(&s->ports[port], tickets);
  if (!tickets && old)
    stride_remove(s, port);
  else if (tickets && !old) {
    s->ports[port].pass = s->nordered ? s->ports[s->order[0]].pass + s->ports[port].stride : 0;
    stride_place(s, port);
  }
  stride_show_config(s);
  return 0;
}

static inline int stride_configure_ports(Stride *s, unsigned n, const Args *args, Errors *errs) {
  if (args_count(args) != n) return error(errs, "%u ports need %u arguments, not %u", n, n, args_count(args));
  bool first = !s->ports;
  if (first) {
    s->n = n;
    s->ports = mem_alloc((n + 1) * sizeof *s->ports);
    s->order = mem_alloc((n + 1) * sizeof *s->order);
    s->scratch = mem_alloc((n + 1) * sizeof *s->scratch);
    if (!s->ports || !s->order || !s->scratch) return error(errs, "out of memory");
    if (port_handlers_make(&s->handlers, n, (Handler)RW_FN("tickets", stride_read, stride_write), errs) < 0)
      return -1;
  }
  int rc = 0;
  for (unsigned i = 0; i < n; i++) {
    int32_t tickets = 0;
    if (stride_tickets(args_text(args, i), &tickets, errs, args_index(args, i)) < 0) {
      rc = -1;
      continue;
    }
    stride_set(&s->ports[i], tickets);
    if (first) s->ports[i].pass = s->ports[i].stride;
  }
  s->nordered = 0;
  for (unsigned i = n; i-- > 0;)
    if (s->ports[i].tickets) stride_place(s, (uint16_t)i);
  return rc;
}

static inline const Handler *stride_handler(Element *e, const char *name, unsigned index) {
  return port_handlers_find(&((Stride *)e)->handlers, name, index);
}

static inline void stride_cleanup(Element *e) {
  Stride *s = (Stride *)e;
  for (unsigned i = 0; s->signals && i < s->n; i++) signals_cleanup(&s->signals[i]);
  mem_free(s->signals);
  mem_free(s->ports);
  mem_free(s->order);
  mem_free(s->scratch);
  port_handlers_free(&s->handlers);
}

static inline bool stride_live(Element *e) {
  (void)e;
  return true;
}

#endif
