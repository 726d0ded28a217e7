/* virtio_bench.c: frames a second through a vhost-user port: a generator and sink on this thread, on another
 * a driver that sends every frame back, as a virtual router that is a wire would. Not a test: it runs only
 * when asked to.
 *
 *   test-virtio_bench SECONDS [BYTES [RING SIZE]]
 */
#define _GNU_SOURCE
#include "../core/router.h"
#include "../virtio/driver.c"
#include <clicklet/netdevice.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <virtio/vhost_user.h>

enum { BUFFER = 2048, BURST = 32 };

static volatile bool finished;
static uint64_t features;
static uint32_t ring_size = 1024;
static const char *path;
static uint64_t echoed;

static void pin(int core) {
  cpu_set_t s;
  CPU_ZERO(&s);
  CPU_SET(core, &s);
  sched_setaffinity(0, sizeof s, &s);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The driver: what arrives goes back in the same buffer; what was sent becomes a receive buffer again. */
static void *driver(void *arg) {
  size_t queue = (driver_queue_bytes(ring_size) + 4095) & ~4095ul,
         size = 2 * queue + 2ul * ring_size * BUFFER;
  int fd = memfd_create("bench", MFD_CLOEXEC);
  VhostFrontend f;
  DriverQueue *rx = calloc(1, sizeof *rx), *tx = calloc(1, sizeof *tx), *queues[2] = {rx, tx};
  VhostRingSetup rings[2];
  void *tokens[BURST];
  uint32_t lengths[BURST];
  (void)arg;
  pin(1);
  if (ftruncate(fd, (off_t)size)) abort();
  size_t align = 2u << 20;
  uint8_t *m = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  m = (uint8_t *)(((uintptr_t)m + align - 1) & ~(align - 1));
  m = mmap(m, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  madvise(m, size, MADV_HUGEPAGE);
  memset(m, 0, size);
  for (int i = 0; i < 2; i++) {
    driver_queue_init(queues[i], m + (size_t)i * queue, ring_size, features, i == VIRTIO_NET_RX);
    rings[i] = (VhostRingSetup){
        ring_size, device_queue_fresh(features), queues[i]->desc, queues[i]->avail, queues[i]->used, -1, -1};
  }
  /* Our addresses are our pointers. A frame starts at a cache line, its header ends the line in front. */
  VhostRegion region = {(uintptr_t)m, size, m, fd, 0};
  uint8_t *buffers = m + 2 * queue;
  for (uint32_t i = 0; i < ring_size - BURST; i++)
    driver_add(rx, buffers + (size_t)i * BUFFER + 52, BUFFER - 52, buffers + (size_t)i * BUFFER);
  driver_show(rx);
  if (vhost_frontend_connect(&f, path) || vhost_frontend_start(&f, features, &region, 1, rings)) {
    fprintf(stderr, "%s\n", f.error);
    abort();
  }
  while (!finished) {
    unsigned n = driver_take(rx, tokens, lengths, BURST);
    for (unsigned i = 0; i < n; i++) driver_add(tx, (uint8_t *)tokens[i] + 52, lengths[i], tokens[i]);
    if (n) driver_show(tx);
    echoed += n;
    n = driver_take(tx, tokens, NULL, BURST);
    for (unsigned i = 0; i < n; i++) driver_add(rx, (uint8_t *)tokens[i] + 52, BUFFER - 52, tokens[i]);
    if (n) driver_show(rx);
    if (rx->broken || tx->broken) {
      fprintf(stderr, "driver: %s\n", rx->broken ? rx->broken : tx->broken);
      abort();
    }
  }
  vhost_frontend_close(&f);
  munmap(m, size);
  close(fd);
  return NULL;
}

static void run(const char *name, double seconds, uint32_t bytes) {
  char spec[80];
  pthread_t thread;
  Engine *g = engine_new(NULL);
  Router router = {.engine = g};
  Element e = {.router = &router};
  Errors errs = {0};
  static const uint8_t frame[2048] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
  Packet *p[BATCH_MAX];
  uint64_t made = 0, got = 0, refused = 0;
  snprintf(spec, sizeof spec, "vhost-user:/tmp/clicklet-bench-%d", (int)getpid());
  path = strchr(spec, ':') + 1;
  packet_pool = &g->pool;
  NetDevice *d = netdevice_open(&e, spec, NULL, &errs);
  if (!d) {
    fprintf(stderr, "%s\n", errs.records[0].message);
    exit(3);
  }
  finished = false;
  pthread_create(&thread, NULL, driver, NULL);
  while (!d->carrier(d)) usleep(1000);
  double start = now(), end = start;
  while (end - start < seconds) {
    for (unsigned k = 0; k < 1000; k++) {
      unsigned n = 0, sent;
      for (; n < BURST && (p[n] = packet_alloc(bytes)); n++)
        for (uint32_t i = 0; i < bytes; i += 64) copy64(p[n]->data + i, frame + i);
      sent = d->send(d, p, n);
      d->flush(d);
      made += sent;
      refused += n - sent;
      free_batch(p + sent, n - sent);
      n = d->receive(d, p, BATCH_MAX);
      got += n;
      free_batch(p, n);
    }
    end = now();
  }
  finished = true;
  pthread_join(thread, NULL);
  printf("%-18s %u bytes: sent %5.2f, received %5.2f million frames/s; refused %.0f %%\n", name, bytes,
         (double)made / (end - start) / 1e6, (double)got / (end - start) / 1e6,
         100.0 * (double)refused / (double)(made + refused));
  netdevice_close(d);
  packet_pool = NULL;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    uint64_t features;
  } layouts[] = {{"split", 0},
                 {"split in-order", VIRTIO_F_IN_ORDER},
                 {"packed", VIRTIO_F_RING_PACKED},
                 {"packed in-order", VIRTIO_F_RING_PACKED | VIRTIO_F_IN_ORDER}};
  double seconds = argc > 1 ? atof(argv[1]) : 0;
  uint32_t bytes = argc > 2 ? (uint32_t)atoi(argv[2]) : 60;
  if (argc > 3) ring_size = (uint32_t)atoi(argv[3]);
  if (seconds <= 0 || bytes < 14 || bytes > 1514 || (ring_size & (ring_size - 1)) || ring_size < 64) {
    printf("usage: test-virtio_bench SECONDS [BYTES [RING SIZE]]\n");
    return 0;
  }
  pin(0);
  for (unsigned i = 0; i < countof(layouts); i++) {
    features = layouts[i].features | VIRTIO_F_VERSION_1;
    run(layouts[i].name, seconds, bytes);
  }
  return 0;
}
