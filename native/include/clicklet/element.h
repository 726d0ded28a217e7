/* element.h: the element contract. One element is one C file: documentation, state, action, arguments,
 * handlers, registration last. See elements/ip/decipttl.c for the shape.
 *
 * An element whose work is "look at a packet, perhaps change it, choose an output" writes one function, its
 * action, and registers it with ACTION(). The dynamic engine wraps the action in a loop over a batch, for
 * push and for pull; the fused engine inlines it. Elements that hold, make or merge packets implement push
 * and pull themselves.
 *
 * Ownership: a packet given to push is the element's; a packet returned by pull is the caller's. An action
 * owns its packet only if it returns PACKET_KEPT.
 */
#ifndef CLICKLET_ELEMENT_H
#define CLICKLET_ELEMENT_H
#include <clicklet/packet.h>
#include <clicklet/text.h>

#define BATCH_MAX 64 /* packets in one batch at most */

typedef struct Element Element;
typedef struct ElementClass ElementClass;
typedef struct Router Router;
typedef struct Engine Engine;
typedef struct Task Task;
typedef struct Timer Timer;
typedef struct Signal Signal;
typedef struct Errors Errors;
typedef struct Args Args;

/* What an action returns instead of an output port. */
enum { PACKET_DROP = -1, PACKET_KEPT = -2, PACKET_RARE = -3 /* fused units only: see ACTION_RARE */ };

/* In an action, before it has changed anything: what follows handles the packet either way, but where this
 * holds, seldom. A fused unit then hands the packet over to the dynamic engine, so that on the way that
 * packets usually go nothing has to be asked or loaded again. */
#ifdef CLICKLET_FUSED
#define ACTION_RARE(condition)                                                                               \
  do                                                                                                         \
    if (unlikely(condition)) return PACKET_RARE;                                                             \
  while (0)
#else
#define ACTION_RARE(condition) ((void)0)
#endif

typedef void (*PushFn)(Element *e, int port, Packet **p, unsigned n);
typedef unsigned (*PullFn)(Element *e, int port, Packet **p, unsigned max);

/* The far end of a connection. An unconnected port points at an element that drops (push) or has nothing
 * (pull). */
typedef struct Port {
  Element *element;
  int port;
  union {
    PushFn push;
    PullFn pull;
  };
} Port;

/* With several engine threads every thread has a router of all elements, of which most are elsewhere. */
enum {
  ELEMENT_REMOTE = 1, /* another thread's: here it is only a name, neither configured nor initialised */
  ELEMENT_COPIED = 2, /* several threads have one of their own */
};

struct Element {
  const ElementClass *class;
  Router *router;
  Port *outputs, *inputs; /* valid where the output is push, the input is pull */
  uint16_t ninputs, noutputs;
  uint16_t index;                          /* in the router */
  uint16_t flags;                          /* ELEMENT_* */
  const uint8_t *input_pull, *output_pull; /* per port: 1 pull, 0 push */
  const char *name;                        /* full, with slashes */
  const char *landmark;                    /* "file:line" */
};

/* ---- Errors: collected with element and argument, formatted by whoever shows them
 * ------------------------------- */

/* Always returns -1. Not "error" to the linker: libc has one too, which a fused unit would find first. */
int error(Errors *errs, const char *format, ...) __asm__("element_error") printf_like(2, 3);
int arg_error(Errors *errs, int arg_index, const char *format, ...) printf_like(3, 4); /* always returns -1 */
void warning(Errors *errs, const char *format, ...) printf_like(2, 3);
bool errors_any(const Errors *errs);
/* A message while running (stderr, or the guest's console), prefixed by the element's name as in the
 * reference. */
void chatter(const Element *e, const char *format, ...) printf_like(2, 3);

/* ---- Arguments
 * ------------------------------------------------------------------------------------------------- */

