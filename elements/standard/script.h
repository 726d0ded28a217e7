/* script.h: what the parts of Script share: script.c (configuration, handlers), script_run.c (instructions),
 * script_functions.c (arithmetic and the other function handlers), script_text.c (substitution) and, on
 * hosts, userlevel/script_host.c (files and signals). */
#ifndef CLICKLET_SCRIPT_H
#define CLICKLET_SCRIPT_H
#include <clicklet/element.h>
#include <clicklet/engine.h>
#include <clicklet/platform.h>

typedef enum ScriptType {
  SCRIPT_UNSET,
  SCRIPT_ACTIVE,
  SCRIPT_DRIVER,
  SCRIPT_SIGNAL,
  SCRIPT_PASSIVE,
  SCRIPT_PROXY,
  SCRIPT_PACKET
} ScriptType;

typedef enum ScriptOp {
  OP_START, /* in front of a script that does not begin with a blocking instruction */
  OP_PAUSE,
  OP_WAIT,
  OP_PRINT,
  OP_SAVE,
  OP_APPEND,
  OP_READ,
  OP_WRITE,
  OP_SET,
  OP_INIT,
  OP_EXPORT,
  OP_LABEL,
  OP_GOTO,
  OP_RETURN,
  OP_END,
  OP_EXIT,
  OP_STOP,
  OP_ERROR, /* these end a script, and are labels that goto knows */
} ScriptOp;

typedef struct Instruction {
  ScriptOp op, jump_op; /* goto: the ending it stands for, OP_GOTO if it goes to an instruction */
  bool unquote, newline;
  int target;           /* goto: instruction; set, init, export, return: variable */
  uint32_t count, done; /* pause: steps asked for and seen; start: count is 1 until it was run */
  char *text;
} Instruction;

typedef struct ScriptVariable {
  char *name;
  Text value;
} ScriptVariable;

/* A handler that only this script has: an exported variable, or a name that a PROXY script was asked for. */
typedef struct ScriptHandler {
  Handler handler;
  char *name;
  struct ScriptHandler *next;
} ScriptHandler;

typedef struct Script {
  Element base;
  char *type_text;
  ScriptType type;
  Instruction *code;
  unsigned ncode, code_capacity;
  ScriptVariable *vars;
  unsigned nvars;
  unsigned position;
  int steps;        /* blocking instructions passed so far */
  int write_status; /* $? */
  int *pending;     /* while a handler runs the script: steps asked for from within */
  Timer timer;
  const char *run_name; /* $0 */
  Text run_args;        /* $args */
  bool run_write;       /* $write */
  ScriptHandler *handlers;
  uint64_t signals; /* bit n: signal n */
  int signal_fd;
} Script;
typedef Script DriverManager;

/* Why the script goes on. */
typedef enum StepKind { STEP_NORMAL, STEP_ROUTER, STEP_TIMER, STEP_JUMP } StepKind;

/* Where messages go: to the caller of a handler, or, with `show`, to the terminal, under one heading if
 * `heading`. */
typedef struct ScriptReport {
  Errors *errs;
  bool show, heading;
  bool indent; /* the heading was printed */
} ScriptReport;

enum { SCRIPT_MAX_JUMPS = 1000 };

/* script.c */
int script_variable(Script *s, const char *name, bool add); /* index, or -1 */
int script_label(const Script *s, const char *name,
                 ScriptOp *op); /* instruction, -1 with *op an ending, or -2 */
int script_configure(Element *e, const Args *args, Errors *errs);
int script_initialize(Element *e, Errors *errs);
void script_cleanup(Element *e);
void script_push(Element *e, int port, Packet **p, unsigned n);
unsigned script_pull(Element *e, int port, Packet **p, unsigned max);
void script_timer(Element *e, Timer *t);
void script_selected(Element *e, int fd, bool readable, bool writable);
unsigned script_batch_cap(Element *e);
const Handler *script_extra_handler(Element *e, const char *name, unsigned index);
extern const Handler script_handlers[];

/* script_run.c */
int script_step(Script *s, int nsteps, StepKind kind, int jumps, ScriptReport *report);
int script_finish(Script *s, Text *result); /* -1 error, 1 stop, else 0; *result: what was returned */
int script_run(Script *s, const char *name, const char *args, bool write, Text *result,
               Errors *errs); /* from the first instruction */
int script_run_step(Script *s, int nsteps, StepKind kind, ScriptReport *report); /* from where it is */
void script_report(Script *s, ScriptReport *report, Errors *from);

/* script_text.c */
void script_expand(Script *s, const char *text, bool quote_values, Text *out, Errors *errs);
void script_quote(const char *s, size_t n, Text *out); /* always quoted, binary bytes as octal */
bool script_word(const char **s, Text *word); /* takes the next word, quotes kept; false at the end */
void script_unquote(Text *t);                 /* in place */
/* Finds a handler of this script's scope, its own without the element's name. *e NULL and h NULL with true:
 * one of the router's own. False with an error reported. */
bool script_find_handler(Script *s, const char *name, bool write, Element **e, const Handler **h,
                         Errors *errs);
bool script_router_has(Router *r, const char *name,
                       bool write); /* whether the router itself has that handler */
int script_call_read(Script *s, const char *call, bool unquote, Text *out, Errors *errs);

/* script_functions.c */
int script_function(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int script_variable_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs);
int script_variable_write(Element *e, const Handler *h, const char *value, Errors *errs);
// clang-format off
#define SCRIPT_FUNCTIONS(X)                                                                                  \
  X(add)                                                                                                     \
  X(sub)                                                                                                     \
  X(min)                                                                                                     \
  X(max) X(mul) X(div) X(idiv) X(mod) X(rem) X(neg) X(abs) X(eq) X(ne) X(gt) X(ge) X(lt) X(le) X(not )       \
      X(sprintf) X(first) X(random) X(and) X(or) X(nand) X(nor) X(if) X(in) X(readable) X(writable)          \
          X(length) X(unquote) X(htons) X(htonl) X(ntohs) X(ntohl)
// clang-format on
#define SCRIPT_FUNCTION_ENUM(f) SCRIPT_FN_##f,
enum { SCRIPT_FUNCTIONS(SCRIPT_FUNCTION_ENUM) SCRIPT_FN_now, SCRIPT_FN_cat, SCRIPT_FN_catq, SCRIPT_FN_kill };

/* What only a host has; NULL elsewhere. userlevel/script_host.c defines them. */
__attribute__((weak)) int script_host_write_file(const char *name, bool append, const char *s, size_t n,
                                                 Errors *errs);
__attribute__((weak)) int script_host_read_file(const char *name, Text *out, Errors *errs);
__attribute__((weak)) int script_host_kill(int64_t pid, int signal, Errors *errs);
__attribute__((weak)) int64_t script_host_pid(void);
__attribute__((weak)) int script_host_signal(const char *name);       /* number, or -1 */
__attribute__((weak)) int script_host_watch(Script *s, Errors *errs); /* s->signals; sets s->signal_fd */
__attribute__((weak)) void script_host_unwatch(Script *s);
__attribute__((weak)) uint64_t script_host_caught(Script *s); /* the signals that came */

#endif
