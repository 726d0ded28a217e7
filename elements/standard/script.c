/** Script: runs a small program that reads and writes handlers.
 *
 * Synopsis: `Script(INSTRUCTION, ..., [<keywords> TYPE])`
 *
 * Each argument is one instruction; they run in order.
 *
 * - `set VAR TEXT`, `init VAR TEXT` (once, when the router starts), `export VAR [TEXT]` (as init, and VAR
 * becomes a read handler of the script). `setq`, `initq` and `exportq` also remove one layer of quotes.
 * - `print [>FILE|>>FILE] TEXT|HANDLER`: a text that begins with a letter, `@` or `_` is a read handler whose
 * value is printed; other text is unquoted. `printn`: no newline. `printq`, `printnq`: unquote the handler's
 * parameter. `save HANDLER [FILE]`, `append HANDLER [FILE]`: a handler's value to a file.
 * - `read HANDLER [PARAM]`: name and value to standard error. `write HANDLER [VALUE]`: `$?` is its status,
 * negative if it failed. `readq` and `writeq` unquote what follows the name.
 * - `wait TIME`, `wait_time TIME`, `wait_for TIME`: until the time has passed or the script is stepped.
 * `pause [N]`, `wait_step [N]`, `wait_stop [N]`, `wait`: until it was stepped N times.
 * - `label NAME`, `goto NAME [CONDITION]`, `loop`. `goto` also knows `begin`, `loop`, `end`, `exit`, `stop`,
 * `error`.
 * - `end`; `exit`; `stop` (asks the driver to stop); `return [TEXT]`, `returnq`; `error [TEXT]`, `errorq`.
 *
 * Texts may contain `$var`, `${var}` and `$(handler param)`, which nest; an unknown name stays as it is.
 * Predefined are
 * `$?`, `$$`, and in handlers `$args`, `$1`, `$2`, ..., `$#`, `$0` and `$write`; in PACKET scripts `$input`.
 * The file name behind `>` is substituted and unquoted too (the reference takes it as written).
 *
 * Arguments: TYPE: ACTIVE (runs when the router starts; default without ports), PASSIVE (runs when `run` is
 * called), DRIVER (runs, and decides what a stop of the driver means: each stop steps it), PACKET or PUSH
 * (runs for each packet; what it returns is the output port, none drops; default with ports), PROXY (runs for
 * any handler, `$0` is its name), SIGNAL SIGNO... (runs when the process gets one of the signals; on hosts).
 *
 * Handlers: `run` (read with parameters, write), `step` (write): past blocking instructions. `goto` (write).
 * Functions, all read with parameters: `add` `sub` `mul` `div` `idiv` `mod` `rem` `min` `max` `neg` `abs`;
 * `eq` `ne` `lt` `gt` `le` `ge` (numbers, else text); `not` `and` `or` `nand` `nor` `if` `in`; `first`
 * `length` `unquote` `sprintf` `random` `now`; `readable` `writable` (handler names); `htons` `htonl` `ntohs`
 * `ntohl`; `get` VAR, `set` VAR VALUE (write), `shift` [VAR]; and on hosts `cat` FILE, `catq` FILE, `kill`
 * SIGNAL PID....
 *
 * Unlike in the reference, `goto stop` in an active script stops the driver, `random N` works, `mod` and
 * `idiv` by zero are errors, and `save` may run more than once.
 *
 * Example: `Script(set x 0, label again, print $x, set x $(add $x 1), goto again $(lt $x 5), stop);`
 */
#include "script.h"

int script_variable(Script *s, const char *name, bool add) {
  for (unsigned i = 0; i < s->nvars; i++)
    if (!strcmp(s->vars[i].name, name)) return (int)i;
  if (!add) return -1;
  ScriptVariable *v = mem_resize(s->vars, s->nvars * sizeof *v, (s->nvars + 1) * sizeof *v);
  char *copy = v ? mem_string(name, strlen(name)) : NULL;
  if (v) s->vars = v;
  if (!copy) return -1;
  v[s->nvars] = (ScriptVariable){.name = copy};
  return (int)s->nvars++;
}

