/* threads.c: the engines of several threads as one, see threads.h. */
#define _GNU_SOURCE
#include "threads_group.h"
#include "platform_host.h"
#include "threads_pace.h"
#include <clicklet/platform.h>
#include <sched.h>
#include <stdlib.h>

static void set(bool *flag, bool value) { __atomic_store_n(flag, value, __ATOMIC_RELEASE); }
static bool is(const bool *flag) { return __atomic_load_n(flag, __ATOMIC_ACQUIRE); }

/* ---- Holding
 * ----------------------------------------------------------------------------------------------------- */

void group_hold(ThreadGroup *g, unsigned me) {
  pthread_mutex_lock(&g->lock);
  while (g->holder >= 0 && g->holder != (int)me) {
    g->member[me].standing = true;
    pthread_cond_broadcast(&g->changed);
    pthread_cond_wait(&g->changed, &g->lock);
  }
  g->member[me].standing = false;
  g->holder = (int)me;
  if (!g->depth++)
    for (unsigned t = 0; t < g->count; t++)
      if (t != me && g->member[t].running) {
        set(&g->member[t].hold, true);
        platform_wake(g->member[t].engine);
      }
  for (unsigned t = 0; t < g->count; t++)
    while (t != me && g->member[t].running && !g->member[t].standing)
      pthread_cond_wait(&g->changed, &g->lock);
  pthread_mutex_unlock(&g->lock);
}

void group_release(ThreadGroup *g) {
  pthread_mutex_lock(&g->lock);
  if (!--g->depth) {
    g->holder = -1;
    for (unsigned t = 0; t < g->count; t++) set(&g->member[t].hold, false);
    pthread_cond_broadcast(&g->changed);
  }
  pthread_mutex_unlock(&g->lock);
}

void threads_stand(Engine *e) {
  ThreadGroup *g = e->group;
  Member *m = g ? &g->member[e->thread] : NULL;
  if (!m || !is(&m->hold)) return;
  pthread_mutex_lock(&g->lock);
  while (is(&m->hold)) {
    m->standing = true;
    pthread_cond_broadcast(&g->changed);
    pthread_cond_wait(&g->changed, &g->lock);
  }
  m->standing = false;
  pthread_mutex_unlock(&g->lock);
}

Engine *threads_hold(Engine *first, unsigned thread) {
  if (first->group) group_hold(first->group, first->thread);
  return threads_engine(first, thread);
}

void threads_release(Engine *first) {
  if (first->group) group_release(first->group);
}

/* ---- Packets
 * ----------------------------------------------------------------------------------------------------- */

static void wake(Member *m) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST); /* against waiting(): one of the two sees the other */
  if (__atomic_load_n(&m->asleep, __ATOMIC_RELAXED) && __atomic_exchange_n(&m->asleep, 0, __ATOMIC_RELAXED))
    platform_wake(m->engine);
}

static void publish(ThreadGroup *g, Ring *r, unsigned to) {
  if (ring_publish(r)) wake(&g->member[to]);
}

/* No packet may be lost, and who waits for room must not keep others waiting: what they sent is put aside. */
static void wait_for_room(ThreadGroup *g, unsigned me, unsigned to) {
  Ring *r = g->ring[me][to];
  Engine *e = g->member[me].engine;
  /* Room for a few batches, so that the two sides do not meet at every packet. */
  for (unsigned i = 0; !ring_room_for(r, RING_SLOTS / 4); i++) {
    publish(g, r, to);
    if (is(&g->ended) || is(&g->member[me].hold) || e->stop_requested) {
      ring_overflow(r);
      return;
    }
    for (unsigned t = 0; t < g->count; t++)
      if (t != me && ring_full(g->ring[t][me])) ring_put_aside(g->ring[t][me]);
    if (i < 100)
      __builtin_ia32_pause();
    else
      sched_yield();
  }
}

