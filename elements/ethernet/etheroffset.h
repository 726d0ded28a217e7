/* etheroffset.h: the OFFSET argument of elements that read or write an Ethernet address in a packet. */
#ifndef CLICKLET_ELEMENTS_ETHEROFFSET_H
#define CLICKLET_ELEMENTS_ETHEROFFSET_H
#include "wire.h"

/* A number of bytes, "src" (6) or "dst" (0). */
static inline int ether_offset_parse(Element *e, const char *text, void *field, Errors *errs, int arg) {
  uint64_t v = 0;
  (void)e;
  if (!compare_ignore_case(text, "src"))
    v = 6;
  else if (compare_ignore_case(text, "dst") && (!parse_u64(text, &v) || v > UINT32_MAX - 6))
    return arg_error(errs, arg, "OFFSET: expected 'src', 'dst' or a number of bytes, not '%s'", text);
  *(uint32_t *)field = (uint32_t)v;
  return 0;
}

#endif