static const struct {
  const char *name;
  ScriptOp op;
  bool unquote, newline;
} instructions[] = {{"append", OP_APPEND, .newline = true},
                    {"end", OP_END},
                    {"error", OP_ERROR},
                    {"errorq", OP_ERROR, .unquote = true},
                    {"exit", OP_EXIT},
                    {"export", OP_EXPORT},
                    {"exportq", OP_EXPORT, .unquote = true},
                    {"goto", OP_GOTO},
                    {"init", OP_INIT},
                    {"initq", OP_INIT, .unquote = true},
                    {"label", OP_LABEL},
                    {"loop", OP_GOTO},
                    {"pause", OP_PAUSE},
                    {"print", OP_PRINT, .newline = true},
                    {"printn", OP_PRINT},
                    {"printnq", OP_PRINT, .unquote = true},
                    {"printq", OP_PRINT, .unquote = true, .newline = true},
                    {"read", OP_READ},
                    {"readq", OP_READ, .unquote = true},
                    {"return", OP_RETURN},
                    {"returnq", OP_RETURN, .unquote = true},
                    {"save", OP_SAVE, .newline = true},
                    {"set", OP_SET},
                    {"setq", OP_SET, .unquote = true},
                    {"stop", OP_STOP},
                    {"wait", OP_WAIT},
                    {"wait_for", OP_WAIT},
                    {"wait_step", OP_PAUSE},
                    {"wait_stop", OP_PAUSE},
                    {"wait_time", OP_WAIT},
                    {"write", OP_WRITE},
                    {"writeq", OP_WRITE, .unquote = true}};

int script_label(const Script *s, const char *name, ScriptOp *op) {
  for (unsigned i = 0; i < s->ncode; i++)
    if (s->code[i].op == OP_LABEL && !strcmp(s->code[i].text, name)) return (int)i;
  for (unsigned i = 0; i < countof(instructions); i++)
    if (instructions[i].op >= OP_END && !strcmp(instructions[i].name, name))
      return *op = instructions[i].op, -1;
  return !strcmp(name, "begin") || !strcmp(name, "loop") ? 0 : -2;
}

static Instruction *add_code(Script *s, ScriptOp op, const char *text) {
  if (!s->ncode && op != OP_START && op != OP_PAUSE && op != OP_WAIT && !add_code(s, OP_START, ""))
    return NULL;
  if (s->ncode == s->code_capacity) {
    unsigned capacity = s->code_capacity ? 2 * s->code_capacity : 16;
    Instruction *code = mem_resize(s->code, s->code_capacity * sizeof *code, capacity * sizeof *code);
    if (!code) return NULL;
    s->code = code;
    s->code_capacity = capacity;
  }
  Instruction *in = &s->code[s->ncode];
  *in = (Instruction){.op = op, .jump_op = OP_GOTO, .text = mem_string(text, strlen(text))};
  return in->text ? (s->ncode++, in) : NULL;
}

/* Reads one argument. */
static int add_instruction(Script *s, const char *text, int arg, Errors *errs) {
  Text word = {0}, name = {0};
  int rc = 0;
  if (!script_word(&text, &name)) goto done; /* an empty argument */
  unsigned k = 0;
  while (k < countof(instructions) && strcmp(instructions[k].name, text_cstr(&name))) k++;
  if (k == countof(instructions)) {
    rc = arg_error(errs, arg, "unknown instruction '%s'", text_cstr(&name));
    goto done;
  }
  ScriptOp op = instructions[k].op;
  uint64_t count = 1;
  bool wrong = false;
  int target = 0;
  if (op == OP_WAIT && !*text && !strcmp(text_cstr(&name), "wait")) op = OP_PAUSE;
  if (op == OP_PAUSE)
    wrong = *text && (!parse_u64(text, &count) || count > UINT32_MAX);
  else if (op == OP_SET || op == OP_INIT || op == OP_EXPORT) {
    wrong = !script_word(&text, &word) || (op == OP_SET && !*text);
    if (!wrong) target = script_variable(s, text_cstr(&word), true);
  } else if (op == OP_RETURN)
    target = script_variable(s, "_", true);
  else if (op == OP_LABEL) {
    wrong = !script_word(&text, &word) || *text;
    text = text_cstr(&word);
  } else if (op == OP_END || op == OP_EXIT || op == OP_STOP || !strcmp(text_cstr(&name), "loop"))
    wrong = *text != 0;
  if (wrong) {
    rc = arg_error(errs, arg, "syntax error at '%s'", text_cstr(&name));
    goto done;
  }
  Instruction *in = target < 0 ? NULL : add_code(s, op, text);
  if (!in) {
    rc = error(errs, "out of memory");
    goto done;
  }
  in->unquote = instructions[k].unquote;
  in->newline = instructions[k].newline;
  in->count = (uint32_t)count;
  in->target = target;
done:
  text_free(&word);
  text_free(&name);
  return rc;
}

