/** KernelFilter: keeps the host's kernel from handling packets of a device, by iptables.
 *
 * Synopsis: `KernelFilter(FILTER, ... [, <keywords> IPTABLES_COMMAND])`
 *
 * While the router runs, what arrives on the devices is dropped by the kernel's own stack; packet sockets
 * such as FromDevice still get it. The rules are removed when the router stops, by the same command (the
 * reference removes them by the default one). After a crash they remain: `iptables -D INPUT -i DEVNAME -j
 * DROP` removes them. Needs root.
 *
 * Arguments: FILTER: `drop dev DEVNAME`. IPTABLES_COMMAND (file name): default /sbin/iptables or
 * /usr/sbin/iptables.
 *
 * Example: `KernelFilter(drop dev tap7);`
 */
#define _GNU_SOURCE
#include <clicklet/engine.h>
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { MOST_DEVICES = 64 };

typedef struct KernelFilter {
  Element base;
  char *command;
  char *devices[MOST_DEVICES];
  unsigned ndevices, nset; /* the first nset have their rule */
} KernelFilter;

static int filter_configure(Element *e, const Args *args, Errors *errs) {
  KernelFilter *k = (KernelFilter *)e;
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++) {
    char *w[4];
    unsigned n = split_words(args_text(args, i), w, countof(w));
    bool ok = n == 3 && !strcmp(w[0], "drop") && !strcmp(w[1], "dev") && k->ndevices < MOST_DEVICES;
    if (ok) {
      Text name = {0};
      unquote(w[2], &name);
      k->devices[k->ndevices++] = mem_string(text_cstr(&name), name.len);
      text_free(&name);
    } else
      rc = arg_error(errs, args_index(args, i), "expected 'drop dev DEVNAME', not '%s'", args_text(args, i));
    for (unsigned j = 0; j < n && j < countof(w); j++) mem_free(w[j]);
  }
  return rc;
}

/* Runs the command, without a shell. */
static int run(const KernelFilter *k, const char *what, char *device, Errors *errs) {
  const char *command = k->command                            ? k->command
                        : !access("/sbin/iptables", X_OK)     ? "/sbin/iptables"
                        : !access("/usr/sbin/iptables", X_OK) ? "/usr/sbin/iptables"
                                                              : NULL;
  if (!command) return error(errs, "there is no iptables on this host; IPTABLES_COMMAND says where it is");
  char *argv[] = {(char *)(uintptr_t)command,
                  (char *)(uintptr_t)what,
                  (char *)(uintptr_t) "INPUT",
                  (char *)(uintptr_t) "-i",
                  device,
                  (char *)(uintptr_t) "-j",
                  (char *)(uintptr_t) "DROP",
                  NULL};
  pid_t pid;
  posix_spawn_file_actions_t actions; /* what it writes are messages; a dup2 also takes close-on-exec away */
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, 2, 1);
  posix_spawn_file_actions_adddup2(&actions, 2, 2);
  int status = -1, failed = posix_spawnp(&pid, command, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return error(errs, "%s: %s", command, strerror(failed));
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (WIFEXITED(status) && !WEXITSTATUS(status)) return 0;
  return error(errs, "%s %s INPUT -i %s -j DROP failed", command, what, device);
}

static int filter_initialize(Element *e, Errors *errs) {
  KernelFilter *k = (KernelFilter *)e;
  for (; k->nset < k->ndevices; k->nset++)
    if (run(k, "-A", k->devices[k->nset], errs) < 0) return -1;
  return 0;
}

static void filter_cleanup(Element *e) {
  KernelFilter *k = (KernelFilter *)e;
  while (k->nset) {
    k->nset--;
    Errors errs = {.element = -1};
    if (run(k, "-D", k->devices[k->nset], &errs) < 0)
      chatter(e, "the rule for device %s could not be removed", k->devices[k->nset]);
    errors_clear(&errs);
  }
  for (unsigned i = 0; i < k->ndevices; i++) mem_free(k->devices[i]);
  mem_free(k->command);
}

ELEMENT(KernelFilter, .ports = "0/0", .targets = TARGET_HOST, .configure = filter_configure,
        .initialize = filter_initialize, .cleanup = filter_cleanup,
        .args = ARGS(ARG_ALL_REST("FILTER"), ARG(KernelFilter, FILENAME, "IPTABLES_COMMAND", command, NULL)));
