/* rewriterflows.h: what the files of the rewriters share among themselves. See rewriter.h. */
#ifndef CLICKLET_ELEMENTS_REWRITERFLOWS_H
#define CLICKLET_ELEMENTS_REWRITERFLOWS_H
#include "rewriter.h"

#define RW_REAP_STEP 256                  /* flows that one run of the timer looks at: packets wait for it */
#define RW_REAP_PAUSE (NSEC_PER_MSEC / 8) /* before the next run, if there is more to do */
#define RW_NONE UINT32_MAX

/* rewritermap.c: the memory of flows, and the tables that find them */
uint32_t rw_set_take(RwSet *s); /* RW_NONE: out of memory */
void rw_set_give(RwSet *s, uint32_t i);
void rw_set_free(RwSet *s);
bool rw_map_room(RwMap *m, uint32_t more); /* for that many insertions; false: out of memory */
void rw_map_insert(RwMap *m, uint32_t hash, uint32_t ref);
void rw_map_replace(RwMap *m, uint32_t hash, uint32_t ref, uint32_t new_ref);
void rw_map_remove(RwMap *m, uint32_t hash, uint32_t ref);
void rw_map_settle(RwMap *m); /* moves what is left of the old table */
void rw_map_free(RwMap *m);

/* rewriterwheel.c: expiry. Times in ms. */
always_inline uint64_t rw_now64(const Rewriter *e) { return (uint64_t)time_recent(&e->base) / NSEC_PER_MSEC; }
always_inline uint64_t rw_now_exact(const Rewriter *e) { /* handlers, timers */
  return (uint64_t)time_steady(&e->base) / NSEC_PER_MSEC;
}
RwWheel *rw_new_wheel(int64_t timeout_ns, int64_t guarantee_ns, uint64_t now);
void rw_enqueue(const RwSet *s, RwWheel *w, uint32_t i, RwFlow *f, uint64_t now);
void rw_destroy(RwSet *s, uint32_t i);
uint32_t rw_reap(const Rewriter *e, RwWheel *w, uint64_t now, uint32_t budget);
uint32_t rw_victim(RwSet *s, uint64_t now, bool guaranteed_too); /* RW_NONE: no flow can go */
void rw_shrink(RwSet *s, uint64_t now);                          /* to its capacity */
void rw_clear(Rewriter *e, const RwInput *in);                   /* drops the flows of an input, NULL: all */

/* rewritersequence.c */
void rw_sequence_free(RwSet *s, RwFlow *f);
void rw_sequence_copy(RwSet *to, RwFlow *f, const RwSet *from);

#endif
