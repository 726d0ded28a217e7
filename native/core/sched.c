/* sched.c: tasks (stride scheduling), timers, clocks and the driver loop. */
#include "router.h"
#include <clicklet/platform.h>

/* ---- Run queue: a binary heap by (pass, order)
 * ------------------------------------------------------------------ */

static bool task_before(const Task *a, const Task *b) {
  return a->pass != b->pass ? (int64_t)(a->pass - b->pass) < 0 : a->order < b->order;
}

static void run_place(Engine *e, Task *t, uint32_t i) {
  while (i > 0 && task_before(t, e->run[(i - 1) / 2])) {
    e->run[i] = e->run[(i - 1) / 2];
    e->run[i]->heap = (int32_t)i;
    i = (i - 1) / 2;
  }
  for (;;) {
    uint32_t c = 2 * i + 1;
    if (c >= e->run_count) break;
    if (c + 1 < e->run_count && task_before(e->run[c + 1], e->run[c])) c++;
    if (!task_before(e->run[c], t)) break;
    e->run[i] = e->run[c];
    e->run[i]->heap = (int32_t)i;
    i = c;
  }
  e->run[i] = t;
  t->heap = (int32_t)i;
}

static void run_remove(Engine *e, Task *t) {
  uint32_t i = (uint32_t)t->heap;
  Task *last = e->run[--e->run_count];
  t->heap = -1;
  if (last != t) run_place(e, last, i);
}

#define STRIDE1 (1u << 16)
#define MAX_TICKETS (1 << 15)

void task_set_tickets(Task *t, int tickets) {
  uint32_t before = t->stride;
  t->tickets = tickets < 1 ? 1 : tickets > MAX_TICKETS ? MAX_TICKETS : tickets;
  t->stride = STRIDE1 / (uint32_t)t->tickets;
  if (!t->stride) t->stride = 1;
  /* ScheduleInfo comes after the tasks are scheduled, but before they run: they start by their final stride.
   */
  Engine *e = t->heap >= 0 ? t->element->router->engine : NULL;
  if (e && e->router != t->element->router && t->pass == e->pass + before) {
    run_remove(e, t);
    t->pass = e->pass + t->stride;
    run_place(e, t, e->run_count++);
  }
}

void task_init(Task *t, Element *e, bool schedule) {
  t->element = e;
  t->heap = -1;
  t->strong_stop = false;
  task_set_tickets(t, 1024);
  Router *r = e->router;
  t->next_of_router = r->tasks;
  r->tasks = t;
  /* All tasks have a place reserved, so that scheduling never allocates. */
  Engine *g = r->engine;
  uint32_t n = 0;
  for (Task *x = r->tasks; x; x = x->next_of_router) n++;
  if (g->router && g->router != r)
    for (Task *x = g->router->tasks; x; x = x->next_of_router) n++;
  if (n > g->run_capacity) {
    uint32_t capacity = 2 * n + 16;
    Task **run = mem_resize(g->run, g->run_capacity * sizeof *run, capacity * sizeof *run);
    if (!run) platform_panic("out of memory for the run queue");
    g->run = run;
    g->run_capacity = capacity;
  }
  if (schedule) task_schedule(t);
}

void task_schedule(Task *t) {
  t->strong_stop = false;
  if (t->heap >= 0 || !t->element) return;
  Engine *e = t->element->router->engine;
  /* Behind others it waits for its stride, so that to sleep often brings no larger share. */
  uint64_t start = e->pass;
  if (e->in_task)
    start += t->stride;
  else if (e->run_count)
    start = e->run[0]->pass + t->stride;
  if ((int64_t)(t->pass - start) < 0) t->pass = start;
  t->order = e->order++;
  run_place(e, t, e->run_count++);
}

void task_unschedule(Task *t) {
  if (t->element && t->heap >= 0) run_remove(t->element->router->engine, t);
}

