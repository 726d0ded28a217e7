/* engine_c.c: engine_c.h on engine.h. */
#include "engine_c.h"
#include "host/platform_host.h"
#include "host/threads.h"
#include <clicklet/engine.h>
#include <clicklet/fused.h>

static Engine *cast(EngineC *e) { return (Engine *)e; }

static void deliver(Errors *errs, EngineC_Message message, void *context) {
  for (uint32_t i = 0; i < errs->count; i++)
    message(context, errs->records[i].warning, errs->records[i].element, errs->records[i].arg,
            errs->records[i].message);
  errors_clear(errs);
}

/* What a compilation gives. */
typedef struct Sink {
  uint8_t *plan;
  size_t size;
  Errors *errs;
} Sink;

static void sink_plan(void *context, const char *s, size_t n) {
  Sink *k = context;
  k->plan = mem_alloc(n);
  if (k->plan) memcpy(k->plan, s, k->size = n);
}

static void sink_message(void *context, bool warning, int element, int arg, const char *message) {
  (void)warning, (void)element, (void)arg;
  error(((Sink *)context)->errs, "%s", message);
}

static void *compile(void *context, const char *text, size_t *size, Errors *errs) {
  const EngineC_Reconfigure *r = context;
  Sink k = {.errs = errs};
  r->compile(r->context, text, sink_plan, sink_message, &k);
  *size = k.size;
  return k.plan;
}

static void refused(void *context, Errors *messages, Errors *answer) {
  const EngineC_Reconfigure *r = context;
  Sink k = {.errs = answer};
  deliver(messages, r->message, r->context);
  r->refused(r->context, sink_message, &k);
}

static void installed(void *context, Errors *messages) {
  const EngineC_Reconfigure *r = context;
  deliver(messages, r->message, r->context);
  r->installed(r->context);
}

EngineC *engine_c_new(const EngineC_Options *o) {
  EngineOptions options = {.simulated_time = o->simulated_time,
                           .simulated_start_set = o->simulated_start_set,
                           .simulated_start = o->simulated_start,
                           .simulated_tick = o->simulated_tick,
                           .hold = o->hold,
                           .batch = o->batch,
                           .pool_packets = o->pool_packets,
                           .threads = o->threads,
                           .ports = o->ports};
  if (o->reconfigure) {
    options.compile = compile;
    options.refused = refused;
    options.installed = installed;
    options.compile_context = (void *)(uintptr_t)o->reconfigure;
  }
  return (EngineC *)(o->threads > 1 ? threads_new(&options) : engine_new(&options));
}

void engine_c_free(EngineC *e) { threads_free(cast(e)); }

int engine_c_install(EngineC *e, const void *plan, size_t size, EngineC_Message message, void *context) {
  Errors errs = {.element = -1};
  int rc = engine_install(cast(e), plan, size, &errs);
  deliver(&errs, message, context);
  return rc;
}

int engine_c_check(EngineC *e, const void *plan, size_t size, EngineC_Message message, void *context) {
  Errors errs = {.element = -1};
  int rc = engine_check(cast(e), plan, size, &errs);
  deliver(&errs, message, context);
  return rc;
}

int engine_c_fuse_facts(EngineC *e, unsigned thread, const void *plan, size_t size, EngineC_Text text,
                        EngineC_Message message, void *context) {
  Errors errs = {.element = -1};
  Text t = {0};
  Engine *of = threads_hold(cast(e), thread);
  int rc = of ? engine_fuse_facts(of, plan, size, &t, &errs) : error(&errs, "there is no thread %u", thread);
  threads_release(cast(e));
  text(context, text_cstr(&t), t.len);
  text_free(&t);
  deliver(&errs, message, context);
  return rc;
}

const void *engine_c_unit_load(const char *file, EngineC_Message message, void *context) {
  Errors errs = {.element = -1};
  const FusedUnit *u = fused_unit_load(file, &errs);
  deliver(&errs, message, context);
  return u;
}

int engine_c_fuse(EngineC *e, unsigned thread, const void *unit, EngineC_Message message, void *context) {
  Errors errs = {.element = -1};
  int rc = 0;
  Engine *of = threads_hold(cast(e), thread);
  if (!of)
    rc = error(&errs, "there is no thread %u", thread);
  else if (unit)
    rc = engine_fuse(of, unit, &errs);
  else
    for (unsigned t = 0; t < threads_count(cast(e)); t++) engine_unfuse(threads_engine(cast(e), t));
  threads_release(cast(e));
  deliver(&errs, message, context);
  return rc;
}

void engine_c_run(EngineC *e, int cpu) { threads_run(cast(e), cpu); }
void engine_c_stop(EngineC *e) { engine_stop(cast(e)); }

int engine_c_read(EngineC *e, const char *name, const char *param, EngineC_Text text, EngineC_Message message,
                  void *context) {
  Errors errs = {.element = -1};
  Text t = {0};
  int rc = engine_read(cast(e), name, param, &t, &errs);
  text(context, text_cstr(&t), t.len);
  text_free(&t);
  deliver(&errs, message, context);
  return rc;
}

int engine_c_write(EngineC *e, const char *name, const char *value, EngineC_Message message, void *context) {
  Errors errs = {.element = -1};
  int rc = engine_write(cast(e), name, value, &errs);
  deliver(&errs, message, context);
  return rc;
}

void engine_c_stats(EngineC *e, EngineC_Text text, void *context) {
  EngineStats s;
  Text t = {0};
  threads_stats(cast(e), &s);
  text_printf(&t,
              "{\"poolTotal\":%llu,\"poolFree\":%llu,\"poolFailures\":%llu,\"rounds\":%llu,\"tasksRun\":%llu,"
              "\"idleWaits\":%llu}",
              (unsigned long long)s.pool_total, (unsigned long long)s.pool_free,
              (unsigned long long)s.pool_failures, (unsigned long long)s.rounds,
              (unsigned long long)s.tasks_run, (unsigned long long)s.idle_waits);
  text(context, text_cstr(&t), t.len);
  text_free(&t);
}

void engine_c_table(EngineC_Text text, void *context) {
  Text t = {0};
  element_table_json(&t);
  text(context, text_cstr(&t), t.len);
  text_free(&t);
}

void engine_c_set_commands(EngineC *e, void (*run)(void *), void *context) {
  platform_set_commands(cast(e), run, context);
}
void engine_c_wake(EngineC *e) { platform_wake(cast(e)); }
