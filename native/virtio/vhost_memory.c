/* vhost_memory.c: memory that is another process's file. A frontend that shortens the file makes each access
 * behind its end a bus error, which would end this process with all its other ports. Seals would prevent it,
 * but not all frontends set them. So a bus error in such a mapping puts memory of our own there; the ring
 * that was touched goes on over zeros until the connection, which is marked as broken, is closed. */
#define _GNU_SOURCE
#include "vhost_backend.h"
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GUARDS = 4096 };

typedef struct Guard {
  uint8_t *start; /* NULL: free. Written last, with the rest in place */
  uint64_t bytes;
  uint32_t *lost;
  int broken; /* eventfd */
} Guard;

static Guard guards[GUARDS];
static uint32_t lock, installed;
static struct sigaction before;

static void bus_error(int signal, siginfo_t *info, void *context) {
  uint8_t *at = info->si_addr;
  for (unsigned i = 0; i < GUARDS; i++) {
    Guard *g = &guards[i];
    uint8_t *start = __atomic_load_n(&g->start, __ATOMIC_ACQUIRE);
    if (!start || at < start || (uint64_t)(at - start) >= g->bytes) continue;
    if (mmap(start, g->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
             -1, 0) == MAP_FAILED)
      break;
    __atomic_store_n(g->lost, 1, __ATOMIC_RELEASE);
    (void)!write(g->broken, &(uint64_t){1}, 8);
    return;
  }
  /* Not ours: as if we had not been there. */
  if (before.sa_flags & SA_SIGINFO)
    before.sa_sigaction(signal, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
    before.sa_handler(signal);
  else
    sigaction(SIGBUS, &before, NULL); /* the instruction runs again, and that is the end */
}

bool vhost_guard(uint8_t *start, uint64_t bytes, uint32_t *lost, int broken) {
  struct sigaction action = {.sa_sigaction = bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  bool done = false;
  while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE)) {}
  if (!installed) installed = sigaction(SIGBUS, &action, &before) == 0;
  for (unsigned i = 0; i < GUARDS && !done; i++) {
    if (guards[i].start) continue;
    guards[i].bytes = bytes, guards[i].lost = lost, guards[i].broken = broken;
    __atomic_store_n(&guards[i].start, start, __ATOMIC_RELEASE);
    done = true;
  }
  __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
  return done;
}

void vhost_unguard(uint8_t *start) {
  for (unsigned i = 0; i < GUARDS; i++)
    if (guards[i].start == start) __atomic_store_n(&guards[i].start, NULL, __ATOMIC_RELEASE);
}
