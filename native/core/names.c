/* names.c: names for addresses (AddressInfo and such), scoped as compounds are. */
#include "router.h"
#include <clicklet/platform.h>

static unsigned hash_name(int kind, const char *s, size_t n) {
  uint32_t h = 2166136261u ^ (uint32_t)kind;
  for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 16777619u;
  return h % countof(((Router *)0)->names);
}

static uint32_t scope_length(const Element *e) {
  uint32_t n = 0;
  for (uint32_t i = 0; e->name[i]; i++)
    if (e->name[i] == '/') n = i + 1;
  return n;
}

static Name *find(Router *r, int kind, const char *full, size_t n) {
  for (Name *x = r->names[hash_name(kind, full, n)]; x; x = x->next)
    if (x->kind == kind && strlen(x->name) == n && !memcmp(x->name, full, n)) return x;
  return NULL;
}

bool name_define(Element *scope, int kind, const char *name, const void *value, size_t size) {
  uint32_t s = scope_length(scope);
  Text full = {0};
  text_add(&full, scope->name, s);
  text_add_string(&full, name);
  Name *x = find(scope->router, kind, text_cstr(&full), full.len);
  if (!x) {
    x = mem_alloc(sizeof *x);
    if (!x || !(x->name = mem_string(text_cstr(&full), full.len))) return text_free(&full), false;
    unsigned h = hash_name(kind, x->name, full.len);
    x->kind = kind;
    x->scope_len = s;
    x->next = scope->router->names[h];
    scope->router->names[h] = x;
  }
  text_free(&full);
  if (size > sizeof x->value) return false;
  x->size = (uint32_t)size;
  memcpy(x->value, value, size);
  return true;
}

bool name_query(const Element *scope, int kind, const char *name, void *value, size_t size) {
  Text full = {0};
  bool ok = false;
  for (uint32_t s = scope_length(scope);;) {
    text_clear(&full);
    text_add(&full, scope->name, s);
    text_add_string(&full, name);
    Name *x = find(scope->router, kind, text_cstr(&full), full.len);
    if (x) {
      ok = x->size == size;
      if (ok) memcpy(value, x->value, size);
      break;
    }
    if (!s) {
      ok = platform_lookup_name(kind, name, value, size);
      break;
    }
    for (s--; s > 0 && scope->name[s - 1] != '/'; s--) {}
  }
  text_free(&full);
  return ok;
}

void names_free(Router *r) {
  for (unsigned i = 0; i < countof(r->names); i++)
    while (r->names[i]) {
      Name *x = r->names[i];
      r->names[i] = x->next;
      mem_free(x->name);
      mem_free(x);
    }
}