static int resolve_jumps(Script *s, Errors *errs) {
  int rc = 0;
  for (unsigned i = 0; i < s->ncode; i++) {
    Instruction *in = &s->code[i];
    if (in->op != OP_GOTO || !*in->text) continue;
    Text word = {0};
    const char *rest = in->text;
    script_word(&rest, &word);
    in->target = script_label(s, text_cstr(&word), &in->jump_op);
    if (in->target == -2) rc = error(errs, "there is no label '%s'", text_cstr(&word));
    memmove(in->text, rest, strlen(rest) + 1); /* the condition */
    text_free(&word);
  }
  return rc;
}

static int parse_type(Script *s, Errors *errs) {
  static const struct {
    const char *name;
    ScriptType type;
  } types[] = {{"ACTIVE", SCRIPT_ACTIVE}, {"PASSIVE", SCRIPT_PASSIVE}, {"PACKET", SCRIPT_PACKET},
               {"PUSH", SCRIPT_PACKET},   {"PROXY", SCRIPT_PROXY},     {"DRIVER", SCRIPT_DRIVER}};
  const char *p = s->type_text;
  Text word = {0};
  bool bad = false;
  script_word(&p, &word);
  if (!strcmp(text_cstr(&word), "SIGNAL")) {
    s->type = SCRIPT_SIGNAL;
    while (!bad && script_word(&p, &word)) {
      int n = script_host_signal ? script_host_signal(text_cstr(&word)) : -1;
      if (n < 0 || n >= 64)
        bad = true;
      else
        s->signals |= UINT64_C(1) << n;
    }
    text_free(&word);
    return bad || !s->signals ? error(errs, "TYPE SIGNAL: expected the numbers or names of signals") : 0;
  }
  s->type = SCRIPT_UNSET;
  for (unsigned i = 0; i < countof(types); i++)
    if (!strcmp(types[i].name, text_cstr(&word)) && !*p) s->type = types[i].type;
  text_free(&word);
  return s->type ? 0
                 : error(errs, "TYPE: expected ACTIVE, PASSIVE, DRIVER, PACKET, PROXY or SIGNAL, not '%s'",
                         s->type_text);
}

int script_configure(Element *e, const Args *args, Errors *errs) {
  Script *s = (Script *)e;
  s->signal_fd = -1;
  if (s->type_text) {
    if (parse_type(s, errs) < 0) return -1;
  } else
    s->type = !strcmp(e->class->name, "DriverManager") ? SCRIPT_DRIVER
              : e->ninputs || e->noutputs              ? SCRIPT_PACKET
                                                       : SCRIPT_ACTIVE;
  if (s->type == SCRIPT_DRIVER)
    for (unsigned i = 0; i < router_count(e->router); i++) {
      Element *x = router_element(e->router, i);
      if (x != e && x->class->push == script_push && ((Script *)x)->type == SCRIPT_DRIVER)
        return error(errs, "the router has more than one driver script ('%s')", x->name);
    }
  if (s->type == SCRIPT_PACKET && !e->ninputs) return error(errs, "a PACKET script needs an input");
  if (s->type != SCRIPT_PACKET && (e->ninputs || e->noutputs))
    return error(errs, "only PACKET scripts have ports");
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++)
    rc |= add_instruction(s, args_text(args, i), args_index(args, i), errs);
  rc |= resolve_jumps(s, errs);
  if (!s->ncode && s->type == SCRIPT_DRIVER) {
    Instruction *in = add_code(s, OP_PAUSE, "");
    if (in) in->count = 1;
  }
  if (!add_code(s, s->type == SCRIPT_DRIVER ? OP_STOP : OP_END, "")) return error(errs, "out of memory");
  return rc ? -1 : 0;
}

/* The driver asks what to do about a stop. */
static bool script_driver(Element *e) {
  Script *s = (Script *)e;
  int tries = 1000, rc;
  do {
    ScriptReport report = {.show = true};
    script_run_step(s, 1, STEP_ROUTER, &report);
    rc = script_finish(s, NULL);
  } while (rc == 0 && router_runcount(e->router) <= 0 && --tries > 0);
  return router_runcount(e->router) > 0;
}

