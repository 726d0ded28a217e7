/** ScheduleInfo: gives elements' tasks more or less of the time.
 *
 * Synopsis: `ScheduleInfo(ELEMENT PARAM, ...)`
 *
 * Ports: none. A task has 1024 tickets for each 1 of PARAM; tasks share the thread in proportion to their
 * tickets. PARAM of a compound element multiplies those of the elements in it.
 *
 * Arguments: ELEMENT (name of an element or compound) PARAM (number, 0 to 32): pairs. 0: the task never runs.
 *
 * Handlers: none; see the `tickets` handlers of the elements.
 *
 * Example: `a :: InfiniteSource(LIMIT 9) -> Discard; ScheduleInfo(a 0.5);`
 */
#include <clicklet/element.h>

#define SCHEDULE_BITS 10

typedef struct ScheduleEntry {
  char *name; /* full */
  int64_t param;
} ScheduleEntry;

typedef struct ScheduleInfo {
  Element base;
  ScheduleEntry *entries;
  unsigned n;
} ScheduleInfo;

/* Whether the element is the one named, or in the compound named. */
static bool schedule_covers(const char *name, const Element *e) {
  size_t n = strlen(name);
  return !strncmp(name, e->name, n) && (!e->name[n] || e->name[n] == '/');
}

static int schedule_info_configure(Element *e, const Args *args, Errors *errs) {
  ScheduleInfo *s = (ScheduleInfo *)e;
  int rc = 0;
  size_t scope = 0;
  for (size_t i = 0; e->name[i]; i++)
    if (e->name[i] == '/') scope = i + 1;
  if (!(s->entries = mem_alloc((args_count(args) + 1) * sizeof *s->entries)))
    return error(errs, "out of memory");
  for (unsigned i = 0; i < args_count(args); i++) {
    Text word = {0}, name = {0}, param = {0};
    ScheduleEntry *x = &s->entries[s->n];
    const char *t = next_word(args_text(args, i), &word, NULL);
    text_add(&name, e->name, scope);
    text_add(&name, text_cstr(&word), word.len && word.s[word.len - 1] == '/' ? word.len - 1 : word.len);
    text_free(&word);
    const char *rest = t ? next_word(t, &param, NULL) : NULL;
    while (rest && is_space(*rest)) rest++;
    if (t && (!rest || *rest || !parse_fixed(text_cstr(&param), SCHEDULE_BITS, &x->param) || x->param < 0))
      rc =
          arg_error(errs, args_index(args, i), "expected ELEMENT and a number, not '%s'", args_text(args, i));
    else if (t && (x->name = mem_string(text_cstr(&name), name.len)))
      s->n++;
    text_free(&name);
    text_free(&param);
  }
  return rc;
}

static void schedule_set(Element *e, int64_t param, Errors *errs) {
  Text name = {0}, value = {0};
  int64_t tickets;
  text_printf(&name, "%s.tickets", e->name);
  if (handler_find(e->router, NULL, text_cstr(&name), NULL) &&
      handler_call_read(e->router, NULL, text_cstr(&name), "", &value, NULL) == 0 &&
      parse_i64(text_cstr(&value), &tickets)) {
    tickets = (tickets * param) >> SCHEDULE_BITS;
    if (tickets > 32768) {
      warning(errs, "the tickets of '%s' are reduced to 32, the most there can be", e->name);
      tickets = 32768;
    }
    if (tickets < 1) {
      text_clear(&name);
      text_printf(&name, "%s.scheduled", e->name);
      handler_call_write(e->router, NULL, text_cstr(&name), "false", NULL);
    } else {
      text_clear(&value);
      text_printf(&value, "%d", (int)tickets);
      handler_call_write(e->router, NULL, text_cstr(&name), text_cstr(&value), NULL);
    }
  }
  text_free(&name);
  text_free(&value);
}

/* Comes last, when all tasks exist. */
static int schedule_info_initialize(Element *e, Errors *errs) {
  ScheduleInfo *s = (ScheduleInfo *)e;
  for (unsigned k = 0; k < s->n; k++)
    for (unsigned i = 0; i < router_count(e->router); i++)
      if (schedule_covers(s->entries[k].name, router_element(e->router, i)))
        schedule_set(router_element(e->router, i), s->entries[k].param, errs);
  return 0;
}

static void schedule_info_cleanup(Element *e) {
  ScheduleInfo *s = (ScheduleInfo *)e;
  for (unsigned i = 0; i < s->n; i++) mem_free(s->entries[i].name);
  mem_free(s->entries);
}

ELEMENT(ScheduleInfo, .per_thread = true, .ports = "0/0", .phase = PHASE_LAST,
        .configure = schedule_info_configure, .initialize = schedule_info_initialize,
        .cleanup = schedule_info_cleanup, .args = ARGS(ARG_ALL_REST("ELEMENT")));
