/* headercheck.h: what CheckUDPHeader, CheckTCPHeader, CheckICMPHeader and CheckARPHeader share: counts by
 * reason. */
#ifndef CLICKLET_ELEMENTS_HEADERCHECK_H
#define CLICKLET_ELEMENTS_HEADERCHECK_H
#include "../ethernet/wire.h"

#define HEADER_CHECK_REASONS 4

typedef struct HeaderCheck {
  Element base;
  uint64_t drops, reasons[HEADER_CHECK_REASONS];
  const char *const *texts; /* of the reasons, NULL at the end */
  bool verbose, details;
} HeaderCheck;

/* Counts a bad packet and says so the first time; always returns 1, the output for bad ones. `what` ends the
 * message's beginning, "UDP" for example; the reference names the element in some of them only. */
static inline int header_check_failed(HeaderCheck *c, const char *what, bool name_element, int reason) {
  if (!c->drops || c->verbose) {
    const char *text = c->texts[reason];
    if (name_element)
      chatter(NULL, "%s :: %s: %s header check failed: %s", c->base.name, c->base.class->name, what, text);
    else
      chatter(NULL, "%s header check failed: %s", what, text);
  }
  c->drops++;
  c->reasons[reason]++;
  return 1;
}

static inline int header_check_details(Element *e, const Handler *h, const char *param, Text *out,
                                       Errors *errs) {
  const HeaderCheck *c = (const HeaderCheck *)e;
  (void)h, (void)param;
  if (!c->details) return error(errs, "there are no details: DETAILS is false");
  for (int i = 0; c->texts[i]; i++)
    text_printf(out, "%llu\t%s\n", (unsigned long long)c->reasons[i], c->texts[i]);
  return 0;
}

static inline void header_check_take_state(Element *e, Element *old) {
  HeaderCheck *c = (HeaderCheck *)e, *o = (HeaderCheck *)old;
  c->drops = o->drops;
  memcpy(c->reasons, o->reasons, sizeof c->reasons);
}

/* T begins with a HeaderCheck `check`. */
#define HEADER_CHECK_ARGS(T)                                                                                 \
  ARG(T, BOOL, "VERBOSE", check.verbose, "false"), ARG(T, BOOL, "DETAILS", check.details, "false")
#define HEADER_CHECK_HANDLERS(T)                                                                             \
  READ_FIELD(T, U64, "drops", check.drops, .flags = HANDLER_READ | HANDLER_SUM),                             \
      READ_FN("drop_details", header_check_details, .flags = HANDLER_READ | HANDLER_SUM)

#endif
