/** CheckPacket: says what is wrong with packets that are not as they should be.
 *
 * Synopsis: `CheckPacket([<keywords> DATA, DATA_OFFSET, LENGTH, LENGTH_GE, LENGTH_LE, ALIGNMENT])`
 *
 * Packets pass unchanged. Each difference is a line on standard error. What is not given is not checked.
 *
 * Arguments: DATA (string): the bytes from DATA_OFFSET (unsigned, default 0) to the end. LENGTH, LENGTH_GE,
 * LENGTH_LE (unsigned; one of them): the packet's length, its least, its largest. ALIGNMENT (`MODULUS
 * OFFSET`): of the first byte's address.
 *
 * In the reference LENGTH_GE and LENGTH_LE compare the alignment too, with numbers that were never set.
 *
 * Example: `InfiniteSource(LIMIT 1, STOP true) -> CheckPacket(LENGTH 69) -> Discard;`
 */
#include <clicklet/platform.h>

typedef struct CheckPacket {
  Element base;
  char *data_text, *alignment_text;
  Text data;
  uint32_t data_offset, length, length_ge, length_le, modulus, align_offset;
  bool has_length, has_ge, has_le;
} CheckPacket;

static void check_say(const Element *e, const char *what, unsigned a, unsigned b) {
  Text t = {0}, name = {0};
  text_printf(&name, "%s :: %s: ", e->name, e->class->name);
  text_printf(&t, what, a, b);
  text_add_char(&t, '\n');
  text_add(&name, text_cstr(&t), t.len);
  platform_write(2, text_cstr(&name), name.len);
  text_free(&t);
  text_free(&name);
}

static inline int check_packet(CheckPacket *c, Packet *p) {
  Element *e = &c->base;
  if (c->has_length && p->len != c->length) check_say(e, "bad length %u (wanted %u)", p->len, c->length);
  if (c->has_ge && p->len < c->length_ge)
    check_say(e, "bad length %u (wanted > %d)", p->len, c->length_ge - 1);
  if (c->has_le && p->len > c->length_le)
    check_say(e, "bad length %u (wanted < %u)", p->len, c->length_le + 1);
  if (c->data_text) {
    uint32_t there = p->len > c->data_offset ? p->len - c->data_offset : 0;
    if (there < c->data.len)
      check_say(e, "data too short (%u bytes, wanted %u)", p->len, c->data_offset + c->data.len);
    else if (there > c->data.len)
      check_say(e, "data too long (%u bytes, wanted %u)", p->len, c->data_offset + c->data.len);
    else
      for (uint32_t i = 0; i < c->data.len; i++)
        if (p->data[c->data_offset + i] != (uint8_t)c->data.s[i]) {
          check_say(e, "data differs at byte %u (%u)", c->data_offset + i, p->data[c->data_offset + i]);
          break;
        }
  }
  if (c->modulus && (uintptr_t)p->data % c->modulus != c->align_offset)
    check_say(e, "bad alignment (%u, wanted %u)", (unsigned)((uintptr_t)p->data % c->modulus),
              c->align_offset);
  return 0;
}

ACTION(CheckPacket, check_packet)

static int check_configure(Element *e, const Args *args, Errors *errs) {
  CheckPacket *c = (CheckPacket *)e;
  (void)args;
  if (c->has_length + c->has_ge + c->has_le > 1)
    return error(errs, "LENGTH, LENGTH_GE and LENGTH_LE exclude each other");
  if (c->data_text) unquote(c->data_text, &c->data);
  if (!c->alignment_text) return 0;
  char *w[2] = {0};
  uint64_t modulus = 0, offset = 0;
  bool ok = split_words(c->alignment_text, w, 2) == 2 && parse_u64(w[0], &modulus) &&
            parse_u64(w[1], &offset) && modulus && modulus <= 4096 && offset < modulus;
  mem_free(w[0]);
  mem_free(w[1]);
  c->modulus = (uint32_t)modulus;
  c->align_offset = (uint32_t)offset;
  return ok ? 0 : error(errs, "ALIGNMENT: expected 'MODULUS OFFSET', not '%s'", c->alignment_text);
}

static void check_cleanup(Element *e) {
  CheckPacket *c = (CheckPacket *)e;
  mem_free(c->data_text);
  mem_free(c->alignment_text);
  text_free(&c->data);
}

ELEMENT(CheckPacket, .ports = "1/1", .ordered = true, USE_ACTION(CheckPacket, check_packet),
        .configure = check_configure, .cleanup = check_cleanup,
        .args = ARGS(ARG(CheckPacket, RAW, "DATA", data_text, NULL),
                     ARG(CheckPacket, U32, "DATA_OFFSET", data_offset, "0"),
                     ARG(CheckPacket, U32, "LENGTH", length, NULL, GIVEN(CheckPacket, has_length)),
                     ARG(CheckPacket, U32, "LENGTH_GE", length_ge, NULL, GIVEN(CheckPacket, has_ge)),
                     ARG(CheckPacket, U32, "LENGTH_LE", length_le, NULL, GIVEN(CheckPacket, has_le)),
                     ARG(CheckPacket, RAW, "ALIGNMENT", alignment_text, NULL)));
