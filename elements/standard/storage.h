/* storage.h: the queues around an element, for elements that look at how full they are. */
#ifndef CLICKLET_STANDARD_STORAGE_H
#define CLICKLET_STANDARD_STORAGE_H
#include "queue.h"

typedef struct StorageSet {
  Queue **queues;
  unsigned n;
} StorageSet;

static inline bool storage_add(StorageSet *s, Queue *q) {
  for (unsigned i = 0; i < s->n; i++)
    if (s->queues[i] == q) return true;
  Queue **wide = mem_resize(s->queues, s->n * sizeof *wide, (s->n + 1u) * sizeof *wide);
  if (!wide) return false;
  s->queues = wide;
  s->queues[s->n++] = q;
  return true;
}

/* Follows push outputs, or pull inputs, to the nearest queues. */
static inline void storage_walk(StorageSet *s, Element *e, bool down, uint8_t *seen) {
  for (int i = 0; i < (down ? e->noutputs : e->ninputs); i++) {
    if (!(down ? output_is_push(e, i) : input_is_pull(e, i))) continue;
    Element *next = down ? e->outputs[i].element : e->inputs[i].element;
    if (next->index >= router_count(e->router) || seen[next->index]) continue;
    seen[next->index] = 1;
    Queue *q = element_cast(next, "Storage");
    if (q)
      storage_add(s, q);
    else
      storage_walk(s, next, down, seen);
  }
}

static inline int storage_near(StorageSet *s, Element *e, bool down, Errors *errs) {
  uint8_t *seen = mem_alloc(router_count(e->router) + 1u);
  if (!seen) return error(errs, "out of memory");
  storage_walk(s, e, down, seen);
  mem_free(seen);
  return 0;
}

/* The queues that a QUEUES argument names. */
static inline int storage_named(StorageSet *s, Element *e, const char *names, Errors *errs) {
  Text word = {0};
  int rc = 0;
  for (; (names = next_word(names, &word, NULL)); text_clear(&word)) {
    Element *x = router_find(e->router, e, text_cstr(&word));
    Queue *q = x ? element_cast(x, "Storage") : NULL;
    if (!q)
      rc = error(errs, x ? "QUEUES: '%s' is no queue" : "QUEUES: there is no element '%s'", text_cstr(&word));
    else if (!storage_add(s, q))
      rc = error(errs, "out of memory");
  }
  text_free(&word);
  return rc;
}

always_inline uint32_t storage_length(const StorageSet *s) {
  uint32_t n = 0;
  for (unsigned i = 0; i < s->n; i++) n += s->queues[i]->length;
  return n;
}

static inline void storage_text(const StorageSet *s, const char *separator, Text *out) {
  for (unsigned i = 0; i < s->n; i++) text_printf(out, "%s%s", i ? separator : "", s->queues[i]->base.name);
}

#endif
