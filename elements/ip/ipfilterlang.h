/* ipfilterlang.h: what the parts of the pattern language of IPFilter and IPClassifier share: names
 * (ipfilter_names.c), tests (ipfilter_tests.c), grammar (ipfilterlang.c). */
#ifndef CLICKLET_ELEMENTS_IPFILTERLANG_H
#define CLICKLET_ELEMENTS_IPFILTERLANG_H
#include "ipfilter.h"

typedef enum {
  KIND_NONE,
  KIND_INT,
  KIND_HOST,
  KIND_NET,
  KIND_PROTO,
  KIND_PORT,
  KIND_TCPOPT,
  KIND_ETHER,
  KIND_FRAG,
  KIND_UNFRAG,
  KIND_ECT,
  KIND_CE,
  KIND_FIELD,
  KIND_SYNTAX,
  KIND_BAD,
} Kind;

enum { FROM_SRC = 1, FROM_DST, FROM_BOTH, FROM_EITHER };
enum { PROTO_UNKNOWN = -1, PROTO_TCP_OR_UDP = 256, PROTO_TRANSP = 258, PROTO_PAYLOAD = 259 };

typedef struct Field { /* bits of the network header, or of the transport header if proto is not 0 */
  int proto;
  uint32_t bit, bits;
} Field;

typedef struct Primitive {
  Kind kind, data;
  Field field;
  char relation; /* '=', '>', '<' */
  bool negated;
  int from, proto;
  uint32_t value, mask;
  uint8_t ether[6], ether_mask[6];
} Primitive;

#define SERVICES_KEPT 32
typedef struct KnownService {
  char name[20];
  int kind; /* NAME_TCP_PORT, NAME_UDP_PORT; 0: none yet */
  bool found;
  uint16_t port;
} KnownService;

typedef struct Lang {
  Filter *f;
  const Element *scope;
  Errors *errs;
  int arg;
  char **words;
  unsigned n, at, depth;
  Primitive previous;
  bool failed;
  KnownService *services;
} Lang;

always_inline const char *word_at(const Lang *l, unsigned i) { return i < l->n ? l->words[i] : ""; }
always_inline bool is(const Lang *l, const char *s) { return l->at < l->n && !strcmp(l->words[l->at], s); }
always_inline bool is_either(const Lang *l, const char *s, const char *t) { return is(l, s) || is(l, t); }
#define FAIL(l, ...) ((l)->failed = true, arg_error((l)->errs, (l)->arg, __VA_ARGS__))

/* Words that stand for what is compared: "port", "ttl". */
typedef struct NamedKind {
  const char *name;
  uint8_t kind;
  Field field;
} NamedKind;
#define IP_LANG_KINDS 24
extern const NamedKind ip_lang_kinds[IP_LANG_KINDS];

/* What a word stands for, where `kind` and `proto` are asked for: KIND_NONE if it is no name; KIND_BAD if it
 * cannot be told (reported if `report`). Names of kinds themselves give KIND_SYNTAX with *out = index + 1. */
Kind ip_lang_lookup(Lang *l, const char *s, Kind kind, Field field, int proto, uint32_t *out, bool report);
const char *ip_lang_kind_name(Kind kind, Field field);

/* Completes a primitive from the one before it and checks it; false with the error reported. */
bool ip_lang_check(Lang *l, Primitive *p, char header, Kind mask_kind, uint32_t mask,
                   const uint8_t *ether_mask);
/* The expression for a checked primitive. */
uint32_t ip_lang_compile(Lang *l, const Primitive *p);
uint32_t ip_lang_negate(Lang *l, uint32_t e, bool flip_short);

#endif
