/* threads.c: the engines of several threads as one, see threads.h. */
#define _GNU_SOURCE
#include "threads.h"
#include "core/router.h"
#include "platform_host.h"
#include "threads_pace.h"
#include <clicklet/platform.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

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

static void set(bool *flag, bool value) { __atomic_store_n(flag, value, __ATOMIC_RELEASE); }
static bool is(const bool *flag) { return __atomic_load_n(flag, __ATOMIC_ACQUIRE); }

/* ---- Holding
 * ----------------------------------------------------------------------------------------------------- */

static void hold(ThreadGroup *g, unsigned me) {
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

static void release(ThreadGroup *g) {
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
  if (first->group) hold(first->group, first->thread);
  return threads_engine(first, thread);
}

void threads_release(Engine *first) {
  if (first->group) release(first->group);
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

/* Delivers all that is under way, while nobody else runs. */
static void drain(ThreadGroup *g) {
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

/* ---- Handlers
 * ---------------------------------------------------------------------------------------------------- */

static unsigned threads_of(const Element *e) {
  const PlanElement *pe = (const PlanElement *)(e->router->plan + e->router->header->elements) + e->index;
  return pe->threads ? pe->threads : 1;
}

/* Adds the numbers at the beginning of each line of two texts that otherwise say the same. */
static void add_numbers(Text *sum, Text *more) {
  Text t = {0};
  const char *s = text_cstr(sum), *m = text_cstr(more);
  while (*s && *m) {
    char *a, *b;
    unsigned long long x = strtoull(s, &a, 10), y = strtoull(m, &b, 10);
    if (*a == '.' || *b == '.') {
      double p = strtod(s, &a), q = strtod(m, &b);
      text_printf(&t, "%g", p + q);
    } else
      text_printf(&t, "%*llu", (int)(a - s), x + y);
    s = a, m = b;
    while (*s && *s != '\n') text_add_char(&t, *s++);
    while (*m && *m != '\n') m++;
    if (*s) text_add_char(&t, *s++);
    if (*m) m++;
  }
  text_clear(sum);
  text_add(sum, text_cstr(&t), t.len);
  text_free(&t);
}

static int threads_read(Element *x, const Handler *h, const char *param, Text *out, Errors *errs) {
  Engine *engine = x->router->engine;
  ThreadGroup *g = engine->group;
  PacketPool *caller = packet_pool;
  unsigned threads = threads_of(x);
  bool sum = h->flags & HANDLER_SUM;
  int rc = 0;
  Text total = {0}, one = {0};
  hold(g, engine->thread);
  for (unsigned t = 0, n = 0; t < g->count && !rc; t++) {
    if (!(threads >> t & 1) || (n && !sum)) continue;
    Router *r = x->router->peers[t];
    if (!r) rc = error(errs, "'%s' has no handlers yet", x->name);
    if (rc) break;
    packet_pool = &r->engine->pool;
    text_clear(&one);
    rc = h->read(r->elements[x->index], h, param, n ? &one : &total, errs);
    if (n && !rc) add_numbers(&total, &one);
    n++;
  }
  packet_pool = caller;
  release(g);
  if (!rc) text_add(out, text_cstr(&total), total.len);
  text_free(&total);
  text_free(&one);
  return rc;
}

static int threads_write(Element *x, const Handler *h, const char *value, Errors *errs) {
  Engine *engine = x->router->engine;
  ThreadGroup *g = engine->group;
  PacketPool *caller = packet_pool;
  unsigned threads = threads_of(x);
  int rc = 0;
  hold(g, engine->thread);
  for (unsigned t = 0; t < g->count && !rc; t++) {
    if (!(threads >> t & 1)) continue;
    Router *r = x->router->peers[t];
    if (!r) rc = error(errs, "'%s' has no handlers yet", x->name);
    if (rc) break;
    packet_pool = &r->engine->pool;
    rc = h->write(r->elements[x->index], h, value, errs);
  }
  packet_pool = caller;
  release(g);
  return rc;
}

static void threads_stop(Engine *e, int n) {
  ThreadGroup *g = e->group;
  hold(g, e->thread);
  Router *first = g->member[0].engine->router;
  if (first) router_adjust_runcount(first, -n);
  release(g);
}

/* ---- Configurations
 * ---------------------------------------------------------------------------------------------------- */

/* What several threads' elements say of the same argument is said once. */
static void say_once(Errors *errs) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < errs->count; i++) {
    ErrorRecord *a = &errs->records[i];
    bool said = false;
    for (uint32_t k = 0; k < kept && !said; k++) {
      const ErrorRecord *b = &errs->records[k];
      said = a->element >= 0 && a->element == b->element && a->arg == b->arg && a->warning == b->warning &&
             !strcmp(a->message, b->message);
    }
    if (said) {
      errs->errors -= !a->warning;
      mem_free(a->message);
    } else
      errs->records[kept++] = *a;
  }
  errs->count = kept;
}

static void discard_next(ThreadGroup *g) {
  for (unsigned t = 0; t < g->count; t++) {
    packet_pool = &g->member[t].engine->pool;
    engine_discard_next(g->member[t].engine);
  }
}

/* The first thread's elements come last: those that call handlers are there. */
static int threads_prepare(Engine *e, const void *plan, size_t size, Errors *errs) {
  ThreadGroup *g = e->group;
  PacketPool *caller = packet_pool;
  Router *peers[THREADS_MAX] = {0};
  hold(g, e->thread);
  int rc = 0;
  for (unsigned t = 0; t < g->count && !rc; t++) {
    packet_pool = &g->member[t].engine->pool;
    peers[t] = engine_build(g->member[t].engine, plan, size, errs);
    if (!peers[t]) rc = -1;
  }
  for (unsigned t = 0; t < g->count && !rc; t++) memcpy(peers[t]->peers, peers, sizeof peers);
  bool built = !rc;
  for (unsigned t = g->count; t-- > 0;) {
    packet_pool = &g->member[t].engine->pool;
    if (!built)
      router_free(peers[t]);
    else if (engine_start(g->member[t].engine, peers[t], errs)) {
      rc = -1;
      for (unsigned k = 0; k < t; k++) peers[k]->peers[t] = NULL;
      for (unsigned k = t + 1; k < g->count; k++)
        if (g->member[k].engine->next) g->member[k].engine->next->peers[t] = NULL;
    }
  }
  if (rc) discard_next(g);
  /* Batches fit into the shortest queue, whatever thread has it. */
  uint32_t batch = BATCH_MAX;
  for (unsigned t = 0; t < g->count && !rc; t++) batch = peers[t]->batch < batch ? peers[t]->batch : batch;
  for (unsigned t = 0; t < g->count && !rc; t++) peers[t]->batch = batch;
  say_once(errs);
  packet_pool = caller;
  release(g);
  return rc;
}

static void threads_replace(Engine *e) {
  ThreadGroup *g = e->group;
  PacketPool *caller = packet_pool;
  hold(g, e->thread);
  drain(g);
  for (unsigned t = 0; t < g->count; t++) {
    packet_pool = &g->member[t].engine->pool;
    engine_hand_over(g->member[t].engine);
  }
  for (unsigned t = 0; t < g->count; t++) {
    packet_pool = &g->member[t].engine->pool;
    engine_switch(g->member[t].engine);
  }
  packet_pool = caller;
  release(g);
}

static int threads_install(Engine *e, const void *plan, size_t size, Errors *errs) {
  hold(e->group, e->thread);
  int rc = threads_prepare(e, plan, size, errs);
  if (!rc) threads_replace(e);
  release(e->group);
  return rc;
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
  discard_next(g);
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
  drain(g);
}
