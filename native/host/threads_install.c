/* threads_install.c: one configuration for all threads: prepared for each, then put in place at once. */
#include "threads_group.h"

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

void group_discard_next(ThreadGroup *g) {
  for (unsigned t = 0; t < g->count; t++) {
    packet_pool = &g->member[t].engine->pool;
    engine_discard_next(g->member[t].engine);
  }
}

/* The first thread's elements come last: those that call handlers are there. */
int threads_prepare(Engine *e, const void *plan, size_t size, Errors *errs) {
  ThreadGroup *g = e->group;
  PacketPool *caller = packet_pool;
  Router *peers[THREADS_MAX] = {0};
  group_hold(g, e->thread);
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
  if (rc) group_discard_next(g);
  /* Batches fit into the shortest queue, whatever thread has it. */
  uint32_t batch = BATCH_MAX;
  for (unsigned t = 0; t < g->count && !rc; t++) batch = peers[t]->batch < batch ? peers[t]->batch : batch;
  for (unsigned t = 0; t < g->count && !rc; t++) peers[t]->batch = batch;
  say_once(errs);
  packet_pool = caller;
  group_release(g);
  return rc;
}

void threads_replace(Engine *e) {
  ThreadGroup *g = e->group;
  PacketPool *caller = packet_pool;
  group_hold(g, e->thread);
  group_drain(g);
  for (unsigned t = 0; t < g->count; t++) {
    packet_pool = &g->member[t].engine->pool;
    engine_hand_over(g->member[t].engine);
  }
  for (unsigned t = 0; t < g->count; t++) {
    packet_pool = &g->member[t].engine->pool;
    engine_switch(g->member[t].engine);
  }
  packet_pool = caller;
  group_release(g);
}

int threads_install(Engine *e, const void *plan, size_t size, Errors *errs) {
  group_hold(e->group, e->thread);
  int rc = threads_prepare(e, plan, size, errs);
  if (!rc) threads_replace(e);
  group_release(e->group);
  return rc;
}