void task_stop(Task *t) {
  task_unschedule(t);
  t->strong_stop = true;
}

/* ---- Timers: a binary heap by (expiry, order)
 * ------------------------------------------------------------------- */

static bool timer_before(const Timer *a, const Timer *b) {
  return a->expiry != b->expiry ? a->expiry < b->expiry : a->order < b->order;
}

static void timer_place(Engine *e, Timer *t, uint32_t i) {
  while (i > 0 && timer_before(t, e->timers[(i - 1) / 2])) {
    e->timers[i] = e->timers[(i - 1) / 2];
    e->timers[i]->heap = (int32_t)i;
    i = (i - 1) / 2;
  }
  for (;;) {
    uint32_t c = 2 * i + 1;
    if (c >= e->timer_count) break;
    if (c + 1 < e->timer_count && timer_before(e->timers[c + 1], e->timers[c])) c++;
    if (!timer_before(e->timers[c], t)) break;
    e->timers[i] = e->timers[c];
    e->timers[i]->heap = (int32_t)i;
    i = c;
  }
  e->timers[i] = t;
  t->heap = (int32_t)i;
}

void timer_init(Timer *t, Element *e) {
  t->element = e;
  t->heap = -1;
}

void timer_cancel(Timer *t) {
  if (!t->element || t->heap < 0) return;
  Engine *e = t->element->router->engine;
  uint32_t i = (uint32_t)t->heap;
  Timer *last = e->timers[--e->timer_count];
  t->heap = -1;
  if (last != t) timer_place(e, last, i);
}

void timer_at(Timer *t, int64_t steady_ns) {
  Engine *e = t->element->router->engine;
  timer_cancel(t);
  if (e->timer_count == e->timer_capacity) {
    uint32_t capacity = e->timer_capacity ? 2 * e->timer_capacity : 64;
    Timer **timers = mem_resize(e->timers, e->timer_capacity * sizeof *timers, capacity * sizeof *timers);
    if (!timers) platform_panic("out of memory for timers");
    e->timers = timers;
    e->timer_capacity = capacity;
  }
  t->expiry = steady_ns;
  t->order = e->order++;
  timer_place(e, t, e->timer_count++);
}

void timer_after(Timer *t, int64_t ns) { timer_at(t, time_steady(t->element) + ns); }

void timer_after_expiry(Timer *t, int64_t ns) { timer_at(t, t->expiry + ns); }

/* ---- Clocks
 * ------------------------------------------------------------------------------------------------------ */

static int64_t warped(const TimeWarp *w, int64_t from, int64_t to, int64_t now) {
  return to + (int64_t)((double)(now - from) * w->speed);
}

int64_t clock_steady(Engine *e) {
  if (e->options.simulated_time) return e->simulated += e->options.simulated_tick;
  int64_t now = platform_clock_steady();
  return unlikely(e->warp.on) ? warped(&e->warp, e->warp.real, e->warp.steady, now) : now;
}

static int64_t clock_time(Engine *e) {
  if (e->options.simulated_time) return e->simulated += e->options.simulated_tick;
  int64_t now = platform_clock_realtime();
  return unlikely(e->warp.on) ? warped(&e->warp, e->warp.realtime, e->warp.time, now) : now;
}

int64_t time_steady(const Element *e) { return clock_steady(e->router->engine); }
int64_t time_now(const Element *e) { return clock_time(e->router->engine); }

int timewarp_read(Engine *e, Text *out) {
  if (e->options.simulated_time)
    text_add_string(out, "simulation");
  else if (e->warp.nowait)
    text_add_string(out, "nowait");
  else
    text_printf(out, "%.12g", e->warp.on ? e->warp.speed : 1.0);
  return 0;
}

