/* aggregate.h: what the elements around the aggregate annotation share: the news of aggregates that begin and
 * end, and a table by aggregate. */
#ifndef CLICKLET_ANALYSIS_AGGREGATE_H
#define CLICKLET_ANALYSIS_AGGREGATE_H
#include <clicklet/element.h>

/* Who wants to know. `begins`: with the packet that is the first; else the aggregate ends (packet NULL). */
typedef struct AggregateListener AggregateListener;
struct AggregateListener {
  Element *element;
  void (*hear)(Element *e, uint32_t aggregate, bool begins, const Packet *p);
  AggregateListener *next;
};

/* What an element that numbers aggregates offers: cast "AggregateNotifier". */
typedef struct AggregateNotifier {
  AggregateListener *listeners;
} AggregateNotifier;

static inline void aggregate_tell(const AggregateNotifier *n, uint32_t aggregate, bool begins,
                                  const Packet *p) {
  for (const AggregateListener *l = n->listeners; l; l = l->next) l->hear(l->element, aggregate, begins, p);
}

/* Subscribes to the element of a NOTIFIER argument. In initialize. */
static inline int aggregate_listen(Element *notifier, AggregateListener *l, Errors *errs) {
  AggregateNotifier *n = element_cast(notifier, "AggregateNotifier");
  if (!n) return error(errs, "NOTIFIER: '%s' is no AggregateNotifier", notifier->name);
  l->next = n->listeners;
  n->listeners = l;
  return 0;
}

/* A table of things by aggregate: open addressing, removal without tombstones. */
typedef struct AggregatePlace {
  uint32_t aggregate;
  bool used;
  void *value;
} AggregatePlace;
typedef struct AggregateMap {
  AggregatePlace *places;
  uint32_t size, used; /* size: a power of two */
} AggregateMap;

static inline uint32_t aggregate_hash(uint32_t v) { return v * 2654435769u ^ v >> 15; }

static inline AggregatePlace *aggregate_find(const AggregateMap *m, uint32_t aggregate) {
  if (!m->size) return NULL;
  for (uint32_t i = aggregate_hash(aggregate);; i++) {
    AggregatePlace *p = &m->places[i & (m->size - 1)];
    if (!p->used) return NULL;
    if (p->aggregate == aggregate) return p;
  }
}

/* The place of an aggregate, made if need be (*made). NULL when out of memory. */
static inline AggregatePlace *aggregate_place(AggregateMap *m, uint32_t aggregate, bool *made) {
  AggregatePlace *p = aggregate_find(m, aggregate);
  if ((*made = !p) == false) return p;
  if (m->used * 2 >= m->size) {
    AggregateMap wide = {.size = m->size ? 2 * m->size : 256, .used = m->used};
    if (!(wide.places = mem_alloc(wide.size * sizeof *wide.places))) return NULL;
    for (uint32_t i = 0; i < m->size; i++) {
      if (!m->places[i].used) continue;
      uint32_t k = aggregate_hash(m->places[i].aggregate) & (wide.size - 1);
      while (wide.places[k].used) k = (k + 1) & (wide.size - 1);
      wide.places[k] = m->places[i];
    }
    mem_free(m->places);
    *m = wide;
  }
  uint32_t k = aggregate_hash(aggregate) & (m->size - 1);
  while (m->places[k].used) k = (k + 1) & (m->size - 1);
  m->places[k] = (AggregatePlace){.aggregate = aggregate, .used = true};
  m->used++;
  return &m->places[k];
}

static inline void aggregate_remove(AggregateMap *m, AggregatePlace *p) {
  uint32_t hole = (uint32_t)(p - m->places);
  for (uint32_t i = hole;;) {
    i = (i + 1) & (m->size - 1);
    if (!m->places[i].used) break;
    uint32_t home = aggregate_hash(m->places[i].aggregate) & (m->size - 1);
    if (((i - home) & (m->size - 1)) < ((i - hole) & (m->size - 1))) continue; /* it may not go so far back */
    m->places[hole] = m->places[i];
    hole = i;
  }
  m->places[hole].used = false;
  m->used--;
}

/* Sorts places by aggregate: heapsort. */
static inline void aggregate_sort(AggregatePlace *p, uint32_t n) {
  for (uint32_t heap = n / 2, end = n; end > 1;) {
    AggregatePlace x;
    if (heap)
      x = p[--heap];
    else {
      x = p[--end];
      p[end] = p[0];
    }
    uint32_t i = heap;
    for (uint32_t child; (child = 2 * i + 1) < end; i = child) {
      if (child + 1 < end && p[child + 1].aggregate > p[child].aggregate) child++;
      if (p[child].aggregate <= x.aggregate) break;
      p[i] = p[child];
    }
    p[i] = x;
  }
}

static inline void aggregate_map_free(AggregateMap *m) {
  mem_free(m->places);
  *m = (AggregateMap){0};
}

#endif
