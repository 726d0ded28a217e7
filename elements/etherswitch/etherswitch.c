/** EtherSwitch: a learning Ethernet switch.
 *
 * Synopsis: `EtherSwitch([<keywords> TIMEOUT])`
 *
 * Input and output N are one port. The source address of a packet is remembered with the port it came in by.
 * A packet to an address that was remembered leaves on that port, or is dropped if it came in by it; others
 * leave on all ports but their own. Ages are those of packets' timestamps.
 *
 * Arguments: TIMEOUT (time): an address is forgotten when nothing came from it for so long; 0: a hub, which
 * remembers nothing. Default 300 s.
 *
 * Handlers: `table` (read): a line for each address: address and port. `timeout` (read/write): in seconds.
 *
 * Differs: it remembers 1048576 addresses at most, the reference any number.
 *
 * Example: `s :: EtherSwitch; Idle -> [0] s [0] -> Discard; Idle -> [1] s [1] -> Discard; Idle -> [2] s [2]
 * -> Discard;`
 */
#include "etherswitch.h"

static void switch_put(EtherSwitch *e, const SwitchStation *s) { *switch_find(e, s->ether) = *s; }

/* Makes the table anew with `size` places, without the stations that are too old by `now`. */
static bool switch_resize(EtherSwitch *e, uint32_t size, int64_t now) {
  SwitchStation *old = e->stations, *stations = mem_alloc((size_t)size * sizeof *stations);
  uint32_t old_size = old ? e->mask + 1 : 0;
  if (!stations) return false;
  e->stations = stations;
  e->mask = size - 1;
  e->count = 0;
  for (uint32_t i = 0; i < old_size; i++) {
    if (!old[i].port || now >= old[i].stamp + e->timeout) continue;
    switch_put(e, &old[i]);
    e->count++;
  }
  mem_free(old);
  return true;
}

void switch_add(EtherSwitch *e, const uint8_t *ether, int port, int64_t stamp) {
  if (2 * (e->count + 1) > e->mask + 1) {
    bool at_most = e->mask + 1 >= 2 * SWITCH_STATIONS_MAX;
    if (at_most && stamp - e->purged < NSEC_PER_SEC) return;
    e->purged = stamp;
    if (!switch_resize(e, at_most ? e->mask + 1 : 2 * (e->mask + 1), stamp) ||
        2 * (e->count + 1) > e->mask + 1)
      return;
  }
  SwitchStation *s = switch_find(e, ether);
  *s = (SwitchStation){.port = (uint16_t)(port + 1), .born = e->born++, .stamp = stamp};
  memcpy(s->ether, ether, 6);
  if (++e->count > 2 * e->buckets) e->buckets = 2 * e->buckets + 1;
}

void switch_remove(EtherSwitch *e, SwitchStation *s) {
  uint32_t i = (uint32_t)(s - e->stations);
  for (uint32_t j = (i + 1) & e->mask; e->stations[j].port; j = (j + 1) & e->mask) {
    uint32_t home = switch_hash(e->stations[j].ether) & e->mask;
    if (((j - home) & e->mask) < ((j - i) & e->mask)) continue;
    e->stations[i] = e->stations[j];
    i = j;
  }
  e->stations[i] = (SwitchStation){0};
  e->count--;
}

void switch_flood(EtherSwitch *e, int port, Packet *p) {
  int left = e->base.noutputs - 1;
  for (int i = e->base.noutputs - 1; i >= 0; i--) {
    if (i == port) continue;
    Packet *q = --left ? packet_clone(p) : p;
    if (q) output_push(&e->base, i, q);
  }
}

int switch_initialize(Element *el, Errors *errs) {
  EtherSwitch *e = (EtherSwitch *)el;
  e->buckets = 63;
  return switch_resize(e, 128, INT64_MIN) ? 0 : error(errs, "out of memory");
}

void switch_cleanup(Element *e) { mem_free(((EtherSwitch *)e)->stations); }

void switch_take_state(Element *el, Element *old) {
  EtherSwitch *e = (EtherSwitch *)el, *o = (EtherSwitch *)old;
  EtherSwitch mine = *e;
  e->stations = o->stations, e->mask = o->mask, e->count = o->count, e->born = o->born,
  e->buckets = o->buckets;
  o->stations = mine.stations, o->mask = mine.mask, o->count = mine.count;
  if (el->noutputs >= old->noutputs) return;
  for (uint32_t i = 0; i <= e->mask;) /* those on ports that are no more; a removal moves others up */
    if (e->stations[i].port > el->noutputs)
      switch_remove(e, &e->stations[i]);
    else
      i++;
}

void *switch_cast(Element *e, const char *name) { return strcmp(name, "EtherSwitch") ? NULL : e; }

/* The reference's order: by its hash buckets, the youngest first. */
static uint64_t switch_order(const EtherSwitch *e, const SwitchStation *s) {
  uint32_t a = load16(s->ether), b = load16(s->ether + 2), c = load16(s->ether + 4);
  uint32_t hash = (c | b << 16) ^ (a << 9);
  return (uint64_t)(hash % e->buckets) << 32 | (uint32_t)~s->born;
}

int switch_table(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  EtherSwitch *e = (EtherSwitch *)el;
  const SwitchStation **all = mem_alloc((e->count + 1) * sizeof *all);
  uint32_t n = 0;
  if (!all) return error(errs, "out of memory");
  for (uint32_t i = 0; i <= e->mask; i++)
    if (e->stations[i].port) all[n++] = &e->stations[i];
  for (uint32_t gap = n / 2; gap; gap /= 2) /* a Shell sort */
    for (uint32_t i = gap; i < n; i++) {
      const SwitchStation *s = all[i];
      uint32_t j = i;
      for (; j >= gap && switch_order(e, all[j - gap]) > switch_order(e, s); j -= gap) all[j] = all[j - gap];
      all[j] = s;
    }
  for (uint32_t i = 0; i < n; i++)
    text_printf(out, "%pE %d\n", (const void *)all[i]->ether, all[i]->port - 1);
  mem_free(all);
  return 0;
}

int switch_timeout(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  text_printf(out, "%lld", (long long)((((EtherSwitch *)e)->timeout + NSEC_PER_SEC / 2) / NSEC_PER_SEC));
  return 0;
}

/* Packets in a row for the same output travel together. */
static void ether_switch_push(Element *el, int port, Packet **p, unsigned n) {
  EtherSwitch *e = (EtherSwitch *)el;
  Packet *run[BATCH_MAX];
  unsigned k = 0;
  int to = -1;
  for (unsigned i = 0; i < n; i++) {
    int out = switch_output(e, port, p[i]);
    if (k && out != to) {
      output_push_batch(el, to, run, k);
      k = 0;
    }
    if (out < 0)
      switch_flood(e, port, p[i]);
    else if (out == port)
      packet_free(p[i]);
    else
      run[k++] = p[i], to = out;
  }
  if (k) output_push_batch(el, to, run, k);
}

ELEMENT(EtherSwitch, .ports = "2-/=", .processing = "h/h", .flow = "#/[^#]", .push = ether_switch_push,
        .initialize = switch_initialize, .cleanup = switch_cleanup, .take_state = switch_take_state,
        .cast = switch_cast, .args = ARGS(SWITCH_ARGS(EtherSwitch)),
        .handlers = HANDLERS(SWITCH_HANDLERS(EtherSwitch)));