int script_initialize(Element *e, Errors *errs) {
  Script *s = (Script *)e;
  timer_init(&s->timer, e);
  for (unsigned i = 0; i < s->ncode; i++) {
    const Instruction *in = &s->code[i];
    if (in->op != OP_INIT && in->op != OP_EXPORT) continue;
    Text value = {0};
    script_expand(s, in->text, false, &value, errs);
    if (in->unquote) script_unquote(&value);
    text_free(&s->vars[in->target].value);
    s->vars[in->target].value = value;
  }
  if (s->type == SCRIPT_DRIVER) router_set_driver_hook(e->router, e, script_driver);
  if (s->type == SCRIPT_SIGNAL)
    return script_host_watch ? script_host_watch(s, errs) : error(errs, "there are no signals here");
  Instruction *first = &s->code[0];
  if (s->type != SCRIPT_ACTIVE && s->type != SCRIPT_DRIVER) return 0;
  if (first->op == OP_WAIT) {
    Text t = {0};
    int64_t ns;
    script_expand(s, first->text, false, &t, errs);
    bool ok = parse_interval(text_cstr(&t), NSEC_PER_SEC, &ns);
    if (ok)
      timer_after(&s->timer, ns);
    else
      error(errs, "wait: expected a time, not '%s'", text_cstr(&t));
    text_free(&t);
    return ok ? 0 : -1;
  }
  if (first->op == OP_START) {
    first->count = 1;
    if (s->type == SCRIPT_DRIVER)
      router_adjust_runcount(e->router, -1); /* the driver then asks at once */
    else
      timer_at(&s->timer, time_recent(e)); /* in the first round */
  }
  return 0;
}

void script_cleanup(Element *e) {
  Script *s = (Script *)e;
  if (s->signals && script_host_unwatch) script_host_unwatch(s);
  timer_cancel(&s->timer);
  for (unsigned i = 0; i < s->ncode; i++) mem_free(s->code[i].text);
  for (unsigned i = 0; i < s->nvars; i++) {
    mem_free(s->vars[i].name);
    text_free(&s->vars[i].value);
  }
  while (s->handlers) {
    ScriptHandler *h = s->handlers;
    s->handlers = h->next;
    mem_free(h->name);
    mem_free(h);
  }
  mem_free(s->code);
  mem_free(s->vars);
  mem_free(s->type_text);
  text_free(&s->run_args);
}

void script_timer(Element *e, Timer *t) {
  (void)t;
  Script *s = (Script *)e;
  ScriptReport report = {.show = true, .heading = true};
  script_step(s, 1, STEP_TIMER, 0, &report);
  script_finish(s, NULL);
}

/* The output for one packet, -1: drop it. */
static int script_packet(Script *s, int port) {
  ScriptReport report = {.show = true, .heading = true};
  Text out = {0};
  int64_t v = -1;
  int i = script_variable(s, "input", true);
  if (i >= 0) {
    text_clear(&s->vars[i].value);
    text_printf(&s->vars[i].value, "%d", port);
  }
  s->position = 0;
  script_step(s, 0, STEP_JUMP, 0, &report);
  script_finish(s, &out);
  if (!parse_i64(text_cstr(&out), &v) || v >= s->base.noutputs) v = -1;
  text_free(&out);
  return (int)v;
}

void script_push(Element *e, int port, Packet **p, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    Packet *x = p[i];
    int out = script_packet((Script *)e, port);
    if (out >= 0)
      output_push(e, out, x);
    else
      packet_free(x);
  }
}

unsigned script_pull(Element *e, int port, Packet **p, unsigned max) {
  (void)port, (void)max;
  Packet *x = input_pull(e, 0);
  if (!x) return 0;
  int out = script_packet((Script *)e, 0);
  if (out == 0) return p[0] = x, 1;
  if (out > 0)
    output_push(e, out, x);
  else
    packet_free(x);
  return 0;
}

unsigned script_batch_cap(Element *e) { return e->ninputs ? 1 : 0; }

void script_selected(Element *e, int fd, bool readable, bool writable) {
  (void)fd, (void)readable, (void)writable;
  if (script_host_caught && script_host_caught((Script *)e)) {
    Errors errs = {.element = -1};
    ScriptReport report = {.show = true};
    script_run((Script *)e, "run", "", true, NULL, &errs);
    script_report((Script *)e, &report, &errs);
  }
}

/* ---- Handlers
 * ------------------------------------------------------------------------------------------------------ */

static int read_run(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  return script_run((Script *)e, h->name, param, false, out, errs);
}

