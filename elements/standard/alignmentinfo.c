/** AlignmentInfo: tells elements how their packets' data is aligned.
 *
 * Synopsis: `AlignmentInfo(ELEMENT [CHUNK OFFSET]..., ...)`
 *
 * Ports: none. `click-align` writes it. Elements here work with any alignment, so it is only checked.
 *
 * Arguments: ELEMENT (name) and, for each of its inputs, CHUNK and OFFSET (int).
 *
 * Handlers: none.
 *
 * Example: `s :: InfiniteSource(LIMIT 3) -> d :: Discard; AlignmentInfo(d 4 2);`
 */
#include <clicklet/element.h>

typedef struct AlignmentInfo {
  Element base;
} AlignmentInfo;

static int alignment_info_configure(Element *e, const Args *args, Errors *errs) {
  int rc = 0;
  for (unsigned i = 0; i < args_count(args); i++) {
    Text word = {0};
    unsigned words = 0;
    bool numbers = true;
    int64_t v;
    for (const char *s = args_text(args, i); (s = next_word(s, &word, NULL)); words++) {
      if (words)
        numbers &= parse_i64(text_cstr(&word), &v);
      else if (!router_find(e->router, e, text_cstr(&word)))
        rc = arg_error(errs, args_index(args, i), "there is no element '%s'", text_cstr(&word));
      text_clear(&word);
    }
    text_free(&word);
    if (words && (words % 2 == 0 || !numbers))
      rc = arg_error(errs, args_index(args, i), "expected ELEMENT and pairs of CHUNK and OFFSET");
  }
  return rc;
}

ELEMENT(AlignmentInfo, .per_thread = true, .ports = "0/0", .configure = alignment_info_configure,
        .args = ARGS(ARG_ALL_REST("ELEMENT")));
