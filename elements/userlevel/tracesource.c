/* tracesource.c: elements that read traces (tracesource.h). */
#include "tracesource.h"
#include <clicklet/platform.h>
#include <string.h>

#define TRACE_SAMPLE_ONE (1 << 28)

int trace_configure(TraceSource *f, Errors *errs) {
  f->file.fd = -1;
  f->sampling = TRACE_SAMPLE_ONE;
  int rc = 0;
  if (f->has_start && f->has_start_after) rc = error(errs, "START and START_AFTER exclude each other");
  if (f->has_end + f->has_end_after + f->has_interval > 1)
    rc = error(errs, "END, END_AFTER and INTERVAL exclude each other");
  if (f->stop && f->end_call) rc = error(errs, "END_CALL and STOP exclude each other");
  return rc;
}

int trace_configure_sample(TraceSource *f, Errors *errs) {
  if (f->sample < 0) return error(errs, "SAMPLE: expected a probability");
  if (f->sample > 1) warning(errs, "SAMPLE is reduced to 1"), f->sample = 1;
  f->sampling = (uint32_t)(f->sample * TRACE_SAMPLE_ONE + 0.5);
  if (!f->sampling) warning(errs, "SAMPLE is 0: no packets");
  return 0;
}

Packet *trace_ip_packet(TraceSource *f, uint32_t n, bool zero) {
  Packet *p = packet_make(PACKET_HEADROOM, NULL, 20 + n, 60);
  if (!p) return NULL;
  for (uint32_t i = 0; !zero && i < p->len; i++) p->data[i] = (uint8_t)random_u32(&f->base);
  packet_set_network(p, p->data, 20);
  p->data[0] = 0x45;
  store16(p->data + 6, 0);
  return p;
}

static void trace_times(TraceSource *f, int64_t first) {
  f->first_seen = true;
  f->from = f->has_start ? f->start : f->has_start_after ? first + f->start_after : INT64_MIN;
  f->has_to = f->has_end || f->has_end_after || f->has_interval;
  f->to = f->has_end         ? f->end
          : f->has_end_after ? first + f->end_after
                             : (f->from == INT64_MIN ? first : f->from) + f->interval;
  if (f->timing) f->timing_offset = time_steady(&f->base) - first;
}

/* END was reached, or the end of the file. */
static void trace_end(TraceSource *f) {
  if (f->end_call) {
    handler_call(&f->base, f->end_call, NULL);
  } else if (f->stop) {
    f->active = false;
    router_stop(f->base.router);
  } else if (f->has_end || f->has_end_after || f->has_interval)
    f->active = false;
}

void trace_complain(TraceSource *f, const char *what) {
  if (!f->complained)
    chatter(&f->base, "%s: %s at byte %llu; reading ends here", f->file.name, what,
            (unsigned long long)f->packet_filepos);
  f->complained = true;
  dump_close(&f->file);
}

void trace_complain_line(TraceSource *f, const char *what) {
  if (!f->complained) chatter(NULL, "%s:%llu: %s", f->file.name, (unsigned long long)f->file.line, what);
  f->complained = true;
}

/* Reads one packet into f->next. */
static int trace_read(TraceSource *f) {
  TraceRecord r = {0};
  f->packet_filepos = f->file.position;
  int k = f->record(f, &r);
  if (k != TRACE_RECORD) return k;
  if (!f->first_seen) trace_times(f, r.time);
  bool early = r.time < f->from;
  uint64_t rest = r.packet ? 0 : (uint64_t)r.captured + r.skip;
  if (!early && f->has_to && r.time >= f->to) {
    f->has_to = false;
    trace_end(f); /* if that leaves us active, reading goes on */
    if (!f->active) {
      if (r.packet) packet_free(r.packet);
      dump_skip(&f->file, rest);
      f->ended = true;
      return TRACE_END;
    }
  }
  if (early ||
      (f->sampling < TRACE_SAMPLE_ONE && (random_u32(&f->base) & (TRACE_SAMPLE_ONE - 1)) >= f->sampling)) {
    if (r.packet) packet_free(r.packet);
    if (!dump_skip(&f->file, rest)) return trace_complain(f, "the file ends within a packet"), TRACE_END;
    return TRACE_SKIPPED;
  }
  if (!r.packet) {
    size_t left;
    const uint8_t *data = dump_peek(&f->file, r.captured, &left);
    if (!data) return trace_complain(f, "the file ends within a packet"), TRACE_END;
    r.packet = packet_make(PACKET_HEADROOM, data, r.captured, 0);
    if (!r.packet) return trace_complain(f, "out of memory"), TRACE_END;
    dump_take(&f->file, r.captured);
    dump_skip(&f->file, r.skip);
    r.packet->timestamp = r.time;
    r.packet->mac = r.packet->data;
    set_anno_u32(r.packet, ANNO_EXTRA_LENGTH, r.extra);
  }
  f->next = r.packet;
  return TRACE_RECORD;
}

/* The next packet for output 0, NULL if there is none now; *more: there may be later, without a timer. */
static Packet *trace_next(TraceSource *f, bool *more) {
  *more = true;
  for (int tries = 0; tries < 16; tries++) {
    if (!f->active) return *more = false, NULL;
    if (!f->next) {
      int r = f->ended ? TRACE_END : trace_read(f);
      if (r == TRACE_SKIPPED) continue;
      if (r == TRACE_END) {
        *more = false;
        if (!f->ended) trace_end(f);
        f->ended = true;
        return NULL;
      }
    }
    if (f->timing) {
      int64_t due = f->next->timestamp + f->timing_offset;
      if (time_steady(&f->base) < due) {
        timer_at(&f->timer, due);
        return *more = false, NULL;
      }
    }
    Packet *p = f->next;
    f->next = NULL;
    if (!f->ip_only || link_find_ip(p, f->link)) {
      f->count++;
      return p;
    }
    if (f->base.noutputs > 1)
      output_push(&f->base, 1, p);
    else
      packet_free(p);
  }
  return NULL;
}

