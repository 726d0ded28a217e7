/* controlsocket_commands.c: ControlSocket's protocol: commands and their answers. */
#define _GNU_SOURCE
#include "controlsocket.h"
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 16, DATA_MAX = 1 << 26 };

/* ---- Answers
 * ---------------------------------------------------------------------------------------------------------
 */

static int answer(ControlClient *c, int code, const char *format, ...) {
  va_list args;
  text_printf(&c->out, "%d ", code);
  va_start(args, format);
  text_vprintf(&c->out, format, args);
  va_end(args);
  text_add_string(&c->out, "\r\n");
  return 0;
}

/* A heading and the messages of a handler, a line each; the last line has no hyphen. */
static int answer_errors(ControlClient *c, int code, const char *heading, const char *handler, Errors *errs) {
  Text t = {0};
  text_printf(&t, heading, handler);
  for (uint32_t i = 0; i < errs->count; i++) text_printf(&t, "\n%s", errs->records[i].message);
  while (t.len && t.s[t.len - 1] == '\n') t.len--; /* or no line would be the last */
  for (const char *s = text_cstr(&t); *s;) {
    const char *end = strchrnul(s, '\n');
    text_printf(&c->out, "%d%c%.*s\r\n", code, *end ? '-' : ' ', (int)(end - s), s);
    s = *end ? end + 1 : end;
  }
  text_free(&t);
  return 0;
}

/* ---- Handlers by name
 * ------------------------------------------------------------------------------------------------- */

typedef struct Target {
  Element *e;
  const Handler *h; /* NULL: one of the router's own */
} Target;

/* 0, or an answer was given. */
static int find_target(ControlSocket *s, ControlClient *c, const char *asked, bool write, bool check,
                       Target *t) {
  Router *r = s->base.router;
  Text name = {0};
  text_printf(&name, "%s%s%s", s->proxy ? s->proxy : "", s->proxy ? "." : "", asked);
  *t = (Target){0};
  t->h = handler_find(r, NULL, text_cstr(&name), &t->e);
  const char *root = *text_cstr(&name) == '.' ? text_cstr(&name) + 1 : text_cstr(&name),
             *dot = strchr(root, '.');
  bool readable = t->h ? t->h->flags & HANDLER_READ : !t->e && script_router_has(r, root, false);
  bool writable = t->h ? t->h->flags & HANDLER_WRITE : !t->e && script_router_has(r, root, true);
  bool exists = (readable || writable) && !(t->h && (t->h->flags & HANDLER_PRIVATE)),
       good = write ? writable : readable;
  text_free(&name);
  if (!exists && !t->e && dot)
    answer(c, 510, "No element named '%.*s'", (int)(strchr(asked, '.') - asked), asked);
  else if (!exists)
    answer(c, 511, "No handler named '%s'", asked);
  else if (!good && check)
    answer(c, 511, "Handler '%s' not %s", asked, write ? "writable" : "readable");
  else if (!good)
    answer(c, 530, "Handler '%s' %s", asked, write ? "read-only" : "write-only");
  else if (write && s->readonly)
    answer(c, 530, "Permission denied for '%s'", asked);
  else
    return 0;
  return -1;
}

static int do_read(ControlSocket *s, ControlClient *c, const char *name, const char *param) {
  Target t;
  Text value = {0};
  Errors errs = {.element = -1};
  if (find_target(s, c, name, false, false, &t)) return 0;
  int rc;
  if (*param && !(t.h && (t.h->flags & HANDLER_PARAM)))
    rc = error(&errs, "read handler '%s' does not take parameters", name);
  else if (t.h) {
    rc = handler_read(t.e, t.h, param, &value, &errs);
  } else
    rc = handler_call_read(s->base.router, NULL, name + (*name == '.'), param, &value, &errs);
  if (rc < 0 || errs.errors)
    answer_errors(c, 590, "Read handler '%s' error:", name, &errs);
  else {
    answer(c, 200, "Read handler '%s' OK", name);
    text_printf(&c->out, "DATA %u\r\n", value.len);
    text_add(&c->out, text_cstr(&value), value.len);
  }
  errors_clear(&errs);
  text_free(&value);
  return 0;
}

static int do_write(ControlSocket *s, ControlClient *c, const char *name, const char *value) {
  Target t;
  Errors errs = {.element = -1};
  if (find_target(s, c, name, true, false, &t)) return -1;
  int rc = t.h ? handler_write(t.e, t.h, value, &errs)
               : handler_call_write(s->base.router, NULL, name + (*name == '.'), value, &errs);
  if (rc < 0 || errs.errors)
    answer_errors(c, 520, "Write handler '%s' error:", name, &errs);
  else if (errs.count)
    answer_errors(c, 220, "Write handler '%s' OK, with warnings:", name, &errs);
  else
    answer(c, 200, "Write handler '%s' OK", name);
  bool done = rc >= 0 && !errs.errors;
  errors_clear(&errs);
  return done ? 0 : -1;
}

