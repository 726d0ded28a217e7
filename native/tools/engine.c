/* clicklet-engine: runs a plan without Node, for profilers, sanitizers and fuzzing; or prints the class
 * table.
 *
 *   clicklet-engine --table
 *   clicklet-engine [--check | --quit] [--simtime] [--batch N] [--threads N] [--fused UNIT.so]... [--port
 * SPEC]...
 *     [-h HANDLER]... [--held] [--control SOCKET] PLAN
 *
 * --check: configures the elements, for the mistakes in their arguments, and no more. --quit: initialises the
 * router, does not run it.
 * --threads: the plan says which has what. --fused: once for each thread, in order.
 * --held: prints how many packets the router holds at the end, in queues or for ever.
 * With --control it is a router in a process of its own, such as a host switch: see serve.h.
 */
#include "serve.h"
#include "host/platform_host.h"
#include "host/threads.h"
#include <clicklet/fused.h>
#include <clicklet/platform.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static Engine *engine;

static void on_signal(int s) {
  (void)s;
  engine_stop(engine);
}

static void print_errors(Errors *errs) {
  for (uint32_t i = 0; i < errs->count; i++)
    fprintf(stderr, "%s: element %d, argument %d: %s\n", errs->records[i].warning ? "warning" : "error",
            errs->records[i].element, errs->records[i].arg, errs->records[i].message);
  errors_clear(errs);
}

/* Every vhost-user port takes a dozen descriptors, so thousands of ports need more than most limits. Root may
 * go beyond the hard one. */
static void raise_descriptor_limit(void) {
  struct rlimit r;
  unsigned long long most = 0;
  FILE *f = fopen("/proc/sys/fs/nr_open", "r");
  if (f && fscanf(f, "%llu", &most) == 1 && !setrlimit(RLIMIT_NOFILE, &(struct rlimit){most, most})) most = 0;
  if (f) fclose(f);
  if (!f || most) {
    if (getrlimit(RLIMIT_NOFILE, &r)) return;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
  }
}

int main(int argc, char **argv) {
  EngineOptions options = {0};
  const char **ports = calloc((size_t)argc + 1, sizeof *ports), *handlers[4096], *plan_file = NULL,
             *control = NULL, *units[16];
  unsigned nports = 0, nhandlers = 0, nunits = 0;
  bool held = false, check = false, quit = false;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--table")) {
      Text t = {0};
      element_table_json(&t);
      fwrite(t.s, 1, t.len, stdout);
      text_free(&t);
      return 0;
    }
    if (!strcmp(argv[i], "--simtime"))
      options.simulated_time = true;
    else if (!strcmp(argv[i], "--check"))
      check = true;
    else if (!strcmp(argv[i], "--quit"))
      quit = true;
    else if (!strcmp(argv[i], "--batch") && i + 1 < argc)
      options.batch = (uint32_t)atoi(argv[++i]);
    else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
      options.threads = (unsigned)atoi(argv[++i]);
    else if (!strcmp(argv[i], "--fused") && i + 1 < argc && nunits < countof(units))
      units[nunits++] = argv[++i];
    else if (!strcmp(argv[i], "--port") && i + 1 < argc && ports)
      ports[nports++] = argv[++i];
    else if (!strcmp(argv[i], "-h") && i + 1 < argc && nhandlers < countof(handlers))
      handlers[nhandlers++] = argv[++i];
    else if (!strcmp(argv[i], "--held"))
      held = true;
    else if (!strcmp(argv[i], "--control") && i + 1 < argc)
      control = argv[++i];
    else
      plan_file = argv[i];
  }
  FILE *f = plan_file ? fopen(plan_file, "rb") : NULL;
  if (!f) {
    fprintf(stderr, "usage: clicklet-engine --table | [--check | --quit] [--simtime] [--batch N] [--threads "
                    "N] [--fused UNIT]... "
                    "[--port SPEC] [-h HANDLER] [--held] [--control SOCKET] PLAN\n");
    return 2;
  }
  size_t size = 0, capacity = 1 << 16;
  char *plan = malloc(capacity);
  for (size_t n; plan && (n = fread(plan + size, 1, capacity - size, f)) > 0;) {
    size += n;
    if (size == capacity) plan = realloc(plan, capacity *= 2);
  }
  fclose(f);
  options.ports = ports;
  engine = options.threads > 1 ? threads_new(&options) : engine_new(&options);
  if (!engine || !plan) return 3;
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  Errors errs = {.element = -1};
  int rc = check ? engine_check(engine, plan, size, &errs) : engine_install(engine, plan, size, &errs);
  for (unsigned i = 0; i < nunits && !rc; i++) {
    const FusedUnit *unit = fused_unit_load(units[i], &errs);
    Engine *of = threads_engine(engine, i);
    rc = unit && of ? engine_fuse(of, unit, &errs) : -1;
  }
  print_errors(&errs);
  if (!rc && control && serve_start(engine, control)) rc = -1;
  if (!rc && !check) {
    if (!quit) threads_run(engine, -1);
    serve_stop();
    for (unsigned i = 0; i < nhandlers; i++) {
      Text t = {0};
      if (engine_read(engine, handlers[i], NULL, &t, &errs) < 0)
        rc = 1;
      else
        printf("%s:\n%s\n\n", handlers[i], text_cstr(&t));
      text_free(&t);
      print_errors(&errs);
    }
    EngineStats stats;
    threads_stats(engine, &stats);
    if (held) printf("held: %llu\n", (unsigned long long)(stats.pool_total - stats.pool_free));
  }
  threads_free(engine);
  free(plan);
  free(ports);
  return rc ? 1 : 0;
}