static void threads_push(Element *e, int port, Packet **p, unsigned n) {
  Engine *engine = e->router->engine;
  ThreadGroup *g = engine->group;
  const PlanElement *pe = (const PlanElement *)(e->router->plan + e->router->header->elements) + e->index;
  unsigned to = pe->threads ? (unsigned)__builtin_ctz(pe->threads) : 0;
  Ring *r = g->ring[engine->thread][to];
  if (unlikely(e->router->sends != NULL)) pace_sent(e->router, e->index, port, n);
  for (unsigned i = 0; i < n; i++) {
    if (unlikely(!ring_room(r))) wait_for_room(g, engine->thread, to);
    ring_put(r, p[i], e->index, (uint16_t)port);
  }
  if (ring_unpublished(r) >= BATCH_MAX / 2) publish(g, r, to);
}

/* Packets from one thread in one round. More than tasks send in one, so that what is put aside does not grow.
 */
#define RECEIVE_MAX RING_SLOTS

static unsigned threads_receive(Engine *e) {
  ThreadGroup *g = e->group;
  unsigned n = 0;
  for (unsigned t = 0; t < g->count; t++) {
    if (t == e->thread) continue;
    n += ring_deliver(g->ring[t][e->thread], e->router, RECEIVE_MAX);
    Ring *out = g->ring[e->thread][t];
    ring_flush(out);
    publish(g, out, t);
  }
  for (Pace *p = e->router->receives; p; p = p->next_received)
    if (pace_grant(p)) wake(&g->member[p->from]);
  for (Pace *p = e->router->sends; p; p = p->next_sent) pace_look(p);
  return n;
}

#define SPINS_BEFORE_SLEEP 2000

static bool incoming(ThreadGroup *g, unsigned me) {
  for (Pace *p = g->member[me].engine->router->sends; p; p = p->next_sent)
    if (pace_granted(p)) return true;
  for (unsigned t = 0; t < g->count; t++)
    if (t != me && (!ring_empty(g->ring[t][me]) || ring_overflown(g->ring[me][t]))) return true;
  return false;
}

