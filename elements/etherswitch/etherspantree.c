/** EtherSpanTree: keeps a switch's part of a network free of loops: the spanning tree protocol (IEEE 802.1D).
 *
 * Synopsis: `EtherSpanTree(ADDR, INPUT_SUPPRESSOR, OUTPUT_SUPPRESSOR, SWITCH)`
 *
 * Input and output N are port N of the switch: bridge messages (802.3 frames with SAP 0x4242) come in and go
 * out. The bridges choose a root; each port that would close a loop is blocked, by switching off port N of
 * the two Suppressors, which stand in front of and behind the switch. A port that is opened listens, then
 * learns, for 15 s each before it forwards. State changes are reported on the terminal.
 *
 * Arguments: ADDR (Ethernet address): the bridge's. INPUT_SUPPRESSOR, OUTPUT_SUPPRESSOR (Suppressor), SWITCH
 * (EtherSwitch).
 *
 * Handlers: `msgs` (read): a line for the best message of each port, and one for the best of all.
 *
 * Differs: the reference takes topology change notices for configuration messages, and shows random times for
 * ports that heard nothing, and a random port of the own message.
 *
 * Example: `s :: EtherSwitch; a, b :: Suppressor; t :: EtherSpanTree(0:1f:29:4d:f8:31, a, b, s);
 * Idle -> c0 :: Classifier(14/4242, -); Idle -> c1 :: Classifier(14/4242, -);
 * c0 [0] -> t -> Discard; c1 [0] -> [1] t [1] -> Discard;
 * c0 [1] -> a -> s -> b -> Discard; c1 [1] -> [1] a [1] -> [1] s [1] -> [1] b [1] -> Discard;`
 */
#include "etherswitch.h"

/* What a bridge says; better ones compare smaller, field by field. */
typedef struct TreeMessage {
  uint64_t root, bridge;
  uint32_t cost;
  uint16_t port;
  bool change;                    /* of the topology */
  int64_t stamp;                  /* ns; INT64_MAX: does not age */
  uint32_t max_age, hello, delay; /* s */
} TreeMessage;

enum { TREE_BLOCK, TREE_LISTEN, TREE_LEARN, TREE_FORWARD };

typedef struct TreePort {
  int state;
  int64_t since; /* ns */
  TreeMessage message;
} TreePort;

typedef struct EtherSpanTree {
  Element base;
  uint8_t addr[6];
  Element *input, *output, *bridge;
  uint64_t id;
  TreePort *ports;
  TreeMessage best;
  bool notify; /* the root is to be told of a change */
  Timer timer;
} EtherSpanTree;

/* Places in a message, behind 14 bytes of Ethernet header and 3 of LLC. */
enum {
  TREE_TYPE = 20,
  TREE_FLAGS = 21,
  TREE_ROOT = 22,
  TREE_COST = 30,
  TREE_BRIDGE = 34,
  TREE_PORT = 42,
  TREE_AGE = 44,
  TREE_MAX_AGE = 46,
  TREE_HELLO = 48,
  TREE_DELAY = 50,
  TREE_MESSAGE = 60
};
#define TREE_CHANGE 1 /* flags */
#define TREE_ACK 0x80
#define TREE_NOTICE 128 /* type */

/* Positive if a is better than b, negative if worse. */
static int tree_compare(const TreeMessage *a, const TreeMessage *b) {
  if (a->root != b->root) return a->root < b->root ? 4 : -4;
  if (a->cost != b->cost) return a->cost < b->cost ? 3 : -3;
  if (a->bridge != b->bridge) return a->bridge < b->bridge ? 2 : -2;
  return a->port == b->port ? 0 : a->port < b->port ? 1 : -1;
}

/* Makes a message the worst there can be; what does not count is left, and shown by `msgs`. */
static void tree_forget(TreeMessage *m) {
  m->root = m->bridge = UINT64_MAX;
  m->cost = UINT32_MAX;
  m->stamp = INT64_MAX;
  m->change = false;
}
/* What a bridge says that thinks itself the root. */
static void tree_own(TreeMessage *m, uint64_t id) {
  *m = (TreeMessage){
      .root = id, .bridge = id, .port = m->port, .stamp = INT64_MAX, .max_age = 20, .hello = 2, .delay = 15};
}

static void tree_suppress(EtherSpanTree *e, Element *suppressor, int port, bool active) {
  char name[256];
  format_into(name, sizeof name, "%s.active%d", suppressor->name, port);
  handler_call_write(e->base.router, NULL, name, active ? "true" : "false", NULL);
}

