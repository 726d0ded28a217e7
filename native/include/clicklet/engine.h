/* engine.h: what an embedder (addon, guest, tools) does with the engine. */
#ifndef CLICKLET_ENGINE_H
#define CLICKLET_ENGINE_H
#include <clicklet/element.h>

typedef struct EngineOptions {
  bool simulated_time;
  bool simulated_start_set; /* else simulated time starts at 1000000000 s */
  int64_t simulated_start;  /* ns */
  uint32_t simulated_tick;  /* ns that each reading of the clock takes, 0: default (1) */
  uint32_t batch;           /* 0: default (32) */
  unsigned threads;         /* that share the work, see native/host/threads.h; 0: one */
  uint32_t pool_packets;    /* limit, 0: no limit but memory */
  const char *const *ports; /* netdevice specs for the names "0", "1", ... ; NULL-terminated or NULL */
  bool hold;                /* do not run active scripts (-q) */
  /* Compiles what is written to the root handler `hotconfig`; NULL: there is no such handler. Returns a plan
   * made with mem_alloc, or NULL with errors. The plan is initialised at once: on errors `refused` says them
   * to the writer, in `answer`. Otherwise it takes the router's place before the next round, and `installed`
   * hears of it, with the warnings. */
  void *(*compile)(void *context, const char *text, size_t *size, Errors *errs);
  void (*refused)(void *context, Errors *messages, Errors *answer);
  void (*installed)(void *context, Errors *messages);
  void *compile_context;
} EngineOptions;

/* One message of configuration or of a handler. element: index into the plan or -1; arg: index or -1. */
typedef struct ErrorRecord {
  bool warning;
  int32_t element, arg;
  char *message;
} ErrorRecord;

struct Errors {
  ErrorRecord *records;
  uint32_t count, capacity;
  uint32_t errors; /* of them errors, not warnings */
  int32_t element; /* context of error() */
  bool silent;     /* count only */
};
void errors_clear(Errors *errs);

Engine *engine_new(const EngineOptions *options); /* NULL when out of memory */
void engine_free(Engine *e);                      /* also its router */
/* Installs a configuration: builds and initialises it and, if all went well, puts it in place of the running
 * one, which hands over its state by element name and class. -1 with located errors: the running one goes on
 * untouched. Call it from the engine's thread, or while it does not run. */
int engine_install(Engine *e, const void *plan, size_t size, Errors *errs);
/* Only configures a plan's elements, for the mistakes in their arguments; connections are not needed. Nothing
 * is opened, the running configuration is not touched. */
int engine_check(Engine *e, const void *plan, size_t size, Errors *errs);
/* Takes the router down: its elements clean up. */
void engine_uninstall(Engine *e);
Router *engine_router(Engine *e); /* NULL before the first install */
/* Runs until the router stops or engine_stop. May be called again. */
void engine_run(Engine *e);
void engine_stop(Engine *e); /* from any thread */
/* Handlers by full name; from the engine's thread or while it does not run. */
int engine_read(Engine *e, const char *name, const char *param, Text *out, Errors *errs);
int engine_write(Engine *e, const char *name, const char *value, Errors *errs);

typedef struct EngineStats {
  uint64_t pool_total, pool_free, pool_failures, rounds, tasks_run, idle_waits;
} EngineStats;
void engine_stats(const Engine *e, EngineStats *out);

/* For platforms: their own state, the open devices, the ports "0", "1", ... the engine was given
 * (NULL-terminated or NULL). */
struct NetDevice;
void **engine_platform(Engine *e);
struct NetDevice **engine_devices(Engine *e);
const char *const *engine_ports(const Engine *e);
Engine *element_engine(const Element *e);

const ElementClass *element_class_find(const char *name);
unsigned element_classes(const ElementEntry **out);
/* The class table as JSON, the single source for the front end. */
void element_table_json(Text *out);

#endif
