/* ipfilter_tests.c: checking one test of a pattern, and turning it into comparisons of words. */
#include "ipfilterlang.h"

uint32_t ip_lang_negate(Lang *l, uint32_t e, bool flip_short) {
  if (e && flip_short) filter_flip_short(l->f, l->f->exprs[e - 1].first);
  return filter_not(l->f, e);
}

static uint32_t word_test(Lang *l, unsigned offset, uint32_t value, uint32_t mask) {
  return filter_test(l->f, offset, be32(value), be32(mask));
}

/* (word & mask) > value, for value within mask, by looking at the top bits first: where those of the value
 * are 0, a bit among them that is set decides; where they are 1, they must be set and the rest decides. */
static uint32_t greater_test(Lang *l, unsigned offset, unsigned shift, uint32_t value, uint32_t mask) {
  bool high = value > mask >> 1;
  uint32_t differ = high ? ~(value + 1) & mask : value;
  uint32_t top = differ ? mask & ~(0xffffffffu >> __builtin_clz(differ)) : mask, rest = mask & ~top;
  uint32_t group = filter_open(l->f, high ? FILTER_AND : FILTER_OR);
  uint32_t test = word_test(l, offset, (high ? top : 0) << shift, top << shift);
  filter_add(l->f, group, high ? test : ip_lang_negate(l, test, true));
  value &= rest;
  if (value < rest) filter_add(l->f, group, greater_test(l, offset, shift, value, rest));
  return group;
}

static uint32_t compare_test(Lang *l, const Primitive *p, unsigned offset, unsigned shift, uint32_t value,
                             uint32_t mask, bool negated) {
  value &= mask;
  uint32_t e = p->relation == '=' ? word_test(l, offset, value << shift, mask << shift)
                                  : greater_test(l, offset, shift, value, mask);
  return negated ? ip_lang_negate(l, e, true) : e;
}

/* The source (of two) address, port or Ethernet address. */
static uint32_t side_test(Lang *l, const Primitive *p, bool dst) {
  if (p->kind == KIND_HOST)
    return compare_test(l, p, CLASSIFY_NETWORK + (dst ? 16 : 12), 0, p->value, p->mask, false);
  if (p->kind == KIND_PORT)
    return compare_test(l, p, CLASSIFY_TRANSPORT, dst ? 0 : 16, p->value, p->mask, false);
  uint8_t v[8] = {0},
          m[8] = {
              0}; /* the two words that hold the address: it is at 2 (destination) or 0 (source) in them */
  uint32_t group = filter_open(l->f, FILTER_AND);
  memcpy(v + (dst ? 2 : 0), p->ether, 6);
  memcpy(m + (dst ? 2 : 0), p->ether_mask, 6);
  for (unsigned i = 0; i < 8; i += 4)
    filter_add(l->f, group,
               filter_test(l->f, CLASSIFY_MAC + (dst ? 0 : 8) + i, load32(v + i), load32(m + i)));
  return group;
}

static uint32_t proto_test(Lang *l, int proto) {
  if (proto != PROTO_TCP_OR_UDP) return word_test(l, CLASSIFY_NETWORK + 8, (uint32_t)proto << 16, 0xff0000);
  uint32_t either = filter_open(l->f, FILTER_OR);
  filter_add(l->f, either, proto_test(l, IP_PROTO_TCP));
  filter_add(l->f, either, proto_test(l, IP_PROTO_UDP));
  return either;
}

uint32_t ip_lang_compile(Lang *l, const Primitive *p) {
  Filter *f = l->f;
  uint32_t all = filter_open(f, FILTER_AND), start = f->ntests;
  bool of_transport = p->kind == KIND_FIELD && p->field.proto;
  if (p->proto != PROTO_UNKNOWN && (p->proto < 256 || p->proto == PROTO_TCP_OR_UDP))
    filter_add(f, all, proto_test(l, p->proto));
  if (p->kind == KIND_PORT || p->kind == KIND_TCPOPT || of_transport)
    filter_add(f, all, word_test(l, CLASSIFY_NETWORK + 4, 0, IP_OFFMASK));
  switch (p->kind) {
  case KIND_HOST:
  case KIND_ETHER:
  case KIND_PORT: {
    uint32_t sides = filter_open(f, p->from == FROM_EITHER ? FILTER_OR : FILTER_AND);
    if (p->from != FROM_DST) filter_add(f, sides, side_test(l, p, false));
    if (p->from != FROM_SRC) filter_add(f, sides, side_test(l, p, true));
    filter_add(f, all, p->negated ? ip_lang_negate(l, sides, true) : sides);
    break;
  }
  case KIND_PROTO:
    if (p->proto < 256)
      filter_add(f, all, compare_test(l, p, CLASSIFY_NETWORK + 8, 16, p->value, p->mask, p->negated));
    break;
  case KIND_FRAG: {
    uint32_t whole = word_test(l, CLASSIFY_NETWORK + 4, 0, 0x3fff);
    filter_add(f, all, p->negated ? whole : ip_lang_negate(l, whole, true));
    break;
  }
  case KIND_TCPOPT:
    filter_add(f, all, word_test(l, CLASSIFY_TRANSPORT + 12, p->value << 16, p->mask << 16));
    break;
  default: {
    unsigned offset = (of_transport ? CLASSIFY_TRANSPORT : CLASSIFY_NETWORK) + (p->field.bit / 32) * 4;
    filter_add(
        f, all,
        compare_test(l, p, offset, 32 - (p->field.bit % 32 + p->field.bits), p->value, p->mask, p->negated));
  }
  }
  if (f->ntests == start) filter_add(f, all, filter_test(f, 0, 0, 0)); /* "transp": any */
  return all;
}

