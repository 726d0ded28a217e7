/* threads_group.h: between the parts of threads.h: packets and holding (threads.c), handlers
 * (threads_handlers.c), new configurations (threads_install.c). */
#ifndef CLICKLET_HOST_THREADS_GROUP_H
#define CLICKLET_HOST_THREADS_GROUP_H
#include "threads.h"
#include "threads_ring.h"
#include <pthread.h>

typedef struct Member {
  Engine *engine;
  pthread_t thread;
  bool running, standing;               /* standing: between two rounds, until nobody holds it */
  bool hold;                            /* atomic */
  _Alignas(CACHE_LINE) uint32_t asleep; /* who sends it packets must wake it */
} Member;

struct ThreadGroup {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  unsigned count;
  int holder; /* thread that holds all others, -1: none */
  unsigned depth;
  bool ended; /* atomic: nobody takes packets any more but in threads_run's end */
  int cpu;
  _Alignas(CACHE_LINE) Member member[THREADS_MAX];
  Ring *ring[THREADS_MAX][THREADS_MAX]; /* [from][to] */
};

/* Stops all threads but `me` between two of their rounds; may be done again by who does it. */
void group_hold(ThreadGroup *g, unsigned me);
void group_release(ThreadGroup *g);
void group_drain(ThreadGroup *g);        /* delivers all that is under way, while nobody else runs */
void group_discard_next(ThreadGroup *g); /* what was prepared and is not to run */

/* For ThreadOps. */
int threads_read(Element *x, const Handler *h, const char *param, Text *out, Errors *errs);
int threads_write(Element *x, const Handler *h, const char *value, Errors *errs);
void threads_stop(Engine *e, int n);
int threads_install(Engine *e, const void *plan, size_t size, Errors *errs);
int threads_prepare(Engine *e, const void *plan, size_t size, Errors *errs);
void threads_replace(Engine *e);

#endif
