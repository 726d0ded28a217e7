/* fused_unit.h: the first thing in a fused unit. */
#ifndef CLICKLET_FUSED_UNIT_H
#define CLICKLET_FUSED_UNIT_H
#define CLICKLET_FUSED
#include <clicklet/fused.h>

#define FUSED_INLINE always_inline
#define FUSED_FAR static __attribute__((noinline))
/* An element of which the unit knows only the size of its state. */
#define OPAQUE(bytes)                                                                                        \
  struct {                                                                                                   \
    Element base;                                                                                            \
    char rest[(bytes) - sizeof(Element)];                                                                    \
  }
#define FUSED_GRAPH(e, member) ((Graph *)((char *)(e)-offsetof(Graph, member)))

#define FUSED_ASSUME(x)                                                                                      \
  do                                                                                                         \
    if (!(x)) __builtin_unreachable();                                                                       \
  while (0)

#ifdef CLICKLET_GUEST
#define FUSED_RUNNING(x) (running_element = &(x).base)
#else
#define FUSED_RUNNING(x) ((void)0)
#endif

#define FUSED_UNIT(sources_, plan_, elements_, edges_)                                                       \
  __attribute__((visibility("default")))                                                                     \
  const FusedUnit clicklet_fused_unit = {.abi = FUSED_ABI,                                                   \
                                         .elements = (elements_),                                            \
                                         .edges = (edges_),                                                  \
                                         .sources = (sources_),                                              \
                                         .plan_digest = UINT64_C(plan_),                                     \
                                         .element = fused_elements,                                          \
                                         .edge = fused_edges}

#endif