int timewarp_write(Engine *e, const char *value, Errors *errs) {
  bool nowait = !strcmp(value, "nowait");
  double speed = 1;
  if (!nowait && (!parse_double(value, &speed) || !(speed > 0 && speed <= 1e9)))
    return error(errs, "expected how much faster time is to run, a number above 0, or 'nowait', not '%s'",
                 value);
  e->warp = (TimeWarp){
      true,         nowait, speed, platform_clock_steady(), clock_steady(e), platform_clock_realtime(),
      clock_time(e)};
  return 0;
}

/* Until `deadline` of the router's clock. */
static void wait_until(Engine *e, int64_t deadline) {
  TimeWarp *w = &e->warp;
  if (deadline == INT64_MAX || !w->on) {
    platform_wait(e, deadline);
    return;
  }
  int64_t left = deadline - clock_steady(e);
  if (!w->nowait) {
    platform_wait(e, platform_clock_steady() + (int64_t)((double)left / w->speed));
    return;
  }
  platform_wait(e, 0);
  if (left > 0 && !e->run_count) w->steady += left, w->time += left;
}

int64_t time_recent(const Element *e) { return e->router->engine->now_steady; }

/* ---- Driver
 * ------------------------------------------------------------------------------------------------------ */

#define TASKS_PER_ROUND 128
#define TASKS_PER_RECEIVE 8 /* the same where packets come from other threads */
/* While tasks are busy, descriptors and sleeping ports are looked at this often: a task that sleeps until its
 * port has room again must not wait for as long as the queue in front of it takes to overflow. */
#define LOOK_INTERVAL (50 * NSEC_PER_USEC)
#define ROUNDS_PER_LOOK 16 /* the same under simulated time */

static void run_tasks(Engine *e) {
  unsigned most = e->threads ? TASKS_PER_RECEIVE : TASKS_PER_ROUND;
  for (unsigned i = 0; i < most && e->run_count; i++) {
    Task *t = e->run[0];
    run_remove(e, t);
    e->pass = t->pass;
    t->pass += t->stride;
    Element *x = t->element;
    e->stats.tasks_run++;
    ENTER_ELEMENT(x);
    e->in_task = true;
    x->class->run_task(x, t);
    e->in_task = false;
    LEAVE_ELEMENT();
    if (unlikely(e->router->runcount <= 0 || e->stop_requested || e->next)) return;
  }
}

static void run_timers(Engine *e) {
  if (!e->timer_count) return;
  int64_t now = clock_steady(e);
  for (unsigned i = 0; i < 64 && e->timer_count && e->timers[0]->expiry <= now; i++) {
    Timer *t = e->timers[0];
    timer_cancel(t);
    Element *x = t->element;
    ENTER_ELEMENT(x);
    if (t->fire)
      t->fire(t);
    else
      x->class->run_timer(x, t);
    LEAVE_ELEMENT();
    if (unlikely(e->router->runcount <= 0 || e->stop_requested || e->next)) return;
  }
}

/* What was written to `hotconfig` takes the running configuration's place. */
static void replace_router(Engine *e) {
  Errors messages = e->next_messages;
  e->next_messages = (Errors){.element = -1};
  engine_replace(e);
  if (e->options.installed) e->options.installed(e->options.compile_context, &messages);
  errors_clear(&messages);
}

/* A stop from outside is not for a DriverManager to decide, but it says its last words: its script runs to
 * its end without waiting. */
static void last_words(Engine *e) {
  Router *r = e->router;
  int before = r->runcount;
  if (!r->driver_hook) return;
  r->runcount = INT32_MIN / 2;
  r->driver_hook(r->driver);
  r->runcount = before;
}

static bool driver_goes_on(Engine *e) {
  for (;;) {
    if (e->stop_requested) {
      last_words(e);
      return false;
    }
    if (unlikely(e->next != NULL) && !e->thread) replace_router(e);
    Router *r = e->router;
    if (r->runcount > 0) return true;
    if (e->thread) { /* the first thread's driver decides */
      int n = 1 - r->runcount;
      r->runcount = 1;
      e->threads->stop(e, n);
      return true;
    }
    bool goes_on = r->driver_hook && r->driver_hook(r->driver);
    if (!goes_on && !e->next) return false;
  }
}

