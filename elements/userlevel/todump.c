/** ToDump: writes packets to a pcap file.
 *
 * Synopsis: `ToDump(FILENAME [, SNAPLEN, ENCAP, <keywords> USE_ENCAP_FROM, EXTRA_LENGTH, UNBUFFERED, NANO])`
 *
 * With an output, packets go on. Without one, on a pull input, it pulls. `-` is standard output; names that
 * end in .gz, .bz2 or .Z are compressed by those programs. A packet without timestamp gets the time at which
 * it is written.
 *
 * Arguments: FILENAME. SNAPLEN (unsigned): bytes of a packet written at most; 0: all. Default 2000. ENCAP:
 * what packets begin with: ETHER (default), IP, FDDI, ATM, 802_11, 802_11_RADIO, SLL, AIRONET, HDLC,
 * PPP_HDLC, PPP, SUNATM, PRISM, NULL or `#N`, a number of pcap. USE_ENCAP_FROM (elements): takes it from
 * their `encap` handlers instead. EXTRA_LENGTH (bool): counts the extra length annotation in the packet's
 * length; default true. UNBUFFERED (bool): writes each packet at once; default false. NANO (bool):
 * nanoseconds in the file; default true.
 *
 * Handlers: `count`, `filename` (read). `reset_counts` (write). On a pull input without output `scheduled`,
 * `tickets`.
 *
 * Example: `InfiniteSource(LIMIT 3, STOP true) -> ToDump(out.pcap, ENCAP IP) -> Discard;`
 */
#include "dumpfile.h"
#include <errno.h>
#include <string.h>

typedef struct ToDump {
  Element base;
  char *filename, *encap, *use_encap_from;
  uint32_t snaplen;
  bool extra_length, unbuffered, nano, active;
  int link;
  uint64_t count;
  DumpOutput file;
  Task task;
  SignalSet signals;
} ToDump;

static void todump_write(ToDump *d, const Packet *p) {
  int64_t time = p->timestamp ? p->timestamp : time_now(&d->base);
  uint32_t n = d->snaplen && p->len > d->snaplen ? d->snaplen : p->len, header[4];
  header[0] = (uint32_t)(time / NSEC_PER_SEC);
  header[1] = (uint32_t)(time % NSEC_PER_SEC) / (d->nano ? 1 : 1000);
  header[2] = n;
  header[3] = p->len + (d->extra_length ? anno_u32(p, ANNO_EXTRA_LENGTH) : 0);
  if (dump_write(&d->file, header, sizeof header) && dump_write(&d->file, p->data, n)) {
    d->count++;
    return;
  }
  d->active = false;
  chatter(&d->base, "%s: %s", d->filename, strerror(errno));
}

static inline int todump_action(ToDump *d, Packet *p) {
  if (d->active) todump_write(d, p);
  return 0;
}

ACTION(ToDump, todump_action)

static bool todump_task(Element *e, Task *t) {
  ToDump *d = (ToDump *)e;
  Packet *p = d->active ? input_pull(e, 0) : NULL;
  if (p) {
    todump_write(d, p);
    packet_free(p);
  }
  if (p || (d->active && signals_active(&d->signals))) task_schedule(t);
  return p != NULL;
}

static int todump_configure(Element *e, const Args *args, Errors *errs) {
  ToDump *d = (ToDump *)e;
  (void)args;
  d->file.fd = -1;
  d->link = LINK_ETHER;
  if (d->encap && d->use_encap_from) return error(errs, "ENCAP and USE_ENCAP_FROM exclude each other");
  if (d->encap && (d->link = link_parse(d->encap)) < 0)
    return error(errs, "ENCAP: unknown encapsulation '%s'", d->encap);
  return 0;
}

static int todump_ask_encap(ToDump *d, Errors *errs) {
  char *names[32];
  unsigned n = split_words(d->use_encap_from, names, countof(names));
  int rc = n ? 0 : error(errs, "USE_ENCAP_FROM: expected names of elements");
  d->link = -1;
  for (unsigned i = 0; i < n && i < countof(names); i++) {
    Text name = {0}, encap = {0};
    text_printf(&name, "%s.encap", names[i]);
    if (!rc && handler_call_read(d->base.router, &d->base, text_cstr(&name), "", &encap, errs) < 0) rc = -1;
    int link = link_parse(text_cstr(&encap));
    if (!rc && link < 0)
      rc = error(errs, "USE_ENCAP_FROM: '%s' says '%s', which is no encapsulation", text_cstr(&name),
                 text_cstr(&encap));
    else if (!rc && d->link >= 0 && link != d->link)
      rc = error(errs, "USE_ENCAP_FROM: the elements have different encapsulations");
    d->link = link;
    text_free(&name);
    text_free(&encap);
    mem_free(names[i]);
  }
  return rc;
}

static int todump_initialize(Element *e, Errors *errs) {
  ToDump *d = (ToDump *)e;
  if (d->use_encap_from && todump_ask_encap(d, errs) < 0) return -1;
  if (dump_create(&d->file, d->filename, true, errs) < 0) return -1;
  d->file.unbuffered = d->unbuffered;
  struct {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snaplen, link;
  } header = {
      d->nano ? 0xa1b23c4d : 0xa1b2c3d4, 2, 4, 0, 0, d->snaplen ? d->snaplen : 0xffffffff, (uint32_t)d->link};
  if (!dump_write(&d->file, &header, sizeof header))
    return error(errs, "%s: %s", d->filename, strerror(errno));
  if (d->file.standard) {
    mem_free(d->filename);
    d->filename = mem_string("<stdout>", 8);
  }
  d->active = true;
  if (input_is_pull(e, 0) && !e->noutputs) {
    task_init(&d->task, e, true);
    upstream_signals(e, 0, &d->task, &d->signals);
  }
  return 0;
}

static void todump_cleanup(Element *e) {
  ToDump *d = (ToDump *)e;
  dump_finish(&d->file);
  mem_free(d->filename);
  mem_free(d->encap);
  mem_free(d->use_encap_from);
  signals_cleanup(&d->signals);
}

static int todump_reset(Element *e, const Handler *h, const char *value, Errors *errs) {
  (void)h, (void)value, (void)errs;
  ((ToDump *)e)->count = 0;
  return 0;
}

ELEMENT(ToDump, .ports = "1/0-1", .flags = "S2", .targets = TARGET_HOST, .ordered = true,
        USE_ACTION(ToDump, todump_action), .run_task = todump_task, .configure = todump_configure,
        .initialize = todump_initialize, .cleanup = todump_cleanup,
        .args = ARGS(ARG_MUST(ToDump, FILENAME, "FILENAME", filename),
                     ARG_POS(ToDump, U32, "SNAPLEN", snaplen, "2000"),
                     ARG_POS(ToDump, WORD, "ENCAP", encap, NULL),
                     ARG(ToDump, RAW, "USE_ENCAP_FROM", use_encap_from, NULL),
                     ARG(ToDump, BOOL, "EXTRA_LENGTH", extra_length, "true"),
                     ARG(ToDump, BOOL, "UNBUFFERED", unbuffered, "false"),
                     ARG(ToDump, BOOL, "NANO", nano, "true")),
        .handlers = HANDLERS(READ_FIELD(ToDump, U64, "count", count),
                             READ_FIELD(ToDump, STRING, "filename", filename),
                             WRITE_FN("reset_counts", todump_reset, .flags = HANDLER_WRITE | HANDLER_BUTTON),
                             TASK_HANDLERS(ToDump, task)));
