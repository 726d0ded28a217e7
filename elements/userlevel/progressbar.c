/** ProgressBar: accepts the reference's progress bar; shows nothing.
 *
 * Synopsis: `ProgressBar(POSHANDLER [, SIZEHANDLER, <keywords> UPDATE, BANNER, ACTIVE, DELAY, CHECK_STDOUT,
 * FIXED_SIZE])`
 *
 * A bar on the terminal would only be in the way of what clicklet prints; handlers are the way to watch
 * progress. The arguments are those of the reference; none has an effect.
 *
 * Handlers: `active` (read/write); `mark_done`, `mark_stopped`, `reset` (write): no effect.
 *
 * Example: `d :: FromDump(in.pcap, STOP true) -> Discard; ProgressBar(d.filepos, d.filesize);`
 */
#include <clicklet/element.h>

typedef struct ProgressBar {
  Element base;
  char *position, *size, *text;
  bool active, check_stdout;
} ProgressBar;

static void bar_cleanup(Element *e) {
  ProgressBar *b = (ProgressBar *)e;
  mem_free(b->position);
  mem_free(b->size);
  mem_free(b->text);
}

static int bar_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)e, (void)h, (void)value, (void)errs;
  return 0;
}

ELEMENT(ProgressBar, .ports = "0/0", .targets = TARGET_HOST, .cleanup = bar_cleanup,
        .args = ARGS(ARG_MUST(ProgressBar, RAW, "POSHANDLER", position),
                     ARG_POS(ProgressBar, RAW, "SIZEHANDLER", size, NULL),
                     ARG(ProgressBar, RAW, "UPDATE", text, NULL), ARG(ProgressBar, RAW, "BANNER", text, NULL),
                     ARG(ProgressBar, RAW, "FIXED_SIZE", text, NULL),
                     ARG(ProgressBar, RAW, "DELAY", text, NULL),
                     ARG(ProgressBar, BOOL, "ACTIVE", active, "true"),
                     ARG(ProgressBar, BOOL, "CHECK_STDOUT", check_stdout, "false")),
        .handlers = HANDLERS(RW_FIELD(ProgressBar, BOOL, "active", active), WRITE_FN("mark_done", bar_write),
                             WRITE_FN("mark_stopped", bar_write), WRITE_FN("reset", bar_write)));