/* ---- Checking a primitive
 * ---------------------------------------------------------------------------------------- */

/* Completes value and mask of an integer that is compared under `full` bits; turns < into >. */
static bool set_mask(Lang *l, Primitive *p, uint32_t full, uint32_t given) {
  uint32_t mask = given ? given : full, value = p->value;
  const char *name = ip_lang_kind_name(p->kind, p->field);
  if (mask & ~full) return FAIL(l, "'%s': mask out of range, bound 0x%X", name, full), false;
  if (p->relation == '=') {
    if (value > full) return FAIL(l, "'%s': out of range, bound %u", name, full), false;
    p->mask = mask;
    return true;
  }
  if ((p->relation == '<' && (value == 0 || value > mask)) || (p->relation == '>' && value >= mask)) {
    bool holds = (p->relation == '<' && value > mask) != p->negated;
    const char *shown = p->relation == '<' ? (p->negated ? ">=" : "<") : p->negated ? "<=" : ">";
    warning(l->errs, "relation '%s %u' is always %s (range 0-%u)", shown, value, holds ? "true" : "false",
            mask);
    p->value = p->mask = 0;
    p->negated = !holds;
    p->relation = '=';
    return true;
  }
  if (p->relation == '<') { /* x < v is not x > v - 1 */
    value--;
    p->negated = !p->negated;
    p->relation = '>';
  }
  uint32_t missing =
      value & full & ~mask; /* bits that x & mask can never have: the next smaller value that it can */
  if (missing) value |= 0xffffffffu >> __builtin_clz(missing);
  p->value = value & mask;
  p->mask = mask;
  return true;
}

