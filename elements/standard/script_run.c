/* script_run.c: carrying out a script's instructions. */
#include "script.h"

/* ---- Messages
 * ------------------------------------------------------------------------------------------------------ */

static void add_indented(Text *t, const ErrorRecord *r) {
  const char *s = r->message;
  for (bool first = true; *s; first = false) {
    const char *e = strchr(s, '\n');
    size_t n = e ? (size_t)(e - s) : strlen(s);
    text_add_string(t, first && r->warning ? "  warning: " : "  ");
    text_add(t, s, n);
    text_add_char(t, '\n');
    s += n + (e ? 1 : 0);
  }
}

/* Hands on the messages in `from` and clears it. */
void script_report(Script *s, ScriptReport *r, Errors *from) {
  for (uint32_t i = 0; i < from->count; i++) {
    const char *m = from->records[i].message;
    if (!r->show) {
      if (from->records[i].warning)
        warning(r->errs, "%s", m);
      else
        error(r->errs, "%s", m);
      continue;
    }
    Text t = {0};
    if (r->heading) {
      text_printf(&t, "While executing '%s :: %s':\n", s->base.name, s->base.class->name);
      r->heading = false;
      r->indent = true;
    }
    if (r->indent)
      add_indented(&t, &from->records[i]);
    else
      text_printf(&t, "%s%s\n", from->records[i].warning ? "warning: " : "", m);
    platform_write(2, text_cstr(&t), t.len);
    text_free(&t);
  }
  errors_clear(from);
}

/* The messages of a handler that was called, under "While calling". */
static void report_call(Errors *to, const char *call, Errors *from) {
  for (uint32_t i = 0; i < from->count; i++) {
    Text t = {0};
    if (!i) text_printf(&t, "While calling '%s':\n", call);
    add_indented(&t, &from->records[i]);
    error(to, "%.*s", (int)(t.len ? t.len - 1 : 0), text_cstr(&t));
    text_free(&t);
  }
  errors_clear(from);
}

/* ---- Instructions
 * ---------------------------------------------------------------------------------------------------- */

/* "element.handler value" split and its full name: what the handler is called in messages and by read. */
typedef struct Call {
  Element *e;
  const Handler *h;
  Text name, value, shown;
} Call;

static bool call_prepare(Script *s, const char *text, bool write, bool unquote_value, Call *c, Errors *errs) {
  *c = (Call){0};
  script_word(&text, &c->name);
  script_unquote(&c->name);
  text_add_string(&c->value, text);
  if (unquote_value) script_unquote(&c->value);
  if (!script_find_handler(s, text_cstr(&c->name), write, &c->e, &c->h, errs)) return false;
  if (!write && c->h && c->value.len && !(c->h->flags & HANDLER_PARAM)) {
    error(errs, "the read handler '%s' takes no parameter", text_cstr(&c->name));
    return false;
  }
  if (c->e)
    text_printf(&c->shown, "%s.%s", c->e->name, c->h->name);
  else
    text_add_string(&c->shown, text_cstr(&c->name) + (*text_cstr(&c->name) == '.'));
  return true;
}

static void call_free(Call *c) {
  text_free(&c->name);
  text_free(&c->value);
  text_free(&c->shown);
}

static void call_done(Call *c, Errors *errs, Errors *inner) {
  Text shown = {0};
  text_printf(&shown, "%s%s%s", text_cstr(&c->shown), c->value.len ? " " : "", text_cstr(&c->value));
  report_call(errs, text_cstr(&shown), inner);
  text_free(&shown);
}

static int call_read(Script *s, Call *c, Text *out, Errors *errs) {
  Errors inner = {.element = -1};
  int rc;
  if (c->h)
    rc = handler_read(c->e, c->h, text_cstr(&c->value), out, &inner);
  else
    rc = handler_call_read(s->base.router, NULL, text_cstr(&c->name), text_cstr(&c->value), out, &inner);
  if (rc < 0) text_clear(out);
  call_done(c, errs, &inner);
  return rc;
}

static void run_write(Script *s, const Instruction *in, const char *text, Errors *errs) {
  Call c;
  if (call_prepare(s, text, true, in->unquote, &c, errs)) {
    Errors inner = {.element = -1};
    int rc;
    if (c.h)
      rc = handler_write(c.e, c.h, text_cstr(&c.value), &inner);
    else
      rc = handler_call_write(s->base.router, NULL, text_cstr(&c.name), text_cstr(&c.value), &inner);
    /* A script that ends in "error" says -1; every other failure is "invalid argument". */
    bool script =
        c.e && c.e->class->push == script_push && (c.h->flags & HANDLER_PARAM); /* run, or any of a PROXY */
    s->write_status = rc < 0 && !script ? -22 : rc;
    call_done(&c, errs, &inner);
  }
  call_free(&c);
}