/* True: the router has a new configuration. */
static bool swap_or_write(ControlSocket *s, ControlClient *c, const char *name, const char *value) {
  return !do_write(s, c, name, value) && !strcmp(*name == '.' ? name + 1 : name, "hotconfig");
}

/* ---- Commands
 * ----------------------------------------------------------------------------------------------------------
 */

static const char help[] =
    "200-Commands:\r\n"
    "200-READ handler [arg...]    read a handler\r\n"
    "200-READDATA handler n       read a handler; the n bytes behind the line are its parameter\r\n"
    "200-READUNTIL handler [end]  read a handler; the lines up to END, or an empty one, are its parameter\r\n"
    "200-WRITE handler [arg...]   write a handler\r\n"
    "200-WRITEDATA handler n      write a handler; the value follows as n bytes\r\n"
    "200-WRITEUNTIL handler [end] write a handler; the value follows as lines up to END, or an empty one\r\n"
    "200-CHECKREAD handler        whether a handler can be read\r\n"
    "200-CHECKWRITE handler       whether a handler can be written\r\n"
    "200 QUIT                     end the connection\r\n";

/* ---- LLRPC
 * --------------------------------------------------------------------------------------------------------------
 */

/* A call's number has its direction, the size of its data in bits 16 to 27, and its kind in the last 8 bits.
 * Here each one is a handler of the element; the number that stands in the data may choose which. */
enum { LLRPC_OUT = 0x40000000, LLRPC_IN = INT32_MIN, LLRPC_FLAT = 0x4000 };
static const struct Llrpc {
  uint32_t number;
  const char *handlers[2];
} llrpcs[] = {{0xc004c001, {"rate"}},
              {0xc004c003, {"count", "byte_count"}},
              {0x4004c005, {"switch"}},
              {0x80044006, {"switch"}}};

static void do_llrpc(ControlSocket *s, ControlClient *c, const char *name, Text *data) {
  const char *sharp = strchr(name, '#');
  Text element = {0}, out = {0};
  Errors errs = {.element = -1};
  char *end = NULL;
  uint32_t number = sharp ? (uint32_t)strtoul(sharp + 1, &end, 16) : 0, size = number >> 16 & 0xfff, v = 0;
  const struct Llrpc *known = NULL;
  bool in = number & (uint32_t)LLRPC_IN, get = number & LLRPC_OUT;
  for (unsigned i = 0; i < countof(llrpcs); i++)
    if (llrpcs[i].number == number) known = &llrpcs[i];
  if (sharp) text_add(&element, name, (size_t)(sharp - name));
  Target t;
  Text target = {0};
  text_printf(&target, "%s.name", text_cstr(&element));
  if (!sharp || end == sharp + 1 || *end) {
    answer(c, 500, "Syntax error in LLRPC name '%s'", name);
  } else if (find_target(s, c, text_cstr(&target), false, true, &t)) { /* it answered */
  } else if (!size || !(in || get) || !(number & LLRPC_FLAT)) {
    answer(c, 501, "Cannot call LLRPC '%s' remotely", name);
  } else if (s->readonly) {
    answer(c, 530, "Permission denied for '%s'", name);
  } else if (in && data->len != size) {
    answer(c, 522, "LLRPC '%s' requires %u bytes input data", name, size);
  } else {
    if (in) memcpy(&v, data->s, sizeof v);
    const char *handler = !known ? NULL : !get ? known->handlers[0] : v < 2 ? known->handlers[v] : NULL;
    int rc = -1;
    text_printf(&element, ".%s", handler ? handler : "");
    if (handler && get) {
      uint64_t value = 0;
      int64_t whole = 0;
      rc = handler_call_read(s->base.router, NULL, text_cstr(&element), "", &out, &errs);
      if (!rc && parse_i64(text_cstr(&out), &whole))
        v = (uint32_t)whole;
      else if (!rc && parse_u64(text_cstr(&out), &value))
        v = (uint32_t)value;
    } else if (handler) {
      text_printf(&out, "%d", (int)v);
      rc = handler_call_write(s->base.router, NULL, text_cstr(&element), text_cstr(&out), &errs);
    }
    if (rc < 0) {
      answer(c, 522, "LLRPC '%s' error: Invalid argument", name);
    } else {
      answer(c, 200, "LLRPC '%s' OK", name);
      text_printf(&c->out, "DATA %u\r\n", get ? 4 : 0);
      if (get) text_add(&c->out, (const char *)&v, sizeof v);
    }
  }
  errors_clear(&errs);
  text_free(&element);
  text_free(&target);
  text_free(&out);
}

