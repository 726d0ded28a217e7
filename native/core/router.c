/* router.c: from a plan to a running router. Everything in a plan is checked here: it may come over a wire.
 */
#include "router.h"
#include <clicklet/fused.h>
#include <clicklet/platform.h>

/* ---- The far end of an unconnected port
 * --------------------------------------------------------------------------- */

static void nowhere_push(Element *e, int port, Packet **p, unsigned n) {
  (void)e, (void)port;
  free_batch(p, n);
}
static unsigned nowhere_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)e, (void)port, (void)p, (void)max;
  return 0;
}
static const ElementClass nowhere_class = {.name = "Nowhere", .push = nowhere_push, .pull = nowhere_pull};
static Element nowhere = {.class = &nowhere_class, .name = "nowhere"};

void scatter(Element *e, Packet **p, const int16_t *outs, unsigned n) {
  Packet *group[BATCH_MAX];
  uint64_t todo = n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
  while (todo) {
    unsigned first = (unsigned)__builtin_ctzll(todo), k = 0;
    int o = outs[first];
    for (uint64_t m = todo; m; m &= m - 1) {
      unsigned i = (unsigned)__builtin_ctzll(m);
      if (outs[i] != o) continue;
      group[k++] = p[i];
      todo &= ~(UINT64_C(1) << i);
    }
    if (o >= 0)
      output_push_batch(e, o, group, k);
    else if (o == PACKET_DROP)
      free_batch(group, k);
  }
}

/* ---- Reading the plan
 * --------------------------------------------------------------------------------------------- */

static bool table_fits(const PlanHeader *h, uint32_t offset, uint32_t count, size_t size) {
  return offset % 4 == 0 && offset <= h->size && count <= (h->size - offset) / size;
}

static const char *plan_fault(const uint8_t *plan, size_t size) {
  const PlanHeader *h = (const PlanHeader *)plan;
  if (size < sizeof *h) return "it is shorter than its header";
  if (h->magic != PLAN_MAGIC) return "it does not begin with the magic number";
  if (h->version != PLAN_VERSION) return "it is of another version";
  if (h->size != size) return "its size is not what it says";
  if (!table_fits(h, h->elements, h->element_count, sizeof(PlanElement)) ||
      !table_fits(h, h->args, h->arg_count, sizeof(PlanArg)) ||
      !table_fits(h, h->connections, h->connection_count, sizeof(PlanConnection)) || h->ports > h->size ||
      h->port_count > h->size - h->ports || h->strings > h->size || h->strings_size > h->size - h->strings)
    return "a table reaches past its end";
  if (h->element_count > 65535) return "it has more than 65535 elements";
  if (!h->strings_size || plan[h->strings + h->strings_size - 1]) return "its strings are not terminated";
  if (h->source >= h->strings_size || h->requirements >= h->strings_size) return "a string is out of range";
  const PlanElement *e = (const PlanElement *)(plan + h->elements);
  for (uint32_t i = 0; i < h->element_count; i++) {
    if (e[i].name >= h->strings_size || e[i].class_name >= h->strings_size ||
        e[i].landmark >= h->strings_size || e[i].config >= h->strings_size)
      return "a string is out of range";
    if (e[i].first_arg > h->arg_count || e[i].arg_count > h->arg_count - e[i].first_arg)
      return "arguments are out of range";
    if (e[i].first_port > h->port_count ||
        (uint32_t)e[i].ninputs + e[i].noutputs > h->port_count - e[i].first_port)
      return "ports are out of range";
  }
  const PlanArg *a = (const PlanArg *)(plan + h->args);
  for (uint32_t i = 0; i < h->arg_count; i++)
    if (a[i].text >= h->strings_size) return "a string is out of range";
  const PlanConnection *c = (const PlanConnection *)(plan + h->connections);
  for (uint32_t i = 0; i < h->connection_count; i++)
    if (c[i].from >= h->element_count || c[i].to >= h->element_count ||
        c[i].from_port >= e[c[i].from].noutputs || c[i].to_port >= e[c[i].to].ninputs)
      return "a connection is out of range";
  return NULL;
}

enum { STAGE_NONE, STAGE_CONFIGURED, STAGE_INITIALIZED };