typedef enum ArgType {
  ARG_BOOL, /* bool */
  ARG_I32,
  ARG_U8,
  ARG_U16,
  ARG_U32,
  ARG_I64,
  ARG_U64,
  ARG_F64,
  ARG_WORD,      /* char *: one unquoted word */
  ARG_STRING,    /* char *: any text, unquoted; a length in the uint32_t behind it is not kept: NUL ends it */
  ARG_RAW,       /* char *: the argument's text as written */
  ARG_FILENAME,  /* char * */
  ARG_IP,        /* uint32_t, network order; names from AddressInfo allowed, as for the next six */
  ARG_IP_PREFIX, /* IPPrefix: A.B.C.D/len, /mask */
  ARG_IP_OR_PREFIX, /* IPPrefix: the same or a bare address (mask all ones) */
  ARG_IP6,
  ARG_IP6_PREFIX,  /* uint8_t[16]; IP6Prefix */
  ARG_ETHER,       /* uint8_t[6] */
  ARG_ANNO,        /* int: offset; .min holds the size in bytes that the annotation must have */
  ARG_INTERVAL,    /* int64_t ns; a bare number is seconds */
  ARG_TIMESTAMP,   /* int64_t ns since the epoch */
  ARG_BANDWIDTH,   /* uint64_t bytes/s; a bare number is bytes/s */
  ARG_PORT_NUMBER, /* uint16_t, host order: number or a name from PortInfo or the well-known services */
  ARG_IP_PROTO,    /* uint8_t: number or name */
  ARG_ELEMENT,     /* Element * */
  ARG_HANDLER,     /* char *: "HANDLER [VALUE]", for handler_call; it exists when initialize runs */
  ARG_CHOICE,      /* int: index into .choices */
  ARG_CUSTOM,      /* .parse decides */
  ARG_REST,        /* no field: all further positional arguments, read by configure from Args */
} ArgType;

enum { ARG_POSITIONAL = 1, ARG_MANDATORY = 2, ARG_DEPRECATED = 4, ARG_REPEATED = 8 };

typedef struct ArgSpec {
  const char *key; /* upper case */
  uint8_t type, flags;
  uint16_t size;              /* of the field */
  uint32_t offset;            /* of the field */
  const char *def;            /* default, as text; NULL: the field stays zero */
  double min, max;            /* inclusive limits where min < max; units of the field */
  const char *const *choices; /* ARG_CHOICE: NULL-terminated */
  int (*parse)(Element *e, const char *text, void *field, Errors *errs, int arg_index); /* ARG_CUSTOM */
  const char *field; /* the member's name */
  bool fixed;     /* nothing changes the field but configure: the fused engine may take it for a constant. For
                     unsigned integers and bool */
  uint32_t given; /* offset + 1 of a bool that records whether the argument was given, 0: none */
  const char *doc; /* one line, optional */
} ArgSpec;

/* Entries of an argument table. T: the element's type; field: its member; default as text. Further designated
 * members (.min = 1, .max = 9, .choices = ...) may follow. */