/* Blocks a port, or takes it one step towards forwarding. */
static void tree_set(EtherSpanTree *e, int i, bool forward) {
  TreePort *p = &e->ports[i];
  if (p->state == (forward ? TREE_FORWARD : TREE_BLOCK)) return;
  int state = forward ? p->state + 1 : TREE_BLOCK;
  if (!forward)
    chatter(NULL, "Setting send_tc_msg: FORWARD -> BLOCK on %d", i);
  else if (p->state == TREE_BLOCK)
    chatter(NULL, "Setting send_tc_msg: BLOCK -> FORWARD on %d", i);
  if (!forward || p->state == TREE_BLOCK) e->notify = true;
  chatter(NULL, "Changing port %d from %d to %d", i, p->state, state);
  p->state = state;
  p->since = time_now(&e->base);
  tree_suppress(e, e->input, i, state >= TREE_LEARN);
  tree_suppress(e, e->output, i, state == TREE_FORWARD);
}

static void tree_find(EtherSpanTree *e) {
  int root_port = -1;
  tree_own(&e->best, e->id);
  for (int i = 0; i < e->base.noutputs; i++) {
    TreeMessage m = e->ports[i].message;
    m.cost++;
    if (tree_compare(&e->best, &m) < 0) {
      e->best = m;
      root_port = i;
    }
  }
  for (int i = 0; i < e->base.noutputs; i++) {
    TreeMessage mine = e->best; /* as we would send it there */
    mine.bridge = e->id;
    mine.port = (uint16_t)i;
    if (i != root_port && tree_compare(&mine, &e->ports[i].message) < 0)
      tree_set(e, i, false);
    else if (e->ports[i].state == TREE_BLOCK)
      tree_set(e, i, true);
  }
}

static void tree_periodic(EtherSpanTree *e) {
  int64_t opened = time_now(&e->base) - e->best.delay * NSEC_PER_SEC;
  for (int i = 0; i < e->base.noutputs; i++) {
    int state = e->ports[i].state;
    if ((state == TREE_LISTEN || state == TREE_LEARN) && e->ports[i].since < opened) tree_set(e, i, true);
  }
  int64_t heard = time_now(&e->base) - e->best.max_age * NSEC_PER_SEC;
  for (int i = 0; i < e->base.noutputs; i++) {
    if (e->ports[i].message.stamp > heard) continue;
    tree_forget(&e->ports[i].message);
    chatter(NULL, "Expiring message on port %d", i);
  }
  tree_find(e);
}

static Packet *tree_make(EtherSpanTree *e, int port) {
  static const uint8_t start[21] = {0x01, 0x80, 0xc2, [14] = 0x42, 0x42, 3};
  int better = tree_compare(&e->best, &e->ports[port].message);
  if (better < 0 || (!better && !e->notify)) return NULL;
  Packet *p = packet_make(PACKET_HEADROOM, NULL, TREE_MESSAGE, 0);
  if (!p) return NULL;
  uint8_t *d = p->data;
  const TreeMessage *b = &e->best;
  memcpy(d, start, sizeof start);
  memcpy(d + 6, e->addr, 6);
  if (!better) { /* towards the root: something changed */
    wire_put16(d + 12, 7);
    d[TREE_TYPE] = TREE_NOTICE;
    return p;
  }
  wire_put16(d + 12, 38);
  d[TREE_FLAGS] = b->change ? TREE_CHANGE : 0;
  store64(d + TREE_ROOT, be64(b->root));
  store32(d + TREE_COST, be32(b->cost));
  store64(d + TREE_BRIDGE, be64(e->id));
  wire_put16(d + TREE_PORT, (uint16_t)port);
  if (b->stamp != INT64_MAX)
    wire_put16(d + TREE_AGE, (uint16_t)((time_now(&e->base) - b->stamp) / NSEC_PER_USEC * 256 / 1000000));
  wire_put16(d + TREE_MAX_AGE, (uint16_t)(b->max_age * 256));
  wire_put16(d + TREE_HELLO, (uint16_t)(b->hello * 256));
  wire_put16(d + TREE_DELAY, (uint16_t)(b->delay * 256));
  return p;
}

static void tree_arm(EtherSpanTree *e) {
  timer_after(&e->timer, (e->best.hello ? e->best.hello : 1) * NSEC_PER_SEC);
}

