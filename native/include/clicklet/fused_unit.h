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

/* Where the next packet of a burst is put that has come to its end: the pool takes them all at once. */
typedef Packet **Ended;
always_inline void fused_end(Ended *ended, Packet *p) {
  if (likely(packet_is_ordinary(p)))
    *(*ended)++ = p;
  else
    packet_release(p);
}
always_inline void fused_free(Packet **burst, Ended ended) {
  if (ended != burst) packet_free_ordinary(burst, (unsigned)(ended - burst));
}

/* What an action leaves to the dynamic engine (ACTION_RARE): it does the whole, and the packet goes on from
 * there. */
__attribute__((unused, noinline, cold)) static void fused_rare(Element *e, Packet *p) {
  int output = e->class->act(e, p);
  if (output >= 0)
    output_push(e, output, p);
  else if (output == PACKET_DROP)
    packet_free(p);
}

#ifdef CLICKLET_GUEST
#define FUSED_RUNNING(x) (running_element = (Element *)&(x)) /* its Element is first, at whatever depth */
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
