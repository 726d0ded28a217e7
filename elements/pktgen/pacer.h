/* pacer.h: when packets are due, and how well that was kept. The clock is the steady clock, which on x86
 * reads the TSC.
 *
 * Constant: packet n is due at start + n / rate. Bursts of b: the packets of a burst are due together, at the
 * time of the first. Poisson: the gaps are exponentially distributed, with mean 1 / rate. Rate 0: always due.
 * Schedule: whoever makes the packets says when each is due; none is given up for being late.
 */
#ifndef CLICKLET_ELEMENTS_PKTGEN_PACER_H
#define CLICKLET_ELEMENTS_PKTGEN_PACER_H
#include "payload.h"

enum { PACE_CONSTANT, PACE_POISSON, PACE_SCHEDULE };
enum { PACER_BUCKETS = 8 * 41 };

typedef struct Pacer Pacer;
struct Pacer {
  double rate;    /* packets a second; 0: as fast as they are taken */
  int32_t kind;   /* PACE_* */
  uint32_t burst; /* packets due together */
  int64_t duration, lag, spin;
  int64_t limit; /* packets at most; negative: no limit */
  bool active, started;
  uint32_t seed;
  int64_t start, end, now; /* steady ns; end: when it stopped */
  uint64_t count, missed;  /* packets made; packets that were due but could not be made in time */
  uint64_t random;
  double next;                                    /* Poisson, schedule: when it is due, ns from the start */
  double (*schedule)(const Pacer *p, uint64_t n); /* PACE_SCHEDULE: when packet n is due, ns from the start */
  /* how late packets were made, of each batch its first */
  double late_sum;
  int64_t late_max;
  uint64_t late[PACER_BUCKETS];
};

/* Back to before the first packet. */
void pacer_reset(Pacer *p);
/* How many packets are due now, at most max; the caller makes so many and calls pacer_made. Sets `now`;
 * clears `active` at the end. */
unsigned pacer_allow(Pacer *p, Element *e, unsigned max);
void pacer_made(Pacer *p, unsigned n);
/* When the next packet is due, steady ns. */
int64_t pacer_due(const Pacer *p);
/* Sets the timer if there is time to sleep until the next packet; false: poll on. */
bool pacer_sleep(Pacer *p, Timer *t);
/* Notes that n packets were made that were due at `due`, now. */
void pacer_note(Pacer *p, int64_t due, unsigned n);
void pacer_end(Pacer *p, int64_t at);
int64_t pacer_elapsed(const Pacer *p, const Element *e);
/* JSON: {"mean","p99","max"} in ns, or null. */
void pacer_print_late(const Pacer *p, Text *out);
/* Handlers of the elements that have a pacer. Read: PACER_READ_*; `bytes` made, `mean` bytes of a packet.
 * Write: a field of the pacer. */
enum { PACER_READ_SUMMARY, PACER_READ_ELAPSED, PACER_READ_MEAN, PACER_READ_LATE };
void pacer_read(const Pacer *p, const Element *e, int what, uint64_t bytes, double mean, Text *out);
int pacer_write(Pacer *p, Element *e, Timer *t, const Handler *h, const char *value, Errors *errs);
/* Arguments and handlers of an element T with `pacer`, `batch`, `stop`, `byte_count` and `task`. */
extern const char *const pace_names[];
#define PACER_ARGS(T)                                                                                        \
  ARG(T, F64, "RATE", pacer.rate, "0"),                                                                      \
      ARG(T, CHOICE, "PACE", pacer.kind, "constant", .choices = pace_names),                                 \
      ARG(T, U32, "BURST", pacer.burst, "1", .min = 1, .max = 1000000),                                      \
      ARG(T, U32, "SEED", pacer.seed, "1"), ARG(T, I64, "LIMIT", pacer.limit, "-1"),                         \
      ARG(T, INTERVAL, "DURATION", pacer.duration, "0"), ARG(T, INTERVAL, "LAG", pacer.lag, "1ms"),          \
      ARG(T, INTERVAL, "SPIN", pacer.spin, "25us"),                                                          \
      ARG(T, U32, "BATCH", batch, "0", .min = 0, .max = BATCH_MAX),                                          \
      ARG(T, BOOL, "ACTIVE", pacer.active, "true"), ARG(T, BOOL, "STOP", stop, "false")
#define PACER_HANDLERS(T, READ, WRITE, RESET)                                                                \
  READ_FIELD(T, U64, "count", pacer.count), READ_FIELD(T, U64, "byte_count", byte_count),                    \
      READ_FIELD(T, U64, "missed", pacer.missed), READ_FN("elapsed", READ, .data = PACER_READ_ELAPSED),      \
      READ_FN("mean_size", READ, .data = PACER_READ_MEAN), READ_FN("late", READ, .data = PACER_READ_LATE),   \
      READ_FN("summary", READ), RW_FIELD(T, F64, "rate", pacer.rate, .write = WRITE),                        \
      RW_FIELD(T, I64, "limit", pacer.limit, .write = WRITE),                                                \
      RW_FIELD(T, INTERVAL, "duration", pacer.duration, .write = WRITE),                                     \
      RW_FIELD(T, BOOL, "active", pacer.active, .write = WRITE),                                             \
      WRITE_FN("reset", RESET, .flags = HANDLER_WRITE | HANDLER_BUTTON), TASK_HANDLERS(T, task)
/* Natural logarithm, for x > 0. */
double pacer_log(double x);

#endif
