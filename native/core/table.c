/* table.c: the classes in this program, and the table of them that the front end reads. */
#include <clicklet/engine.h>
#include <clicklet/platform.h>

extern const ElementEntry __start_clicklet_elements[], __stop_clicklet_elements[];

unsigned element_classes(const ElementEntry **out) {
  *out = __start_clicklet_elements;
  return (unsigned)(__stop_clicklet_elements - __start_clicklet_elements);
}

static bool has_word(const char *list, const char *word) {
  size_t n = strlen(word);
  for (const char *p = list; p && *p;) {
    const char *end = strchr(p, ' ');
    size_t k = end ? (size_t)(end - p) : strlen(p);
    if (k == n && !memcmp(p, word, n)) return true;
    p = end ? end + 1 : NULL;
  }
  return false;
}

const ElementClass *element_class_find(const char *name) {
  const ElementEntry *all;
  unsigned n = element_classes(&all);
  for (unsigned i = 0; i < n; i++)
    if (!strcmp(all[i].name, name)) return all[i].class;
  for (unsigned i = 0; i < n; i++)
    if (has_word(all[i].class->aliases, name)) return all[i].class;
  return NULL;
}

static void json_field(Text *t, const char *key, const char *value) {
  text_printf(t, ",\"%s\":", key);
  text_add_json(t, value);
}

static const char *const type_names[] = {[ARG_BOOL] = "bool",
                                         [ARG_I32] = "i32",
                                         [ARG_U8] = "u8",
                                         [ARG_U16] = "u16",
                                         [ARG_U32] = "u32",
                                         [ARG_I64] = "i64",
                                         [ARG_U64] = "u64",
                                         [ARG_F64] = "f64",
                                         [ARG_WORD] = "word",
                                         [ARG_STRING] = "string",
                                         [ARG_RAW] = "text",
                                         [ARG_FILENAME] = "filename",
                                         [ARG_IP] = "ip",
                                         [ARG_IP_PREFIX] = "ip-prefix",
                                         [ARG_IP_OR_PREFIX] = "ip-or-prefix",
                                         [ARG_IP6] = "ip6",
                                         [ARG_IP6_PREFIX] = "ip6-prefix",
                                         [ARG_ETHER] = "ether",
                                         [ARG_ANNO] = "annotation",
                                         [ARG_INTERVAL] = "interval",
                                         [ARG_TIMESTAMP] = "timestamp",
                                         [ARG_BANDWIDTH] = "bandwidth",
                                         [ARG_PORT_NUMBER] = "port",
                                         [ARG_IP_PROTO] = "ip-protocol",
                                         [ARG_ELEMENT] = "element",
                                         [ARG_HANDLER] = "handler",
                                         [ARG_CHOICE] = "choice",
                                         [ARG_CUSTOM] = "custom",
                                         [ARG_REST] = "rest"};

static void class_json(Text *t, const ElementClass *c, const char *name) {
  const char *file = c->file; /* from the repository's root */
  for (const char *p = file; *p; p++)
    if (!strncmp(p, "elements/", 9)) file = p;
  text_add_string(t, "{\"name\":");
  text_add_json(t, name);
  json_field(t, "file", file);
  if (name != c->name) json_field(t, "aliasOf", c->name);
  json_field(t, "ports", c->ports);
  json_field(t, "processing", c->processing);
  json_field(t, "flow", c->flow);
  json_field(t, "flags", c->flags);
  text_printf(t, ",\"targets\":[%s%s%s]", c->targets & TARGET_HOST ? "\"host\"" : "",
              (c->targets & TARGET_ALL) == TARGET_ALL ? "," : "",
              c->targets & TARGET_GUEST ? "\"guest\"" : "");
  text_printf(t, ",\"ordered\":%s,\"argsChecked\":%s", c->ordered ? "true" : "false",
              c->args ? "true" : "false");
  json_field(t, "action", c->action_name);
  if (c->batched) text_add_string(t, ",\"batched\":true");
  if (c->per_thread) text_add_string(t, ",\"perThread\":true");
  if (c->names_elements) text_add_string(t, ",\"namesElements\":true");
  if (c->looks_around) text_add_string(t, ",\"looksAround\":true");
  text_add_string(t, ",\"args\":[");
  for (const ArgSpec *a = c->args; a && a->key; a++) {
    text_printf(t, "%s{\"key\":\"%s\",\"type\":\"%s\"", a == c->args ? "" : ",", a->key, type_names[a->type]);
    json_field(t, "default", a->def);
    text_printf(t, ",\"positional\":%s,\"mandatory\":%s,\"deprecated\":%s",
                a->flags & ARG_POSITIONAL ? "true" : "false", a->flags & ARG_MANDATORY ? "true" : "false",
                a->flags & ARG_DEPRECATED ? "true" : "false");
    if (a->min < a->max) text_printf(t, ",\"min\":%.15g,\"max\":%.15g", a->min, a->max);
    if (a->choices) {
      text_add_string(t, ",\"choices\":[");
      for (int k = 0; a->choices[k]; k++) {
        if (k) text_add_char(t, ',');
        text_add_json(t, a->choices[k]);
      }
      text_add_char(t, ']');
    }
    if (a->doc) json_field(t, "doc", a->doc);
    text_add_char(t, '}');
  }
  text_add_string(t, "],\"handlers\":[");
  for (const Handler *h = c->handlers; h && h->name; h++)
    text_printf(t, "%s{\"name\":\"%s\",\"read\":%s,\"write\":%s,\"param\":%s}", h == c->handlers ? "" : ",",
                h->name, h->flags & HANDLER_READ ? "true" : "false",
                h->flags & HANDLER_WRITE ? "true" : "false", h->flags & HANDLER_PARAM ? "true" : "false");
  text_add_string(t, "]}");
}

/* Classes in the order of their names, so that the table does not depend on the order of linking. */
void element_table_json(Text *out) {
  const ElementEntry *all;
  unsigned n = element_classes(&all);
  text_add_string(out, "{\"version\":1,\"classes\":[\n");
  const char *last = "";
  for (bool first = true;; first = false) {
    const ElementClass *next = NULL;
    for (unsigned i = 0; i < n; i++)
      if (strcmp(all[i].name, last) > 0 && (!next || strcmp(all[i].name, next->name) < 0))
        next = all[i].class;
    if (!next) break;
    if (!first) text_add_string(out, ",\n");
    class_json(out, next, next->name);
    for (const char *p = next->aliases; p && *p;) {
      const char *end = strchr(p, ' ');
      char *alias = mem_string(p, end ? (size_t)(end - p) : strlen(p));
      text_add_string(out, ",\n");
      if (alias) class_json(out, next, alias);
      mem_free(alias);
      p = end ? end + 1 : NULL;
    }
    last = next->name;
  }
  text_add_string(out, "\n]}\n");
}
