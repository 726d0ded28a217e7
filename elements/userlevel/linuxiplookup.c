/** LinuxIPLookup: routes IP packets by Linux's routing table.
 *
 * Synopsis: `LinuxIPLookup(DEVICE0, DEVICE1, ...)`
 *
 * Looks up the destination address annotation in the host's main table for IPv4, as it was in /proc/net/route
 * when the router started. A packet leaves on the output of the device that its route names: output N is the
 * N-th DEVICE; if the route has a gateway, the annotation becomes it. Packets without a route leave on one
 * more output, if there is one. Routes over other devices are left out, which is said once for each device.
 *
 * Of several routes to one prefix that with the lowest metric counts; the reference takes the last one.
 * Unlike the reference, nothing is printed for packets.
 *
 * Arguments: the names of devices.
 *
 * Handlers: none.
 *
 * Example: `Idle -> CheckIPHeader -> rt :: LinuxIPLookup(eth0) -> Discard; rt [1] -> Discard;`
 */
#define _GNU_SOURCE
#include "../ip/iptrie.h"
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

typedef struct LinuxRoute {
  uint32_t addr, gateway; /* network order */
  unsigned length, metric, output;
} LinuxRoute;

typedef struct LinuxIPLookup {
  Element base;
  char **devices;
  unsigned ndevices;
  LinuxRoute *routes; /* a leaf of the trie is a place here + 1 */
  unsigned nroutes, room;
  IPTrie trie;
} LinuxIPLookup;

enum { ROUTE_UP = 1, ROUTE_REJECT = 0x200 }; /* flags, as in linux/route.h */

static inline int linux_lookup(LinuxIPLookup *l, Packet *p) {
  uint32_t value = ip_trie_lookup(&l->trie, be32(packet_dst_ip(p)));
  if (!value) return l->base.noutputs > (int)l->ndevices ? (int)l->ndevices : PACKET_DROP;
  const LinuxRoute *r = &l->routes[value - 1];
  if (r->gateway) packet_set_dst_ip(p, r->gateway);
  return (int)r->output;
}

ACTION(LinuxIPLookup, linux_lookup)

static int linux_configure(Element *e, const Args *args, Errors *errs) {
  LinuxIPLookup *l = (LinuxIPLookup *)e;
  int rc = 0;
  if (!(l->devices = mem_alloc((args_count(args) + 1) * sizeof *l->devices)))
    return error(errs, "out of memory");
  for (; l->ndevices < args_count(args); l->ndevices++) {
    const char *name = args_text(args, l->ndevices);
    if (!is_word(name) || strlen(name) >= IF_NAMESIZE)
      rc = arg_error(errs, args_index(args, l->ndevices), "'%s' is no name of a network device", name);
    l->devices[l->ndevices] = mem_string(name, strlen(name));
  }
  unsigned n = l->ndevices, outputs = e->noutputs;
  if (outputs < n || outputs > n + 1) rc = error(errs, "need %u or %u output ports", n, n + 1);
  return rc;
}

static bool linux_add(LinuxIPLookup *l, LinuxRoute r) {
  /* Routes to one prefix stand one behind the other. */
  LinuxRoute *last = l->nroutes ? &l->routes[l->nroutes - 1] : NULL;
  if (last && last->addr == r.addr && last->length == r.length) {
    if (r.metric < last->metric) *last = r;
    return true;
  }
  if (l->nroutes == l->room) {
    unsigned room = l->room ? 2 * l->room : 64;
    LinuxRoute *more = mem_resize(l->routes, l->room * sizeof *more, room * sizeof *more);
    if (!more) return false;
    l->routes = more;
    l->room = room;
  }
  l->routes[l->nroutes++] = r;
  return ip_trie_insert(&l->trie, be32(r.addr), r.length, l->nroutes);
}

static int linux_initialize(Element *e, Errors *errs) {
  LinuxIPLookup *l = (LinuxIPLookup *)e;
  char line[512], device[IF_NAMESIZE], told[IF_NAMESIZE] = "";
  if (!ip_trie_init(&l->trie)) return error(errs, "out of memory");
  FILE *f = fopen("/proc/net/route", "re");
  if (!f) return error(errs, "cannot open /proc/net/route: %s", strerror(errno));
  bool ok = true;
  while (ok && fgets(line, sizeof line, f)) {
    unsigned addr, gateway, flags, metric, mask, i = 0;
    if (sscanf(line, "%15s %x %x %x %*s %*s %u %x", device, &addr, &gateway, &flags, &metric, &mask) != 6 ||
        !(flags & ROUTE_UP) || (flags & ROUTE_REJECT))
      continue;
    while (i < l->ndevices && strcmp(l->devices[i], device)) i++;
    if (i < l->ndevices) {
      unsigned length = (unsigned)__builtin_popcount(mask);
      ok = linux_add(l, (LinuxRoute){addr & mask, gateway, length, metric, i});
    } else if (strcmp(told, device)) {
      chatter(NULL, "LinuxIPLookup: no output for dev %s", device);
      strcpy(told, device);
    }
  }
  fclose(f);
  return ok ? 0 : error(errs, "out of memory");
}

static void linux_cleanup(Element *e) {
  LinuxIPLookup *l = (LinuxIPLookup *)e;
  for (unsigned i = 0; i < l->ndevices; i++) mem_free(l->devices[i]);
  mem_free(l->devices);
  mem_free(l->routes);
  ip_trie_free(&l->trie);
}

ELEMENT(LinuxIPLookup, .ports = "1/1-", .processing = "h/h", .targets = TARGET_HOST,
        USE_ACTION(LinuxIPLookup, linux_lookup), .configure = linux_configure, .initialize = linux_initialize,
        .cleanup = linux_cleanup, .args = ARGS(ARG_ALL_REST("DEVICE")));
