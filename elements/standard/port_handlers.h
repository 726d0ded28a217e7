/* port_handlers.h: handlers that exist once per port, as "tickets0", "tickets1". */
#ifndef CLICKLET_STANDARD_PORT_HANDLERS_H
#define CLICKLET_STANDARD_PORT_HANDLERS_H
#include <clicklet/element.h>

typedef struct PortHandlers {
  Handler *list;
  char (*names)[24];
  unsigned n;
} PortHandlers;

/* Makes n copies of a handler; each has its port as data. */
static inline int port_handlers_make(PortHandlers *h, unsigned n, Handler model, Errors *errs) {
  if (h->list) return 0;
  h->list = mem_alloc((n + 1) * sizeof *h->list);
  h->names = mem_alloc((n + 1) * sizeof *h->names);
  if (!h->list || !h->names) return error(errs, "out of memory");
  for (unsigned i = 0; i < n; i++) {
    format_into(h->names[i], sizeof h->names[i], "%s%u", model.name, i);
    h->list[i] = model;
    h->list[i].name = h->names[i];
    h->list[i].data = (intptr_t)i;
  }
  h->n = n;
  return 0;
}

/* For ElementClass.extra_handler. */
static inline const Handler *port_handlers_find(const PortHandlers *h, const char *name, unsigned index) {
  if (!name) return index < h->n ? &h->list[index] : NULL;
  for (unsigned i = 0; i < h->n; i++)
    if (!strcmp(h->names[i], name)) return &h->list[i];
  return NULL;
}

static inline void port_handlers_free(PortHandlers *h) {
  mem_free(h->list);
  mem_free(h->names);
  *h = (PortHandlers){0};
}

#endif