static void run_read(Script *s, const Instruction *in, const char *text, Errors *errs, ScriptReport *report) {
  Call c;
  Text value = {0}, t = {0};
  if (call_prepare(s, text, false, in->unquote, &c, errs)) {
    call_read(s, &c, &value, errs);
    script_report(s, report, errs);
    text_printf(&t, "%s:\n", text_cstr(&c.shown));
    text_add(&t, text_cstr(&value), value.len);
    text_add_char(&t, '\n');
    platform_write(2, text_cstr(&t), t.len);
  }
  call_free(&c);
  text_free(&value);
  text_free(&t);
}

static bool write_out(const char *file, bool append, const Text *t, Errors *errs) {
  if (!*file || !strcmp(file, "-")) {
    platform_write(1, t->s ? t->s : "", t->len);
    return true;
  }
  if (script_host_write_file)
    return script_host_write_file(file, append, t->s ? t->s : "", t->len, errs) == 0;
  error(errs, "%s: there are no files here", file);
  return false;
}

static void run_print(Script *s, const Instruction *in, Errors *errs) {
  Text file = {0}, text = {0}, result = {0}, expanded = {0};
  const char *p = in->text;
  bool append = in->op == OP_APPEND;
  if (in->op == OP_SAVE || in->op == OP_APPEND) { /* HANDLER [FILE] */
    script_word(&p, &text);
    script_word(&p, &file);
  } else {
    if (*p == '>') {
      append = *++p == '>';
      p += append;
      script_word(&p, &file);
    }
    text_add_string(&text, p);
  }
  if (file.len) {
    script_expand(s, text_cstr(&file), false, &expanded, errs);
    script_unquote(&expanded);
    Text swap = file;
    file = expanded;
    expanded = swap;
    text_clear(&expanded);
    /* The file is there, and empty, before its text is made: the text may read it. */
    Text nothing = {0};
    if (!write_out(text_cstr(&file), append, &nothing, errs)) goto done;
  }
  uint32_t before = errs->errors;
  const char *t = text_cstr(&text);
  if (is_alpha(*t) || *t == '@' || *t == '_') {
    Call c;
    script_expand(s, t, false, &expanded, errs);
    if (call_prepare(s, text_cstr(&expanded), false, in->unquote, &c, errs)) call_read(s, &c, &result, errs);
    call_free(&c);
  } else {
    script_expand(s, t, true, &result, errs);
    script_unquote(&result);
  }
  if (errs->errors == before && in->newline && (!result.len || result.s[result.len - 1] != '\n'))
    text_add_char(&result, '\n');
  write_out(text_cstr(&file), true, &result, errs);
done:
  text_free(&file);
  text_free(&text);
  text_free(&result);
  text_free(&expanded);
}

static void run_set(Script *s, const Instruction *in, Errors *errs) {
  Text value = {0};
  script_expand(s, in->text, false, &value, errs);
  if (in->unquote) script_unquote(&value);
  text_free(&s->vars[in->target].value);
  s->vars[in->target].value = value;
}

/* True if the jump is to be made. */
static bool run_condition(Script *s, const Instruction *in, Errors *errs) {
  Text t = {0};
  bool yes = true;
  script_expand(s, in->text, false, &t, errs);
  if (t.len && !parse_bool(text_cstr(&t), &yes)) {
    error(errs, "bad condition '%s'", text_cstr(&t));
    yes = false;
  }
  text_free(&t);
  return yes;
}

static bool run_wait(Script *s, const Instruction *in, Errors *errs) {
  Text t = {0};
  int64_t ns;
  script_expand(s, in->text, false, &t, errs);
  bool ok = parse_interval(text_cstr(&t), NSEC_PER_SEC, &ns);
  if (ok)
    timer_after(&s->timer, ns);
  else
    error(errs, "wait: expected a time, not '%s'", text_cstr(&t));
  text_free(&t);
  return ok;
}

/* Asks the driver to stop, unless it is the driver that asks. */
static void ask_stop(Script *s, StepKind kind) {
  if (kind != STEP_ROUTER) router_adjust_runcount(s->base.router, -1);
}

