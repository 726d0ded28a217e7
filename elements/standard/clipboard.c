/** Clipboard: copies bytes from one packet into others.
 *
 * Synopsis: `Clipboard(OFFSET/LENGTH, ...)`
 *
 * Ports: 2 inputs, 2 outputs, each pair push or pull. From packets on input 0 the bytes of the ranges are
 * remembered; packets on input 1 get them written into the same places. Both pass on, by output 0 and 1.
 * Bytes that a packet on input 0 does not have keep what was remembered before, at first zero; packets on
 * input 1 that end before a range are left as they are.
 *
 * Arguments: OFFSET/LENGTH (unsigned): ranges.
 *
 * Handlers: none. The configuration can be rewritten while it runs, which forgets the bytes.
 *
 * Example: `InfiniteSource(LIMIT 1) -> c :: Clipboard(0/4) -> Discard; InfiniteSource(LIMIT 3) -> [1] c [1]
 * -> Discard;`
 */
#include <clicklet/element.h>

typedef struct ClipboardRange {
  uint32_t offset, length;
} ClipboardRange;

typedef struct Clipboard {
  Element base;
  ClipboardRange *ranges;
  unsigned n;
  uint8_t *bytes;      /* of all ranges, in order */
  uint64_t min_length; /* of packets that can be written */
} Clipboard;

static void clipboard_copy(Clipboard *c, const Packet *p) {
  uint8_t *to = c->bytes;
  for (unsigned i = 0; i < c->n; i++) {
    ClipboardRange r = c->ranges[i];
    if (r.offset < p->len)
      memcpy(to, p->data + r.offset, r.length < p->len - r.offset ? r.length : p->len - r.offset);
    to += r.length;
  }
}

/* False if the packet must be dropped. */
static bool clipboard_paste(const Clipboard *c, Packet *p) {
  if (p->len < c->min_length) return true;
  if (!packet_unique(p)) return false;
  const uint8_t *from = c->bytes;
  for (unsigned i = 0; i < c->n; i++) {
    memcpy(p->data + c->ranges[i].offset, from, c->ranges[i].length);
    from += c->ranges[i].length;
  }
  return true;
}

static unsigned clipboard_work(Clipboard *c, int port, Packet **p, unsigned n) {
  unsigned kept = 0;
  for (unsigned i = 0; i < n; i++) {
    if (port == 0)
      clipboard_copy(c, p[i]);
    else if (!clipboard_paste(c, p[i])) {
      packet_free(p[i]);
      continue;
    }
    p[kept++] = p[i];
  }
  return kept;
}

static void clipboard_push(Element *e, int port, Packet **p, unsigned n) {
  if ((n = clipboard_work((Clipboard *)e, port, p, n))) output_push_batch(e, port, p, n);
}

static unsigned clipboard_pull(Element *e, int port, Packet **p, unsigned max) {
  return clipboard_work((Clipboard *)e, port, p, input_pull_batch(e, port, p, max));
}

static void clipboard_cleanup(Element *e) {
  mem_free(((Clipboard *)e)->ranges);
  mem_free(((Clipboard *)e)->bytes);
}

static bool clipboard_live(Element *e) {
  (void)e;
  return true;
}

static int clipboard_configure(Element *e, const Args *args, Errors *errs) {
  Clipboard *c = (Clipboard *)e;
  unsigned n = args_count(args);
  uint64_t total = 0, min_length = 0;
  int rc = 0;
  ClipboardRange *ranges = mem_alloc((n + 1) * sizeof *ranges);
  if (!ranges) return error(errs, "out of memory");
  for (unsigned i = 0; i < n; i++) {
    const char *text = args_text(args, i), *slash = strchr(text, '/');
    char *offset = slash ? mem_string(text, (size_t)(slash - text)) : NULL;
    uint64_t o, l;
    if (!offset || !parse_u64(offset, &o) || !parse_u64(slash + 1, &l) || o > UINT32_MAX || l > 65535) {
      rc = arg_error(errs, args_index(args, i), "expected OFFSET/LENGTH, not '%s'", text);
    } else {
      ranges[i] = (ClipboardRange){(uint32_t)o, (uint32_t)l};
      total += l;
      if (o + l > min_length) min_length = o + l;
    }
    mem_free(offset);
  }
  uint8_t *bytes = rc ? NULL : mem_alloc(total + 1);
  if (!bytes) {
    mem_free(ranges);
    return rc ? rc : error(errs, "out of memory");
  }
  clipboard_cleanup(e);
  c->ranges = ranges;
  c->bytes = bytes;
  c->n = n;
  c->min_length = min_length;
  return 0;
}

ELEMENT(Clipboard, .ports = "2/2", .flow = "#/#", .flags = "S0", .push = clipboard_push,
        .pull = clipboard_pull, .can_live_reconfigure = clipboard_live, .configure = clipboard_configure,
        .cleanup = clipboard_cleanup, .args = ARGS(ARG_ALL_REST("RANGE")));