/* Bytes that an element takes in the router's block of state. */
static size_t element_space(const ElementClass *c) {
  return ((size_t)c->size + ELEMENT_ALIGN - 1) & ~(size_t)(ELEMENT_ALIGN - 1);
}

/* Each element's place among the engine's threads; nothing to do in an engine that has one. */
static void place(Router *r, const PlanElement *pe) {
  const Engine *g = r->engine;
  for (unsigned i = 0; g->threads && i < r->count; i++) {
    unsigned threads = pe[i].threads ? pe[i].threads : 1;
    if (!(threads >> g->thread & 1)) r->elements[i]->flags |= ELEMENT_REMOTE;
    if (threads & (threads - 1)) r->elements[i]->flags |= ELEMENT_COPIED;
  }
}

static int router_connect(Router *r, Errors *errs) {
  const PlanConnection *c = (const PlanConnection *)(r->plan + r->header->connections);
  for (uint32_t i = 0; i < r->header->connection_count; i++) {
    Element *from = r->elements[c[i].from], *to = r->elements[c[i].to];
    bool pull = from->output_pull[c[i].from_port];
    Port *p = pull ? &to->inputs[c[i].to_port] : &from->outputs[c[i].from_port];
    errs->element = (int32_t)c[i].from;
    if (pull != (bool)to->input_pull[c[i].to_port])
      return error(errs, "a push port is connected to a pull port");
    if (p->element != &nowhere) return error(errs, "a port is connected twice");
    *p = (Port){.element = pull ? from : to, .port = pull ? c[i].from_port : c[i].to_port};
    if (pull)
      p->pull = from->class->pull;
    else
      p->push = to->class->push;
    if (!pull) to->inputs[c[i].to_port] = (Port){.element = to, .port = c[i].to_port, .push = p->push};
    if (!(pull ? (void *)(uintptr_t)p->pull : (void *)(uintptr_t)p->push)) {
      *p = (Port){.element = &nowhere, .push = nowhere_push};
      return error(errs, "element class %s does not %s packets", (pull ? from : to)->class->name,
                   pull ? "give" : "take");
    }
    if (!pull && to->flags & ELEMENT_REMOTE) p->push = r->engine->threads->push;
  }
  return 0;
}

Router *router_new(Engine *engine, const void *plan, size_t size, Errors *errs) {
  errs->element = -1;
  Router *r = mem_alloc(sizeof *r);
  if (!r || !(r->plan = mem_alloc(size ? size : 1))) {
    mem_free(r);
    error(errs, "out of memory for the configuration");
    return NULL;
  }
  memcpy(r->plan, plan, size);
  const char *fault = plan_fault(r->plan, size);
  if (fault) {
    error(errs, "the plan cannot be used: %s", fault);
    mem_free(r->plan);
    mem_free(r);
    return NULL;
  }
  const PlanHeader *h = r->header = (const PlanHeader *)r->plan;
  const PlanElement *pe = (const PlanElement *)(r->plan + h->elements);
  r->engine = engine;
  r->strings = (const char *)r->plan + h->strings;
  r->runcount = 1;
  r->elements = mem_alloc((h->element_count + 1) * sizeof *r->elements);
  r->stage = mem_alloc(h->element_count + 1);
  r->overrides = mem_alloc((h->element_count + 1) * sizeof *r->overrides);
  uint64_t nports = 0;
  for (uint32_t i = 0; i < h->element_count; i++) nports += (uint64_t)pe[i].ninputs + pe[i].noutputs;
  r->ports = nports < 1u << 24 ? mem_alloc((nports + 1) * sizeof *r->ports) : NULL;
  if (!r->elements || !r->stage || !r->overrides || !r->ports) {
    error(errs, "out of memory for %u elements", h->element_count);
    router_free(r);
    return NULL;
  }
  for (uint64_t i = 0; i < nports; i++) r->ports[i] = (Port){.element = &nowhere};
  Port *port = r->ports;
  bool ordered = false;
  /* All elements' state is one block, in the order of the plan: the fused engine finds it there (fused.h). */
  const ElementClass **classes = mem_alloc((h->element_count + 1) * sizeof *classes);
  size_t space = 0;
  for (uint32_t i = 0; classes && i < h->element_count; i++) {
    errs->element = (int32_t)i;
    classes[i] = element_class_find(r->strings + pe[i].class_name);
    if (classes[i])
      space += element_space(classes[i]);
    else
      error(errs, "element class '%s' is not in this engine", r->strings + pe[i].class_name);
  }
  char *at = errors_any(errs) || !classes
                 ? NULL
                 : (r->state = mem_alloc(space > ELEMENT_ALIGN ? space : ELEMENT_ALIGN));
  if (!at) {
    if (!errors_any(errs)) error(errs, "out of memory for %u elements", h->element_count);
    mem_free(classes);
    goto fail;
  }
  for (uint32_t i = 0; i < h->element_count; i++) {
    errs->element = (int32_t)i;
    const ElementClass *c = classes[i];
    Element *e = r->elements[i] = (Element *)at;
    at += element_space(c);
    r->count = i + 1;
    *e = (Element){.class = c,
                   .router = r,
                   .ninputs = pe[i].ninputs,
                   .noutputs = pe[i].noutputs,
                   .index = (uint16_t)i,
                   .name = r->strings + pe[i].name,
                   .landmark = r->strings + pe[i].landmark};
    e->input_pull = r->plan + h->ports + pe[i].first_port;
    e->output_pull = e->input_pull + e->ninputs;
    e->inputs = port;
    port += e->ninputs;
    e->outputs = port;
    port += e->noutputs;
    for (int k = 0; k < e->ninputs; k++) e->inputs[k].pull = nowhere_pull;
    for (int k = 0; k < e->noutputs; k++) e->outputs[k].push = nowhere_push;
    ordered |= c->ordered;
  }
  mem_free(classes);
  place(r, pe);
  if (router_connect(r, errs)) goto fail;
  r->batch = h->batch_limit          ? h->batch_limit
             : ordered               ? 1
             : engine->options.batch ? engine->options.batch
                                     : 32;
  if (r->batch > BATCH_MAX) r->batch = BATCH_MAX;
  return r;
fail:
  router_free(r);
  return NULL;
}

