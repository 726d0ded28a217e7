/** IPClassifier: sends IP packets to outputs by patterns.
 *
 * Synopsis: `IPClassifier(PATTERN_0, ..., PATTERN_N-1)`
 *
 * Output k takes the packets that match pattern k and none before it; packets that match none are dropped.
 * The network header annotation must be set (CheckIPHeader, MarkIPHeader). `-`, `any` and `all` match every
 * packet.
 *
 * Patterns combine tests with `and` (`&&`, or nothing), `or` (`||`), `not` (`!`), `C ? A : B` and
 * parentheses. Tests:
 * `[src|dst|src or dst|src and dst] host ADDR`, `... net ADDR/LEN` (also `ADDR mask MASK`), `... [tcp|udp]
 * port PORT`, `ip proto P`, `ip vers N`, `ip hl N`, `ip id N`, `ip tos N`, `ip dscp N`, `ip ect`, `ip ce`,
 * `ip ttl N`, `ip len N`, `ip frag`, `ip unfrag`, `tcp opt NAME` (syn, fin, ack, rst, psh, urg), `tcp win N`,
 * `icmp type T`, `ip[POS:LEN] N`, `transp[POS:LEN] N` (or a protocol's name), `[src|dst] ether host ETH`,
 * `true`, `false`. Values may follow a relation
 * (`==`, `!=`, and for numbers `<`, `>`, `<=`, `>=`) and a mask (`& MASK`) in front of it. Much can be left
 * out: `tcp`, `www`, `syn`, `10.0.0.0/24` and `port 80 or 81` do what one would think. Ports, TCP options and
 * ICMP types are those of first fragments only. `dst port != 5` matches only TCP and UDP packets that have a
 * port; `not dst port 5` all others.
 *
 * Handlers: `program` (read): the decision graph; offsets count from 256 for the network header and from 512
 * for the transport header. `pattern0` ... `pattern15` (read/write): a pattern; writing it changes the
 * element.
 *
 * Example: `Idle -> CheckIPHeader -> c :: IPClassifier(dst tcp port www or https, icmp type echo, -) ->
 * Discard; c [1] -> Discard; c [2] -> Discard;`
 */
#include "ipfilter.h"

typedef IPFilter IPClassifier;

static inline int ip_classifier(IPClassifier *e, Packet *p) { return ip_filter(e, p); }

ACTION(IPClassifier, ip_classifier)

static int ip_classifier_configure(Element *e, const Args *args, Errors *errs) {
  return ip_filter_configure(e, args, errs, false);
}

/* Reads pattern h->data, or writes it: the configuration with that argument replaced. */
static int ip_classifier_pattern(Element *e, const Handler *h, const char *value, Text *out, Errors *errs) {
  Text name = {0}, config = {0};
  text_printf(&name, "%s.config", e->name);
  int rc = handler_call_read(e->router, NULL, text_cstr(&name), "", &config, errs);
  unsigned n = rc ? 0 : split_args(text_cstr(&config), NULL, 0);
  char **texts = mem_alloc((n + 1) * sizeof *texts);
  if (texts) split_args(text_cstr(&config), texts, n);
  text_clear(&config);
  for (unsigned i = 0; texts && i < n; i++) {
    bool it = i == (unsigned)h->data;
    if (out && it) text_add_string(out, texts[i]);
    if (!out) text_printf(&config, "%s%s", i ? ", " : "", it ? value : texts[i]);
    mem_free(texts[i]);
  }
  mem_free(texts);
  if (!rc && (uint64_t)h->data >= n) rc = error(errs, "there is no pattern %d", (int)h->data);
  if (!rc && !out) rc = handler_call_write(e->router, NULL, text_cstr(&name), text_cstr(&config), errs);
  text_free(&name);
  text_free(&config);
  return rc;
}
static int ip_classifier_read(Element *e, const Handler *h, const char *param, Text *out, Errors *errs) {
  return (void)param, ip_classifier_pattern(e, h, NULL, out, errs);
}
static int ip_classifier_write(Element *e, const Handler *h, const char *value, Errors *errs) {
  return ip_classifier_pattern(e, h, value, NULL, errs);
}

#define PATTERN(k) RW_FN("pattern" #k, ip_classifier_read, ip_classifier_write, .data = k)

ELEMENT(IPClassifier, .per_thread = true, .ports = "1/-", .processing = "h/h",
        USE_ACTION(IPClassifier, ip_classifier), .configure = ip_classifier_configure,
        .cleanup = ip_filter_cleanup, .can_live_reconfigure = ip_filter_live,
        .specialise = ip_filter_specialise, .args = ARGS(ARG_ALL_REST("PATTERN")),
        .handlers = HANDLERS(READ_FN("program", ip_filter_read_program), PATTERN(0), PATTERN(1), PATTERN(2),
                             PATTERN(3), PATTERN(4), PATTERN(5), PATTERN(6), PATTERN(7), PATTERN(8),
                             PATTERN(9), PATTERN(10), PATTERN(11), PATTERN(12), PATTERN(13), PATTERN(14),
                             PATTERN(15)));
