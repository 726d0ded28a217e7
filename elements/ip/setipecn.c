/** SetIPECN: sets the ECN bits, the lower two of the TOS byte, of IP packets.
 *
 * Synopsis: `SetIPECN(ECN)`. The header checksum is updated.
 *
 * Arguments: ECN (required): 0 to 3, or `no`, `ect1` (also `ECT(1)`), `ect2` (also `ECT(0)`), `ce` (also
 * `CE`).
 *
 * Handlers: `ecn` (read/write).
 *
 * Example: `Idle -> CheckIPHeader -> SetIPECN(ect1) -> Discard;`
 */
#include "iptos.h"

typedef struct SetIPECN {
  Element base;
  uint8_t ecn;
  char *text; /* as written */
} SetIPECN;

static inline int set_ip_ecn(SetIPECN *e, Packet *p) {
  if (unlikely(!ip_header(p))) return 0;
  return ip_set_tos(p, 3, e->ecn) ? 0 : PACKET_DROP;
}

ACTION(SetIPECN, set_ip_ecn)

static int set_ip_ecn_parse(Element *e, const char *text, void *field, Errors *errs, int arg) {
  static const struct {
    const char *name;
    uint8_t v;
  } names[] = {{"0", 0},    {"1", 1},      {"2", 2},    {"3", 3},      {"no", 0}, {"-", 0},
               {"ect1", 1}, {"ECT(1)", 1}, {"ect2", 2}, {"ECT(0)", 2}, {"ce", 3}, {"CE", 3}};
  SetIPECN *x = (SetIPECN *)e;
  (void)field;
  for (unsigned i = 0; i < countof(names); i++)
    if (!strcmp(names[i].name, text)) {
      mem_free(x->text);
      x->text = mem_string(text, strlen(text));
      x->ecn = names[i].v;
      return 0;
    }
  return arg_error(errs, arg, "ECN: expected 0 to 3, no, ect1, ect2 or ce, not '%s'", text);
}

static bool set_ip_ecn_live(Element *e) { return e != NULL; }
static void set_ip_ecn_cleanup(Element *e) { mem_free(((SetIPECN *)e)->text); }
static int set_ip_ecn_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  return (void)h, set_ip_ecn_parse(e, value, NULL, errs, -1);
}

ELEMENT(SetIPECN, .per_thread = true, .ports = "1/1", USE_ACTION(SetIPECN, set_ip_ecn),
        .can_live_reconfigure = set_ip_ecn_live, .cleanup = set_ip_ecn_cleanup,
        .args = ARGS(ARG_MUST(SetIPECN, CUSTOM, "ECN", ecn, .parse = set_ip_ecn_parse)),
        .handlers = HANDLERS(RW_FIELD(SetIPECN, STRING, "ecn", text, .write = set_ip_ecn_write)));
