/* notify.c: signals and the searches that connect sleeping tasks with them. */
#include "router.h"

void signal_wake(Signal *s) {
  s->active = true;
  for (unsigned i = 0; i < s->nlisteners; i++)
    if (!s->listeners[i]->strong_stop) task_schedule(s->listeners[i]);
}

static void listen(Signal *s, Task *t) {
  for (unsigned i = 0; i < s->nlisteners; i++)
    if (s->listeners[i] == t) return;
  Task **l = mem_resize(s->listeners, s->nlisteners * sizeof *l, (s->nlisteners + 1u) * sizeof *l);
  if (!l) return;
  s->listeners = l;
  s->listeners[s->nlisteners++] = t;
}

typedef struct Search {
  SignalSet *out;
  Task *listener;
  uint8_t *seen; /* per element */
} Search;

static void found(Search *s, Signal *signal) {
  SignalSet *o = s->out;
  if (s->listener) listen(signal, s->listener);
  for (unsigned i = 0; i < o->n; i++)
    if (o->signals[i] == signal) return;
  Signal **list = mem_resize(o->signals, o->n * sizeof *list, (o->n + 1u) * sizeof *list);
  if (!list) {
    o->always = true;
    return;
  }
  o->signals = list;
  o->signals[o->n++] = signal;
}

/* Visits what feeds a pull input. */
static void search_up(Search *s, Element *e, int input) {
  const Port *i = &e->inputs[input];
  Element *u = i->element;
  Signal *signal = u->class->notifier ? u->class->notifier(u, false, i->port) : NULL;
  if (signal) {
    found(s, signal);
    return;
  }
  if (s->seen[u->index]) return;
  s->seen[u->index] = 1;
  bool any = false;
  for (int k = 0; k < u->ninputs; k++) {
    if (input_is_pull(u, k)) search_up(s, u, k);
    any |= input_is_pull(u, k);
  }
  if (!any) s->out->always = true; /* a source or a store that never says whether it is empty */
}

/* Visits what takes packets from an input on. */
static void search_down(Search *s, Element *d, int input) {
  Signal *signal = d->flags & ELEMENT_REMOTE ? d->router->engine->threads->room(d, input)
                   : d->class->notifier      ? d->class->notifier(d, true, input)
                                             : NULL;
  if (signal) {
    found(s, signal);
    return;
  }
  if (s->seen[d->index]) return;
  s->seen[d->index] = 1;
  bool any = false;
  for (int k = 0; k < d->noutputs && !(d->flags & ELEMENT_REMOTE); k++) {
    if (output_is_push(d, k)) search_down(s, d->outputs[k].element, d->outputs[k].port);
    any |= output_is_push(d, k);
  }
  if (!any) s->out->always = true;
}

enum { UP, DOWN, INTO };

static void search(Element *e, int port, Task *listener, SignalSet *out, int where) {
  *out = (SignalSet){0};
  Search s = {.out = out, .listener = listener, .seen = mem_alloc(router_count(e->router) + 1u)};
  if (!s.seen) {
    out->always = true;
    return;
  }
  if (where == UP)
    search_up(&s, e, port);
  else if (where == DOWN)
    search_down(&s, e->outputs[port].element, e->outputs[port].port);
  else
    search_down(&s, e, port);
  if (!out->n) out->always = true;
  mem_free(s.seen);
}

void upstream_signals(Element *e, int input, Task *listener, SignalSet *out) {
  search(e, input, listener, out, UP);
}
void downstream_signals(Element *e, int output, Task *listener, SignalSet *out) {
  search(e, output, listener, out, DOWN);
}
void input_signals(Element *e, int input, SignalSet *out) { search(e, input, NULL, out, INTO); }

void signal_cleanup(Signal *s) {
  mem_free(s->listeners);
  *s = (Signal){0};
}

void signals_cleanup(SignalSet *s) {
  mem_free(s->signals);
  *s = (SignalSet){0};
}