#define FIELD_OF(T, f) .offset = offsetof(T, f), .size = sizeof(((T *)0)->f)
#define ARG(T, kind, KEY, f, default_text, ...)                                                              \
  { .key = KEY, .type = ARG_##kind, FIELD_OF(T, f), .field = #f, .def = default_text, ##__VA_ARGS__ }
#define ARG_POS(T, kind, KEY, f, default_text, ...)                                                          \
  ARG(T, kind, KEY, f, default_text, .flags = ARG_POSITIONAL, ##__VA_ARGS__)
#define ARG_MUST(T, kind, KEY, f, ...)                                                                       \
  ARG(T, kind, KEY, f, NULL, .flags = ARG_POSITIONAL | ARG_MANDATORY, ##__VA_ARGS__)
#define ARG_KEY_MUST(T, kind, KEY, f, ...) ARG(T, kind, KEY, f, NULL, .flags = ARG_MANDATORY, ##__VA_ARGS__)
#define ARG_ALL_REST(KEY, ...)                                                                               \
  { .key = KEY, .type = ARG_REST, .flags = ARG_POSITIONAL, ##__VA_ARGS__ }
#define GIVEN(T, f) .given = offsetof(T, f) + 1
#define ARGS(...)                                                                                            \
  (const ArgSpec[]) {                                                                                        \
    __VA_ARGS__, { 0 }                                                                                       \
  }
#define NO_ARGS                                                                                              \
  (const ArgSpec[]) {                                                                                        \
    { 0 }                                                                                                    \
  }

typedef struct IPPrefix {
  uint32_t addr, mask;
} IPPrefix; /* network order */
typedef struct IP6Prefix {
  uint8_t addr[16];
  int len;
} IP6Prefix;

/* The arguments as configure sees them: those that no table entry took, in order (all of them for ARG_REST).
 * The table has been applied before configure runs. */
unsigned args_count(const Args *args);
const char *args_text(const Args *args, unsigned i); /* raw text, comments removed */
int args_index(const Args *args, unsigned i);        /* for arg_error */
/* The type parsers, with names resolved in the element's scope. */
bool arg_parse_ip(const Element *e, const char *s, uint32_t *out);
bool arg_parse_ip_prefix(const Element *e, const char *s, bool bare_ok, IPPrefix *out);
bool arg_parse_ip6(const Element *e, const char *s, uint8_t out[16]);
bool arg_parse_ip6_prefix(const Element *e, const char *s, IP6Prefix *out);
bool arg_parse_ether(const Element *e, const char *s, uint8_t out[6]);
bool arg_parse_port(const Element *e, int ip_proto, const char *s, uint16_t *out);
bool known_port(const char *name, uint16_t *out); /* ssh, https and the like, for TCP and UDP */
bool arg_parse_anno(const Element *e, const char *s, int size, int *out);
/* Applies a table to the words of a handler or to a list of argument texts. Returns 0, or -1 with errors
 * reported. */
int args_apply(Element *e, const ArgSpec *specs, char *const *texts, unsigned n, Errors *errs);

/* ---- Handlers
 * -------------------------------------------------------------------------------------------------- */

enum {
  HANDLER_READ = 1,
  HANDLER_WRITE = 2,
  HANDLER_PARAM = 4 /* read takes a parameter */,
  HANDLER_RAW = 8,
  HANDLER_CALM = 16,
  HANDLER_BUTTON = 32,
  HANDLER_CHECKBOX = 64,
  HANDLER_EXPENSIVE = 128,
  HANDLER_UNCOMMON = 256,
  HANDLER_NONEXCLUSIVE = 512,
  HANDLER_PRIVATE = 1024 /* not for control sockets */,
  HANDLER_SUM = 2048 /* of an element that each thread has its own of: a number, the sum of theirs */,
};
typedef struct Handler Handler;
struct Handler {
  const char *name;
  uint16_t flags;
  uint8_t type; /* ArgType for field handlers */
  uint16_t size;
  uint32_t offset;
  int (*read)(Element *e, const Handler *h, const char *param, Text *out, Errors *errs); /* 0 or -1 */
  int (*write)(Element *e, const Handler *h, const char *value, Errors *errs);           /* 0 or -1 */
  intptr_t data;
};
#define READ_FIELD(T, kind, NAME, f, ...)                                                                    \
  {                                                                                                          \
    .name = NAME, .flags = HANDLER_READ, .type = ARG_##kind, FIELD_OF(T, f), .read = handler_read_field,     \
    ##__VA_ARGS__                                                                                            \
  }
#define RW_FIELD(T, kind, NAME, f, ...)                                                                      \
  {                                                                                                          \
    .name = NAME, .flags = HANDLER_READ | HANDLER_WRITE, .type = ARG_##kind, FIELD_OF(T, f),                 \
    .read = handler_read_field, .write = handler_write_field, ##__VA_ARGS__                                  \
  }
#define WRITE_FIELD(T, kind, NAME, f, ...)                                                                   \
  {                                                                                                          \
    .name = NAME, .flags = HANDLER_WRITE, .type = ARG_##kind, FIELD_OF(T, f), .write = handler_write_field,  \
    ##__VA_ARGS__                                                                                            \
  }
#define READ_FN(NAME, fn, ...)                                                                               \
  { .name = NAME, .flags = HANDLER_READ, .read = fn, ##__VA_ARGS__ }
#define READ_PARAM_FN(NAME, fn, ...)                                                                         \
  { .name = NAME, .flags = HANDLER_READ | HANDLER_PARAM, .read = fn, ##__VA_ARGS__ }
#define WRITE_FN(NAME, fn, ...)                                                                              \
  { .name = NAME, .flags = HANDLER_WRITE, .write = fn, ##__VA_ARGS__ }
#define RW_FN(NAME, rfn, wfn, ...)                                                                           \
  { .name = NAME, .flags = HANDLER_READ | HANDLER_WRITE, .read = rfn, .write = wfn, ##__VA_ARGS__ }
#define HANDLERS(...)                                                                                        \
  (const Handler[]) {                                                                                        \
    __VA_ARGS__, { 0 }                                                                                       \
  }
int handler_read_field(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int handler_write_field(Element *e, const Handler *h, const char *value, Errors *errs);
/* Writes the argument of the same field into the configuration and reconfigures the element with it: for
 * handlers that change an argument of an element that can be reconfigured while it runs. "config" then shows
 * the change. */
int handler_write_keyword(Element *e, const Handler *h, const char *value, Errors *errs);
/* What "config" shows from now on, for elements that change their own configuration. */
void element_set_config(Element *e, const char *text);
/* The handlers of an element with a task in field f: scheduled, tickets, home_thread. */
#define TASK_HANDLERS(T, f)                                                                                  \
  RW_FN("scheduled", task_read_scheduled, task_write_scheduled, .data = offsetof(T, f)),                     \
      RW_FN("tickets", task_read_tickets, task_write_tickets, .data = offsetof(T, f)),                       \
      READ_FN("home_thread", task_read_thread, .data = offsetof(T, f))
int task_read_scheduled(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int task_write_scheduled(Element *e, const Handler *h, const char *value, Errors *errs);
int task_read_tickets(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int task_write_tickets(Element *e, const Handler *h, const char *value, Errors *errs);
int task_read_thread(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);

/* Calls a handler that handler_find has found, whatever thread has the element. 0 or -1. */
int handler_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int handler_write(Element *e, const Handler *h, const char *value, Errors *errs);
/* Calls "element.handler" (or a root handler) relative to the scope of `from`. Returns 0, or -1 with errors
 * reported. */
int handler_call_read(Router *r, const Element *from, const char *name, const char *param, Text *out,
                      Errors *errs);
int handler_call_write(Router *r, const Element *from, const char *name, const char *value, Errors *errs);
/* A call as arguments give it, "HANDLER [VALUE]", relative to the element: writes the handler. */
int handler_call(Element *from, const char *call, Errors *errs);
/* Whether there is a handler that such a call writes: 0, or -1 with errors reported. For initialize;
 * arguments of type HANDLER are checked in front of it. */
int handler_call_check(Element *from, const char *call, Errors *errs);
const Handler *handler_find(Router *r, const Element *from, const char *name,
                            Element **out_element); /* NULL if none */

/* ---- The class
 * ------------------------------------------------------------------------------------------------- */

enum { TARGET_HOST = 1, TARGET_GUEST = 2, TARGET_ALL = 3 };
/* Configure order: lower first. */
enum { PHASE_FIRST = 0, PHASE_INFO = 20, PHASE_PRIVILEGED = 90, PHASE_DEFAULT = 100, PHASE_LAST = 2000 };

struct ElementClass {
  const char *name;
  const char *file;       /* source, from __FILE__ */
  uint32_t size;          /* of the element's state */
  const char *ports;      /* port counts, as in the reference: "1/1-2" */
  const char *processing; /* "a/ah"; default "a/a" */
  const char *flow;       /* "x/x" default */
  const char *flags;      /* "S0" etc. */
  const char *aliases;    /* other class names of the same element, space separated */
  uint8_t targets;        /* default TARGET_ALL */
  bool ordered; /* its side effects show the order of packets (Print, dumps): the router then keeps batches of
                   1 */
  int phase;    /* configure order; 0 means PHASE_DEFAULT unless phase_set */
  const ArgSpec *args; /* NULL: everything goes to configure */
  const Handler *handlers;
  const char *action_name;           /* the action's C name, for the fused engine; NULL if none */
  int (*act)(Element *e, Packet *p); /* the action itself */
  /* Writes the body of an action `int (T *e, Packet *p)` for what this element was configured to, for the
   * fused engine: C that may call what its source file defines. What can change while the router runs must be
   * asked there. False: the action is as good. */
  bool (*specialise)(Element *e, Text *out);
  /* Each engine thread may have its own of it: what it keeps, beside its configuration, is counts. */
  bool per_thread;
  /* It looks at elements around it, as at queues: they must be on its thread. */
  bool looks_around;
  /* It uses elements that its arguments name, other than by their handlers: the same holds for them. An
   * argument of type ELEMENT says so, too. */
  bool names_elements;
  bool batched; /* push hides latency over a batch: the fused engine gathers one, unless it has `specialise`d
                 */

  PushFn push;
  PullFn pull;
  int (*configure)(Element *e, const Args *args, Errors *errs); /* after the table was applied */
  int (*initialize)(Element *e, Errors *errs);  /* all elements are configured and connected */
  void (*cleanup)(Element *e);                  /* also after a failed configure */
  bool (*can_live_reconfigure)(Element *e);     /* "config" may be written while running */
  void (*take_state)(Element *e, Element *old); /* hot swap, from an element of same name and class */
  bool (*run_task)(Element *e, Task *t);        /* true if it did work */
  void (*run_timer)(Element *e, Timer *t);
  void (*selected)(Element *e, int fd, bool readable, bool writable);
  Signal *(*notifier)(Element *e, bool full,
                      int port);     /* its empty (full: full) notifier for that port or NULL */
  unsigned (*batch_cap)(Element *e); /* batches larger than this would change what it does (a short queue) */
  void *(*cast)(Element *e, const char *name); /* services to other elements, by name; NULL if none */
  /* Handlers that only this element has: the one of that name, or with name NULL the index-th; NULL if none.
   */
  const Handler *(*extra_handler)(Element *e, const char *name, unsigned index);
};

/* Every class is in the linker section "clicklet_elements"; the host and the guest list them from there. With
 * its name, so that a search touches few pages: a guest pays for each. */
typedef struct ElementEntry {
  const ElementClass *class;
  char name[24];
} ElementEntry;

#ifdef CLICKLET_FUSED
/* In a fused unit a class is where its functions are found by name; what is not used disappears. */
#define ELEMENT(T, ...)                                                                                      \
  __attribute__((unused)) static const ElementClass element_class_##T = {.name = #T, __VA_ARGS__}
#else
#define ELEMENT(T, ...)                                                                                      \
  const ElementClass element_class_##T = {.name = #T,                                                        \
                                          .file = __FILE__,                                                  \
                                          .size = sizeof(T),                                                 \
                                          .processing = "a/a",                                               \
                                          .flow = "x/x",                                                     \
                                          .flags = "",                                                       \
                                          .targets = TARGET_ALL,                                             \
                                          __VA_ARGS__};                                                      \
  _Static_assert(sizeof #T <= sizeof((ElementEntry *)0)->name, "the name is too long");                      \
  __attribute__((section("clicklet_elements"), used,                                                         \
                 aligned(8))) static const ElementEntry element_entry_##T = {&element_class_##T, #T}
#endif

/* Wraps an action `static inline int fn(T *e, Packet *p)` into push and pull for the dynamic engine. Place it
 * in front of ELEMENT and name USE_ACTION(T, fn) among ELEMENT's members. */
#define ACTION(T, fn)                                                                                        \
  always_inline int fn##_any(Element *e, Packet *p) { return fn((T *)e, p); }                                \
  ACTION_ALONE(T, fn)                                                                                        \
  static void fn##_push(Element *e, int port, Packet **p, unsigned n) {                                      \
    (void)port;                                                                                              \
    action_push(e, p, n, fn##_any);                                                                          \
  }                                                                                                          \
  static unsigned fn##_pull(Element *e, int port, Packet **p, unsigned max) {                                \
    (void)port;                                                                                              \
    return action_pull(e, p, max, fn##_any);                                                                 \
  }
#define USE_ACTION(T, fn) .push = fn##_push, .pull = fn##_pull, USE_ACTION_ALONE(fn)
/* The same for a class that has its own push and pull. */
#define ACTION_ALONE(T, fn)                                                                                  \
  static int fn##_act(Element *e, Packet *p) { return fn((T *)e, p); }
#define USE_ACTION_ALONE(fn) .act = fn##_act, .action_name = #fn

/* ---- Moving packets
 * -------------------------------------------------------------------------------------------- */

#ifdef CLICKLET_GUEST
/* What runs now, so that the kernel can name the element in which a fault happened. */
extern const Element *volatile running_element;
#define ENTER_ELEMENT(e)                                                                                     \
  const Element *entered_from_ = running_element;                                                            \
  running_element = (e)
#define LEAVE_ELEMENT() running_element = entered_from_
#else
#define ENTER_ELEMENT(e) ((void)0)
#define LEAVE_ELEMENT() ((void)0)
#endif

always_inline void free_batch(Packet **p, unsigned n) {
  bool ordinary = true;
  for (unsigned i = 0; i < n; i++) ordinary &= packet_is_ordinary(p[i]);
  if (likely(ordinary))
    packet_free_ordinary(p, n);
  else
    for (unsigned i = 0; i < n; i++) packet_free(p[i]);
}

/* Pushes n >= 1 packets (at most BATCH_MAX) to an output. The array is the callee's to overwrite. A port that
 * does not exist drops them. */
always_inline void output_push_batch(Element *e, int port, Packet **p, unsigned n) {
  if (unlikely((unsigned)port >= e->noutputs)) {
    free_batch(p, n);
    return;
  }
  const Port *o = &e->outputs[port];
  ENTER_ELEMENT(o->element);
  o->push(o->element, o->port, p, n);
  LEAVE_ELEMENT();
}
always_inline void output_push(Element *e, int port, Packet *p) { output_push_batch(e, port, &p, 1); }
/* Pulls up to max packets (at most BATCH_MAX, and at most the router's batch limit: see batch_limit). */
always_inline unsigned input_pull_batch(Element *e, int port, Packet **p, unsigned max) {
  const Port *i = &e->inputs[port];
  ENTER_ELEMENT(i->element);
  unsigned n = i->pull(i->element, i->port, p, max);
  LEAVE_ELEMENT();
  return n;
}
always_inline Packet *input_pull(Element *e, int port) {
  Packet *p;
  return input_pull_batch(e, port, &p, 1) ? p : NULL;
}
always_inline bool output_is_push(const Element *e, int port) {
  return (unsigned)port < e->noutputs && !e->output_pull[port];
}
always_inline bool input_is_pull(const Element *e, int port) {
  return (unsigned)port < e->ninputs && e->input_pull[port];
}

/* Packets that a task may move in one go: 1 where the order of packets must be the reference's, else up to
 * BATCH_MAX. */
unsigned batch_limit(const Element *e);

void scatter(Element *e, Packet **p, const int16_t *outs,
             unsigned n); /* groups by output, in order of first appearance */

always_inline void action_push(Element *e, Packet **p, unsigned n, int (*fn)(Element *, Packet *)) {
  if (n == 1) {
    int o = fn(e, p[0]);
    if (likely(o >= 0))
      output_push_batch(e, o, p, 1);
    else if (o == PACKET_DROP)
      packet_free(p[0]);
    return;
  }
  int16_t outs[BATCH_MAX];
  int first = outs[0] = (int16_t)fn(e, p[0]), mixed = 0;
  for (unsigned i = 1; i < n; i++) {
    int o = fn(e, p[i]);
    outs[i] = (int16_t)o;
    mixed |= o ^ first;
  }
  if (likely(!mixed && first >= 0))
    output_push_batch(e, first, p, n);
  else
    scatter(e, p, outs, n);
}

/* Pull through an action: packets for output 0 are returned, others are pushed out where they belong. Returns
 * fewer than max, perhaps none, when input packets were diverted. */
always_inline unsigned action_pull(Element *e, Packet **p, unsigned max, int (*fn)(Element *, Packet *)) {
  unsigned n = input_pull_batch(e, 0, p, max), kept = 0;
  for (unsigned i = 0; i < n; i++) {
    int o = fn(e, p[i]);
    if (likely(o == 0))
      p[kept++] = p[i];
    else if (o > 0)
      output_push(e, o, p[i]);
    else if (o == PACKET_DROP)
      packet_free(p[i]);
  }
  return kept;
}

/* ---- Tasks, timers, time, selects
 * ------------------------------------------------------------------------------- */

/* A task runs when it is scheduled; it is descheduled before each run and reschedules itself to run again.
 * Tasks share the thread by stride scheduling in proportion to their tickets. */
struct Task {
  Element *element;
  uint64_t pass;
  uint64_t order; /* ties run first in, first out */
  uint32_t stride;
  int32_t tickets;        /* 1...32768, 1024 at first */
  int32_t heap;           /* place in the run queue, -1: not scheduled */
  bool strong_stop;       /* strongly unscheduled: wakes are ignored until scheduled by hand */
  uint32_t runs_per_call; /* reserved */
  Task *next_of_router;
};
void task_init(Task *t, Element *e, bool schedule); /* in initialize */
void task_schedule(Task *t);                        /* "reschedule": also the wake of a notifier */
void task_unschedule(Task *t);
void task_stop(Task *t); /* strong unschedule */
always_inline bool task_scheduled(const Task *t) { return t->heap >= 0; }
void task_set_tickets(Task *t, int tickets);

struct Timer {
  Element *element;
  int64_t expiry; /* steady clock, ns */
  uint64_t order;
  int32_t heap;           /* -1: not scheduled */
  void (*fire)(Timer *t); /* default: the class's run_timer */
  void *data;
};
void timer_init(Timer *t, Element *e);
void timer_at(Timer *t, int64_t steady_ns);
void timer_after(Timer *t, int64_t ns);        /* from now */
void timer_after_expiry(Timer *t, int64_t ns); /* from its last expiry: periodic without drift */
void timer_cancel(Timer *t);
always_inline bool timer_scheduled(const Timer *t) { return t->heap >= 0; }

/* Clocks in ns. Under simulated time both advance 1 ns a read and jump to the next timer when nothing can
 * run. */
int64_t time_now(const Element *e);    /* since the epoch */
int64_t time_steady(const Element *e); /* monotonic */
/* The time at the beginning of this round of the driver: no clock read; for coarse uses on the data path. */
int64_t time_recent(const Element *e);

/* Host only: calls class->selected when fd can be read or written. */
void select_add(Element *e, int fd, bool read, bool write);
void select_remove(Element *e, int fd, bool read, bool write);

/* ---- Notifiers
 * -------------------------------------------------------------------------------------------------- */

/* A signal says whether packets may be there (empty notifier) or room may be there (full notifier). Listeners
 * are tasks that sleep while it is off. */
struct Signal {
  bool active;
  uint32_t room; /* full notifiers: packets that still fit, so that a batch need not overrun it; 0: unknown */
  Task **listeners;
  uint16_t nlisteners;
};
/* What a pull input (or push output) depends on: active if any signal is. */
typedef struct SignalSet {
  Signal **signals;
  uint16_t n;
  bool always; /* some path has no notifier: always active */
} SignalSet;
void signal_wake(Signal *s); /* off -> on: schedules listeners */
always_inline void signal_set(Signal *s, bool active) {
  if (s->active != active) {
    if (active)
      signal_wake(s);
    else
      s->active = false;
  }
}
/* In initialize: the empty notifiers upstream of a pull input; the full notifiers downstream of a push
 * output. The task is added to their listeners if not NULL. */
void upstream_signals(Element *e, int input, Task *listener, SignalSet *out);
void downstream_signals(Element *e, int output, Task *listener, SignalSet *out);
always_inline bool signals_active(const SignalSet *s) {
  if (s->always) return true;
  for (unsigned i = 0; i < s->n; i++)
    if (s->signals[i]->active) return true;
  return false;
}
/* The packets that a source may push downstream at once: at least 1, at most max, less where an active signal
 * says so. */
static inline unsigned signals_room(const SignalSet *s, unsigned max) {
  for (unsigned i = 0; i < s->n; i++)
    if (s->signals[i]->active && s->signals[i]->room && s->signals[i]->room < max) max = s->signals[i]->room;
  return max;
}
void signal_cleanup(Signal *s);
void signals_cleanup(SignalSet *s);

/* ---- Router and engine
 * ------------------------------------------------------------------------------------------ */

unsigned thread_count(const Element *e); /* engine threads, of which one has the element */
unsigned router_count(const Router *r);
Element *router_element(const Router *r, unsigned index);
Element *router_find(const Router *r, const Element *scope, const char *name); /* innermost scope first */
/* The element of the running router that `e`, of a new one, will take the place of: same name, same class.
 * NULL for none, and once it is done. */
Element *element_replaced(const Element *e);
void *element_cast(Element *e, const char *name); /* class->cast, and the class's own name */
/* Names (AddressInfo and such): kinds "ip" "ip6" "eth" "port"...; scope is the defining element's compound.
 */
enum {
  NAME_IP = 1,
  NAME_IP_PREFIX,
  NAME_IP6,
  NAME_IP6_PREFIX,
  NAME_ETHER,
  NAME_TCP_PORT,
  NAME_UDP_PORT,
  NAME_ANNO,
  NAME_IP_PROTO
};
bool name_define(Element *scope, int kind, const char *name, const void *value, size_t size);
bool name_query(const Element *scope, int kind, const char *name, void *value, size_t size);
/* Asks the driver to stop: as the reference's please_stop_driver. */
void router_stop(Router *r);
/* DriverManager and Script take part in deciding what a stop means. Called with each stop; returns false to
 * go on. */
void router_set_driver_hook(Router *r, Element *e, bool (*hook)(Element *e));
int router_runcount(const Router *r);
void router_adjust_runcount(Router *r, int delta);
uint32_t random_u32(const Element *e);
uint32_t random_uniform(const Element *e, uint32_t n); /* 0 ... n - 1; 0 for n 0 */
void random_seed(const Element *e, uint32_t seed);

/* Memory: zeroed; NULL when out. For configuration time and tables, never per packet. */
void *mem_alloc(size_t size);
void *mem_resize(void *p, size_t old_size, size_t size);
void mem_free(void *p);
char *mem_string(const char *s, size_t n);

#endif