/* The first line of s[0, n): its length, and in *next where the one behind it begins; -1 if it is not whole.
 */
static int64_t line_length(const char *s, uint32_t n, uint32_t *next) {
  for (uint32_t i = 0; i < n; i++)
    if (s[i] == '\n' || s[i] == '\r') {
      *next = i + 1 + (s[i] == '\r' && i + 1 < n && s[i + 1] == '\n');
      return i;
    }
  return -1;
}

static bool is(const char *word, const char *a, const char *b) {
  return !compare_ignore_case(word, a) || (b && !compare_ignore_case(word, b));
}

static void trim_end(Text *t) {
  while (t->len && is_space(t->s[t->len - 1])) t->s[--t->len] = 0;
}

uint32_t control_run_command(ControlSocket *s, ControlClient *c, bool *swapped) {
  const char *in = text_cstr(&c->in);
  uint32_t n = c->in.len, used;
  int64_t length = line_length(in, n, &used);
  if (length < 0) {
    if (n > LINE_MAX_BYTES)
      c->quit = true, answer(c, 500, "Line too long");
    else if (c->eof && n)
      used = n, length = n;
    if (length < 0) return 0;
  }
  Text line = {0}, command = {0}, name = {0}, value = {0};
  text_add(&line, in, (size_t)length);
  const char *rest = text_cstr(&line);
  script_word(&rest, &command);
  const char *word = text_cstr(&command);
  bool read = is(word, "READ", "GET"), write = is(word, "WRITE", "SET");
  bool read_data = is(word, "READDATA", NULL), write_data = is(word, "WRITEDATA", "SETDATA");
  bool read_until = is(word, "READUNTIL", NULL), write_until = is(word, "WRITEUNTIL", NULL);
  bool check_read = is(word, "CHECKREAD", NULL), check_write = is(word, "CHECKWRITE", NULL),
       llrpc = is(word, "LLRPC", NULL);
  uint64_t bytes = 0;
  if (!command.len) { /* an empty line */
  } else if (is(word, "QUIT", "CLOSE")) {
    answer(c, 200, "Goodbye!");
    c->quit = true;
  } else if (is(word, "HELP", NULL)) {
    text_add_string(&c->out, help);
  } else if (!read && !write && !read_data && !write_data && !read_until && !write_until && !check_read &&
             !check_write && !llrpc) {
    answer(c, 501, "Command '%s' unimplemented", word);
  } else if (!script_word(&rest, &name) || ((read_data || write_data) && !*rest)) {
    answer(c, 500, "Wrong number of arguments");
  } else if (read) {
    do_read(s, c, text_cstr(&name), rest);
  } else if (write) {
    *swapped = swap_or_write(s, c, text_cstr(&name), rest);
  } else if (check_read || check_write) {
    Target t;
    if (!find_target(s, c, text_cstr(&name), check_write, true, &t))
      answer(c, 200, "%s handler '%s' OK", check_write ? "Write" : "Read", text_cstr(&name));
  } else if (read_until || write_until) {
    uint32_t at = used, next, found = 0;
    Text terminator = {0}, one = {0};
    text_add_string(&terminator, rest);
    trim_end(&terminator);
    for (int64_t k; (k = line_length(in + at, n - at, &next)) >= 0 && !found; at += next) {
      text_clear(&one);
      text_add(&one, in + at, (size_t)k);
      trim_end(&one);
      if (!strcmp(text_cstr(&one), text_cstr(&terminator)))
        found = at + next;
      else
        text_add(&value, in + at, next);
    }
    text_free(&terminator);
    text_free(&one);
    if (!found && (c->eof || n > DATA_MAX)) found = n;
    if (found && read_until)
      do_read(s, c, text_cstr(&name), text_cstr(&value));
    else if (found)
      *swapped = swap_or_write(s, c, text_cstr(&name), text_cstr(&value));
    used = found;
  } else if ((*rest && !parse_u64(rest, &bytes)) || bytes > DATA_MAX) {
    answer(c, 500, "Syntax error in '%s'", word);
  } else if (n - used < bytes) {
    used = c->eof ? n : 0; /* not all there yet */
  } else {
    text_add(&value, in + used, (size_t)bytes);
    used += (uint32_t)bytes;
    if (read_data)
      do_read(s, c, text_cstr(&name), text_cstr(&value));
    else if (write_data)
      *swapped = swap_or_write(s, c, text_cstr(&name), text_cstr(&value));
    else
      do_llrpc(s, c, text_cstr(&name), &value);
  }
  text_free(&line);
  text_free(&command);
  text_free(&name);
  text_free(&value);
  return used;
}
