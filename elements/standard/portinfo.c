/** PortInfo: names for TCP and UDP ports.
 *
 * Synopsis: `PortInfo(NAME PORT[/PROTOCOL] [ALIAS...], ...)`
 *
 * Each argument reads as a line of /etc/services: a name, a port with its protocol (tcp, udp; none: both) and
 * further names for it. An argument that begins with `#` is a comment, and so is what follows a word that
 * does.
 *
 * Example: `PortInfo(control 4000/udp ctl, web 8080); Idle -> UDPIPEncap(10.0.0.1, control, 10.0.0.2, ctl) ->
 * Discard;`
 */
#include <clicklet/element.h>

typedef struct PortInfo {
  Element base;
} PortInfo;

enum { FOR_TCP = 1, FOR_UDP = 2 };

/* "80/tcp": the protocols it is for, 0: one without port names, -1: not a port. */
static int read_port(const char *s, uint16_t *port) {
  char digits[16];
  size_t n = 0;
  uint64_t v;
  while (s[n] && s[n] != '/' && n < sizeof digits - 1) digits[n] = s[n], n++;
  digits[n] = 0;
  if (!parse_u64(digits, &v) || v > 65535) return -1;
  *port = (uint16_t)v;
  if (!s[n]) return FOR_TCP | FOR_UDP;
  if (s[n] != '/') return -1;
  const char *proto = s + n + 1;
  return !compare_ignore_case(proto, "tcp") || !strcmp(proto, "6")    ? FOR_TCP
         : !compare_ignore_case(proto, "udp") || !strcmp(proto, "17") ? FOR_UDP
                                                                      : 0;
}

static int port_info_configure(Element *e, const Args *args, Errors *errs) {
  Text name = {0}, word = {0};
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++) {
    text_clear(&name);
    text_clear(&word);
    const char *p = next_word(args_text(args, i), &name, NULL);
    if (!p || *text_cstr(&name) == '#') continue;
    uint16_t port = 0;
    int kinds = (p = next_word(p, &word, NULL)) ? read_port(text_cstr(&word), &port) : -1;
    if (kinds < 0)
      rc = arg_error(errs, args_index(args, i), "expected 'NAME PORT[/PROTOCOL]', not '%s'",
                     args_text(args, i));
    while (kinds >= 0 && name.len && *name.s != '#') {
      if (((kinds & FOR_TCP) && !name_define(e, NAME_TCP_PORT, text_cstr(&name), &port, 2)) ||
          ((kinds & FOR_UDP) && !name_define(e, NAME_UDP_PORT, text_cstr(&name), &port, 2)))
        rc = error(errs, "out of memory");
      text_clear(&name);
      if (!p || !(p = next_word(p, &name, NULL))) break;
    }
  }
  text_free(&name);
  text_free(&word);
  return rc;
}

ELEMENT(PortInfo, .per_thread = true, .ports = "0/0", .phase = PHASE_INFO, .configure = port_info_configure,
        .args = ARGS(ARG_ALL_REST("NAME PORT[/PROTOCOL]")));
