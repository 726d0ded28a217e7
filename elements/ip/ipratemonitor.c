/** IPRateMonitor: measures the rates of traffic from and to IP addresses and networks.
 *
 * Synopsis: `IPRateMonitor(TYPE, RATIO, THRESH [, MEMORY, ANNO])`
 *
 * Packets of input 0 count for their source address, those of input 1 for their destination; they leave on
 * the output of the same number. At first rates are kept for the first byte of addresses only; where one
 * reaches THRESH, also for the next byte of the addresses in it, and so on; once a second networks whose
 * rates fell below it are folded again. Rates are moving averages over about a quarter of a second, by steps
 * of 8 ms.
 *
 * Arguments: TYPE (PACKETS or BYTES). RATIO (0 to 1): the part of the packets that is counted; THRESH, in
 * packets or bytes a second, is scaled by it. MEMORY (unsigned): KB of tables at most, at least 100; 0: no
 * limit; default 0. ANNO (bool): stores the rates from and to the address in the forward and reverse rate
 * annotations; default true.
 *
 * Handlers: `look` (read): steps of 8 ms since the last reset, then a line of network, rate from and rate to
 * for each. `thresh`, `mem` (bytes used, counted as in the reference) (read). `memmax` (read: bytes; write:
 * KB). `anno_level` (write: `IP LEVEL SECONDS` or `IP, LEVEL, SECONDS`): keeps no rates below byte LEVEL, 0
 * to 3, of that address for so long. `reset` (write).
 *
 * Example: `InfiniteSource(LIMIT 5, STOP true) -> UDPIPEncap(1.0.0.1, 1, 2.0.0.2, 2) -> m ::
 * IPRateMonitor(PACKETS, 1, 100) -> Discard;`
 */
#include "ip.h"

enum { STABILITY = 5, SCALE = 10, STEP_MS = 8, STEPS_A_SECOND = 125, LEAST_MEMORY = 100 };
enum { COUNTER_BYTES = 40, LEVEL_BYTES = 2080 }; /* of memory, as the reference counts it */

typedef struct RateLevel RateLevel;

typedef struct RateCounter {
  uint32_t step, now[2], average[2]; /* average: of a step, SCALE bits of fraction; 0 from, 1 to */
  uint32_t stays_until;              /* the step until which there is no next level */
  RateLevel *next;
} RateCounter;

struct RateLevel { /* one byte of the address */
  RateCounter *owner, *counters[256];
  RateLevel *older, *younger;
};

typedef struct IPRateMonitor {
  Element base;
  char *type;
  int64_t ratio;
  int32_t thresh;
  uint32_t memory_kb;
  bool anno, bytes, folded_once;
  uint64_t memmax, used;
  uint32_t reset_at, folded_at;
  RateLevel top, *oldest, *youngest;
} IPRateMonitor;

static uint32_t rate_step(const IPRateMonitor *m) {
  return (uint32_t)(time_now(&m->base) / NSEC_PER_MSEC) / STEP_MS;
}

static void average_steps(uint32_t *average, uint32_t value, uint32_t n) {
  if (n >= 100 && !value) {
    *average = 0;
    return;
  }
  for (; n; n--)
    *average += (uint32_t)((int32_t)((value << SCALE) + (1 << (STABILITY - 1)) - *average) >> STABILITY);
}

static void counter_advance(RateCounter *c, uint32_t now) {
  uint32_t last = c->step;
  if (last == now) return;
  for (int i = 0; i < 2; i++) {
    average_steps(&c->average[i], c->now[i], 1);
    if (last + 1 != now) average_steps(&c->average[i], 0, now - last - 1);
    c->now[i] = 0;
  }
  c->step = now;
}

