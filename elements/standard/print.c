/** Print: prints packets' bytes to standard error.
 *
 * Synopsis: `Print([LABEL, MAXLENGTH, <keywords> CONTENTS, TIMESTAMP, PRINTANNO, HEADROOM, CPU, ACTIVE])`
 *
 * One line a packet: `LABEL: length | 00010203 04050607 ...`.
 *
 * Arguments: LABEL (string): printed in front. Default: none. MAXLENGTH (int): bytes printed at most;
 * negative: all. Default 24. CONTENTS (NONE, HEX or ASCII; or a bool: HEX or NONE): default HEX. TIMESTAMP
 * (bool): prints the packet's timestamp; default false. PRINTANNO (bool): prints the user annotations' bytes;
 * default false. HEADROOM (bool): prints head- and tailroom as `(h28 t4)`; default false. CPU (bool):
 * accepted; of no effect. ACTIVE (bool): false prints nothing. Default true.
 *
 * Handlers: `active` (read/write).
 *
 * Example: `InfiniteSource(LIMIT 2, STOP true) -> Print(in, 8) -> Discard;`
 */
#include <clicklet/element.h>
#include <clicklet/platform.h>

enum { PRINT_NONE, PRINT_HEX, PRINT_ASCII };

typedef struct Print {
  Element base;
  char *label;
  int32_t max_length;
  int contents;
  bool active, timestamp, anno, headroom, cpu;
} Print;

static void print_hex(Text *t, const uint8_t *s, unsigned n, unsigned group) {
  static const char digits[] = "0123456789abcdef";
  if (!text_reserve(t, 3 * n)) return;
  for (unsigned i = 0; i < n; i++) {
    char two[3] = {' ', digits[s[i] >> 4], digits[s[i] & 15]};
    bool space = group && i && i % group == 0;
    text_add(t, two + !space, 2u + space);
  }
}

static inline int print_packet(Print *e, Packet *p) {
  if (!e->active) return 0;
  Text t = {0};
  const char *separator = "";
  unsigned n = e->contents == PRINT_NONE                               ? 0
               : e->max_length < 0 || p->len < (uint32_t)e->max_length ? p->len
                                                                       : (uint32_t)e->max_length;
  if (e->label && *e->label) {
    text_add_string(&t, e->label);
    separator = ": ";
  }
  if (e->timestamp) {
    text_printf(&t, "%s%pT", separator, &p->timestamp);
    separator = ": ";
  }
  text_printf(&t, "%s%4u", separator, p->len);
  if (e->headroom) text_printf(&t, " (h%u t%u)", packet_headroom(p), packet_tailroom(p));
  if (e->anno) {
    text_add_string(&t, " | ");
    print_hex(&t, p->anno, PACKET_ANNO, 0);
  }
  if (n) text_add_string(&t, " | ");
  if (e->contents == PRINT_HEX)
    print_hex(&t, p->data, n, 4);
  else
    for (unsigned i = 0; i < n; i++) {
      if (i % 8 == 0) text_add_char(&t, ' ');
      text_add_char(&t, p->data[i] < 32 || p->data[i] > 126 ? '.' : (char)p->data[i]);
    }
  text_add_char(&t, '\n');
  platform_write(2, text_cstr(&t), t.len);
  text_free(&t);
  return 0;
}

ACTION(Print, print_packet)

static int print_parse_contents(Element *e, const char *text, void *field, Errors *errs, int arg) {
  static const char *const names[] = {"NONE", "HEX", "ASCII"};
  int *contents = field, rc = 0;
  bool yes;
  Text t = {0};
  (void)e;
  unquote(text, &t);
  if (parse_bool(text_cstr(&t), &yes))
    *contents = yes ? PRINT_HEX : PRINT_NONE;
  else {
    int k = 0;
    while (k < 3 && compare_ignore_case(names[k], text_cstr(&t))) k++;
    if (k < 3)
      *contents = k;
    else
      rc = arg_error(errs, arg, "CONTENTS: expected NONE, HEX or ASCII, not '%s'", text);
  }
  text_free(&t);
  return rc;
}

static bool print_live(Element *e) { return e != NULL; }

static void print_cleanup(Element *e) { mem_free(((Print *)e)->label); }

ELEMENT(Print, .ports = "1/1", USE_ACTION(Print, print_packet), .ordered = true, .cleanup = print_cleanup,
        .can_live_reconfigure = print_live,
        .args = ARGS(ARG_POS(Print, STRING, "LABEL", label, "\"\""),
                     ARG_POS(Print, I32, "MAXLENGTH", max_length, "24"),
                     ARG(Print, I32, "LENGTH", max_length, NULL, .flags = ARG_DEPRECATED),
                     ARG(Print, I32, "NBYTES", max_length, NULL, .flags = ARG_DEPRECATED),
                     ARG(Print, CUSTOM, "CONTENTS", contents, "HEX", .parse = print_parse_contents),
                     ARG(Print, BOOL, "TIMESTAMP", timestamp, "false"),
                     ARG(Print, BOOL, "PRINTANNO", anno, "false"), ARG(Print, BOOL, "ACTIVE", active, "true"),
                     ARG(Print, BOOL, "HEADROOM", headroom, "false"), ARG(Print, BOOL, "CPU", cpu, "false")),
        .handlers = HANDLERS(RW_FIELD(Print, BOOL, "active", active,
                                      .flags = HANDLER_READ | HANDLER_WRITE | HANDLER_CHECKBOX |
                                               HANDLER_CALM)));
