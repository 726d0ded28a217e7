/* router.h: the insides of Router and Engine, for native/core only (and the platform's event loop). */
#ifndef CLICKLET_CORE_ROUTER_H
#define CLICKLET_CORE_ROUTER_H
#include <clicklet/engine.h>
#include <clicklet/netdevice.h>
#include <clicklet/plan.h>

typedef struct Name {
  struct Name *next;
  int kind;
  uint32_t scope_len; /* bytes of `name` that are the scope, with its slash */
  uint32_t size;
  char *name;
  uint8_t value[24];
} Name;

#define THREADS_MAX 16 /* bits of PlanElement.threads */

struct Router {
  Engine *engine;
  struct Pace *sends,
      *receives; /* where a thread waits for another one's queues (native/host/threads_pace.h) */
  Router
      *peers[THREADS_MAX]; /* the same configuration on all threads, by thread; none if there is one thread */
  Element **elements;
  char *state; /* of all elements */
  unsigned count;
  uint8_t *plan; /* own copy; names and texts point into it */
  const PlanHeader *header;
  const char *strings;
  uint8_t *stage; /* per element: how far it got, for cleanup */
  Port *ports;
  uint32_t batch;
  Name *names[64];
  SignalSet *signal_sets; /* reserved */
  Task *tasks;            /* all tasks of this router, along next_of_router */
  int runcount;           /* reference: the driver stops when it reaches 0 */
  Element *driver;        /* its hook decides on a stop */
  bool (*driver_hook)(Element *e);
  const struct FusedUnit *fused; /* bound to it, or NULL */
  /* All that were: timers, tasks and the call that unbinds one may still lead into them. */
  const struct FusedUnit **units;
  unsigned nunits;
  bool changed; /* its elements are no longer what the plan says: it cannot be fused */
  bool live;    /* initialised */
  struct {
    char *config;
  } * overrides; /* configurations written while running, by element; NULL where none */
};

/* Time as the root handler `timewarp` has it run: `speed` times as fast as the platform's clocks from the
 * moment it was written. */
typedef struct TimeWarp {
  bool on, nowait; /* nowait: the driver never waits for a timer, time skips to it */
  double speed;
  int64_t real, steady;   /* the platform's steady clock then, and the router's */
  int64_t realtime, time; /* the same of the time of day */
} TimeWarp;

/* What joins the engines of several threads (native/host/threads.c). */
typedef struct ThreadOps {
  /* The full notifier for packets to an element of another thread; NULL if it takes all. */
  Signal *(*room)(Element *x, int input);
  void (*freed)(Router *r); /* what room made goes with its router */
  PushFn push;              /* carries packets to the thread that has the element */
  unsigned (*receive)(
      Engine *e); /* delivers what other threads have sent; makes visible what was sent to them */
  bool (*waiting)(Engine *e, bool on); /* false: packets are there, do not wait */
  void (*stop)(Engine *e, int n); /* a router that is not the first thread's was asked to stop, n times */
  int (*read)(Element *x, const Handler *h, const char *param, Text *out, Errors *errs);
  int (*write)(Element *x, const Handler *h, const char *value, Errors *errs);
  int (*install)(Engine *e, const void *plan, size_t size, Errors *errs);
  int (*prepare)(Engine *e, const void *plan, size_t size, Errors *errs);
  void (*replace)(Engine *e);
} ThreadOps;

struct Engine {
  EngineOptions options;
  const ThreadOps *threads; /* NULL: it is alone */
  struct ThreadGroup *group;
  unsigned thread;
  Router *router;
  volatile bool stop_requested;
  PacketPool pool;
  /* run queue and timers: binary heaps */
  Task **run;
  uint32_t run_count, run_capacity;
  Timer **timers;
  uint32_t timer_count, timer_capacity;
  uint64_t order, pass;
  bool in_task;       /* a task runs, at that pass */
  int64_t now_steady; /* of this round */
  TimeWarp warp;
  int64_t simulated;
  Router *next;         /* written to `hotconfig`, ready to take the router's place before the next round */
  Errors next_messages; /* warnings of its initialisation */
  uint32_t random_state[31], random_at;
  NetDevice *devices;
  EngineStats stats;
  void *platform; /* the platform's own state */
};

/* The full notifiers that packets into an element depend on. */
void input_signals(Element *e, int input, SignalSet *out);
int64_t clock_steady(Engine *e);
int timewarp_read(Engine *e, Text *out);
int timewarp_write(Engine *e, const char *value, Errors *errs);
int router_root_read(Router *r, const char *name, const char *param, Text *out, Errors *errs, bool *found);
int router_root_write(Router *r, const char *name, const char *value, Errors *errs, bool *found);
int args_configure(Element *e, char *const *texts, unsigned n,
                   Errors *errs); /* table, then class->configure */
Router *router_new(Engine *engine, const void *plan, size_t size, Errors *errs);
int router_initialize(Router *r, Errors *errs);
int router_check(Router *r, Errors *errs); /* configures only */
void router_free(Router *r);
/* Builds and initialises what shall take the router's place before the next round; -1 with the writer's
 * errors. */
int engine_prepare(Engine *e, const void *plan, size_t size, Errors *errs);
void engine_replace(Engine *e);
void engine_discard_next(Engine *e);
/* The steps of these, for all threads one after the other. */
Router *engine_build(Engine *e, const void *plan, size_t size, Errors *errs);
int engine_start(Engine *e, Router *r, Errors *errs);
void engine_hand_over(Engine *e);
void engine_switch(Engine *e);
/* An element's configuration is about to change: code made for it must not be used any more. */
void router_unfix(Element *e);
const char *element_config(const Element *e); /* as text, with what was written while running */
void names_free(Router *r);

/* args_names.c; the others are in element.h */
bool arg_parse_protocol(const Element *e, const char *s, uint8_t *out);

#endif
