/* pacer.c: see pacer.h. */
#include "pacer.h"

const char *const pace_names[] = {"constant", "poisson", NULL};

double pacer_log(double x) {
  union {
    double d;
    uint64_t u;
  } v = {x};
  int exponent = (int)(v.u >> 52) - 1023;
  v.u = (v.u & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52; /* 1 to 2 */
  if (v.d > 1.4142135623730951) v.d /= 2, exponent++;
  double z = (v.d - 1) / (v.d + 1), z2 = z * z, sum = 0;
  for (int k = 15; k > 0; k -= 2) sum = sum * z2 + 1.0 / k; /* 2 artanh z, |z| < 0.172 */
  return 2 * z * sum + exponent * 0.6931471805599453;
}

/* Packet n is the next one: when it is due. */
static void pacer_next(Pacer *p, uint64_t n) {
  if (p->kind == PACE_SCHEDULE) {
    p->next = p->schedule(p, n);
  } else {
    double u = ((double)pktgen_random(&p->random) + 0.5) / 4294967296.0;
    p->next -= pacer_log(u) * 1e9 / p->rate;
  }
}

/* Due times are drawn or looked up one by one. */
static bool pacer_irregular(const Pacer *p) {
  return p->kind == PACE_SCHEDULE || (p->kind == PACE_POISSON && p->rate > 0);
}

static bool pacer_paced(const Pacer *p) { return p->kind == PACE_SCHEDULE || p->rate > 0; }

void pacer_reset(Pacer *p) {
  p->count = p->missed = 0;
  p->started = false;
  p->start = p->end = 0;
  p->next = 0;
  p->random = p->seed * UINT64_C(0xd1342543de82ef95) + 7;
  p->late_sum = 0;
  p->late_max = 0;
  memset(p->late, 0, sizeof p->late);
}

/* How many packets of the constant pace are due in the first `ns`, in whole bursts. */
static double pacer_constant(const Pacer *p, int64_t ns, bool to_the_end) {
  double n = (double)ns * p->rate / 1e9;
  if (p->burst <= 1) return to_the_end ? n : n + 1;
  uint64_t bursts = (uint64_t)(n / p->burst);
  if (!to_the_end || (double)bursts * p->burst < n) bursts++;
  return (double)bursts * p->burst;
}

int64_t pacer_due(const Pacer *p) {
  if (pacer_irregular(p)) return p->start + (int64_t)p->next;
  uint64_t n = p->count + p->missed;
  if (p->burst > 1) n -= n % p->burst;
  return p->start + (int64_t)((double)n * 1e9 / p->rate);
}

void pacer_end(Pacer *p, int64_t at) {
  p->active = false;
  p->end = at;
}

/* How many packets of a regular pace are due. */
static uint64_t pacer_behind(Pacer *p, int64_t until, bool over) {
  uint64_t most = (uint64_t)((double)p->lag * p->rate / 1e9) + BATCH_MAX + p->burst;
  uint64_t behind = (uint64_t)pacer_constant(p, until - p->start, over) - p->count - p->missed;
  if ((int64_t)behind < 0) behind = 0;
  if (unlikely(behind > most)) {
    p->missed += behind - most;
    behind = most;
  }
  return behind;
}

/* How many packets of an irregular pace are due, at most max: they count as made. */
static unsigned pacer_take(Pacer *p, int64_t until, uint64_t max) {
  uint64_t n = 0;
  int64_t oldest = until - p->start - p->lag;
  while (p->kind == PACE_POISSON && (int64_t)p->next < oldest) {
    p->missed++;
    pacer_next(p, 0);
  }
  int64_t first = pacer_due(p);
  for (; n < max && pacer_due(p) <= until; n++) pacer_next(p, p->count + n + 1);
  if (n) pacer_note(p, first, (unsigned)n);
  return (unsigned)n;
}

unsigned pacer_allow(Pacer *p, Element *e, unsigned max) {
  if (unlikely(!p->active)) return 0;
  int64_t now = p->now = time_steady(e);
  if (unlikely(!p->started)) {
    p->started = true;
    p->start = now;
    if (pacer_irregular(p)) pacer_next(p, 0);
  }
  bool over = p->duration && now - p->start >= p->duration;
  int64_t until = over ? p->start + p->duration : now;
  uint64_t n = max;
  if (p->limit >= 0 && p->count + n > (uint64_t)p->limit)
    n = p->count < (uint64_t)p->limit ? (uint64_t)p->limit - p->count : 0;
  if (pacer_irregular(p)) {
    n = pacer_take(p, until, n);
  } else if (p->rate > 0) {
    uint64_t behind = pacer_behind(p, until, over);
    if (behind < n) n = behind;
    if (n) pacer_note(p, pacer_due(p), (unsigned)n);
  } else if (over) {
    n = 0;
  }
  if (over && !n) pacer_end(p, pacer_paced(p) ? until : now);
  return (unsigned)n;
}

void pacer_made(Pacer *p, unsigned n) {
  p->count += n;
  if (unlikely(p->active && p->limit >= 0 && p->count >= (uint64_t)p->limit)) pacer_end(p, p->now);
}

bool pacer_sleep(Pacer *p, Timer *t) {
  if (!p->active || !pacer_paced(p) || !p->started) return false;
  int64_t next = pacer_due(p);
  if (p->duration && next > p->start + p->duration) next = p->start + p->duration;
  if (next - p->now <= 2 * p->spin) return false;
  timer_at(t, next - p->spin);
  return true;
}

int64_t pacer_elapsed(const Pacer *p, const Element *e) {
  if (!p->started) return 0;
  return (p->active ? time_steady(e) : p->end) - p->start;
}

/* ---- Lateness: buckets of eighths of a power of two --------------------------------------------------- */

static unsigned late_index(uint64_t v) {
  unsigned magnitude = 60u - (unsigned)__builtin_clzll(v | 15);
  unsigned i = (magnitude << 3) + (unsigned)(v >> magnitude);
  return i < PACER_BUCKETS ? i : PACER_BUCKETS - 1;
}

/* The largest value of a bucket. */
static int64_t late_value(unsigned i) {
  unsigned magnitude = i < 16 ? 0 : (i >> 3) - 1;
  return ((int64_t)(i - (magnitude << 3) + 1) << magnitude) - 1;
}

void pacer_note(Pacer *p, int64_t due, unsigned n) {
  int64_t late = p->now - due;
  if (late < 0) late = 0;
  p->late_sum += (double)late * n;
  if (late > p->late_max) p->late_max = late;
  p->late[late_index((uint64_t)late)] += n;
}

void pacer_print_late(const Pacer *p, Text *out) {
  uint64_t total = 0, below = 0;
  unsigned i = 0;
  for (unsigned k = 0; k < PACER_BUCKETS; k++) total += p->late[k];
  if (!total) {
    text_add_string(out, "null");
    return;
  }
  uint64_t want = total - total / 100;
  while (i < PACER_BUCKETS - 1 && below + p->late[i] < want) below += p->late[i++];
  int64_t p99 = late_value(i) < p->late_max ? late_value(i) : p->late_max;
  text_printf(out, "{\"mean\":%.1f,\"p99\":%lld,\"max\":%lld}", p->late_sum / (double)total, (long long)p99,
              (long long)p->late_max);
}

/* ---- Handlers ----------------------------------------------------------------------------------------- */

void pacer_read(const Pacer *p, const Element *e, int what, uint64_t bytes, double mean, Text *out) {
  long long elapsed = (long long)pacer_elapsed(p, e);
  if (what == PACER_READ_ELAPSED) {
    text_printf(out, "%lld", elapsed);
  } else if (what == PACER_READ_MEAN) {
    text_printf(out, "%.6g", mean + PKTGEN_FCS);
  } else if (what == PACER_READ_LATE) {
    pacer_print_late(p, out);
  } else {
    text_printf(
        out, "{\"active\":%s,\"packets\":%llu,\"bytes\":%llu,\"missed\":%llu,\"elapsedNs\":%lld,\"lateNs\":",
        p->active ? "true" : "false", (unsigned long long)p->count, (unsigned long long)bytes,
        (unsigned long long)p->missed, elapsed);
    pacer_print_late(p, out);
    text_add_char(out, '}');
  }
}

int pacer_write(Pacer *p, Element *e, Timer *t, const Handler *h, const char *value, Errors *errs) {
  bool was_active = p->active, is_rate = !strcmp(h->name, "rate");
  double old = p->rate;
  if (is_rate && p->started && p->active && p->count)
    return error(errs, "the rate cannot change while packets are sent: write active false and reset first");
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  if (is_rate && !(p->rate >= 0)) {
    p->rate = old;
    return error(errs, "expected a rate of 0 or more, not '%s'", value);
  }
  if (was_active && !p->active) {
    p->end = p->started ? time_steady(e) : 0;
    timer_cancel(t);
  }
  return 0;
}
