/* limit.c: how fast this machine could do the work of configs/bench/ip-router.click: the same work on the same packets,
 * written by hand as one loop without elements. The bound that engines are compared with. Prints JSON.
 *
 *   cc -O3 -march=native -o limit limit.c && ./limit [PACKETS [BYTES OF A PACKET [small]]]
 *
 * small: one destination, so that everything stays in the nearest cache. large: random destinations over a table of 16
 * million entries; left out if the third argument is there.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { HEADERS = 64, LONGEST = 1514, SLOT = 2112, SLOTS = 256, HEADROOM = 128, BURST = 32 };

typedef struct Slot {
  uint8_t *data;
  uint32_t len;
  uint8_t anno[52];
  uint8_t buffer[SLOT - 64];
} Slot;
_Static_assert(sizeof(Slot) == SLOT, "slot");

static Slot *slots, *stack[SLOTS];
static unsigned depth;
static uint8_t *table; /* by the first 24 bits of the address: interface + 1 */
static uint64_t sent[5], refused;
static uint8_t ether[5][14];

static uint8_t frame[LONGEST] = {0x02, 0, 0, 0, 0, 0x10, 0x02, 0, 0, 0, 0, 0x99, 0x08, 0x00, 0x45, 0, 0, 0x32, 0, 0, 0x40, 0,
                                     0x40, 0x11, 0x25, 0xb8, 10, 0, 0, 2, 10, 0, 1, 2, 0x04, 0, 0, 9, 0, 0x1e};

static uint16_t load16(const void *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint32_t load32(const void *p) { uint32_t v; memcpy(&v, p, 4); return v; }

/* One packet from the classifier to the wire. Returns the interface, or -1. */
static inline int forward(Slot *s) {
  uint8_t *d = s->data;
  if (load16(d + 12) != 0x0008) return -1;
  s->anno[16] = 1; /* where it came from */
  uint8_t *ip = d + 14;
  uint32_t len = s->len - 14, total = __builtin_bswap16(load16(ip + 2));
  if (len < 20 || ip[0] != 0x45 || total > len || total < 20) return -1;
  uint64_t sum = 0;
  for (int i = 0; i < 20; i += 4) sum += load32(ip + i);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  if ((uint16_t)(sum + (sum >> 16)) != 0xffff) return -1;
  uint32_t src = load32(ip + 12), dst = load32(ip + 16);
  if (src == 0xff00000a || src == 0xff01000a || src == 0xff02000a || src == 0xff03000a || (src & 0xe0) == 0xe0) return -1; /* broadcasts */
  int port = table[__builtin_bswap32(dst) >> 8] - 1;
  if (port < 0 || (d[0] & 1)) return -1;
  if (s->anno[16] == port + 1) return -1; /* back where it came from */
  if (ip[8] <= 1) return -1;
  ip[8]--;
  uint32_t c = load16(ip + 10) + 1u;
  uint16_t folded = (uint16_t)(c + (c >> 16));
  memcpy(ip + 10, &folded, 2);
  if (total > 1500) return -1;
  memcpy(d, ether[port], 14);
  return port;
}

/* Writes the lengths and the checksum of the frame's IP header. */
static void frame_length(uint32_t size) {
  uint32_t sum = 0;
  frame[16] = (uint8_t)((size - 14) >> 8);
  frame[17] = (uint8_t)(size - 14);
  frame[38] = (uint8_t)((size - 34) >> 8);
  frame[39] = (uint8_t)(size - 34);
  memset(frame + 24, 0, 2);
  for (int k = 14; k < 34; k += 2) sum += load16(frame + k);
  sum = (sum & 0xffff) + (sum >> 16);
  uint16_t check = (uint16_t)~(sum + (sum >> 16));
  memcpy(frame + 24, &check, 2);
}

__attribute__((noinline)) static double run(uint64_t packets, uint32_t size, bool random) {
  struct timespec a, b;
  uint64_t state = 1;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
  for (uint64_t n = 0; n < packets; n += BURST) {
    Slot *batch[BURST];
    for (int i = 0; i < BURST; i++) {
      Slot *s = batch[i] = stack[--depth];
      s->data = s->buffer + HEADROOM;
      s->len = size;
      memset(s->anno, 0, 48);
      memcpy(s->data, frame, HEADERS);
      if (size > HEADERS) memcpy(s->data + HEADERS, frame + HEADERS, size - HEADERS);
      if (random) { /* another destination, and its checksum */
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t dst = (uint32_t)(state >> 32) | 1, sum = 0;
        memcpy(s->data + 30, &dst, 4);
        memset(s->data + 24, 0, 2);
        for (int k = 14; k < 34; k += 2) sum += load16(s->data + k);
        sum = (sum & 0xffff) + (sum >> 16);
        uint16_t check = (uint16_t)~(sum + (sum >> 16));
        memcpy(s->data + 24, &check, 2);
        __builtin_prefetch(&table[__builtin_bswap32(dst) >> 8]);
      }
    }
    for (int i = 0; i < BURST; i++) {
      int port = forward(batch[i]);
      if (port >= 0) sent[port]++;
      else refused++;
      stack[depth++] = batch[i];
    }
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
  return (double)packets / ((double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6) / 1e3;
}

int main(int argc, char **argv) {
  uint64_t packets = (argc > 1 ? strtoull(argv[1], NULL, 10) : 50000000) & ~(uint64_t)(BURST - 1);
  uint32_t size = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : HEADERS;
  if (!packets || size < HEADERS || size > LONGEST) return fprintf(stderr, "limit: sizes are %d to %d\n", HEADERS, LONGEST), 2;
  slots = aligned_alloc(64, SLOTS * sizeof *slots);
  table = mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!slots || table == MAP_FAILED) return 3;
  for (depth = 0; depth < SLOTS; depth++) stack[depth] = &slots[depth];
  for (uint32_t i = 0; i < 1 << 24; i++) table[i] = (uint8_t)(4 + (i & 1));
  for (int i = 0; i < 4; i++) table[0x0a0000 + i] = (uint8_t)(i + 1);
  for (int i = 0; i < 5; i++) {
    ether[i][0] = ether[i][6] = 0x02;
    ether[i][5] = (uint8_t)(0x20 + i);
    ether[i][11] = (uint8_t)(0x10 + i);
    ether[i][12] = 0x08;
  }
  frame_length(size);
  double small = run(packets, size, false);
  if (sent[1] != packets) return fprintf(stderr, "limit: only %llu packets passed\n", (unsigned long long)sent[1]), 1;
  printf("{\"small\":%.2f", small);
  if (argc < 4) printf(",\"large\":%.2f", run(packets / 4, size, true));
  puts("}");
  return 0;
}