bool ip_lang_check(Lang *l, Primitive *p, char header, Kind mask_kind, uint32_t mask,
                   const uint8_t *ether_mask) {
  const Primitive *before = &l->previous;
  bool had_from = p->from != 0;
  if (p->kind == KIND_BAD) return false;
  if (p->kind == KIND_NONE && p->data == KIND_INT) {
    if (before->kind != KIND_FIELD && before->kind != KIND_PROTO && before->kind != KIND_PORT)
      return FAIL(l, "specify header field or 'port'"), false;
    p->data = before->kind;
    p->field = before->field;
  }
  if (p->kind == KIND_NONE) {
    p->kind = p->data;
    if (p->data == KIND_NONE) {
      if (p->proto == PROTO_UNKNOWN) return FAIL(l, "partial directive"), false;
      p->kind = KIND_PROTO;
    } else if (p->data == KIND_FIELD) {
      if (p->field.proto && p->proto == PROTO_UNKNOWN) p->proto = p->field.proto;
    } else if (p->data != KIND_PROTO) {
      if (!p->from) p->from = before->from;
      if (p->data == KIND_PORT && p->proto == PROTO_UNKNOWN) p->proto = before->proto;
    }
  }
  if (!header) header = p->data == KIND_ETHER ? 'e' : 'i';
  if (header == 'e' && p->kind == KIND_HOST) p->kind = KIND_ETHER;
  const char *name = ip_lang_kind_name(p->kind, p->field);
  if (header != 'i' && p->kind != KIND_ETHER) return FAIL(l, "'%s': ip only", name), false;
#define NEED(condition, what)                                                                                \
  if (!(condition)) return FAIL(l, "'%s': " what, name), false
  bool int_mask = !mask_kind || mask_kind == KIND_INT;
  switch (p->kind) {
  case KIND_HOST:
  case KIND_NET:
    NEED(p->data == p->kind, "address missing");
    NEED(p->relation == '=', "operator not supported");
    NEED(int_mask || mask_kind == KIND_HOST, "bad mask");
    if (p->kind == KIND_HOST) p->mask = 0xffffffff;
    if (mask_kind) p->mask = mask;
    p->kind = KIND_HOST;
    break;
  case KIND_ETHER:
    NEED(header == 'e' && p->data == KIND_ETHER, "address missing");
    NEED(p->relation == '=', "operator not supported");
    NEED(!mask_kind || mask_kind == KIND_ETHER, "bad mask");
    if (mask_kind)
      memcpy(p->ether_mask, ether_mask, 6);
    else
      memset(p->ether_mask, 0xff, 6);
    break;
  case KIND_PROTO:
    if (p->data == KIND_INT || p->data == KIND_PROTO) {
      NEED(p->proto == PROTO_UNKNOWN || p->proto == (int)p->value, "specified twice");
    } else {
      NEED(p->data == KIND_NONE && p->proto != PROTO_UNKNOWN, "value missing");
      p->value = (uint32_t)p->proto;
    }
    p->proto = PROTO_UNKNOWN;
    p->data = KIND_PROTO;
    if (p->value >= 256) {
      NEED(p->value <= PROTO_PAYLOAD, "out of range, bound 255");
      NEED(p->relation == '=' && !mask_kind, "operator or mask not supported");
      p->mask = 0xff;
    } else {
      NEED(int_mask, "bad mask");
      if (!set_mask(l, p, 0xff, mask_kind ? mask : 0)) return false;
    }
    if (p->relation == '=' && p->mask == 0xff && !p->negated) p->proto = (int)p->value;
    break;
  case KIND_PORT:
    NEED(p->data == KIND_INT || p->data == KIND_PORT, "value missing");
    p->data = KIND_PORT;
    if (p->proto == PROTO_UNKNOWN) p->proto = PROTO_TCP_OR_UDP;
    if (p->proto != PROTO_TCP_OR_UDP && p->proto != IP_PROTO_TCP && p->proto != IP_PROTO_UDP &&
        p->proto != IP_PROTO_DCCP)
      return FAIL(l, "'port': bad protocol %d", p->proto), false;
    NEED(int_mask, "bad mask");
    if (!set_mask(l, p, 0xffff, mask_kind ? mask : 0)) return false;
    break;
  case KIND_TCPOPT:
    NEED(p->data == KIND_INT || p->data == KIND_TCPOPT, "value missing");
    if (p->proto == PROTO_UNKNOWN) p->proto = IP_PROTO_TCP;
    if (p->proto != IP_PROTO_TCP) return FAIL(l, "'tcp opt': bad protocol %d", p->proto), false;
    NEED(p->relation == '=' && !p->negated && !mask_kind, "operator or mask not supported");
    if (p->value > 255) return FAIL(l, "'tcp opt': value %d out of range", (int)p->value), false;
    p->mask = p->value;
    break;
  case KIND_ECT:
    NEED(p->data == KIND_NONE || p->data == KIND_INT, "value missing");
    p->field = (Field){0, 8, 8};
    if (p->data == KIND_NONE) {
      p->value = 0;
      p->negated = true;
    }
    NEED(int_mask, "bad mask");
    if (!set_mask(l, p, 3, mask_kind ? mask : 0)) return false;
    p->kind = KIND_FIELD;
    break;
  case KIND_CE:
    NEED(p->data == KIND_NONE && !mask_kind, "value not supported");
    p->kind = KIND_FIELD;
    p->field = (Field){0, 8, 8};
    p->value = p->mask = 3;
    break;
  case KIND_FRAG:
  case KIND_UNFRAG:
    NEED(p->data == KIND_NONE && !mask_kind, "value not supported");
    if (p->kind == KIND_UNFRAG) p->negated = true;
    p->kind = KIND_FRAG;
    break;
  case KIND_FIELD:
    NEED(p->data == KIND_INT || p->data == KIND_FIELD, "value missing");
    NEED(int_mask, "bad mask");
    if (!set_mask(l, p, p->field.bits == 32 ? 0xffffffff : (1u << p->field.bits) - 1, mask_kind ? mask : 0))
      return false;
    break;
  default:
    return FAIL(l, "'%s': value missing", name), false;
  }
  if (p->kind == KIND_HOST || p->kind == KIND_PORT || p->kind == KIND_ETHER) {
    if (!p->from) p->from = FROM_EITHER;
  } else if (had_from)
    warning(l->errs, "'%s': 'src' or 'dst' ignored", name);
  return true;
}
