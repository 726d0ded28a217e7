/* iplist.h: a small set of IP addresses, with a one-word filter in front so that a miss costs a
 * multiplication. */
#ifndef CLICKLET_ELEMENTS_IPLIST_H
#define CLICKLET_ELEMENTS_IPLIST_H
#include "ip.h"

typedef struct IPList {
  uint64_t filter; /* bit ip_list_bit(a) is set for each address in the list */
  uint32_t *addrs; /* network order */
  uint32_t n;
} IPList;

always_inline unsigned ip_list_bit(uint32_t a) { return (a * 0x9e3779b1u) >> 26; }

always_inline bool ip_list_has(const IPList *l, uint32_t a) {
  if (likely(!(l->filter >> ip_list_bit(a) & 1))) return false;
  for (uint32_t i = 0; i < l->n; i++)
    if (l->addrs[i] == a) return true;
  return false;
}

static inline bool ip_list_add(IPList *l, uint32_t a) {
  uint32_t *grown = mem_resize(l->addrs, l->n * sizeof a, (l->n + 1) * sizeof a);
  if (!grown) return false;
  l->addrs = grown;
  l->addrs[l->n++] = a;
  l->filter |= UINT64_C(1) << ip_list_bit(a);
  return true;
}

static inline void ip_list_free(IPList *l) {
  mem_free(l->addrs);
  *l = (IPList){0};
}

/* Adds the addresses of a list separated by spaces. */
static inline int ip_list_parse(const Element *e, const char *text, IPList *l, Errors *errs, int arg) {
  Text word = {0};
  int rc = 0;
  for (const char *s = text; !rc && (s = next_word(s, &word, NULL));) {
    uint32_t a;
    if (!arg_parse_ip(e, text_cstr(&word), &a))
      rc = arg_error(errs, arg, "expected a list of IP addresses, not '%s'", text_cstr(&word));
    else if (!ip_list_add(l, a))
      rc = error(errs, "out of memory");
  }
  text_free(&word);
  return rc;
}
static inline int ip_list_parse_arg(Element *e, const char *text, void *field, Errors *errs, int arg) {
  return ip_list_parse(e, text, field, errs, arg);
}

#endif