static RateCounter *counter_make(IPRateMonitor *m, RateLevel *l, uint8_t index, const RateCounter *like,
                                 uint32_t now) {
  if (m->memmax && m->used + COUNTER_BYTES > m->memmax) return NULL;
  RateCounter *c = mem_alloc(sizeof *c);
  if (!c) return NULL;
  if (like)
    *c = *like;
  else
    c->step = now;
  c->next = NULL;
  c->stays_until = 0;
  m->used += COUNTER_BYTES;
  return l->counters[index] = c;
}

static void level_free(IPRateMonitor *m, RateLevel *l);

static void level_empty(IPRateMonitor *m, RateLevel *l) {
  for (int i = 0; i < 256; i++) {
    if (!l->counters[i]) continue;
    if (l->counters[i]->next) level_free(m, l->counters[i]->next);
    mem_free(l->counters[i]);
    l->counters[i] = NULL;
    m->used -= COUNTER_BYTES;
  }
}

/* At most four levels deep. */
static void level_free(IPRateMonitor *m, RateLevel *l) {
  level_empty(m, l);
  if (l->older) l->older->younger = l->younger;
  if (l->younger) l->younger->older = l->older;
  if (m->oldest == l) m->oldest = l->younger;
  if (m->youngest == l) m->youngest = l->older;
  l->owner->next = NULL;
  m->used -= LEVEL_BYTES;
  mem_free(l);
}

/* Frees levels of networks whose rates are below the threshold: all of them, or without a limit of memory a
 * tenth of what is used. In a random direction, so that neither old nor young ones are always first. */
static void fold(IPRateMonitor *m, int32_t thresh) {
  uint32_t now = rate_step(m);
  bool forward = random_uniform(&m->base, 2);
  uint64_t until = m->memmax ? m->memmax : m->used * 9 / 10;
  for (RateLevel *l = forward ? m->oldest : m->youngest, *next; l; l = next) {
    next = forward ? l->younger : l->older;
    if (!l->owner) continue;
    counter_advance(l->owner, now);
    if ((int32_t)l->owner->average[0] >= thresh || (int32_t)l->owner->average[1] >= thresh) continue;
    level_empty(m, l); /* which may free the next one */
    next = forward ? l->younger : l->older;
    level_free(m, l);
    if (m->used < until) return;
  }
}

static void split(IPRateMonitor *m, RateCounter *c, uint8_t next_byte, uint32_t now) {
  RateLevel *l = mem_alloc(sizeof *l);
  if (!l) return;
  m->used += LEVEL_BYTES;
  if (!counter_make(m, l, next_byte, c, now)) {
    m->used -= LEVEL_BYTES;
    mem_free(l);
    return;
  }
  l->owner = c;
  l->older = m->youngest;
  m->youngest->younger = l;
  m->youngest = l;
  c->next = l;
}

static void count(IPRateMonitor *m, Packet *p, uint32_t addr, int which, uint32_t value, bool counted) {
  uint32_t now = rate_step(m);
  RateLevel *l = &m->top;
  RateCounter *c;
  int shift = 24;
  if (!m->folded_once) m->folded_once = true, m->folded_at = now;
  for (;; shift -= 8) {
    uint8_t byte = (uint8_t)(addr >> shift);
    c = l->counters[byte];
    if (!c && !(c = counter_make(m, l, byte, NULL, now))) return;
    if (counted) {
      counter_advance(c, now);
      c->now[which] += value;
    }
    if (!c->next || !shift) break;
    l = c->next;
  }
  int32_t from = (int32_t)(c->average[0] * STEPS_A_SECOND) >> SCALE,
          to = (int32_t)(c->average[1] * STEPS_A_SECOND) >> SCALE;
  if (m->anno) {
    set_anno_u32(p, ANNO_FWD_RATE, (uint32_t)from);
    set_anno_u32(p, ANNO_REV_RATE, (uint32_t)to);
  }
  if (c->stays_until < now && (from >= m->thresh || to >= m->thresh) && shift &&
      (!m->memmax || m->used + COUNTER_BYTES + LEVEL_BYTES <= m->memmax))
    split(m, c, (uint8_t)(addr >> (shift - 8)), now);
  if (now - m->folded_at >= STEPS_A_SECOND) {
    fold(m, m->thresh);
    m->folded_at = now;
  }
}