void engine_run(Engine *e) {
  packet_pool = &e->pool;
  int64_t next_look = 0;
  for (uint64_t round = 0; e->router && driver_goes_on(e); round++) {
    e->stats.rounds++;
    e->now_steady = e->options.simulated_time ? e->simulated : clock_steady(e);
    if (unlikely(platform_commands_pending(e))) platform_run_commands(e);
    if (unlikely(!e->router || !driver_goes_on(e))) break;
    if (unlikely(e->threads != NULL)) e->threads->receive(e);
    run_tasks(e);
    if (unlikely(e->router->runcount <= 0 || e->stop_requested || e->next)) continue;
    run_timers(e);
    if (unlikely(e->router->runcount <= 0 || e->stop_requested || e->next)) continue;
    if (e->run_count) {
      if (e->options.simulated_time ? round % ROUNDS_PER_LOOK == 0 : e->now_steady >= next_look) {
        platform_wait(e, 0);
        next_look = e->now_steady + LOOK_INTERVAL;
      }
      continue;
    }
    int64_t deadline = e->timer_count ? e->timers[0]->expiry : INT64_MAX;
    if (e->options.simulated_time) {
      platform_wait(e, e->timer_count ? 0 : INT64_MAX);
      if (!e->run_count && e->timer_count && e->simulated < e->timers[0]->expiry)
        e->simulated = e->timers[0]->expiry;
    } else if (!e->threads) {
      e->stats.idle_waits++;
      wait_until(e, deadline);
    } else if (e->threads->waiting(e, true)) {
      e->stats.idle_waits++;
      wait_until(e, deadline);
      e->threads->waiting(e, false);
    }
  }
  e->stop_requested = false;
}

void engine_stop(Engine *e) { e->stop_requested = true; }

void router_stop(Router *r) { r->runcount--; }
int router_runcount(const Router *r) { return r->runcount; }
void router_adjust_runcount(Router *r, int delta) { r->runcount += delta; }
void router_set_driver_hook(Router *r, Element *e, bool (*hook)(Element *e)) {
  r->driver = e;
  r->driver_hook = hook;
}

/* ---- Handlers of tasks
 * -------------------------------------------------------------------------------------------- */

static Task *task_of(Element *e, const Handler *h) { return (Task *)((char *)e + h->data); }

/* An element may have its task only in some uses, as Discard on a pull input. */
static bool has_task(Element *e, const Handler *h, Errors *errs) {
  if (task_of(e, h)->element) return true;
  error(errs, "'%s' has no task as it is connected", e->name);
  return false;
}

int task_read_scheduled(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  if (!has_task(e, h, errs)) return -1;
  (void)param, (void)errs;
  text_add_string(out, task_scheduled(task_of(e, h)) ? "true" : "false");
  return 0;
}

int task_write_scheduled(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (!has_task(e, h, errs)) return -1;
  bool on;
  if (!parse_bool(value, &on)) return error(errs, "expected a boolean, not '%s'", value);
  if (on)
    task_schedule(task_of(e, h));
  else
    task_stop(task_of(e, h));
  return 0;
}

int task_read_tickets(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  if (!has_task(e, h, errs)) return -1;
  (void)param, (void)errs;
  text_printf(out, "%d", task_of(e, h)->tickets);
  return 0;
}

int task_write_tickets(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (!has_task(e, h, errs)) return -1;
  int64_t v;
  if (!parse_i64(value, &v) || v < 1 || v > MAX_TICKETS)
    return error(errs, "expected tickets from 1 to %d, not '%s'", MAX_TICKETS, value);
  task_set_tickets(task_of(e, h), (int)v);
  return 0;
}

int task_read_thread(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)h, (void)param, (void)errs;
  text_printf(out, "%u", e->router->engine->thread);
  return 0;
}
