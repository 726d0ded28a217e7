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
  bool full;
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

static void search_down(Search *s, Element *e, int output) {
  const Port *o = &e->outputs[output];
  Element *d = o->element;
  if (d->flags & ELEMENT_REMOTE) { /* another thread's queue cannot be waited for */
    s->out->always = true;
    return;
  }
  Signal *signal = d->class->notifier ? d->class->notifier(d, true, o->port) : NULL;
  if (signal) {
    found(s, signal);
    return;
  }
  if (s->seen[d->index]) return;
  s->seen[d->index] = 1;
  bool any = false;
  for (int k = 0; k < d->noutputs; k++) {
    if (output_is_push(d, k)) search_down(s, d, k);
    any |= output_is_push(d, k);
  }
  if (!any) s->out->always = true;
}

static void search(Element *e, int port, Task *listener, SignalSet *out, bool full) {
  *out = (SignalSet){0};
  Search s = {
      .out = out, .listener = listener, .full = full, .seen = mem_alloc(router_count(e->router) + 1u)};
  if (!s.seen) {
    out->always = true;
    return;
  }
  if (full)
    search_down(&s, e, port);
  else
    search_up(&s, e, port);
  if (!out->n) out->always = true;
  mem_free(s.seen);
}

void upstream_signals(Element *e, int input, Task *listener, SignalSet *out) {
  search(e, input, listener, out, false);
}
void downstream_signals(Element *e, int output, Task *listener, SignalSet *out) {
  search(e, output, listener, out, true);
}

void signal_cleanup(Signal *s) {
  mem_free(s->listeners);
  *s = (Signal){0};
}

void signals_cleanup(SignalSet *s) {
  mem_free(s->signals);
  *s = (SignalSet){0};
}