/* Configures every element in order of phase, reporting the mistakes of all. */
static int configure_all(Router *r, const uint16_t *order, Errors *errs) {
  const PlanElement *pe = (const PlanElement *)(r->plan + r->header->elements);
  const PlanArg *pa = (const PlanArg *)(r->plan + r->header->args);
  for (unsigned n = 0; n < r->count; n++) {
    unsigned i = order[n];
    if (r->elements[i]->flags & ELEMENT_REMOTE) continue;
    char **texts = mem_alloc((pe[i].arg_count + 1u) * sizeof *texts);
    errs->element = (int32_t)i;
    if (!texts) return error(errs, "out of memory");
    for (unsigned k = 0; k < pe[i].arg_count; k++)
      texts[k] = (char *)(uintptr_t)(r->strings + pa[pe[i].first_arg + k].text);
    r->stage[i] = STAGE_CONFIGURED;
    uint32_t before = errs->errors;
    if (args_configure(r->elements[i], texts, pe[i].arg_count, errs) < 0 && errs->errors == before)
      error(errs, "unspecified error");
    mem_free(texts);
  }
  return errors_any(errs) ? -1 : 0;
}

static int phase_of(const Element *e) { return e->class->phase ? e->class->phase : PHASE_DEFAULT; }

/* Indexes of the elements in order of phase; NULL when memory is out. */
static uint16_t *phase_order(const Router *r) {
  uint16_t *order = mem_alloc((r->count + 1) * sizeof *order);
  for (unsigned i = 0; order && i < r->count; i++) order[i] = (uint16_t)i;
  for (unsigned i = 1; order && i < r->count;
       i++) { /* stable, and linear where, as nearly always, few leave the default phase */
    unsigned k = i;
    uint16_t x = order[i];
    for (; k > 0 && phase_of(r->elements[order[k - 1]]) > phase_of(r->elements[x]); k--)
      order[k] = order[k - 1];
    order[k] = x;
  }
  return order;
}

int router_check(Router *r, Errors *errs) {
  uint16_t *order = phase_order(r);
  if (!order) return error(errs, "out of memory");
  int rc = configure_all(r, order, errs);
  mem_free(order);
  return rc;
}

