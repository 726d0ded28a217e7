/** Message: says something when the router is configured.
 *
 * Synopsis: `Message(MESSAGE [, TYPE])`
 *
 * Ports: none.
 *
 * Arguments: MESSAGE (string): required. TYPE (`MESSAGE`, `WARNING` or `ERROR`): an ERROR keeps the router
 * from starting. Default MESSAGE. (In the reference a WARNING does, too.)
 *
 * Handlers: none.
 *
 * Example: `Message("This configuration needs two interfaces", WARNING)`
 */
#include <clicklet/element.h>
#include <clicklet/platform.h>

typedef struct Message {
  Element base;
  char *message;
  int type;
} Message;

enum { MESSAGE_PLAIN, MESSAGE_WARNING, MESSAGE_ERROR };

static int message_configure(Element *e, const Args *args, Errors *errs) {
  const Message *m = (const Message *)e;
  (void)args;
  if (m->type == MESSAGE_ERROR) return error(errs, "%s", m->message);
  if (m->type == MESSAGE_WARNING) {
    warning(errs, "%s", m->message);
    return 0;
  }
  Text t = {0};
  text_printf(&t, "%s: While configuring '%s :: %s':\n  %s\n", e->landmark, e->name, e->class->name,
              m->message);
  platform_write(2, text_cstr(&t), t.len);
  text_free(&t);
  return 0;
}

static void message_cleanup(Element *e) { mem_free(((Message *)e)->message); }

ELEMENT(Message, .ports = "0/0", .configure = message_configure, .cleanup = message_cleanup,
        .args = ARGS(ARG_MUST(Message, STRING, "MESSAGE", message),
                     ARG_POS(Message, CHOICE, "TYPE", type, "MESSAGE",
                             .choices = (const char *const[]){"MESSAGE", "WARNING", "ERROR", NULL})));
