/* handlers.c: reading and writing handlers: an element's own, those that every element has, and the router's.
 */
#include "router.h"
#include <clicklet/platform.h>

int handler_read_field(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)param, (void)errs;
  const void *f = (const char *)e + h->offset;
  switch ((ArgType)h->type) {
  case ARG_BOOL:
    text_add_string(out, *(const bool *)f ? "true" : "false");
    break;
  case ARG_U8:
  case ARG_IP_PROTO:
    text_printf(out, "%u", *(const uint8_t *)f);
    break;
  case ARG_U16:
  case ARG_PORT_NUMBER:
    text_printf(out, "%u", load16(f));
    break;
  case ARG_I32:
  case ARG_ANNO:
    text_printf(out, "%d", (int)load32(f));
    break;
  case ARG_U32:
    text_printf(out, "%u", load32(f));
    break;
  case ARG_I64:
    text_printf(out, "%lld", (long long)load64(f));
    break;
  case ARG_U64:
    text_printf(out, "%llu", (unsigned long long)load64(f));
    break;
  case ARG_F64: {
    double v;
    memcpy(&v, f, 8);
    text_printf(out, "%g", v);
    break;
  }
  case ARG_WORD:
  case ARG_STRING:
  case ARG_RAW:
  case ARG_FILENAME:
  case ARG_HANDLER: {
    const char *s = *(const char *const *)f;
    text_add_string(out, s ? s : "");
    break;
  }
  case ARG_IP:
    text_printf(out, "%pI", f);
    break;
  case ARG_IP6:
    text_printf(out, "%p6", f);
    break;
  case ARG_ETHER:
    text_printf(out, "%pE", f);
    break;
  case ARG_IP_PREFIX:
  case ARG_IP_OR_PREFIX: {
    const IPPrefix *p = f;
    uint32_t m = be32(p->mask);
    int len = m ? 32 - __builtin_ctz(m) : 0;
    if (m == (len ? 0xffffffffu << (32 - len) : 0))
      text_printf(out, "%pI/%d", &p->addr, len);
    else
      text_printf(out, "%pI/%pI", &p->addr, &p->mask);
    break;
  }
  case ARG_INTERVAL:
  case ARG_TIMESTAMP:
    text_printf(out, "%pT", f);
    break;
  case ARG_BANDWIDTH:
    text_printf(out, "%llu", (unsigned long long)load64(f));
    break;
  case ARG_ELEMENT: {
    const Element *x = *(Element *const *)f;
    text_add_string(out, x ? x->name : "");
    break;
  }
  default:
    return -1;
  }
  return 0;
}

int handler_write_field(Element *e, const Handler *h, const char *value, Errors *errs) {
  /* Parsed like an argument of the same type, so the same checks and messages apply; a table entry for the
   * same field lends its limits. */
  ArgSpec spec[2] = {{.key = h->name,
                      .type = h->type,
                      .size = h->size,
                      .offset = h->offset,
                      .flags = ARG_POSITIONAL | ARG_MANDATORY}};
  for (const ArgSpec *a = e->class->args; a && a->key; a++)
    if (a->type == h->type && a->offset == h->offset) {
      spec[0].min = a->min;
      spec[0].max = a->max;
      spec[0].choices = a->choices;
    }
  if (!*value && h->type == ARG_STRING) value = "\"\""; /* not "keep the default" */
  char *text = (char *)(uintptr_t)value;
  return args_apply(e, spec, &text, 1, errs);
}

/* ---- Handlers that every element has
 * ------------------------------------------------------------------------------ */

static int read_class(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  const PlanElement *p = (const PlanElement *)(e->router->plan + e->router->header->elements) + e->index;
  text_add_string(out, e->router->strings + p->class_name);
  return 0;
}

static int read_name(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_add_string(out, e->name);
  return 0;
}

static int read_config(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_add_string(out, element_config(e));
  return 0;
}

void element_set_config(Element *e, const char *text) {
  char *copy = mem_string(text, strlen(text));
  mem_free(e->router->overrides[e->index].config);
  e->router->overrides[e->index].config = copy;
}

static int write_config(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h;
  if (!e->class->can_live_reconfigure || !e->class->can_live_reconfigure(e))
    return error(errs, "'%s' cannot be reconfigured while it runs", e->name);
  unsigned n = split_args(value, NULL, 0);
  char **texts = mem_alloc((n + 1) * sizeof *texts);
  if (!texts) return error(errs, "out of memory");
  split_args(value, texts, n);
  router_unfix(e);
  int rc = args_configure(e, texts, n, errs);
  for (unsigned i = 0; i < n; i++) mem_free(texts[i]);
  mem_free(texts);
  if (!rc) element_set_config(e, value);
  return rc;
}