static void look_at(IPRateMonitor *m, Packet *p, int port) {
  bool counted = ((random_u32(&m->base) >> 5) & 0xffff) <= m->ratio;
  const uint8_t *h = ip_header(p);
  if (h) count(m, p, be32(port ? ip_dst(h) : ip_src(h)), port != 0, m->bytes ? ip_len(h) : 1, counted);
}

static void monitor_push(Element *e, int port, Packet **p, unsigned n) {
  for (unsigned i = 0; i < n; i++) look_at((IPRateMonitor *)e, p[i], port);
  output_push_batch(e, port, p, n);
}

static unsigned monitor_pull(Element *e, int port, Packet **p, unsigned max) {
  unsigned n = port < e->ninputs ? input_pull_batch(e, port, p, max) : 0;
  for (unsigned i = 0; i < n; i++) look_at((IPRateMonitor *)e, p[i], port);
  return n;
}

static int monitor_configure(Element *e, const Args *args, Errors *errs) {
  IPRateMonitor *m = (IPRateMonitor *)e;
  (void)args;
  m->oldest = m->youngest = &m->top;
  m->bytes = !compare_ignore_case(m->type, "BYTES");
  if (!m->bytes && compare_ignore_case(m->type, "PACKETS") != 0)
    return error(errs, "TYPE: expected PACKETS or BYTES, not '%s'", m->type);
  if (m->memory_kb && m->memory_kb < LEAST_MEMORY) m->memory_kb = LEAST_MEMORY;
  m->memmax = (uint64_t)m->memory_kb * 1024;
  m->thresh = (int32_t)(m->thresh * m->ratio >> 16);
  m->used = LEVEL_BYTES;
  return 0;
}

static int parse_ratio(Element *e, const char *text, void *field, Errors *errs, int arg_index) {
  int64_t v;
  (void)e;
  if (!parse_fixed(text, 16, &v) || v < 0 || v > 0x10000)
    return arg_error(errs, arg_index, "expected a number from 0 to 1, not '%s'", text);
  *(int64_t *)field = v;
  return 0;
}

static int monitor_initialize(Element *e, Errors *errs) {
  (void)errs;
  ((IPRateMonitor *)e)->reset_at = rate_step((IPRateMonitor *)e);
  return 0;
}

static void monitor_cleanup(Element *e) {
  level_empty((IPRateMonitor *)e, &((IPRateMonitor *)e)->top);
  mem_free(((IPRateMonitor *)e)->type);
}

/* The shortest decimal number that is this one of SCALE bits of fraction. */
static void add_rate(Text *out, uint32_t average) {
  uint32_t v = average * STEPS_A_SECOND, fraction = v & ((1u << SCALE) - 1), power = 10, digits;
  text_printf(out, "\t%u", v >> SCALE);
  if (!fraction) return;
  for (int n = 1;; n++, power *= 10) {
    digits = (fraction * power + (1 << (SCALE - 1))) >> SCALE;
    if (((digits << SCALE) + power / 2) / power == fraction || n == 4) {
      text_printf(out, ".%0*u", n, digits);
      return;
    }
  }
}

static void print_level(Text *out, RateLevel *l, const char *prefix, uint32_t now) {
  for (int i = 0; i < 256; i++) {
    RateCounter *c = l->counters[i];
    if (!c || ((int32_t)c->average[0] <= 0 && (int32_t)c->average[1] <= 0)) continue;
    char name[64];
    format_into(name, sizeof name, *prefix ? "%s.%d" : "%s%d", prefix, i);
    text_add_string(out, name);
    counter_advance(c, now);
    add_rate(out, c->average[0]);
    add_rate(out, c->average[1]);
    text_add_char(out, '\n');
    char inner[64];
    format_into(inner, sizeof inner, "\t%s", name);
    if (c->next) print_level(out, c->next, inner, now);
  }
}