bool trace_task(Element *e, Task *t) {
  TraceSource *f = (TraceSource *)e;
  Packet *p[BATCH_MAX];
  unsigned limit = batch_limit(e), n = 0;
  bool more = true;
  while (n < limit && more && (p[n] = trace_next(f, &more))) n++;
  if (more) task_schedule(t);
  if (n) output_push_batch(e, 0, p, n);
  return n > 0;
}

unsigned trace_pull(Element *e, int port, Packet **p, unsigned max) {
  TraceSource *f = (TraceSource *)e;
  (void)port;
  unsigned n = 0;
  bool more = true;
  while (n < max && more && (p[n] = trace_next(f, &more))) n++;
  signal_set(&f->not_empty, more);
  return n;
}

static void trace_wake(TraceSource *f) {
  if (!f->active) return;
  if (f->task.element)
    task_schedule(&f->task);
  else
    signal_set(&f->not_empty, true);
}

void trace_timer(Element *e, Timer *t) {
  (void)t;
  trace_wake((TraceSource *)e);
}

int trace_initialize(TraceSource *f, Errors *errs) {
  f->not_empty.active = f->active;
  timer_init(&f->timer, &f->base);
  if (output_is_push(&f->base, 0)) task_init(&f->task, &f->base, f->active);
  return f->filepos ? dump_seek(&f->file, f->filepos, errs) : 0;
}

/* What a handler changes holds for the very next packet, so packets go one by one. */
unsigned trace_batch_cap(Element *e) { return ((TraceSource *)e)->end_call ? 1 : 0; }

void trace_cleanup(Element *e) {
  TraceSource *f = (TraceSource *)e;
  timer_cancel(&f->timer);
  if (f->next) packet_free(f->next);
  dump_close(&f->file);
  mem_free(f->file.name);
  mem_free(f->filename);
  mem_free(f->end_call);
  signal_cleanup(&f->not_empty);
}

bool trace_take_state(TraceSource *f, TraceSource *o) {
  if (strcmp(f->filename, o->filename)) return false;
  DumpInput file = f->file;
  f->file = o->file;
  o->file = file;
  if (f->next) packet_free(f->next);
  f->next = o->next;
  o->next = NULL;
  f->link = o->link;
  f->timing_offset = o->timing_offset;
  f->packet_filepos = o->packet_filepos;
  f->count = o->count;
  return true;
}

Signal *trace_notifier(Element *e, bool full, int port) {
  return full || port ? NULL : &((TraceSource *)e)->not_empty;
}

int trace_read_text(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  TraceSource *f = (TraceSource *)e;
  (void)param, (void)errs;
  switch (h->data) {
  case TRACE_ENCAP:
    link_text(f->link, out);
    break;
  case TRACE_FILENAME:
    text_add_string(out, f->file.name ? f->file.name : f->filename);
    break;
  case TRACE_FILESIZE:
    dump_size_text(&f->file, out);
    break;
  case TRACE_FILEPOS:
    text_printf(out, "%llu", (unsigned long long)f->file.position);
    break;
  case TRACE_SAMPLING:
    text_printf(out, "%.9g", (double)f->sampling / TRACE_SAMPLE_ONE);
    break;
  }
  return 0;
}

int trace_write_active(Element *e, const Handler *h, const char *value, Errors *errs) {
  if (handler_write_field(e, h, value, errs) < 0) return -1;
  ((TraceSource *)e)->ended = false;
  trace_wake((TraceSource *)e);
  return 0;
}

int trace_write_filepos(Element *e, const Handler *h, const char *value, Errors *errs) {
  TraceSource *f = (TraceSource *)e;
  uint64_t v;
  (void)h;
  if (!parse_u64(value, &v)) return error(errs, "expected a position in bytes, not '%s'", value);
  if (f->next) packet_free(f->next);
  f->next = NULL;
  if (f->file.fd < 0 && dump_open(&f->file, f->filename, errs) < 0) return -1;
  if (dump_seek(&f->file, v, errs) < 0) return -1;
  f->ended = false; /* after the end, `active true` begins again */
  return 0;
}

int trace_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  TraceSource *f = (TraceSource *)e;
  int64_t t;
  switch (h->data) {
  case TRACE_RESET_COUNTS:
    f->count = 0;
    break;
  case TRACE_RESET_TIMING: /* the next packet counts as the first for TIMING */
    f->first_seen = false;
    if (f->has_start_after) f->has_start_after = false, f->has_start = true, f->start = f->from;
    if (f->has_end_after || f->has_interval)
      f->has_end_after = f->has_interval = false, f->has_end = true, f->end = f->to;
    break;
  case TRACE_EXTEND_INTERVAL:
    if (!parse_interval(value, NSEC_PER_SEC, &t)) return error(errs, "expected a time, not '%s'", value);
    f->to += t;
    f->has_to = f->has_end || f->has_end_after || f->has_interval;
    f->active = true;
    f->ended = false;
    trace_wake(f);
    break;
  case TRACE_STOP:
    f->active = false;
    router_stop(e->router);
    break;
  }
  return 0;
}
