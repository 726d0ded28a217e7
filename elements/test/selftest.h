/* selftest.h: elements that check a piece of the engine when the router is initialised. */
#ifndef CLICKLET_TEST_SELFTEST_H
#define CLICKLET_TEST_SELFTEST_H
#include <clicklet/platform.h>

#define CHECK(errs, test)                                                                                    \
  do {                                                                                                       \
    if (!(test)) return error(errs, "%s:%d: test '%s' failed", __FILE__, __LINE__, #test);                   \
  } while (0)

/* "FILE:LINE: While initializing 'NAME :: CLASS':", newline, "  All tests pass!" on standard error. */
static inline int selftest_passed(const Element *e) {
  Text t = {0};
  text_printf(&t, "%s: While initializing '%s :: %s':\n  All tests pass!\n", e->landmark, e->name,
              e->class->name);
  platform_write(2, text_cstr(&t), t.len);
  text_free(&t);
  return 0;
}

#endif