/* Whether a configuration argument is "KEYWORD value", or just a value (NULL as keyword). */
static bool is_keyword_arg(const char *text, const char *keyword) {
  size_t n = 0;
  while ((text[n] >= 'A' && text[n] <= 'Z') || (n && (is_digit(text[n]) || text[n] == '_'))) n++;
  if (!n || !is_space(text[n])) return false;
  return !keyword || (strlen(keyword) == n && !strncmp(keyword, text, n));
}

int handler_write_keyword(Element *e, const Handler *h, const char *value, Errors *errs) {
  const ArgSpec *spec = e->class->args;
  int position = 0; /* among the positional arguments */
  for (; spec && spec->key && (spec->offset != h->offset || spec->type != h->type); spec++)
    if (spec->flags & ARG_POSITIONAL) position++;
  if (!spec || !spec->key) return error(errs, "'%s' is not an argument", h->name);
  if (!(spec->flags & ARG_POSITIONAL)) position = -1;
  const char *config = element_config(e);
  unsigned n = split_args(config, NULL, 0);
  char **texts = mem_alloc((n + 1) * sizeof *texts);
  if (!texts) return error(errs, "out of memory");
  split_args(config, texts, n);
  Text t = {0};
  bool placed = false, keywords = false;
  for (unsigned i = 0; i < n; i++) {
    keywords |= is_keyword_arg(texts[i], NULL);
    bool here = !keywords && (int)i == position;
    if (!here && is_keyword_arg(texts[i], spec->key)) continue;
    text_printf(&t, "%s%s", t.len ? ", " : "", here ? value : texts[i]);
    placed |= here;
  }
  if (!placed) text_printf(&t, "%s%s %s", t.len ? ", " : "", spec->key, value);
  for (unsigned i = 0; i < n; i++) mem_free(texts[i]);
  mem_free(texts);
  int rc = write_config(e, h, text_cstr(&t), errs);
  text_free(&t);
  return rc;
}

static const Handler *const *handler_lists(Element *e, const Handler *lists[2]);

static void list_handler(Element *e, const Handler *x, Text *out) {
  bool live =
      strcmp(x->name, "config") || (e->class->can_live_reconfigure && e->class->can_live_reconfigure(e));
  text_printf(out, "%s\t%s%s%s%s%s%s%s%s\n", x->name, x->flags & HANDLER_READ ? "r" : "",
              x->flags & HANDLER_WRITE && live ? "w" : "", x->flags & HANDLER_PARAM ? "+" : "",
              x->flags & HANDLER_RAW ? "%" : "", x->flags & HANDLER_CALM ? "." : "",
              x->flags & HANDLER_EXPENSIVE ? "$" : "", x->flags & HANDLER_BUTTON ? "b" : "",
              x->flags & HANDLER_CHECKBOX ? "c" : "");
}

static int read_handlers(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  const Handler *lists[2];
  handler_lists(e, lists);
  for (unsigned i = 0; e->class->extra_handler; i++) {
    const Handler *x = e->class->extra_handler(e, NULL, i);
    if (!x) break;
    list_handler(e, x, out);
  }
  /* The last one first, as in the reference. */
  for (int k = 2; k-- > 0;) {
    unsigned n = 0;
    while (lists[k] && lists[k][n].name) n++;
    while (n-- > 0) list_handler(e, &lists[k][n], out);
  }
  return 0;
}

static int read_ports(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  Router *r = e->router;
  const PlanConnection *c = (const PlanConnection *)(r->plan + r->header->connections);
  for (int out_side = 0; out_side < 2; out_side++) {
    int n = out_side ? e->noutputs : e->ninputs;
    text_printf(out, "%d %s%s\n", n, out_side ? "output" : "input", n == 1 ? "" : "s");
    for (int k = 0; k < n; k++) {
      bool pull = out_side ? e->output_pull[k] : e->input_pull[k];
      text_printf(out, "%s\t", pull ? "pull" : "push");
      bool first = true;
      for (uint32_t i = 0; i < r->header->connection_count; i++) {
        bool mine = out_side ? c[i].from == e->index && c[i].from_port == k
                             : c[i].to == e->index && c[i].to_port == k;
        if (!mine) continue;
        if (out_side)
          text_printf(out, "%s[%d] %s", first ? "" : ", ", c[i].to_port, r->elements[c[i].to]->name);
        else
          text_printf(out, "%s%s [%d]", first ? "" : ", ", r->elements[c[i].from]->name, c[i].from_port);
        first = false;
      }
      text_add_char(out, '\n');
    }
  }
  return 0;
}