/* Runs instructions until the script blocks with `nsteps` steps used up, or ends. Returns jumps made + 1. */
int script_step(Script *s, int nsteps, StepKind kind, int jumps, ScriptReport *report) {
  Errors errs = {.element = -1};
  nsteps += s->steps;
  while (nsteps - s->steps >= 0 && s->position < s->ncode && jumps < SCRIPT_MAX_JUMPS) {
    unsigned at = s->position++; /* before it runs: it may move the position through handlers */
    Instruction *in = &s->code[at];
    switch (in->op) {
    case OP_START:
      if (in->count) s->steps++;
      in->count = 0;
      break;
    case OP_PAUSE:
      while (s->steps < nsteps && in->done < in->count) {
        in->done++;
        s->steps++;
      }
      if (s->steps == nsteps && in->done < in->count) {
        s->position--;
        goto blocked;
      }
      break;
    case OP_WAIT:
      if (s->steps == nsteps) {
        if (run_wait(s, in, &errs)) s->position--;
        script_report(s, report, &errs);
        goto blocked;
      }
      s->steps++;
      timer_cancel(&s->timer);
      break;
    case OP_PRINT:
    case OP_SAVE:
    case OP_APPEND:
      run_print(s, in, &errs);
      break;
    case OP_READ:
    case OP_WRITE: {
      Text t = {0};
      script_expand(s, in->text, false, &t, &errs);
      if (in->op == OP_READ)
        run_read(s, in, text_cstr(&t), &errs, report);
      else
        run_write(s, in, text_cstr(&t), &errs);
      text_free(&t);
      break;
    }
    case OP_SET:
      run_set(s, in, &errs);
      break;
    case OP_RETURN:
      run_set(s, in, &errs);
      script_report(s, report, &errs);
      if (s->position == at + 1) {
        s->position--;
        goto blocked;
      }
      break;
    case OP_INIT:
    case OP_EXPORT:
    case OP_LABEL:
      break;
    case OP_GOTO:
      if (!run_condition(s, in, &errs)) break;
      if (in->jump_op != OP_GOTO) {
        s->position = at;
        if (in->jump_op == OP_STOP) ask_stop(s, kind);
        return script_report(s, report, &errs), jumps + 1;
      }
      for (unsigned i = (unsigned)in->target; i < at; i++)
        if (s->code[i].op == OP_PAUSE) s->code[i].done = 0;
      s->position = (unsigned)in->target;
      break;
    case OP_STOP:
      s->steps++;
      s->position--;
      ask_stop(s, kind);
      return jumps + 1;
    case OP_ERROR: {
      Text t = {0};
      script_expand(s, in->text, false, &t, &errs);
      if (in->unquote) script_unquote(&t);
      if (t.len) error(&errs, "%s", text_cstr(&t));
      text_free(&t);
    } /* fallthrough */
    case OP_END:
    case OP_EXIT:
      s->position--;
      return script_report(s, report, &errs), jumps + 1;
    }
    script_report(s, report, &errs);
    if (s->position != at + 1) jumps++;
  }
blocked:
  if (jumps >= SCRIPT_MAX_JUMPS) {
    Text t = {0};
    text_printf(&t, "%s :: %s: too many jumps, giving up\n", s->base.name, s->base.class->name);
    platform_write(2, text_cstr(&t), t.len);
    text_free(&t);
    s->position = s->ncode;
    timer_cancel(&s->timer);
  }
  if (kind == STEP_ROUTER) router_adjust_runcount(s->base.router, 1);
  return jumps + 1;
}

int script_finish(Script *s, Text *result) {
  ScriptOp last = OP_EXIT;
  if (s->position < s->ncode) {
    const Instruction *in = &s->code[s->position];
    last = in->op == OP_GOTO ? in->jump_op : in->op;
  }
  if (last == OP_END && s->type == SCRIPT_SIGNAL && script_host_watch) script_host_watch(s, NULL);
  if (result) {
    int v = last == OP_RETURN ? script_variable(s, "_", false) : -1;
    if (v >= 0)
      text_add(result, text_cstr(&s->vars[v].value), s->vars[v].value.len);
    else if (last == OP_END && s->type == SCRIPT_PACKET)
      text_add_char(result, '0');
  }
  return last == OP_ERROR ? -1 : last == OP_STOP ? 1 : 0;
}

/* Runs it for a handler. Handlers called from the script itself may step it further: the script in progress
 * sees that. */
int script_run_step(Script *s, int nsteps, StepKind kind, ScriptReport *report) {
  if (s->pending) {
    if (kind != STEP_JUMP) *s->pending += nsteps;
    return 0;
  }
  int pending = nsteps, jumps = 0;
  s->pending = &pending;
  while ((nsteps = pending) >= 0) {
    pending = -1;
    jumps = script_step(s, nsteps, kind, jumps, report);
    kind = STEP_NORMAL;
  }
  s->pending = NULL;
  return 0;
}

int script_run(Script *s, const char *name, const char *args, bool write, Text *result, Errors *errs) {
  ScriptReport report = {.errs = errs};
  s->run_name = name;
  s->run_write = write;
  Text copy = {0}; /* args may point into what the script changes */
  text_add_string(&copy, args);
  text_free(&s->run_args);
  s->run_args = copy;
  s->position = 0;
  script_run_step(s, 0, STEP_JUMP, &report);
  int rc = script_finish(s, result);
  s->run_name = NULL;
  s->run_write = false;
  if (rc) text_clear(&s->run_args);
  return rc;
}
