/** AnnotationInfo: names packet annotations.
 *
 * Synopsis: `AnnotationInfo(NAME OFFSET [SIZE], ..., CHECK_OVERLAP ANNO...)`
 *
 * Ports: none. The names hold in the compound that it is in and below.
 *
 * Arguments: NAME OFFSET [SIZE]: a new name for the annotation of SIZE bytes at OFFSET (a number or a known
 * annotation). Names that exist from the start cannot be given anew. CHECK_OVERLAP ANNO...: an error if any
 * two of these annotations share bytes.
 *
 * Handlers: none.
 *
 * Example: `AnnotationInfo(COLOUR 3 1) InfiniteSource(LIMIT 3) -> Paint(7, COLOUR) -> Discard;`
 */
#include <clicklet/element.h>

typedef struct AnnotationInfo {
  Element base;
} AnnotationInfo;

/* The size that is known of an annotation, or 1. */
static int annotation_size(const Element *e, const char *name) {
  static const int sizes[] = {1, 2, 4, 8, 16, 24};
  int at;
  for (unsigned i = 0; i < countof(sizes); i++)
    if (arg_parse_anno(e, name, sizes[i], &at)) return sizes[i];
  return 1;
}

static int annotation_define(Element *e, char *const *words, unsigned n, int arg, Errors *errs) {
  int at, known;
  uint64_t size = 0;
  if (n < 2 || n > 3 || is_digit(words[0][0]) || arg_parse_anno(e, words[0], 0, &known))
    return arg_error(errs, arg, "expected a new NAME, OFFSET and perhaps SIZE");
  if (!arg_parse_anno(e, words[1], 0, &at))
    return arg_error(errs, arg, "'%s' is not an annotation or an offset", words[1]);
  if (n == 3 && (!parse_u64(words[2], &size) || !size || (uint64_t)at + size > PACKET_ANNO ||
                 !arg_parse_anno(e, words[1], (int)size, &known)))
    return arg_error(errs, arg, "'%s' is not the size of an annotation at %s", words[2], words[1]);
  uint32_t value = (uint32_t)at | (uint32_t)size << 16;
  return name_define(e, NAME_ANNO, words[0], &value, 4) ? 0 : arg_error(errs, arg, "out of memory");
}

static int annotation_check(Element *e, char *const *words, unsigned n, int arg, Errors *errs) {
  int rc = 0, a, b;
  for (unsigned i = 1; i < n; i++) {
    if (!arg_parse_anno(e, words[i], 0, &a)) {
      rc = arg_error(errs, arg, "'%s' is not an annotation", words[i]);
      continue;
    }
    for (unsigned k = i + 1; k < n; k++)
      if (arg_parse_anno(e, words[k], 0, &b) && a < b + annotation_size(e, words[k]) &&
          b < a + annotation_size(e, words[i]))
        rc = arg_error(errs, arg, "annotations '%s' and '%s' overlap", words[i], words[k]);
  }
  return rc;
}

static int annotation_info_configure(Element *e, const Args *args, Errors *errs) {
  int rc = 0;
  for (int pass = 0; pass < 2; pass++) /* definitions, then checks */
    for (unsigned i = 0; i < args_count(args); i++) {
      char *words[64];
      unsigned n = split_words(args_text(args, i), words, countof(words));
      if (n > countof(words)) n = countof(words);
      bool check = n && !strcmp(words[0], "CHECK_OVERLAP");
      if (n && words[0][0] != '#' && check == (pass == 1) &&
          (check ? annotation_check : annotation_define)(e, words, n, args_index(args, i), errs) < 0)
        rc = -1;
      for (unsigned k = 0; k < n; k++) mem_free(words[k]);
    }
  return rc;
}

ELEMENT(AnnotationInfo, .per_thread = true, .ports = "0/0", .phase = PHASE_INFO / 2,
        .configure = annotation_info_configure, .args = ARGS(ARG_ALL_REST("NAME")));