static int write_run(Element *e, const Handler *h, const char *value, Errors *errs) {
  return script_run((Script *)e, h->name, value, true, NULL, errs);
}

static int write_step(Element *e, const Handler *h, const char *value, Errors *errs) {
  Script *s = (Script *)e;
  ScriptReport report = {.errs = errs};
  int64_t n = 1;
  bool router = !strcmp(value, "router");
  if (*value && !router && (!parse_i64(value, &n) || n != (int32_t)n))
    return error(errs, "expected a number of steps, not '%s'", value);
  s->run_name = h->name;
  s->run_write = true;
  script_run_step(s, (int)n, router ? STEP_ROUTER : STEP_NORMAL, &report);
  s->run_name = NULL;
  s->run_write = false;
  return script_finish(s, NULL);
}

static int write_goto(Element *e, const Handler *h, const char *value, Errors *errs) {
  Script *s = (Script *)e;
  ScriptReport report = {.errs = errs};
  ScriptOp op;
  int to = script_label(s, value, &op);
  if (to < 0) return error(errs, "there is no label '%s'", value);
  for (unsigned i = (unsigned)to; i < s->ncode; i++)
    if (s->code[i].op == OP_PAUSE) s->code[i].done = 0;
  s->position = (unsigned)to;
  s->run_name = h->name;
  s->run_write = true;
  script_run_step(s, 0, STEP_JUMP, &report);
  s->run_name = NULL;
  s->run_write = false;
  return script_finish(s, NULL);
}

static int read_export(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  (void)param, (void)errs;
  const Text *v = &((Script *)e)->vars[h->data].value;
  text_add(out, v->s ? v->s : "", v->len);
  return 0;
}

static const Handler *own_handler(Script *s, const char *name, const Handler *model) {
  for (ScriptHandler *x = s->handlers; x; x = x->next)
    if (!strcmp(x->name, name)) return &x->handler;
  ScriptHandler *x = mem_alloc(sizeof *x);
  if (!x || !(x->name = mem_string(name, strlen(name)))) return mem_free(x), NULL;
  x->handler = *model;
  x->handler.name = x->name;
  x->next = s->handlers;
  s->handlers = x;
  return &x->handler;
}

const Handler *script_extra_handler(Element *e, const char *name, unsigned index) {
  Script *s = (Script *)e;
  for (unsigned i = 0; i < s->ncode; i++) {
    if (s->code[i].op != OP_EXPORT) continue;
    const char *var = s->vars[s->code[i].target].name;
    if (name ? !strcmp(var, name) : !index--)
      return own_handler(s, var,
                         &(Handler){.flags = HANDLER_READ, .read = read_export, .data = s->code[i].target});
  }
  if (!name || s->type != SCRIPT_PROXY) return NULL;
  return own_handler(s, name,
                     &(Handler){.flags = HANDLER_READ | HANDLER_WRITE | HANDLER_PARAM,
                                .read = read_run,
                                .write = write_run});
}

#define PRIVATE_FUNCTION(f)                                                                                  \
  READ_FN(#f, script_function, .data = SCRIPT_FN_##f, .flags = HANDLER_READ | HANDLER_PARAM | HANDLER_PRIVATE)

const Handler script_handlers[] = {
    WRITE_FN("step", write_step),
    WRITE_FN("goto", write_goto),
    RW_FN("run", read_run, write_run, .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_PARAM),
#define FUNCTION(f) READ_PARAM_FN(#f, script_function, .data = SCRIPT_FN_##f),
    SCRIPT_FUNCTIONS(FUNCTION) READ_FN("now", script_function, .data = SCRIPT_FN_now),
    PRIVATE_FUNCTION(cat),
    PRIVATE_FUNCTION(catq),
    PRIVATE_FUNCTION(kill),
    READ_PARAM_FN("get", script_variable_read),
    READ_PARAM_FN("shift", script_variable_read, .data = 1),
    WRITE_FN("set", script_variable_write),
    {0}};

ELEMENT(Script, .ports = "-/-", .processing = "ah/ah", .push = script_push, .pull = script_pull,
        .configure = script_configure, .initialize = script_initialize, .cleanup = script_cleanup,
        .run_timer = script_timer, .selected = script_selected, .batch_cap = script_batch_cap,
        .extra_handler = script_extra_handler, .handlers = script_handlers,
        .args = ARGS(ARG(Script, RAW, "TYPE", type_text, NULL), ARG_ALL_REST("INSTRUCTION")));