static bool threads_waiting(Engine *e, bool on) {
  ThreadGroup *g = e->group;
  Member *m = &g->member[e->thread];
  if (!on) {
    __atomic_store_n(&m->asleep, 0, __ATOMIC_RELAXED);
    return true;
  }
  if (threads_receive(e) || e->run_count)
    return false; /* what this round has sent and granted is known now */
  for (unsigned i = 0; i < SPINS_BEFORE_SLEEP; i++) {
    if (incoming(g, e->thread) || platform_commands_pending(e) || e->stop_requested) return false;
    __builtin_ia32_pause();
  }
  __atomic_store_n(&m->asleep, 1, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  if (!incoming(g, e->thread)) return true;
  __atomic_store_n(&m->asleep, 0, __ATOMIC_RELAXED);
  return false;
}

void group_drain(ThreadGroup *g) {
  PacketPool *caller = packet_pool;
  bool ended = is(&g->ended);
  set(&g->ended, true);
  for (bool moved = true; moved;) {
    moved = false;
    for (unsigned t = 0; t < g->count; t++) {
      Engine *e = g->member[t].engine;
      if (!e->router) continue;
      packet_pool = &e->pool;
      moved |= threads_receive(e) > 0;
      for (unsigned k = 0; k < g->count; k++) moved |= k != t && ring_holds(g->ring[t][k]);
    }
  }
  set(&g->ended, ended);
  packet_pool = caller;
}

static const ThreadOps thread_ops = {.room = pace_room,
                                     .freed = pace_free,
                                     .push = threads_push,
                                     .receive = threads_receive,
                                     .waiting = threads_waiting,
                                     .stop = threads_stop,
                                     .read = threads_read,
                                     .write = threads_write,
                                     .install = threads_install,
                                     .prepare = threads_prepare,
                                     .replace = threads_replace};

/* ---- Life
 * -------------------------------------------------------------------------------------------------------- */

Engine *threads_new(const EngineOptions *options) {
  ThreadGroup *g;
  unsigned n = options->threads;
  if (!n || n > THREADS_MAX || posix_memalign((void **)&g, CACHE_LINE, sizeof *g)) return NULL;
  memset(g, 0, sizeof *g);
  pthread_mutex_init(&g->lock, NULL);
  pthread_cond_init(&g->changed, NULL);
  g->holder = -1;
  g->cpu = -1;
  bool ok = true;
  for (unsigned t = 0; t < n && ok; t++) {
    Engine *e = g->member[t].engine = engine_new(options);
    if (!(ok = e != NULL)) break;
    g->count = t + 1;
    e->threads = &thread_ops;
    e->group = g;
    e->thread = t;
    if (t) e->options.compile = NULL; /* the first thread's front end */
  }
  for (unsigned a = 0; a < n && ok; a++)
    for (unsigned b = 0; b < n && ok; b++)
      if (a != b) ok = (g->ring[a][b] = ring_new(a)) != NULL;
  if (ok) return g->member[0].engine;
  threads_free(g->member[0].engine);
  return NULL;
}

void threads_free(Engine *first) {
  if (!first || !first->group) {
    engine_free(first);
    return;
  }
  ThreadGroup *g = first->group;
  group_discard_next(g);
  for (unsigned t = 0; t < g->count; t++) {
    Engine *e = g->member[t].engine;
    packet_pool = &e->pool;
    router_free(e->router);
    e->router = NULL;
    for (unsigned k = 0; k < THREADS_MAX; k++) ring_free(g->ring[k][t]);
  }
  PacketPool *pools[THREADS_MAX];
  for (unsigned t = 0; t < g->count; t++) pools[t] = &g->member[t].engine->pool;
  packet_pools_sort(pools, g->count);
  for (unsigned t = 0; t < g->count; t++) engine_free(g->member[t].engine);
  pthread_cond_destroy(&g->changed);
  pthread_mutex_destroy(&g->lock);
  free(g);
}

unsigned threads_count(Engine *first) { return first->group ? first->group->count : 1; }

Engine *threads_engine(Engine *first, unsigned thread) {
  if (thread >= threads_count(first)) return NULL;
  return first->group ? first->group->member[thread].engine : first;
}

void threads_stats(Engine *first, EngineStats *sum) {
  *sum = (EngineStats){0};
  for (unsigned t = 0; t < threads_count(first); t++) {
    EngineStats s;
    engine_stats(threads_engine(first, t), &s);
    sum->pool_total += s.pool_total;
    sum->pool_free += s.pool_free;
    sum->pool_failures += s.pool_failures;
    sum->rounds += s.rounds;
    sum->tasks_run += s.tasks_run;
    sum->idle_waits += s.idle_waits;
  }
}

static void pin(int cpu) {
  cpu_set_t set;
  if (cpu < 0) return;
  CPU_ZERO(&set);
  CPU_SET((unsigned)cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

static void ended(ThreadGroup *g, unsigned t) {
  pthread_mutex_lock(&g->lock);
  g->member[t].running = false;
  pthread_cond_broadcast(&g->changed);
  pthread_mutex_unlock(&g->lock);
}

static void *run_member(void *argument) {
  Engine *e = argument;
  ThreadGroup *g = e->group;
  if (g->cpu >= 0) pin(g->cpu + (int)e->thread);
  engine_run(e);
  ended(g, e->thread);
  return NULL;
}

void threads_run(Engine *first, int cpu) {
  ThreadGroup *g = first->group;
  pin(cpu);
  if (!g) {
    engine_run(first);
    return;
  }
  g->cpu = cpu;
  set(&g->ended, false);
  unsigned started = 1;
  for (unsigned t = 0; t < g->count; t++) g->member[t].running = true;
  for (; started < g->count; started++)
    if (pthread_create(&g->member[started].thread, NULL, run_member, g->member[started].engine))
      platform_panic("cannot start a thread");
  engine_run(first);
  set(&g->ended, true);
  ended(g, 0);
  for (unsigned t = 1; t < started; t++) {
    engine_stop(g->member[t].engine);
    platform_wake(g->member[t].engine);
  }
  for (unsigned t = 1; t < started; t++) pthread_join(g->member[t].thread, NULL);
  group_drain(g);
}
