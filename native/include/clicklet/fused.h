/* fused.h: what the fused engine's generator writes and the engine takes.
 *
 * A fused unit is one generated C file: it includes the sources of the elements of one configuration and, for
 * the connections where packets enter or leave a chain of actions, has functions that carry each packet
 * through the whole chain by direct calls. It holds no state: a router's elements stay where they are, one
 * behind the other in the order of the plan (see router_layout), and binding a unit only exchanges the
 * functions behind their ports.
 */
#ifndef CLICKLET_FUSED_H
#define CLICKLET_FUSED_H
#include <clicklet/element.h>

#define FUSED_ABI 2u

/* A connection and what now carries packets along it. */
typedef struct FusedEdge {
  uint16_t from, to; /* elements */
  uint16_t from_port, to_port;
  PushFn push; /* of a push connection, else NULL */
  PullFn pull; /* of a pull connection, else NULL */
} FusedEdge;

typedef struct FusedElement {
  const char *class_name;
  uint32_t size; /* of its state */
} FusedElement;

typedef struct FusedUnit {
  uint32_t abi;         /* FUSED_ABI */
  uint32_t elements;    /* in the graph */
  uint32_t edges;       /* connections that change */
  const char *sources;  /* digest of the sources it was compiled from: the engine's own, or it is refused */
  uint64_t plan_digest; /* of the plan it was made for */
  const FusedElement *element;
  const FusedEdge *edge;
} FusedUnit;

/* Where a router places its elements: each starts on a cache line. */
#define ELEMENT_ALIGN 64
#define FUSED_STATE(T) T __attribute__((aligned(ELEMENT_ALIGN)))

/* FNV-1a, 64 bits. */
static inline uint64_t fused_digest(const void *data, size_t size) {
  uint64_t h = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; i++) h = (h ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
  return h;
}

/* Puts a unit's functions behind the ports of the running router. -1 with the reason if it was not made for
 * it; the router then goes on as before. From the engine's thread or while it does not run. The unit is the
 * engine's from here on: it unloads it (platform_unit_unload) when it refuses it or the router is gone. */
int engine_fuse(Engine *e, const FusedUnit *unit, Errors *errs);
/* Puts the classes' own functions back. */
void engine_unfuse(Engine *e);
/* What the generator must know of a configuration beyond the class table, as JSON: the size of every
 * element's state, and for elements that can write their action for their own configuration, that. Elements
 * are configured, but not initialised. */
/* Without a plan: of the running router. */
int engine_fuse_facts(Engine *e, const void *plan, size_t size, Text *out, Errors *errs);
/* The digest of the sources that this engine was built from. */
extern const char *const engine_sources;

#endif
