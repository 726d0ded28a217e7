/* engine_c.h: engine.h for C++: the same calls without the inline code of the element contract. */
#ifndef CLICKLET_ADDON_ENGINE_C_H
#define CLICKLET_ADDON_ENGINE_C_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct EngineC EngineC; /* an Engine */
typedef void (*EngineC_Message)(void *context, bool warning, int element, int arg, const char *message);
typedef void (*EngineC_Text)(void *context, const char *s, size_t n);
/* For the root handler `hotconfig`; must outlive the engine. */
typedef struct EngineC_Reconfigure {
  /* Gives the plan or a message to the sink. */
  void (*compile)(void *context, const char *text, EngineC_Text plan, EngineC_Message message, void *sink);
  EngineC_Message message; /* of the installation */
  /* Gives the writer's error to the sink. */
  void (*refused)(void *context, EngineC_Message message, void *sink);
  void (*installed)(void *context);
  void *context;
} EngineC_Reconfigure;
typedef struct EngineC_Options {
  bool simulated_time, hold, simulated_start_set;
  int64_t simulated_start;                               /* ns */
  uint32_t simulated_tick, batch, pool_packets, threads; /* threads: 0 or 1 for one */
  const char *const *ports;
  const EngineC_Reconfigure *reconfigure; /* or NULL */
} EngineC_Options;

EngineC *engine_c_new(const EngineC_Options *options);
void engine_c_free(EngineC *e);
int engine_c_install(EngineC *e, const void *plan, size_t size, EngineC_Message message, void *context);
int engine_c_check(EngineC *e, const void *plan, size_t size, EngineC_Message message, void *context);
/* What the fused engine's generator must know, as JSON (fused.h), of a plan, or of what a thread runs. */
int engine_c_fuse_facts(EngineC *e, unsigned thread, const void *plan, size_t size, EngineC_Text text,
                        EngineC_Message message, void *context);
/* Loads a fused unit, from any thread; NULL with a message. Units stay loaded. */
const void *engine_c_unit_load(const char *file, EngineC_Message message, void *context);
/* Binds it to the router of a thread, or with NULL unbinds what is bound to any. */
int engine_c_fuse(EngineC *e, unsigned thread, const void *unit, EngineC_Message message, void *context);
void engine_c_run(EngineC *e, int cpu); /* on that CPU, further threads on the next ones; -1: anywhere */
void engine_c_stop(EngineC *e);
int engine_c_read(EngineC *e, const char *name, const char *param, EngineC_Text text, EngineC_Message message,
                  void *context);
int engine_c_write(EngineC *e, const char *name, const char *value, EngineC_Message message, void *context);
void engine_c_stats(EngineC *e, EngineC_Text text, void *context);
void engine_c_table(EngineC_Text text, void *context);
void engine_c_set_commands(EngineC *e, void (*run)(void *context), void *context);
void engine_c_wake(EngineC *e);

#endif
