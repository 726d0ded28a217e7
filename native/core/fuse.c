/* fuse.c: binds the fused engine's generated functions to a router, and tells the generator what it must
 * know. */
#include "router.h"
#include <clicklet/fused.h>
#include <clicklet/platform.h>

/* Does code made for this element's configuration differ from others'? */
static bool is_fixed(const ElementClass *c) {
  if (c->specialise) return true;
  for (const ArgSpec *a = c->args; a && a->key; a++)
    if (a->fixed) return true;
  return false;
}

void router_unfix(Element *e) {
  if (!is_fixed(e->class)) return;
  e->router->changed = true;
  if (e->router->fused) engine_unfuse(e->router->engine);
}

/* The arguments that never change while the router runs, as conditions on the element's members. */
static void fixed_fields(const Element *e, Text *out) {
  bool any = false;
  for (const ArgSpec *a = e->class->args; a && a->key; a++) {
    if (!a->fixed) continue;
    uint64_t v = 0;
    memcpy(&v, (const char *)e + a->offset, a->size < sizeof v ? a->size : sizeof v);
    text_printf(out, "%s\"%s == 0x%llx\"", any ? "," : ",\"fixed\":[", a->field, (unsigned long long)v);
    any = true;
  }
  if (any) text_add_char(out, ']');
}

/* Of what a unit is made for: the plan, and the thread that runs it. */
static uint64_t digest(const Router *r) { return fused_digest(r->plan, r->header->size) + r->engine->thread; }

static const char *misfit(const Router *r, const FusedUnit *u) {
  if (r->changed) return "an element was reconfigured since";
  if (u->abi != FUSED_ABI) return "it is of another version";
  if (strcmp(u->sources, engine_sources)) return "it was compiled from other sources than this engine";
  if (u->plan_digest != digest(r)) return "it was made for another configuration";
  if (u->elements != r->count) return "its graph has another number of elements";
  for (unsigned i = 0; i < r->count; i++)
    if (strcmp(u->element[i].class_name, r->elements[i]->class->name) ||
        u->element[i].size != r->elements[i]->class->size)
      return "its elements are other ones";
  for (uint32_t i = 0; i < u->edges; i++) {
    const FusedEdge *f = &u->edge[i];
    if (f->from >= r->count || f->to >= r->count) return "a connection is out of range";
    const Element *from = r->elements[f->from], *to = r->elements[f->to];
    if (f->from_port >= from->noutputs || f->to_port >= to->ninputs) return "a port is out of range";
    const Port *p = f->pull ? &to->inputs[f->to_port] : &from->outputs[f->from_port];
    if (p->element != (f->pull ? from : to) || p->port != (f->pull ? f->from_port : f->to_port) ||
        !f->pull == !f->push)
      return "its connections are other ones";
  }
  return NULL;
}

static int refuse(const FusedUnit *u, Errors *errs, const char *why) {
  error(errs, "the fused unit cannot be used: %s", why);
  platform_unit_unload(u);
  return -1;
}

int engine_fuse(Engine *e, const FusedUnit *u, Errors *errs) {
  Router *r = e->router;
  if (!r) return refuse(u, errs, "no configuration is installed");
  const char *why = misfit(r, u);
  if (why) return refuse(u, errs, why);
  const FusedUnit **units = mem_alloc((r->nunits + 1) * sizeof *units);
  if (!units) return refuse(u, errs, "out of memory");
  memcpy(units, r->units, r->nunits * sizeof *units);
  units[r->nunits++] = u;
  mem_free(r->units);
  r->units = units;
  for (uint32_t i = 0; i < u->edges; i++) {
    const FusedEdge *f = &u->edge[i];
    if (f->pull)
      r->elements[f->to]->inputs[f->to_port].pull = f->pull;
    else
      r->elements[f->from]->outputs[f->from_port].push = r->elements[f->to]->inputs[f->to_port].push =
          f->push;
  }
  r->fused = u;
  return 0;
}

void engine_unfuse(Engine *e) {
  Router *r = e->router;
  for (uint32_t i = 0; r && r->fused && i < r->fused->edges; i++) {
    const FusedEdge *f = &r->fused->edge[i];
    if (f->pull)
      r->elements[f->to]->inputs[f->to_port].pull = r->elements[f->from]->class->pull;
    else
      r->elements[f->from]->outputs[f->from_port].push = r->elements[f->to]->inputs[f->to_port].push =
          r->elements[f->to]->class->push;
  }
  if (r) r->fused = NULL;
}

static void facts(Router *r, Text *out) {
  text_printf(out, "{\"sources\":\"%s\",\"plan\":\"0x%llx\",\"elements\":[", engine_sources,
              (unsigned long long)digest(r));
  for (unsigned i = 0; i < r->count; i++) {
    Element *x = r->elements[i];
    text_printf(out, "%s\n{\"size\":%u", i ? "," : "", x->class->size);
    if (x->flags & ELEMENT_REMOTE) {
      text_add_string(out, ",\"remote\":true}");
      continue;
    }
    Text code = {0};
    if (x->class->specialise && x->class->specialise(x, &code)) {
      text_add_string(out, ",\"code\":");
      text_add_json(out, text_cstr(&code));
    }
    text_free(&code);
    fixed_fields(x, out);
    text_add_char(out, '}');
  }
  text_add_string(out, "]}");
}

int engine_fuse_facts(Engine *e, const void *plan, size_t size, Text *out, Errors *errs) {
  if (!plan) {
    if (!e->router) return error(errs, "no configuration is installed");
    if (e->router->changed)
      return error(errs, "an element was reconfigured since the configuration was installed");
    facts(e->router, out);
    return 0;
  }
  PacketPool *caller = packet_pool;
  packet_pool = &e->pool;
  Router *r = router_new(e, plan, size, errs);
  int rc = r ? router_check(r, errs) : -1;
  if (!rc) facts(r, out);
  router_free(r);
  packet_pool = caller;
  return rc;
}