static const Handler common[] = {
    READ_FN("name", read_name, .flags = HANDLER_READ | HANDLER_CALM),
    READ_FN("class", read_class, .flags = HANDLER_READ | HANDLER_CALM),
    RW_FN("config", read_config, write_config, .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CALM),
    READ_FN("ports", read_ports, .flags = HANDLER_READ | HANDLER_CALM),
    READ_FN("handlers", read_handlers, .flags = HANDLER_READ | HANDLER_CALM),
    {0}};

static const Handler *const *handler_lists(Element *e, const Handler *lists[2]) {
  lists[0] = common;
  lists[1] = e->class->handlers;
  return lists;
}

/* ---- Finding and calling
 * ------------------------------------------------------------------------------------------ */

static const Handler *find_in(Element *e, const char *name) {
  for (const Handler *h = e->class->handlers; h && h->name; h++)
    if (!strcmp(h->name, name)) return h;
  for (const Handler *h = common; h->name; h++)
    if (!strcmp(h->name, name)) return h;
  return e->class->extra_handler && !(e->flags & ELEMENT_REMOTE) ? e->class->extra_handler(e, name, 0) : NULL;
}

const Handler *handler_find(Router *r, const Element *from, const char *name, Element **out_element) {
  /* The handler's name follows the last dot that leaves an element's name in front of it. */
  size_t n = strlen(name);
  for (size_t dot = n; dot-- > 0;) {
    if (name[dot] != '.') continue;
    char *element = mem_string(name, dot);
    Element *e = element && *element ? router_find(r, from, element) : NULL;
    mem_free(element);
    if (e) {
      if (out_element) *out_element = e;
      return find_in(e, name + dot + 1);
    }
  }
  return NULL;
}

static int no_handler(Router *r, const Element *from, const char *name, Errors *errs, const char *kind) {
  const char *dot = NULL;
  for (const char *p = name; *p; p++)
    if (*p == '.') dot = p;
  if (!dot || dot == name) return error(errs, "no %s handler '%s'", kind, dot ? dot + 1 : name);
  char *element = mem_string(name, (size_t)(dot - name));
  bool exists = element && router_find(r, from, element);
  if (exists)
    error(errs, "no %s handler '%s'", kind, name);
  else
    error(errs, "no element named '%s'", element ? element : name);
  mem_free(element);
  return -1;
}

int handler_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  if (unlikely(e->flags & (ELEMENT_REMOTE | ELEMENT_COPIED)))
    return e->router->engine->threads->read(e, h, param ? param : "", out, errs);
  ENTER_ELEMENT(e);
  int rc = h->read(e, h, param ? param : "", out, errs);
  LEAVE_ELEMENT();
  return rc;
}

int handler_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (unlikely(e->flags & (ELEMENT_REMOTE | ELEMENT_COPIED)))
    return e->router->engine->threads->write(e, h, value ? value : "", errs);
  ENTER_ELEMENT(e);
  int rc = h->write(e, h, value ? value : "", errs);
  LEAVE_ELEMENT();
  return rc;
}

int handler_call_read(Router *r, const Element *from, const char *name, const char *param, Text *out,
                      Errors *errs) {
  Element *e = NULL;
  const Handler *h = handler_find(r, from, name, &e);
  if (h && (h->flags & HANDLER_READ)) return handler_read(e, h, param, out, errs);
  bool found = false;
  if (!e) {
    int rc = router_root_read(r, *name == '.' ? name + 1 : name, param, out, errs, &found);
    if (found) return rc;
  }
  return no_handler(r, from, name, errs, "read");
}

int handler_call_write(Router *r, const Element *from, const char *name, const char *value, Errors *errs) {
  Element *e = NULL;
  const Handler *h = handler_find(r, from, name, &e);
  if (h && (h->flags & HANDLER_WRITE)) return handler_write(e, h, value, errs);
  bool found = false;
  if (!e) {
    int rc = router_root_write(r, *name == '.' ? name + 1 : name, value, errs, &found);
    if (found) return rc;
  }
  return no_handler(r, from, name, errs, "write");
}

static bool router_root_writable(Router *r, const char *name);

/* Splits "HANDLER [VALUE]"; returns the value, NULL if no handler is named. */
static const char *call_value(const char *call, Text *name) {
  const char *value = next_word(call, name, NULL);
  while (value && is_space(*value)) value++;
  return value;
}

int handler_call(Element *from, const char *call, Errors *errs) {
  Text name = {0};
  const char *value = call_value(call, &name);
  int rc = value ? handler_call_write(from->router, from, text_cstr(&name), value, errs)
                 : error(errs, "expected HANDLER [VALUE], not '%s'", call);
  text_free(&name);
  return rc;
}