/* Arguments that name a handler name one that exists. */
static void check_calls(Element *e, Errors *errs) {
  for (const ArgSpec *a = e->class->args; a && a->key; a++) {
    const char *call;
    if (a->type != ARG_HANDLER) continue;
    memcpy(&call, (const char *)e + a->offset, sizeof call);
    if (call) handler_call_check(e, call, errs);
  }
}

int router_initialize(Router *r, Errors *errs) {
  uint16_t *order = phase_order(r);
  if (!order) return error(errs, "out of memory");
  configure_all(r, order, errs);
  if (!errors_any(errs))
    for (unsigned i = 0; i < r->count; i++) {
      Element *e = r->elements[i];
      if (e->class->batch_cap && !(e->flags & ELEMENT_REMOTE)) {
        unsigned cap = e->class->batch_cap(e);
        if (cap && cap < r->batch) r->batch = cap;
      }
    }
  for (unsigned n = 0; n < r->count && !errors_any(errs); n++) {
    Element *e = r->elements[order[n]];
    if (e->flags & ELEMENT_REMOTE) continue;
    errs->element = order[n];
    check_calls(e, errs);
    uint32_t before = errs->errors;
    r->stage[order[n]] = STAGE_INITIALIZED;
    if (e->class->initialize && e->class->initialize(e, errs) < 0 && errs->errors == before)
      error(errs, "unspecified error");
  }
  mem_free(order);
  errs->element = -1;
  if (errors_any(errs)) return -1;
  r->live = true;
  return 0;
}

void router_free(Router *r) {
  if (!r) return;
  Engine *g = r->engine;
  for (Task *t = r->tasks; t; t = t->next_of_router) task_stop(t);
  for (uint32_t i = g->timer_count; i-- > 0;)
    if (i < g->timer_count && g->timers[i]->element->router == r) {
      timer_cancel(g->timers[i]);
      i = g->timer_count;
    }
  for (unsigned i = r->count; i-- > 0;) {
    Element *e = r->elements[i];
    if (!e) continue;
    platform_forget(g, e);
    if (r->stage[i] >= STAGE_CONFIGURED && e->class->cleanup) e->class->cleanup(e);
  }
  /* Cleanups may have set timers or woken tasks once more. */
  for (Task *t = r->tasks; t; t = t->next_of_router) task_unschedule(t);
  for (unsigned i = 0; i < r->count; i++) {
    if (r->overrides) mem_free(r->overrides[i].config);
  }
  if (r->engine->threads && r->engine->threads->freed) r->engine->threads->freed(r);
  mem_free(r->state);
  names_free(r);
  mem_free(r->overrides);
  mem_free(r->elements);
  mem_free(r->stage);
  mem_free(r->ports);
  mem_free(r->plan);
  for (unsigned i = 0; i < r->nunits; i++) platform_unit_unload(r->units[i]);
  mem_free(r->units);
  mem_free(r);
}

/* ---- Queries
 * ------------------------------------------------------------------------------------------------------ */

unsigned router_count(const Router *r) { return r->count; }
Element *router_element(const Router *r, unsigned i) { return i < r->count ? r->elements[i] : NULL; }
unsigned batch_limit(const Element *e) { return e->router->batch; }

const char *element_config(const Element *e) {
  const Router *r = e->router;
  const PlanElement *p = (const PlanElement *)(r->plan + r->header->elements) + e->index;
  return r->overrides[e->index].config ? r->overrides[e->index].config : r->strings + p->config;
}

Element *router_find(const Router *r, const Element *scope, const char *name) {
  size_t n = strlen(name), s = 0;
  if (scope)
    for (size_t i = 0; scope->name[i]; i++)
      if (scope->name[i] == '/') s = i + 1;
  for (;;) {
    for (unsigned i = 0; i < r->count; i++) {
      const char *x = r->elements[i]->name;
      if ((!s || !strncmp(x, scope->name, s)) && strlen(x) == s + n && !memcmp(x + s, name, n))
        return r->elements[i];
    }
    if (!s) break;
    for (s--; s > 0 && scope->name[s - 1] != '/'; s--) {}
  }
  uint64_t index; /* "3" is the third element */
  if (parse_u64(name, &index) && index >= 1 && index <= r->count) return r->elements[index - 1];
  return NULL;
}

void *element_cast(Element *e, const char *name) {
  if (!strcmp(e->class->name, name)) return e;
  return e->class->cast ? e->class->cast(e, name) : NULL;
}
