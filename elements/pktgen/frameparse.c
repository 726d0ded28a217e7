/* frameparse.c: the program of a frame as text: what PktgenSource takes as FRAME, FIELDS, LENGTHS, CHECKSUMS.
 */
#include "frame.h"

int frame_parse_header(Frame *f, const char *hex, Errors *errs, int arg) {
  uint32_t n = 0;
  for (const char *c = hex; *c; c++) {
    if (is_space(*c)) continue;
    int high = hex_value(c[0]), low = high < 0 ? -1 : hex_value(c[1]);
    if (low < 0) return arg_error(errs, arg, "FRAME: expected bytes in hexadecimal, not '%s'", c);
    if (n == FRAME_HEADERS)
      return arg_error(errs, arg, "FRAME: more than %d bytes of headers", FRAME_HEADERS);
    f->header[n++] = (uint8_t)(high << 4 | low);
    c++;
  }
  if (n < PKTGEN_ETHER) return arg_error(errs, arg, "FRAME: expected at least an Ethernet header");
  f->header_len = n;
  return 0;
}

/* Splits a word on slashes into numbers; a part that is none goes to *name (a mode). Returns how many. */
static int parse_numbers(char *word, uint64_t *out, int max, char **name) {
  int n = 0;
  for (char *at = word; at && n < max; n++) {
    char *slash = strchr(at, '/');
    if (slash) *slash = 0;
    if (!parse_u64(at, &out[n])) {
      if (!name || *name) return -1;
      *name = at;
      out[n] = 0;
    }
    at = slash ? slash + 1 : NULL;
    if (at && n + 1 == max) return -1;
  }
  return n;
}

typedef int (*WordFn)(Frame *f, char *word, Errors *errs, int arg);

static int each_word(Frame *f, const char *text, WordFn fn, Errors *errs, int arg) {
  Text word = {0};
  const char *fault = NULL;
  int rc = 0;
  for (const char *at = text; !rc && (text_clear(&word), at = next_word(at, &word, &fault));)
    rc = fn(f, (char *)text_cstr(&word), errs, arg);
  text_free(&word);
  return !rc && fault ? arg_error(errs, arg, "%s", fault) : rc;
}

static int parse_field(Frame *f, char *word, Errors *errs, int arg) {
  static const char *const modes[] = {"inc", "dec", "random", "list"};
  enum { MORE = 4096 };
  char *name = NULL;
  if (f->nfields == FRAME_FIELDS) return arg_error(errs, arg, "more than %d fields", FRAME_FIELDS);
  uint64_t *v = mem_alloc((MORE + 4) * sizeof *v);
  if (!v) return error(errs, "out of memory");
  int n = parse_numbers(word, v, MORE + 4, &name), mode = -1, rc = 0;
  for (int i = 0; name && i < 4; i++)
    if (!strcmp(name, modes[i])) mode = i;
  FrameField x = {.at = (uint16_t)v[0],
                  .wide = (uint8_t)v[1],
                  .shift = (uint8_t)v[2],
                  .mode = (uint8_t)mode,
                  .first = (uint32_t)v[4],
                  .step = 1,
                  .count = 1,
                  .every = 1};
  bool ok = n > 4 && mode >= 0 && (v[1] == 2 || v[1] == 4) && v[2] < 32 && v[0] + v[1] <= f->header_len &&
            !(v[0] & 1);
  if (ok && mode == FIELD_LIST) {
    x.count = (uint64_t)n - 4;
    if (!(x.list = mem_alloc(x.count * sizeof *x.list))) rc = error(errs, "out of memory");
    for (uint64_t i = 0; !rc && i < x.count; i++) x.list[i] = (uint32_t)v[4 + i];
  } else if (ok) {
    if (n > 5) x.count = v[5];
    if (n > 6) x.step = (uint32_t)v[6];
    if (n > 7) x.every = (uint32_t)v[7];
    ok = n <= 8 && x.count && x.count <= UINT64_C(1) << 32 && x.every;
  }
  mem_free(v);
  if (mode == FIELD_DECREMENT) x.step = 0 - x.step;
  if (rc) return rc;
  if (!ok)
    return arg_error(errs, arg,
                     "FIELDS: expected AT/BYTES/SHIFT/inc|dec|random/FIRST/COUNT/STEP/EVERY or "
                     "AT/BYTES/SHIFT/list/VALUE/..., within the headers, not '%s...'",
                     word);
  f->fields[f->nfields++] = x;
  return 0;
}

static int parse_length(Frame *f, char *word, Errors *errs, int arg) {
  uint64_t v[2];
  if (f->nlengths == FRAME_SUMS) return arg_error(errs, arg, "more than %d lengths", FRAME_SUMS);
  if (parse_numbers(word, v, 2, NULL) != 2 || v[0] + 2 > f->header_len || v[1] > f->header_len)
    return arg_error(errs, arg, "LENGTHS: expected AT/LESS, within the headers, not '%s...'", word);
  f->lengths[f->nlengths++] = (FrameLength){(uint16_t)v[0], (uint16_t)v[1]};
  return 0;
}

static int parse_sum(Frame *f, char *word, Errors *errs, int arg) {
  uint64_t v[6] = {0};
  if (f->nsums == FRAME_SUMS) return arg_error(errs, arg, "more than %d checksums", FRAME_SUMS);
  int n = parse_numbers(word, v, 6, NULL);
  bool ok = n == 3 || n == 6;
  for (int i = 0; i < 5; i++) ok &= v[i] <= f->header_len && !(v[i] & 1);
  if (!ok || v[0] + 2 > f->header_len || (v[2] && v[2] < v[1]) || v[4] < v[3] || v[5] > 255)
    return arg_error(
        errs, arg,
        "CHECKSUMS: expected AT/FROM/TO or AT/FROM/0/ADDRESSES/END/PROTOCOL, even and within the "
        "headers, not '%s...'",
        word);
  f->sums[f->nsums++] = (FrameSum){.at = (uint16_t)v[0],
                                   .from = (uint16_t)v[1],
                                   .to = (uint16_t)v[2],
                                   .pseudo_from = (uint16_t)v[3],
                                   .pseudo_to = (uint16_t)v[4],
                                   .protocol = (uint8_t)v[5]};
  return 0;
}

int frame_parse_fields(Frame *f, const char *text, Errors *errs, int arg) {
  return each_word(f, text, parse_field, errs, arg);
}
int frame_parse_lengths(Frame *f, const char *text, Errors *errs, int arg) {
  return each_word(f, text, parse_length, errs, arg);
}
int frame_parse_sums(Frame *f, const char *text, Errors *errs, int arg) {
  return each_word(f, text, parse_sum, errs, arg);
}