int handler_call_check(Element *from, const char *call, Errors *errs) {
  Text text = {0};
  int rc = 0;
  if (!call_value(call, &text)) {
    rc = error(errs, "expected HANDLER [VALUE], not '%s'", call);
  } else {
    const char *name = text_cstr(&text);
    Element *e = NULL;
    const Handler *h = handler_find(from->router, from, name, &e);
    bool found = h && (h->flags & HANDLER_WRITE);
    if (!e) found = router_root_writable(from->router, *name == '.' ? name + 1 : name);
    if (!found) rc = no_handler(from->router, from, name, errs, "write");
  }
  text_free(&text);
  return rc;
}

/* ---- The router's own handlers
 * ------------------------------------------------------------------------------------ */

#ifndef CLICKLET_VERSION
#define CLICKLET_VERSION "0.1.0"
#endif

int router_root_read(Router *r, const char *name, const char *param, Text *out, Errors *errs, bool *found) {
  (void)param, (void)errs;
  *found = true;
  if (!strcmp(name, "version"))
    text_add_string(out, CLICKLET_VERSION);
  else if (!strcmp(name, "driver"))
    text_add_string(out, "userlevel");
  else if (!strcmp(name, "packages")) {
  } /* there are none */
  else if (!strcmp(name, "list")) {
    text_printf(out, "%u\n", r->count);
    for (unsigned i = 0; i < r->count; i++) text_printf(out, "%s\n", r->elements[i]->name);
  } else if (!strcmp(name, "classes")) {
    const ElementEntry *all;
    unsigned n = element_classes(&all);
    for (unsigned i = 0; i < n; i++) text_printf(out, "%s\n", all[i].name);
  } else if (!strcmp(name, "config"))
    text_add_string(out, r->strings + r->header->source);
  else if (!strcmp(name, "requirements"))
    text_add_string(out, r->strings + r->header->requirements);
  else if (!strcmp(name, "timewarp"))
    return timewarp_read(r->engine, out);
  else if (!strcmp(name, "handlers")) {
    text_add_string(out,
                    "version\tr\ndriver\tr\nconfig\tr\nflatconfig\tr\nrequirements\tr\nhandlers\tr\nlist\tr\n"
                    "stop\tw\nclasses\tr\npackages\tr\n");
    if (r->engine->options.compile) text_add_string(out, "hotconfig\tw%\n");
    text_add_string(out, r->engine->options.simulated_time ? "timewarp\tr\n" : "timewarp\trw\n");
  } else if (!strcmp(name, "flatconfig")) {
    const PlanConnection *c = (const PlanConnection *)(r->plan + r->header->connections);
    const PlanElement *p = (const PlanElement *)(r->plan + r->header->elements);
    for (unsigned i = 0; i < r->count; i++) {
      const char *config = element_config(r->elements[i]);
      text_printf(out, *config ? "%s :: %s(%s);\n" : "%s :: %s;\n", r->elements[i]->name,
                  r->strings + p[i].class_name, config);
    }
    if (r->header->connection_count) text_add_char(out, '\n');
    for (uint32_t i = 0; i < r->header->connection_count; i++) {
      text_printf(out, "%s", r->elements[c[i].from]->name);
      if (c[i].from_port) text_printf(out, " [%u]", c[i].from_port);
      text_add_string(out, " -> ");
      if (c[i].to_port) text_printf(out, "[%u] ", c[i].to_port);
      text_printf(out, "%s;\n", r->elements[c[i].to]->name);
    }
  } else {
    *found = false;
    return -1;
  }
  return 0;
}

static int write_hotconfig(Engine *e, const char *value, Errors *errs) {
  size_t size = 0;
  void *plan = e->options.compile(e->options.compile_context, value, &size, errs);
  if (!plan) return -1;
  int rc = engine_prepare(e, plan, size, errs);
  mem_free(plan);
  return rc;
}

static bool router_root_writable(Router *r, const char *name) {
  if (!strcmp(name, "timewarp")) return !r->engine->options.simulated_time;
  return !strcmp(name, "stop") || (r->engine->options.compile && !strcmp(name, "hotconfig"));
}

int router_root_write(Router *r, const char *name, const char *value, Errors *errs, bool *found) {
  *found = router_root_writable(r, name);
  if (!*found) return -1;
  if (!strcmp(name, "hotconfig")) return write_hotconfig(r->engine, value, errs);
  if (!strcmp(name, "timewarp")) return timewarp_write(r->engine, value, errs);
  int64_t n = 1;
  if (*value && !parse_i64(value, &n)) n = 1;
  (void)errs;
  router_adjust_runcount(r, (int)-n);
  return 0;
}