static int monitor_look(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  IPRateMonitor *m = (IPRateMonitor *)e;
  (void)h, (void)param, (void)errs;
  uint32_t now = rate_step(m);
  text_printf(out, "%u\n", now - m->reset_at);
  print_level(out, &m->top, "", now);
  return 0;
}

static int monitor_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  IPRateMonitor *m = (IPRateMonitor *)e;
  (void)h, (void)value, (void)errs;
  level_empty(m, &m->top);
  m->reset_at = rate_step(m);
  return 0;
}

static int monitor_memmax(Element *e, const Handler *h, const char *value, Errors *errs) {
  IPRateMonitor *m = (IPRateMonitor *)e;
  uint64_t kb;
  (void)h;
  if (!parse_u64(value, &kb) || kb > UINT32_MAX)
    return error(errs, "expected a number of KB, not '%s'", value);
  if (kb && kb < LEAST_MEMORY) kb = LEAST_MEMORY;
  m->memmax = kb * 1024;
  int64_t thresh = m->thresh, more = thresh / 5 > 0 ? thresh / 5 : 1;
  for (; m->memmax && m->used > m->memmax && m->oldest != m->youngest && thresh < INT32_MAX; more *= 2) {
    fold(m, (int32_t)thresh);
    thresh += more;
  }
  return 0;
}

static int monitor_anno_level(Element *e, const Handler *h, const char *value, Errors *errs) {
  IPRateMonitor *m = (IPRateMonitor *)e;
  char *words[8];
  (void)h;
  uint32_t addr;
  uint64_t level, seconds;
  unsigned n = strchr(value, ',') ? split_args(value, words, countof(words))
                                  : split_words(value, words, countof(words));
  bool ok = n == 3 && arg_parse_ip(e, words[0], &addr) && parse_u64(words[1], &level) && level < 4 &&
            parse_u64(words[2], &seconds) && seconds > 0 && seconds < INT32_MAX;
  for (unsigned i = 0; i < n && i < countof(words); i++) mem_free(words[i]);
  if (!ok) return error(errs, "expected 'IP LEVEL SECONDS', LEVEL from 0 to 3, not '%s'", value);
  addr = be32(addr);
  RateLevel *l = &m->top;
  for (int shift = 24; l && shift >= 0; shift -= 8, level--) {
    RateCounter *c = l->counters[(addr >> shift) & 255];
    if (!c) break;
    if (!level) {
      c->stays_until = rate_step(m) + (uint32_t)seconds * STEPS_A_SECOND;
      if (c->next) level_free(m, c->next);
      break;
    }
    l = c->next;
  }
  return 0;
}

ELEMENT(IPRateMonitor, .ports = "1-2/1-2", .push = monitor_push, .pull = monitor_pull,
        .configure = monitor_configure, .initialize = monitor_initialize, .cleanup = monitor_cleanup,
        .args = ARGS(ARG_MUST(IPRateMonitor, WORD, "TYPE", type),
                     ARG_MUST(IPRateMonitor, CUSTOM, "RATIO", ratio, .parse = parse_ratio),
                     ARG_MUST(IPRateMonitor, I32, "THRESH", thresh),
                     ARG_POS(IPRateMonitor, U32, "MEMORY", memory_kb, "0"),
                     ARG_POS(IPRateMonitor, BOOL, "ANNO", anno, "true")),
        .handlers = HANDLERS(READ_FIELD(IPRateMonitor, I32, "thresh", thresh), READ_FN("look", monitor_look),
                             READ_FIELD(IPRateMonitor, U64, "mem", used),
                             RW_FIELD(IPRateMonitor, U64, "memmax", memmax, .write = monitor_memmax),
                             WRITE_FN("anno_level", monitor_anno_level),
                             WRITE_FN("reset", monitor_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON)));
