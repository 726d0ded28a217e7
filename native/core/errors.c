/* errors.c: messages of configuration and of handlers, kept with the element and the argument they are about.
 */
#include <clicklet/engine.h>
#include <clicklet/platform.h>

static void record(Errors *errs, bool is_warning, int arg, const char *format, va_list args) {
  if (!errs) return;
  if (!is_warning) errs->errors++;
  if (errs->silent) return;
  if (errs->count == errs->capacity) {
    uint32_t capacity = errs->capacity ? 2 * errs->capacity : 8;
    ErrorRecord *r = mem_resize(errs->records, errs->capacity * sizeof *r, capacity * sizeof *r);
    if (!r) return;
    errs->records = r;
    errs->capacity = capacity;
  }
  Text t = {0};
  text_vprintf(&t, format, args);
  errs->records[errs->count++] = (ErrorRecord){.warning = is_warning,
                                               .element = errs->element,
                                               .arg = arg,
                                               .message = mem_string(text_cstr(&t), t.len)};
  text_free(&t);
}

int error(Errors *errs, const char *format, ...) {
  va_list args;
  va_start(args, format);
  record(errs, false, -1, format, args);
  va_end(args);
  return -1;
}

int arg_error(Errors *errs, int arg_index, const char *format, ...) {
  va_list args;
  va_start(args, format);
  record(errs, false, arg_index, format, args);
  va_end(args);
  return -1;
}

void warning(Errors *errs, const char *format, ...) {
  va_list args;
  va_start(args, format);
  record(errs, true, -1, format, args);
  va_end(args);
}

bool errors_any(const Errors *errs) { return errs->errors > 0; }

void errors_clear(Errors *errs) {
  for (uint32_t i = 0; i < errs->count; i++) mem_free(errs->records[i].message);
  mem_free(errs->records);
  *errs = (Errors){.element = -1};
}

void chatter(const Element *e, const char *format, ...) {
  Text t = {0};
  va_list args;
  if (e) text_printf(&t, "%s: ", e->name);
  va_start(args, format);
  text_vprintf(&t, format, args);
  va_end(args);
  text_add_char(&t, '\n');
  platform_write(2, text_cstr(&t), t.len);
  text_free(&t);
}
