/* threads.h: several engines, a thread each, as one.
 *
 * Every thread has an engine with its own pool, run queue, timers and devices, and a router of the whole
 * configuration, in which the elements of other threads are names only (ELEMENT_REMOTE). Where a connection
 * leaves its thread, packets go through a ring with one writer and one reader, and empty chunks come back in
 * the same slots, so that every pool keeps its size. Nothing else is shared while packets move. Handlers of
 * other threads' elements, and new configurations, stop all threads between two of their rounds.
 */
#ifndef CLICKLET_HOST_THREADS_H
#define CLICKLET_HOST_THREADS_H
#include <clicklet/engine.h>

/* The first of `options.threads` engines (at most THREADS_MAX) that know each other; everything is asked of
 * it: install, read, write, stop. NULL when out of memory. Not with simulated time. */
Engine *threads_new(const EngineOptions *options);
/* What follows takes an engine that is alone, too. */
void threads_free(Engine *first);
unsigned threads_count(Engine *first);
Engine *threads_engine(Engine *first, unsigned thread); /* NULL if there is no such thread */
void threads_stats(Engine *first, EngineStats *sum);
/* Runs all until the first one's driver stops; then what is under way between threads has arrived. The
 * caller's thread runs the first. cpu: it is on that one, and the others on the next ones; -1: anywhere. */
void threads_run(Engine *first, int cpu);
/* Stops all threads between two of their rounds, for what is done to another one's engine, which is returned
 * (NULL if there is no such thread); and lets them go again. From the first one's thread, or while none runs.
 */
Engine *threads_hold(Engine *first, unsigned thread);
void threads_release(Engine *first);
/* A platform's hook: the thread waits here while another one holds it. */
void threads_stand(Engine *e);

#endif
