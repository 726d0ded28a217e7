/* threads_pace.c: see threads_pace.h. */
#include "threads_pace.h"
#include <stdlib.h>

Signal *pace_room(Element *x, int input) {
  Router *r = x->router;
  for (Pace *p = r->sends; p; p = p->next_sent)
    if (p->element == x->index && p->port == input) return &p->room;
  const PlanElement *pe = (const PlanElement *)(r->plan + r->header->elements) + x->index;
  Router *reader = r->peers[pe->threads ? __builtin_ctz(pe->threads) : 0];
  SignalSet queues;
  if (!reader) return NULL;
  input_signals(reader->elements[x->index], input, &queues);
  Pace *p = NULL;
  if (queues.always || posix_memalign((void **)&p, CACHE_LINE, sizeof *p)) {
    signals_cleanup(&queues);
    return NULL;
  }
  *p = (Pace){.element = x->index,
              .port = (uint16_t)input,
              .from = (uint16_t)r->engine->thread,
              .queues = queues,
              .writer = r,
              .reader = reader,
              .next_sent = r->sends,
              .next_received = reader->receives};
  r->sends = reader->receives = p;
  return &p->room;
}

static void end(Pace *p) {
  Pace **at = &p->writer->sends;
  while (*at != p) at = &(*at)->next_sent;
  *at = p->next_sent;
  for (at = &p->reader->receives; *at != p;) at = &(*at)->next_received;
  *at = p->next_received;
  signals_cleanup(&p->queues);
  signal_cleanup(&p->room);
  free(p);
}

void pace_free(Router *r) {
  while (r->sends) end(r->sends);
  while (r->receives) end(r->receives);
}
