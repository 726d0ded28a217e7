/* icmpnames.h: names of ICMP types and codes, as in the reference. */
#ifndef CLICKLET_ELEMENTS_ICMPNAMES_H
#define CLICKLET_ELEMENTS_ICMPNAMES_H
#include "../ethernet/wire.h"

enum {
  ICMP_TYPE_ECHO_REPLY = 0,
  ICMP_TYPE_UNREACHABLE = 3,
  ICMP_TYPE_SOURCE_QUENCH = 4,
  ICMP_TYPE_REDIRECT = 5,
  ICMP_TYPE_ECHO = 8,
  ICMP_TYPE_TIME_EXCEEDED = 11,
  ICMP_TYPE_PARAMETER_PROBLEM = 12,
  ICMP_TYPE_TIMESTAMP = 13,
  ICMP_TYPE_TIMESTAMP_REPLY = 14,
  ICMP_TYPE_INFO_REQUEST = 15,
  ICMP_TYPE_INFO_REPLY = 16,
  ICMP_TYPE_MASK_REQUEST = 17,
  ICMP_TYPE_MASK_REPLY = 18,
};

always_inline bool icmp_is_error(int type) {
  return type == ICMP_TYPE_UNREACHABLE || type == ICMP_TYPE_SOURCE_QUENCH || type == ICMP_TYPE_REDIRECT ||
         type == ICMP_TYPE_TIME_EXCEEDED || type == ICMP_TYPE_PARAMETER_PROBLEM;
}

typedef struct IcmpName {
  int16_t type; /* -1: the name of a type, else of a code of that type */
  uint8_t value;
  const char *name;
} IcmpName;

static const IcmpName icmp_names[] = {{-1, 0, "echo-reply"},
                                      {-1, 3, "unreachable"},
                                      {-1, 4, "sourcequench"},
                                      {-1, 5, "redirect"},
                                      {-1, 8, "echo"},
                                      {-1, 9, "routeradvert"},
                                      {-1, 10, "routersolicit"},
                                      {-1, 11, "timeexceeded"},
                                      {-1, 12, "parameterproblem"},
                                      {-1, 13, "timestamp"},
                                      {-1, 14, "timestamp-reply"},
                                      {-1, 15, "inforeq"},
                                      {-1, 16, "inforeq-reply"},
                                      {-1, 17, "maskreq"},
                                      {-1, 18, "maskreq-reply"},
                                      {3, 0, "net"},
                                      {3, 1, "host"},
                                      {3, 2, "protocol"},
                                      {3, 3, "port"},
                                      {3, 4, "needfrag"},
                                      {3, 5, "srcroutefail"},
                                      {3, 6, "netunknown"},
                                      {3, 7, "hostunknown"},
                                      {3, 8, "isolated"},
                                      {3, 9, "netprohibited"},
                                      {3, 10, "hostprohibited"},
                                      {3, 11, "tosnet"},
                                      {3, 12, "toshost"},
                                      {3, 13, "filterprohibited"},
                                      {3, 14, "hostprecedence"},
                                      {3, 15, "precedencecutoff"},
                                      {5, 0, "net"},
                                      {5, 1, "host"},
                                      {5, 2, "tosnet"},
                                      {5, 3, "toshost"},
                                      {11, 0, "transit"},
                                      {11, 1, "reassembly"},
                                      {12, 0, "erroratptr"},
                                      {12, 1, "missingopt"},
                                      {12, 2, "length"}};

/* A number from 0 to 255, or a name: of a type, or of a code of `type`. */
static inline bool icmp_parse_name(int type, const char *s, uint8_t *out) {
  uint64_t v;
  if (parse_u64(s, &v)) {
    if (v > 255) return false;
    *out = (uint8_t)v;
    return true;
  }
  for (unsigned i = 0; i < countof(icmp_names); i++)
    if (icmp_names[i].type == type && !strcmp(icmp_names[i].name, s)) return *out = icmp_names[i].value, true;
  return false;
}

#endif