static void tree_timer(Element *el, Timer *t) {
  EtherSpanTree *e = (EtherSpanTree *)el;
  tree_periodic(e);
  for (int i = 0; i < el->noutputs; i++) {
    Packet *p = tree_make(e, i);
    if (p) output_push(el, i, p);
  }
  tree_arm(e);
}

static void tree_push(Element *el, int port, Packet **p, unsigned n) {
  EtherSpanTree *e = (EtherSpanTree *)el;
  for (unsigned i = 0; i < n; i++) {
    const uint8_t *d = p[i]->data;
    if (p[i]->len >= TREE_DELAY + 2 && d[TREE_TYPE] != TREE_NOTICE) {
      TreeMessage m = {.root = be64(load64(d + TREE_ROOT)),
                       .cost = be32(load32(d + TREE_COST)),
                       .bridge = be64(load64(d + TREE_BRIDGE)),
                       .port = wire_get16(d + TREE_PORT),
                       .change = d[TREE_FLAGS] & TREE_CHANGE,
                       .stamp =
                           time_now(el) - wire_get16(d + TREE_AGE) * INT64_C(1000000) / 256 * NSEC_PER_USEC,
                       .max_age = wire_get16(d + TREE_MAX_AGE) / 256u,
                       .hello = wire_get16(d + TREE_HELLO) / 256u,
                       .delay = wire_get16(d + TREE_DELAY) / 256u};
      if (tree_compare(&e->ports[port].message, &m) <= 0) {
        e->ports[port].message = m;
        if (d[TREE_FLAGS] & TREE_ACK) e->notify = false;
      }
      tree_find(e);
    }
    packet_free(p[i]);
  }
}

static int tree_configure(Element *el, const Args *args, Errors *errs) {
  EtherSpanTree *e = (EtherSpanTree *)el;
  if (strcmp(e->input->class->name, "Suppressor") || strcmp(e->output->class->name, "Suppressor"))
    return error(errs, "expected two Suppressor elements");
  if (!element_cast(e->bridge, "EtherSwitch"))
    return error(errs, "SWITCH: '%s' is not an EtherSwitch", e->bridge->name);
  if (!(e->ports = mem_alloc((el->noutputs + 1u) * sizeof *e->ports))) return error(errs, "out of memory");
  e->id = UINT64_C(0xdead) << 48; /* a priority with which it hardly becomes the root */
  for (int i = 0; i < 6; i++) e->id |= (uint64_t)e->addr[i] << 8 * i;
  for (int i = 0; i < el->noutputs; i++) tree_forget(&e->ports[i].message);
  return 0;
}

static int tree_initialize(Element *el, Errors *errs) {
  EtherSpanTree *e = (EtherSpanTree *)el;
  for (int i = 0; i < el->noutputs; i++) tree_set(e, i, true);
  tree_own(&e->best, e->id);
  timer_init(&e->timer, el);
  tree_arm(e);
  return 0;
}

static void tree_cleanup(Element *el) {
  timer_cancel(&((EtherSpanTree *)el)->timer);
  mem_free(((EtherSpanTree *)el)->ports);
}

static void tree_text(const TreeMessage *m, Text *out) {
  text_printf(out, " %16llx:%04x: %2s  %x -> %16llx  m/h/d: %x/%x/%x\n", (unsigned long long)m->bridge,
              m->port, m->change ? "TC" : "tc", m->cost, (unsigned long long)m->root, m->max_age, m->hello,
              m->delay);
}

static int tree_messages(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const EtherSpanTree *e = (const EtherSpanTree *)el;
  for (int i = 0; i < el->noutputs; i++) tree_text(&e->ports[i].message, out);
  tree_text(&e->best, out);
  return 0;
}

ELEMENT(EtherSpanTree, .ports = "-/=", .processing = "h/h", .push = tree_push, .run_timer = tree_timer,
        .configure = tree_configure, .initialize = tree_initialize, .cleanup = tree_cleanup,
        .args = ARGS(ARG_MUST(EtherSpanTree, ETHER, "ADDR", addr),
                     ARG_MUST(EtherSpanTree, ELEMENT, "INPUT_SUPPRESSOR", input),
                     ARG_MUST(EtherSpanTree, ELEMENT, "OUTPUT_SUPPRESSOR", output),
                     ARG_MUST(EtherSpanTree, ELEMENT, "SWITCH", bridge)),
        .handlers = HANDLERS(READ_FN("msgs", tree_messages)));
